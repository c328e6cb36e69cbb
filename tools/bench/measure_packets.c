/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_packets - UDP frames of one size, or of the IMIX, one way: the time that the gateway
 * takes for each at a fixed rate; the highest rate at which it loses none (RFC 2544), at which it
 * loses at most one of 200, and what it forwards when it is offered all that comes.
 *
 * With many sessions (measure.sessions) the same, after all of them have been made: warm.
 */
#include <math.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/fill.h"
#include "tools/bench/search.h"
#include "tools/bench/traffic.h"

#define FEW_FLOWS    64u
#define WARM_UP_NS   200000000u
#define BURST	     50u /* at the fixed rate: one burst every 250 us at 200,000 a second */
#define TRIAL_S	     0.25
#define TRIALS	     9u
#define TRIALS_QUICK 5u
#define ATTEMPTS     2u
#define PRECISION    0.03
#define TOLERATED    0.005 /* of the frames, where some may be lost */

static struct traffic_plan plan_of(const struct run *run)
{
	struct traffic_plan plan = {.frame_bytes = run->measure->frame_bytes,
				    .flows = run->measure->sessions};

	if (!plan.flows)
		plan.flows = plan.ports = FEW_FLOWS;
	return plan;
}

/* open_warm() - the generator, with every session made */
static struct traffic *open_warm(struct run *run)
{
	struct traffic_plan plan = plan_of(run);
	struct traffic *traffic = traffic_open(run);
	struct fill fill;

	if (!traffic)
		return NULL;
	if (fill_sessions(run, traffic, &plan, &fill) == 0)
		return traffic;
	traffic_close(traffic);
	return NULL;
}

int measure_packets_cpu(struct run *run, double *values)
{
	struct traffic *traffic = open_warm(run);
	struct traffic_plan plan = plan_of(run);
	struct cpu_account before, after;
	uint64_t arrived;
	int ret = -1;

	if (!traffic)
		return -1;
	plan.rate_pps = run->measure->parameter;
	plan.burst = BURST;
	plan.count = (uint64_t)((double)plan.rate_pps * run->options->seconds);
	arrived = sink_count(traffic, 0);
	cpu_read(run, &before);
	if (traffic_send(run, traffic, &plan) || sink_settle(run, traffic))
		goto out;
	cpu_read(run, &after);
	arrived = sink_count(traffic, 0) - arrived;
	if (arrived == 0) {
		run_fail(run, "no packet arrived");
		goto out;
	}
	values[0] = cpu_threads_ns(&before, &after) / (double)arrived;
	values[1] = 100.0 * (1.0 - (double)arrived / (double)plan.count);
	values[2] = (double)plan.count * 1e6 / (double)traffic_ns(traffic);
	ret = 0;
out:
	traffic_close(traffic);
	return ret;
}

/* maximum() - packets a second that arrive while all is offered that the generator makes */
static int maximum(struct run *run, struct traffic *traffic, double *values)
{
	struct traffic_plan plan = plan_of(run);
	struct cpu_account before, after;
	uint64_t first, offered, begin;
	double ns;

	if (traffic_start(run, traffic, &plan) || !wait_ns(WARM_UP_NS))
		return -1;
	cpu_read(run, &before);
	first = sink_count(traffic, 0);
	offered = traffic_sent(traffic);
	begin = now_ns();
	if (!wait_ns((uint64_t)(run->options->seconds * 1e9)))
		return -1;
	first = sink_count(traffic, 0) - first;
	offered = traffic_sent(traffic) - offered;
	ns = (double)(now_ns() - begin);
	cpu_read(run, &after);
	traffic_stop(traffic);
	if (traffic_check(run, traffic) || sink_settle(run, traffic))
		return -1;
	values[0] = (double)first * 1e6 / ns;
	values[3] = cpu_busy_percent(run, &before, &after);
	values[4] = (double)offered * 1e6 / ns;
	values[6] = first ? cpu_threads_ns(&before, &after) / (double)first : NAN;
	return first ? 0 : run_fail(run, "no packet arrived");
}

struct trial {
	struct run *run;
	struct traffic *traffic;
	double tolerated;
};

static int try_rate(void *context, double rate_pps)
{
	struct trial *trial = context;
	struct traffic_plan plan = plan_of(trial->run);
	uint64_t arrived = sink_count(trial->traffic, 0);

	plan.rate_pps = (uint64_t)rate_pps;
	plan.count = (uint64_t)(rate_pps * TRIAL_S);
	if (plan.rate_pps < 1000)
		return 0;
	if (traffic_send(trial->run, trial->traffic, &plan) ||
	    sink_settle(trial->run, trial->traffic))
		return -1;
	arrived = sink_count(trial->traffic, 0) - arrived;
	return (double)(plan.count - arrived) <= trial->tolerated * (double)plan.count;
}

static double highest(struct trial *trial, double from_pps, double tolerated)
{
	const struct search search = {.high = from_pps,
				      .precision = PRECISION,
				      .trials = trial->run->options->quick ? TRIALS_QUICK : TRIALS,
				      .attempts = ATTEMPTS};

	trial->tolerated = tolerated;
	return search_run(search, try_rate, trial);
}

int measure_packets_rate(struct run *run, double *values)
{
	struct trial trial = {.run = run, .traffic = open_warm(run)};
	int ret = -1;
	double rate;

	if (!trial.traffic)
		return -1;
	if (maximum(run, trial.traffic, values))
		goto out;
	rate = highest(&trial, values[0] * 1e3, TOLERATED);
	if (rate < 0)
		goto out;
	values[2] = rate / 1e3;
	rate = rate > 0 ? highest(&trial, rate, 0) : 0;
	if (rate < 0)
		goto out;
	values[1] = rate / 1e3;
	values[5] = traffic_alone(run, trial.traffic, run->measure->frame_bytes) / 1e3;
	ret = isnan(values[5]) ? -1 : 0;
out:
	traffic_close(trial.traffic);
	return ret;
}
