/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic - UDP frames from the client, counted by the source they show at the server.
 *
 * Two generators: paced, a raw socket (valid, complete checksums); and flood, an XDP program
 * run on frames in the kernel (BPF_PROG_TEST_RUN), which makes several million frames a second
 * on one core, more than any variant forwards. The sink is a rule at the server's ingress hook: it
 * counts and drops, so that the receiving stack limits nothing.
 */
#ifndef PGW_BENCH_TRAFFIC_H
#define PGW_BENCH_TRAFFIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "tools/bench/bench.h"

#define TRAFFIC_SPORT	    20000
#define TRAFFIC_DPORT	    9000
#define TRAFFIC_FLOOD_FLOWS 64 /* source ports that the flood draws from */

struct traffic {
	uint32_t sports, dports; /* flows: sports * dports */
	uint32_t rate_pps;	 /* 0: flood */
	uint64_t count;		 /* frames to send, 0: until stopped */
	int cpu;		 /* -1: any */
	pid_t pid;
	atomic_ullong sent;	/* frames that the interface took; flood: that were offered to it */
	atomic_ullong refused;	/* those it did not take (paced only) */
	atomic_ullong flood_ns; /* time that the flood took to offer its frames */
	atomic_int ended;	/* 1: count reached, < 0: -errno */
};

/* traffic_create() - in shared memory; NULL without any. */
struct traffic *traffic_create(void);
void traffic_free(struct traffic *traffic); /* stops it as well */

int traffic_start(struct run *run, struct traffic *traffic); /* 0, or -1 after run_fail() */
void traffic_stop(struct traffic *traffic);

/* sink_create() - the counting rules. Return: 0, or -1 after run_fail(). */
int sink_create(struct run *run);

struct sink_count {
	uint64_t translated; /* packets that showed the source that the variant promises */
	uint64_t foreign;    /* packets that showed another */
};

/* sink_read() - Return: 0, or -1 after run_fail(), also if a foreign packet has been seen. */
int sink_read(struct run *run, struct sink_count *count);

/* sink_settle() - read until no more packets come. Return: as sink_read(). */
int sink_settle(struct run *run, struct sink_count *count);

#endif
