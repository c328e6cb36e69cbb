/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic_none - built without clang, bpftool or libbpf: there is no generator of packets. */
#include <math.h>

#include "tools/bench/traffic.h"

struct traffic *traffic_open(struct run *run)
{
	run_fail(run, "built without clang, bpftool and libbpf-dev: there is no generator");
	return NULL;
}

void traffic_close(struct traffic *traffic)
{
	(void)traffic;
}

int traffic_start(struct run *run, struct traffic *traffic, const struct traffic_plan *plan)
{
	(void)run;
	(void)traffic;
	(void)plan;
	return -1;
}

int traffic_send(struct run *run, struct traffic *traffic, const struct traffic_plan *plan)
{
	return traffic_start(run, traffic, plan);
}

int traffic_check(struct run *run, const struct traffic *traffic)
{
	(void)run;
	(void)traffic;
	return -1;
}

void traffic_stop(struct traffic *traffic)
{
	(void)traffic;
}

uint64_t traffic_sent(const struct traffic *traffic)
{
	(void)traffic;
	return 0;
}

uint64_t traffic_ns(const struct traffic *traffic)
{
	return traffic_sent(traffic);
}

uint64_t traffic_missed(const struct traffic *traffic)
{
	return traffic_sent(traffic);
}

uint64_t sink_count(const struct traffic *traffic, uint32_t stream)
{
	(void)stream;
	return traffic_sent(traffic);
}

void sink_watch(struct traffic *traffic)
{
	(void)traffic;
}

double sink_gap_ms(const struct traffic *traffic, uint32_t stream)
{
	(void)traffic;
	(void)stream;
	return NAN;
}

int sink_settle(struct run *run, const struct traffic *traffic)
{
	return traffic_check(run, traffic);
}

int sink_check(struct run *run, const struct traffic *traffic)
{
	return traffic_check(run, traffic);
}

double traffic_alone(struct run *run, struct traffic *traffic, uint32_t frame_bytes)
{
	(void)run;
	(void)traffic;
	(void)frame_bytes;
	return NAN;
}
