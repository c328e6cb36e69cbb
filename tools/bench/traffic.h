/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic - UDP frames from the client, counted by the source they show at the server.
 *
 * The generator is an XDP program run on frames in the kernel (load.bpf.c): several million
 * frames a second on one core, or paced to the microsecond. The sink is a program at the server's
 * ingress, by XDP or by tc as the variant's packets come: it counts and drops, so that the
 * receiving stack limits nothing. Both share their counters with this process by memory: reading
 * them costs nothing.
 */
#ifndef PGW_BENCH_TRAFFIC_H
#define PGW_BENCH_TRAFFIC_H

#include "tools/bench/bench.h"
#include "tools/bench/load.h"

#define TRAFFIC_HOST_PORTS 63u /* sessions of a host, as CSIT has it */

/* What to send; flows are numbered, 63 ports a host unless @ports says otherwise. */
struct traffic_plan {
	uint32_t frame_bytes; /* as in memory, without FCS; LOAD_IMIX */
	uint32_t stream;      /* below LOAD_STREAMS; counted apart */
	uint64_t rate_pps;    /* 0: as fast as it goes */
	uint64_t burst;	      /* frames at once, 0: one */
	uint64_t window; /* frames under way at most, 0: any number; lost ones do not stop it */
	uint64_t count;	 /* 0: until stopped */
	uint64_t first, flows, ports;
};

struct traffic;

/* traffic_open() - load the programs, begin to count at the server. NULL after run_fail(). */
struct traffic *traffic_open(struct run *run);
void traffic_close(struct traffic *traffic); /* stops it as well; NULL is nothing to do */

/* traffic_load() - what the generator is told; where it sends (ifindex) is not in it yet. */
struct load traffic_load(const struct traffic_plan *plan);

/* traffic_start() - from zero. Return: 0, or -1 after run_fail(); so do the next two. */
int traffic_start(struct run *run, struct traffic *traffic, const struct traffic_plan *plan);
/* traffic_send() - start, wait for plan.count frames to be sent, stop. */
int traffic_send(struct run *run, struct traffic *traffic, const struct traffic_plan *plan);
/* traffic_check() - that the generator still runs. */
int traffic_check(struct run *run, const struct traffic *traffic);
void traffic_stop(struct traffic *traffic);

/* traffic_sent() - frames offered since the start; traffic_ns() - from the first to the last, 0
 * without rate, window and count: nobody looks at the time then. */
uint64_t traffic_sent(const struct traffic *traffic);
uint64_t traffic_ns(const struct traffic *traffic);
uint64_t traffic_missed(const struct traffic *traffic); /* due, but the generator came too late */

/* sink_count() - packets of a stream that arrived as the variant promises. */
uint64_t sink_count(const struct traffic *traffic, uint32_t stream);

/* sink_watch() - from now on look for the longest time between two packets of a stream, which
 * sink_gap_ms() tells; what has not come since the last one counts as well. */
void sink_watch(struct traffic *traffic);
double sink_gap_ms(const struct traffic *traffic, uint32_t stream);

/* sink_settle() - wait until no more come. Return: 0, or -1 after run_fail(), also if any packet
 * showed a source that it must not show. */
int sink_settle(struct run *run, const struct traffic *traffic);
int sink_check(struct run *run, const struct traffic *traffic); /* only the latter */

/* traffic_alone() - frames a second that arrive at the sink with nothing between but a cable,
 * generator and sink on the core that they have in the measure. NAN after run_fail(). */
double traffic_alone(struct run *run, struct traffic *traffic, uint32_t frame_bytes);

#endif
