/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fill - make sessions, all of them, by one packet each. */
#ifndef PGW_BENCH_FILL_H
#define PGW_BENCH_FILL_H

#include "tools/bench/traffic.h"

struct fill {
	double seconds; /* that packets were sent, whatever had to be sent again included */
};

/**
 * fill_sessions() - send packets of plan.flows until all sessions are made, each as soon as an
 * earlier one has arrived. Return: 0, or -1 after run_fail().
 */
int fill_sessions(struct run *run, struct traffic *traffic, const struct traffic_plan *plan,
		  struct fill *fill);

/* fill_held() - sessions that the gateway holds, by its own count. Return: -1 after run_fail(). */
int64_t fill_held(struct run *run);

#endif
