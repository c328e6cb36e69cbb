/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_loop - what many sessions do to the rest: how long the worker's loop pauses while all of
 * them expire, and how long traffic stands still when the datapath is killed and its successor
 * adopts them. Packets of other sessions flow meanwhile, and are counted.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/fill.h"
#include "tools/bench/frame.h"
#include "tools/bench/sockets.h"
#include "tools/bench/way.h"

#define FLOW_PPS	20000u
#define OTHERS		4032u /* sessions that go on; 64 hosts beyond those of the others */
#define STREAM_GOES_ON	1u
#define STREAM_NEW	2u
#define EXPIRE_BOUND_MS 120000
#define ADOPT_BOUND_MS	30000
#define NEW_TICK_NS	1000000u
#define NEW_PORTS	50000u
#define NEW_MAX		(3 * ADOPT_BOUND_MS) /* ticks of a millisecond: no load goes on for ever */
#define NS_PER_MS	1e6

struct pauses {
	double longest_ms;
	uint64_t over_1ms, over_10ms;
};

static int pauses_read(struct run *run, struct pauses *pauses)
{
	json_t *stats = gateway_stats(run), *gateway = json_object_get(stats, "gateway"), *pause;
	size_t i;

	if (!stats)
		return -1;
	*pauses = (struct pauses){.longest_ms = (double)json_integer_value(json_object_get(
							gateway, "longest-pause-ns")) /
						NS_PER_MS};
	json_array_foreach(json_object_get(gateway, "pauses"), i, pause)
	{
		json_int_t from = json_integer_value(json_object_get(pause, "from-ns"));
		uint64_t count = (uint64_t)json_integer_value(json_object_get(pause, "count"));

		pauses->over_1ms += from >= 1 << 20 ? count : 0;
		pauses->over_10ms += from >= 8 << 20 ? count : 0;
	}
	json_decref(stats);
	return 0;
}

static struct traffic_plan going_on(const struct run *run)
{
	return (struct traffic_plan){.frame_bytes = LOAD_SMALL_BYTES,
				     .stream = STREAM_GOES_ON,
				     .rate_pps = FLOW_PPS,
				     .first = run->measure->sessions,
				     .flows = OTHERS};
}

static bool has_expired(const void *arg)
{
	struct run *run = (struct run *)(uintptr_t)arg;
	int64_t held = fill_held(run);

	return held >= 0 && held <= 2 * (int64_t)OTHERS;
}

/* expire() - wait until all but those that go on are gone: udp-timeout seconds after they were made
 */
static int expire(struct run *run, double *seconds)
{
	uint64_t begin = now_ns();

	if (!wait_until(has_expired, run, EXPIRE_BOUND_MS))
		return run_fail(run, "sessions did not expire in %d s", EXPIRE_BOUND_MS / 1000);
	*seconds = (double)(now_ns() - begin) / 1e9;
	return 0;
}

int measure_expiry(struct run *run, double *values)
{
	const struct traffic_plan all = {.flows = run->measure->sessions};
	struct traffic_plan others = going_on(run);
	struct traffic *traffic = traffic_open(run);
	struct pauses before, after;
	struct fill fill;
	uint64_t arrived;
	int ret = -1;

	if (!traffic)
		return -1;
	if (fill_sessions(run, traffic, &all, &fill) || fill_sessions(run, traffic, &others, &fill))
		goto out;
	arrived = sink_count(traffic, STREAM_GOES_ON);
	if (pauses_read(run, &before) || traffic_start(run, traffic, &others) ||
	    expire(run, &values[1]))
		goto out;
	traffic_stop(traffic);
	if (sink_settle(run, traffic) || pauses_read(run, &after))
		goto out;
	/* The longest of all times, if filling has not had a longer one. */
	values[0] = after.longest_ms;
	values[2] = (double)(after.over_1ms - before.over_1ms);
	values[3] = (double)(after.over_10ms - before.over_10ms);
	values[4] = before.longest_ms;
	values[5] = (double)traffic_sent(traffic) -
		    (double)(sink_count(traffic, STREAM_GOES_ON) - arrived);
	ret = 0;
out:
	traffic_close(traffic);
	return ret;
}

/* newcomer_main() - in the client's namespace: the first packet of a new session each tick, for as
 * long as the measure may take */
static int newcomer_main(void *arg)
{
	struct frame_spec spec = {
		.sport = LOAD_SPORT, .dport = LOAD_DPORT + STREAM_NEW, .bytes = FRAME_SMALL_BYTES};
	uint8_t frame[FRAME_SMALL_BYTES];
	int fd = frame_socket(CLIENT_DEV);
	uint64_t begin = now_ns();

	(void)arg;
	if (fd < 0)
		return 1;
	frame_addresses(&spec);
	frame_udp(frame, &spec);
	for (unsigned i = 0; i < NEW_MAX; i++) {
		pace_until(begin + (uint64_t)i * NEW_TICK_NS);
		frame_rewrite(frame, spec.src, (uint16_t)(LOAD_SPORT + i % NEW_PORTS), spec.dport);
		send(fd, frame, sizeof(frame), 0);
	}
	return 0;
}

static pid_t datapath_of(struct run *run)
{
	json_t *stats = gateway_stats(run);
	pid_t pid;

	if (!stats)
		return -1;
	pid = (pid_t)json_integer_value(
		json_object_get(json_object_get(stats, "gateway"), "datapath-pid"));
	json_decref(stats);
	return pid;
}

struct successor {
	struct run *run;
	pid_t former;
	const struct traffic *traffic;
	uint64_t seen[2];
};

/* forwards() - both kinds of traffic come */
static bool forwards(const void *arg)
{
	const struct successor *s = arg;

	return sink_count(s->traffic, STREAM_GOES_ON) > s->seen[0] &&
	       sink_count(s->traffic, STREAM_NEW) > s->seen[1];
}

static bool has_ended(const void *arg)
{
	const struct successor *s = arg;

	return kill(s->former, 0) < 0 && errno == ESRCH;
}

/* forwards_again() - another process is there, both kinds of traffic come */
static bool forwards_again(const void *arg)
{
	const struct successor *s = arg;
	pid_t now;

	if (!forwards(s))
		return false;
	now = datapath_of(s->run);
	return now > 0 && now != s->former;
}

/* kill_and_watch() - with both kinds of traffic on */
static int kill_and_watch(struct run *run, struct traffic *traffic, double *values)
{
	struct successor s = {.run = run, .traffic = traffic, .former = datapath_of(run)};

	if (s.former <= 0)
		return run_fail(run, "the gateway does not tell its datapath's process");
	sink_watch(traffic);
	s.seen[0] = sink_count(traffic, STREAM_GOES_ON);
	s.seen[1] = sink_count(traffic, STREAM_NEW);
	if (!wait_until(forwards, &s, ADOPT_BOUND_MS))
		return run_fail(run, "nothing is forwarded before the restart");
	s.seen[0] = sink_count(traffic, STREAM_GOES_ON);
	if (kill(s.former, SIGKILL) < 0)
		return run_fail(run, "the datapath cannot be killed");
	if (!wait_until(has_ended, &s, ADOPT_BOUND_MS))
		return run_fail(run, "the datapath does not end");
	s.seen[1] = sink_count(traffic, STREAM_NEW);
	if (!wait_until(forwards_again, &s, ADOPT_BOUND_MS))
		return run_fail(run, "nothing is forwarded %d s after a restart",
				ADOPT_BOUND_MS / 1000);
	values[0] = sink_gap_ms(traffic, STREAM_NEW);
	values[1] = sink_gap_ms(traffic, STREAM_GOES_ON);
	return 0;
}

int measure_adopt(struct run *run, double *values)
{
	const struct traffic_plan all = {.flows = run->measure->sessions};
	struct traffic_plan others = going_on(run);
	struct traffic *traffic = traffic_open(run);
	pid_t newcomer = 0;
	struct fill fill;
	int64_t held;
	int ret = -1;

	if (!traffic)
		return -1;
	if (fill_sessions(run, traffic, &all, &fill) || fill_sessions(run, traffic, &others, &fill))
		goto out;
	newcomer = child_start((struct place){run->topology.client,
					      run->options->split ? run->options->load_cpu : -1},
			       newcomer_main, NULL);
	if (traffic_start(run, traffic, &others) || kill_and_watch(run, traffic, values))
		goto out;
	held = fill_held(run);
	values[2] = (double)held;
	if (held < 0)
		goto out;
	ret = (uint64_t)held >= all.flows
		      ? 0
		      : run_fail(run, "only %lld of %llu sessions were adopted", (long long)held,
				 (unsigned long long)all.flows);
out:
	child_end(newcomer);
	traffic_close(traffic);
	return ret;
}
