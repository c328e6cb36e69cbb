/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * way - whether the packets of a measure went the way under test, by the gateway's own counters.
 */
#ifndef PGW_BENCH_WAY_H
#define PGW_BENCH_WAY_H

#include <jansson.h>

#include "tools/bench/bench.h"

struct way_counts {
	uint64_t kernel;   /* packets that the gateway's kernel forwarded (super-packets are one) */
	uint64_t opened;   /* TCP connections that a process of the gateway opened */
	uint64_t accepted; /* and took */
	uint64_t received; /* packets that the gateway's portgroups received */
	uint64_t offloaded; /* of these: that its programs in the kernel forwarded */
};

/* way_read() - Return: 0, or -1 after run_fail(). */
int way_read(struct run *run, struct way_counts *counts);

/* way_check() - what was counted since @before fits the variant. Return: as above. */
int way_check(struct run *run, const struct way_counts *before);

/* way_judge() - the same of counts that are known. Return: NULL, or what is wrong. */
const char *way_judge(const struct variant *variant, const struct measure *measure,
		      const struct way_counts *counts);

/* gateway_stats() - "pgw -j stats show" of the run's gateway; NULL after run_fail(). */
json_t *gateway_stats(struct run *run);

/* gateway_tool() - run pgw with up to five words. Return: 0, or -1 after run_fail(). */
int gateway_tool(struct run *run, const char *const words[5]);

#endif
