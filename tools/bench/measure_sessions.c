/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_sessions - "pgw -j session show" of 100,800 sessions while packets flow: how fast it
 * is, and how many packets are lost meanwhile. The same traffic without a listing is the
 * control, so that a loss which has another cause is not blamed on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/fill.h"

#define FLOW_PPS 50000
#define LEAD_NS	 100000000u

static int list_main(void *arg)
{
	const struct run *run = arg;
	char pgw[PATH_MAX], path[96];
	int fd;

	snprintf(pgw, sizeof(pgw), "%s/pgw", run->options->bindir);
	snprintf(path, sizeof(path), "%s/sessions.json", run->gateway.rundir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return 125;
	dup2(fd, 1);
	execl(pgw, "pgw", "-r", run->gateway.rundir, "-j", "session", "show", (char *)NULL);
	return 127;
}

/* list() - Return: seconds that the listing took, < 0 after run_fail(). */
static double list(struct run *run)
{
	uint64_t begin = now_ns();
	pid_t pid =
		child_start((struct place){-1, run->options->split ? run->options->load_cpu : -1},
			    list_main, run);
	int status = child_wait(pid, 60000);

	if (status == 0)
		return (double)(now_ns() - begin) / 1e9;
	if (status < 0)
		child_end(pid);
	run_fail(run, "pgw -j session show failed (%d)", status);
	return -1;
}

/* listed() - sessions in what was listed. Return: their number, < 0 after run_fail(). */
static long listed(struct run *run)
{
	json_error_t error;
	json_t *root;
	char path[96];
	long n;

	snprintf(path, sizeof(path), "%s/sessions.json", run->gateway.rundir);
	root = json_load_file(path, 0, &error);
	if (!root)
		return run_fail(run, "pgw -j session show is not JSON: line %d: %s", error.line,
				error.text);
	n = json_is_array(root) ? (long)json_array_size(root)
				: (long)json_array_size(json_object_get(root, "sessions"));
	json_decref(root);
	return n;
}

/* lost_while() - packets lost of a stream of them during which, if @seconds, it is listed */
static int lost_while(struct run *run, struct traffic *traffic, double *seconds, double *lost)
{
	const struct traffic_plan plan = {.frame_bytes = LOAD_SMALL_BYTES,
					  .rate_pps = FLOW_PPS,
					  .flows = run->measure->sessions};
	uint64_t arrived = sink_count(traffic, 0);

	if (traffic_start(run, traffic, &plan))
		return -1;
	if (!wait_ns(LEAD_NS))
		return run_fail(run, "interrupted");
	if (seconds)
		*seconds = list(run);
	else if (!wait_ns((uint64_t)(run->options->seconds * 1e9)))
		return run_fail(run, "interrupted");
	if (seconds && *seconds < 0)
		return -1;
	traffic_stop(traffic);
	if (traffic_check(run, traffic) || sink_settle(run, traffic))
		return -1;
	*lost = (double)traffic_sent(traffic) - (double)(sink_count(traffic, 0) - arrived);
	return 0;
}

int measure_sessions(struct run *run, double *values)
{
	const struct traffic_plan plan = {.flows = run->measure->sessions};
	struct traffic *traffic = traffic_open(run);
	double seconds = 0;
	struct fill fill;
	int ret = -1;
	long n;

	if (!traffic)
		return -1;
	if (fill_sessions(run, traffic, &plan, &fill) ||
	    lost_while(run, traffic, NULL, &values[3]) ||
	    lost_while(run, traffic, &seconds, &values[2]))
		goto out;
	n = listed(run);
	if (n < 0)
		goto out;
	if ((uint64_t)n < plan.flows) {
		run_fail(run, "only %ld of %llu sessions were listed", n,
			 (unsigned long long)plan.flows);
		goto out;
	}
	values[0] = (double)n / seconds;
	values[1] = (double)n;
	ret = 0;
out:
	traffic_close(traffic);
	return ret;
}
