/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_rtt - round-trip time: one UDP datagram of one byte goes to the server and back. Closed
 * loop: the next follows the answer. Paced: one at each tick, and an answer that comes after the
 * next tick delays what follows, which is then counted from its tick: no waiting is left out. Both
 * ends sleep while they wait, as programs do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/ports.h"
#include "tools/bench/sockets.h"
#include "tools/bench/verify.h"

#define RTT_MAX	     (1u << 20) /* samples kept */
#define RTT_WARM_UP  500
#define RTT_LIMIT_MS 200

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
#define RTT_QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

struct rtt {
	in_addr_t expected;
	uint64_t for_ns;
	uint64_t tick_ns; /* 0: closed loop */
	atomic_int bound;
	atomic_uint foreign;
	uint32_t n, lost;
	uint32_t ns[RTT_MAX];
};

static int echo_main(void *arg)
{
	struct rtt *rtt = arg;
	int fd = udp_bind(PORT_RTT);

	if (fd < 0)
		return 1;
	atomic_store(&rtt->bound, 1);
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		char byte;
		ssize_t got = recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length);

		if (got != 1)
			continue;
		if (from.sin_addr.s_addr != rtt->expected)
			atomic_fetch_add(&rtt->foreign, 1);
		sendto(fd, &byte, 1, 0, (struct sockaddr *)&from, length);
	}
}

static int asker_main(void *arg)
{
	struct rtt *rtt = arg;
	struct timeval limit = {.tv_usec = RTT_LIMIT_MS * 1000};
	int fd = udp_connect(PORT_RTT);
	uint64_t end = 0, before, after, tick = now_ns();

	if (fd < 0)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (uint32_t i = 0; rtt->n < RTT_MAX; i++) {
		char byte = (char)i, back = 0;

		before = now_ns();
		if (rtt->tick_ns) {
			tick += rtt->tick_ns;
			if (before < tick) {
				pace_until(tick);
				before = now_ns(); /* not from the tick: waking up is ours */
			} else {
				before = tick;
			}
		}
		if (i == RTT_WARM_UP)
			end = before + rtt->for_ns;
		if (end && before > end)
			break;
		if (send(fd, &byte, 1, 0) != 1)
			return 1;
		/* A late answer to an earlier question is not this one's. */
		while (recv(fd, &back, 1, 0) == 1 && back != byte)
			;
		after = now_ns();
		if (back != byte || after - before > RTT_LIMIT_MS * 1000000u)
			rtt->lost++;
		else if (i >= RTT_WARM_UP)
			rtt->ns[rtt->n++] = (uint32_t)(after - before);
		if (rtt->lost > 20)
			return 2;
	}
	return 0;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_bound(const void *arg)
{
	const struct rtt *rtt = arg;

	return atomic_load(&rtt->bound);
}

int measure_rtt(struct run *run, double *values)
{
	const struct options *options = run->options;
	int cpu = options->split ? options->load_cpu : -1, ret = -1, status;
	struct rtt *rtt = shared(sizeof(*rtt));
	pid_t echo, asker = 0;

	if (!rtt)
		return run_fail(run, "no memory");
	rtt->expected = inet_addr(verify_source(run->variant));
	if (run->measure->parameter)
		rtt->tick_ns = 1000000000u / run->measure->parameter;
	rtt->for_ns = (uint64_t)(options->seconds * 1e9);
	echo = child_start((struct place){run->topology.server, cpu}, echo_main, rtt);
	if (!wait_until(is_bound, rtt, 5000)) {
		run_fail(run, "the echo server did not start");
		goto out;
	}
	asker = child_start((struct place){run->topology.client, cpu}, asker_main, rtt);
	status = child_wait(asker, (unsigned)(options->seconds * 1000) + 20000);
	if (status >= 0)
		asker = 0;
	if (status || rtt->n == 0) {
		run_fail(run, "no round trips (%d), %u of them lost", status, rtt->lost);
		goto out;
	}
	if (atomic_load(&rtt->foreign)) {
		run_fail(run, "%u datagrams came from a source other than %s",
			 atomic_load(&rtt->foreign), verify_source(run->variant));
		goto out;
	}
	qsort(rtt->ns, rtt->n, sizeof(rtt->ns[0]), ascending);
	for (unsigned i = 0; i < RTT_QUANTILES; i++)
		values[i] = rtt->ns[(uint64_t)(rtt->n * quantiles[i])] / 1e3;
	values[RTT_QUANTILES] = rtt->lost;
	ret = 0;
out:
	child_end(asker);
	child_end(echo);
	unshared(rtt, sizeof(*rtt));
	return ret;
}
