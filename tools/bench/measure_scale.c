/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_scale - many sessions at once, after RFC 9693: what making them, holding them, removing
 * them costs, and what packets of all of them get through (warm). UDP, one packet makes a session,
 * which counts as made when the packet has arrived translated.
 */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/flow/table.h"
#include "tools/bench/bench.h"
#include "tools/bench/catalog.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/files.h"
#include "tools/bench/fill.h"
#include "tools/bench/search.h"
#include "tools/bench/way.h"

#define WARM_UP_NS     200000000u
#define ESTABLISH_S    0.25 /* of new sessions a trial */
#define ESTABLISH_PPS  1500000.0
#define EMPTY_BOUND_MS 30000
#define BUCKETS	       "/sys/module/nf_conntrack/parameters/hashsize"

/* memory_used() - bytes that the gateway has for sessions, beyond what grows as they are made: its
 * tables are as large from the beginning as they may become */
static double memory_fixed(const struct run *run)
{
	if (run->variant->ours)
		return (double)flow_table_bytes(catalog_capacity(run->measure));
	return (double)file_number(BUCKETS) * sizeof(void *);
}

/* memory_grown() - bytes that grow: of ours, all that is not shared with a file or the kernel; of
 * the kernel, all of its small objects (whoever has them) */
static double memory_grown(const struct run *run)
{
	pid_t pids[8];
	unsigned n = run_pids(run, pids, 8);
	double kb = 0;
	char path[64];

	if (!run->variant->ours)
		return 1024.0 * (double)file_field("/proc/meminfo", "Slab:");
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pids[i]);
		kb += (double)file_field(path, "Anonymous:");
	}
	return kb * 1024;
}

/* warm() - packets a second of all sessions, as many as come through; how busy the gateway was */
static int warm(struct run *run, struct traffic *traffic, double *kpps, double *busy)
{
	const struct traffic_plan plan = {.frame_bytes = LOAD_SMALL_BYTES,
					  .flows = run->measure->sessions};
	struct cpu_account before, after;
	uint64_t count, begin;

	if (traffic_start(run, traffic, &plan) || !wait_ns(WARM_UP_NS))
		return -1;
	cpu_read(run, &before);
	count = sink_count(traffic, 0);
	begin = now_ns();
	if (!wait_ns((uint64_t)(run->options->seconds * 1e9)))
		return -1;
	*kpps = (double)(sink_count(traffic, 0) - count) * 1e6 / (double)(now_ns() - begin);
	cpu_read(run, &after);
	*busy = cpu_busy_percent(run, &before, &after);
	traffic_stop(traffic);
	return traffic_check(run, traffic) || sink_settle(run, traffic) ? -1 : 0;
}

int measure_scale(struct run *run, double *values)
{
	const struct traffic_plan plan = {.flows = run->measure->sessions};
	struct traffic *traffic = traffic_open(run);
	double before, grown;
	struct fill fill;
	int64_t held;
	int ret = -1;

	if (!traffic)
		return -1;
	before = memory_grown(run);
	if (fill_sessions(run, traffic, &plan, &fill))
		goto out;
	grown = memory_grown(run) - before;
	held = fill_held(run);
	if (held < 0 || warm(run, traffic, &values[0], &values[5]))
		goto out;
	values[1] = (double)plan.flows / fill.seconds;
	values[2] = (double)held;
	values[3] = (memory_fixed(run) + grown) / (double)plan.flows;
	values[4] = traffic_alone(run, traffic, LOAD_SMALL_BYTES) / 1e3;
	if (isnan(values[4]))
		goto out;
	ret = (uint64_t)held >= plan.flows
		      ? 0
		      : run_fail(run, "only %lld of %llu sessions are held", (long long)held,
				 (unsigned long long)plan.flows);
out:
	traffic_close(traffic);
	return ret;
}

struct establish {
	struct run *run;
	struct traffic *traffic;
	uint64_t next; /* session that does not exist yet */
};

/* establish_trial() - sessions that were never seen, at a rate; all must arrive */
static int establish_trial(void *context, double rate_pps)
{
	struct establish *e = context;
	struct traffic_plan plan = {
		.frame_bytes = LOAD_SMALL_BYTES,
		.rate_pps = (uint64_t)rate_pps,
		.count = (uint64_t)(rate_pps * ESTABLISH_S),
		.first = e->next,
	};
	uint64_t arrived = sink_count(e->traffic, 0);

	plan.flows = plan.count;
	if (plan.count == 0 || e->next + plan.count > e->run->measure->sessions)
		return 0;
	e->next += plan.count;
	if (traffic_send(e->run, e->traffic, &plan) || sink_settle(e->run, e->traffic))
		return -1;
	return sink_count(e->traffic, 0) - arrived == plan.count;
}

int measure_establish(struct run *run, double *values)
{
	const struct search search = {
		.high = ESTABLISH_PPS, .precision = 0.03, .trials = 10, .attempts = 2};
	struct establish e = {.run = run, .traffic = traffic_open(run)};
	int ret = -1;

	if (!e.traffic)
		return -1;
	values[0] = search_run(search, establish_trial, &e);
	if (values[0] < 0)
		goto out;
	values[1] = (double)fill_held(run);
	values[2] = traffic_alone(run, e.traffic, LOAD_SMALL_BYTES);
	if (values[1] < 0 || isnan(values[2]))
		goto out;
	ret = values[0] > 0 ? 0 : run_fail(run, "sessions are lost at every rate");
out:
	traffic_close(e.traffic);
	return ret;
}

/* flush_main() - in the gateway's namespace: empty conntrack's table */
static int flush_main(void *arg)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.family = {.nfgen_family = AF_INET, .version = NFNETLINK_V0},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	(void)arg;
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header))
		return 1;
	close(fd);
	return answer.error.error ? 2 : 0;
}

static int remove_all(struct run *run)
{
	pid_t pid;

	if (run->variant->ours)
		return gateway_tool(run, (const char *const[5]){"session", "del", "all"});
	pid = child_start((struct place){run->topology.gateway, -1}, flush_main, NULL);
	if (child_wait(pid, EMPTY_BOUND_MS) == 0)
		return 0;
	return run_fail(run, "conntrack's table cannot be emptied");
}

static bool is_empty(const void *arg)
{
	struct run *run = (struct run *)(uintptr_t)arg;

	return fill_held(run) <= 64; /* the packets of control are none of ours */
}

int measure_teardown(struct run *run, double *values)
{
	const struct traffic_plan plan = {.flows = run->measure->sessions};
	struct traffic *traffic = traffic_open(run);
	struct fill fill;
	uint64_t begin;
	int ret = -1;

	if (!traffic)
		return -1;
	if (fill_sessions(run, traffic, &plan, &fill))
		goto out;
	begin = now_ns();
	if (remove_all(run))
		goto out;
	if (!wait_until(is_empty, run, EMPTY_BOUND_MS)) {
		run_fail(run, "sessions remain");
		goto out;
	}
	values[0] = (double)plan.flows * 1e9 / (double)(now_ns() - begin);
	ret = 0;
out:
	traffic_close(traffic);
	return ret;
}
