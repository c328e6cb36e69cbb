/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redirect - programs that only pass on (redirect.bpf.c), at the gateway's two interfaces. */
#ifndef PGW_BENCH_REDIRECT_H
#define PGW_BENCH_REDIRECT_H

#ifndef __bpf__
#include "tools/bench/bench.h"

/* redirect_attach() - in a run's gateway, by tc and, if @by_xdp, by XDP before it. Programs and
 * maps end with the interfaces. Return: 0, or -1 after run_fail(). */
int redirect_attach(struct run *run, bool by_xdp);
#endif

#define REDIRECT_HOPS 2u

/* Written before the programs are attached. */
struct redirect_hop {
	uint32_t from, to;    /* ifindex */
	uint8_t ethernet[12]; /* of what leaves: next hop's MAC, then the interface's own */
};

#endif
