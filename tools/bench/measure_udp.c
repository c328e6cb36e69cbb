/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_udp - 64-byte UDP frames from 64 flows: the time that the gateway takes for each at a
 * fixed rate, and the highest rate that it forwards.
 */
#include <math.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/traffic.h"

#define FLOWS	   64
#define WARM_UP_NS 300000000u

static struct traffic *udp_traffic(struct run *run, uint32_t rate_pps)
{
	struct traffic *traffic = traffic_create();

	if (!traffic) {
		run_fail(run, "no memory");
		return NULL;
	}
	traffic->sports = FLOWS;
	traffic->dports = 1;
	traffic->rate_pps = rate_pps;
	traffic->cpu = run->options->split ? run->options->load_cpu : -1;
	if (sink_create(run) == 0)
		return traffic;
	traffic_free(traffic);
	return NULL;
}

int measure_udp_paced(struct run *run, double *values)
{
	uint32_t rate = run->measure->parameter;
	struct traffic *traffic = udp_traffic(run, rate);
	struct sink_count warm, count;
	struct cpu_account before, after;
	int ret = -1;

	if (!traffic)
		return -1;
	traffic->count = (uint64_t)rate / 10;
	if (traffic_start(run, traffic))
		goto out;
	if (child_wait(traffic->pid, 5000) != 0) {
		run_fail(run, "the warm-up did not end");
		goto out;
	}
	traffic->pid = 0;
	if (sink_settle(run, &warm))
		goto out;
	traffic->count = (uint64_t)(rate * run->options->seconds);
	atomic_store(&traffic->sent, 0);
	atomic_store(&traffic->refused, 0);
	cpu_read(run, &before);
	if (traffic_start(run, traffic))
		goto out;
	if (child_wait(traffic->pid, (unsigned)(run->options->seconds * 4000) + 5000) != 0) {
		run_fail(run, "the generator did not reach %u packets/s", rate);
		goto out;
	}
	traffic->pid = 0;
	cpu_read(run, &after);
	if (sink_settle(run, &count))
		goto out;
	count.translated -= warm.translated;
	if (count.translated == 0) {
		run_fail(run, "no packet arrived");
		goto out;
	}
	values[0] = cpu_threads_ns(&before, &after) / (double)count.translated;
	values[1] = 100.0 * (1.0 - (double)count.translated / (double)traffic->count);
	values[2] = (double)traffic->count * 1e6 / (double)(after.at_ns - before.at_ns);
	ret = 0;
out:
	traffic_free(traffic);
	return ret;
}

int measure_udp_flood(struct run *run, double *values)
{
	struct traffic *traffic = udp_traffic(run, 0);
	struct sink_count first, last;
	struct cpu_account before, after;
	int ret = -1;

	if (!traffic)
		return -1;
	if (traffic_start(run, traffic) || !wait_ns(WARM_UP_NS))
		goto out;
	cpu_read(run, &before);
	if (sink_read(run, &first))
		goto out;
	before.at_ns = now_ns();
	if (!wait_ns((uint64_t)(run->options->seconds * 1e9)))
		goto out;
	if (sink_read(run, &last))
		goto out;
	cpu_read(run, &after);
	if (atomic_load(&traffic->ended)) {
		run_fail(run, "the generator ended: %s; a kernel of 5.18 or later is expected",
			 strerror(-atomic_load(&traffic->ended)));
		goto out;
	}
	values[0] = (double)(last.translated - first.translated) * 1e6 /
		    (double)(after.at_ns - before.at_ns);
	values[1] = cpu_busy_percent(run, &before, &after);
	values[2] =
		(double)atomic_load(&traffic->sent) * 1e6 / (double)atomic_load(&traffic->flood_ns);
	ret = last.translated > first.translated ? 0 : run_fail(run, "no packet arrived");
out:
	traffic_free(traffic);
	return ret;
}
