/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_tcp - bulk transfer from client to server over one or several connections: one
 * process sends on all of them, one receives, as iperf3 does. Both copy every byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/hello.h"
#include "tools/bench/ports.h"
#include "tools/bench/sockets.h"
#include "tools/bench/verify.h"

#define BULK_FLOWS_MAX 64
#define BULK_BUFFER    (128u << 10)
#define WARM_UP_NS     400000000u

struct bulk {
	unsigned flows;
	const char *target;
	bool hello;	    /* each connection begins with a TLS hello */
	in_addr_t expected; /* source that the server must see */
	atomic_int listening;
	atomic_uint accepted, foreign; /* connections; of these from another source */
	atomic_ullong bytes;	       /* received */
};

static int receiver_main(void *arg)
{
	struct bulk *bulk = arg;
	int listener = tcp_listen(PORT_BULK), poller = epoll_create1(EPOLL_CLOEXEC);
	char *buffer = malloc(BULK_BUFFER);

	if (listener < 0 || poller < 0 || !buffer)
		return 1;
	atomic_store(&bulk->listening, 1);
	for (unsigned i = 0; i < bulk->flows; i++) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		int fd = accept(listener, (struct sockaddr *)&from, &length);
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
			return 1;
		if (from.sin_addr.s_addr != bulk->expected)
			atomic_fetch_add(&bulk->foreign, 1);
		atomic_fetch_add(&bulk->accepted, 1);
	}
	for (;;) {
		struct epoll_event events[BULK_FLOWS_MAX];
		int n = epoll_wait(poller, events, BULK_FLOWS_MAX, -1);

		for (int i = 0; i < n; i++) {
			ssize_t got = recv(events[i].data.fd, buffer, BULK_BUFFER, MSG_DONTWAIT);

			if (got > 0)
				atomic_fetch_add(&bulk->bytes, (unsigned long long)got);
			else if (got == 0 || errno != EAGAIN)
				return 0;
		}
	}
}

static int sender_main(void *arg)
{
	const struct bulk *bulk = arg;
	int poller = epoll_create1(EPOLL_CLOEXEC);
	char *buffer = calloc(1, BULK_BUFFER);

	if (poller < 0 || !buffer)
		return 1;
	for (unsigned i = 0; i < bulk->flows; i++) {
		int fd = tcp_connect(bulk->target, PORT_BULK);
		struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
		uint8_t hello[HELLO_BYTES_MAX];
		size_t bytes = hello_make(hello);

		if (bulk->hello && send(fd, hello, bytes, 0) != (ssize_t)bytes)
			return 1;

		if (fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
			return 1;
	}
	for (;;) {
		struct epoll_event events[BULK_FLOWS_MAX];
		int n = epoll_wait(poller, events, BULK_FLOWS_MAX, -1);

		for (int i = 0; i < n; i++)
			if (send(events[i].data.fd, buffer, BULK_BUFFER, MSG_DONTWAIT) < 0 &&
			    errno != EAGAIN)
				return 1;
	}
}

static bool is_listening(const void *arg)
{
	const struct bulk *bulk = arg;

	return atomic_load(&bulk->listening);
}

static bool is_connected(const void *arg)
{
	const struct bulk *bulk = arg;

	return atomic_load(&bulk->accepted) == bulk->flows;
}

int measure_tcp_bulk(struct run *run, double *values)
{
	const struct options *options = run->options;
	int cpu = options->split ? options->load_cpu : -1, ret = -1;
	struct bulk *bulk = shared(sizeof(*bulk));
	struct cpu_account before, after;
	unsigned long long bytes;
	pid_t receiver, sender = 0;

	if (!bulk)
		return run_fail(run, "no memory");
	bulk->flows = run->measure->parameter;
	bulk->target = variant_target(run->variant);
	bulk->hello = run->variant->kind == KIND_NAMES;
	bulk->expected = inet_addr(verify_source(run->variant));
	receiver = child_start((struct place){run->topology.server, cpu}, receiver_main, bulk);
	if (!wait_until(is_listening, bulk, 5000)) {
		run_fail(run, "the receiver did not start");
		goto out;
	}
	sender = child_start((struct place){run->topology.client, cpu}, sender_main, bulk);
	if (!wait_until(is_connected, bulk, 10000)) {
		run_fail(run, "only %u of %u connections were made", atomic_load(&bulk->accepted),
			 bulk->flows);
		goto out;
	}
	if (atomic_load(&bulk->foreign)) {
		run_fail(run, "%u connections came from a source other than %s",
			 atomic_load(&bulk->foreign), verify_source(run->variant));
		goto out;
	}
	if (!wait_ns(WARM_UP_NS))
		goto out;
	bytes = atomic_load(&bulk->bytes);
	cpu_read(run, &before);
	if (!wait_ns((uint64_t)(options->seconds * 1e9)))
		goto out;
	bytes = atomic_load(&bulk->bytes) - bytes;
	cpu_read(run, &after);
	values[0] = (double)bytes * 8 / (double)(after.at_ns - before.at_ns);
	values[1] = cpu_busy_percent(run, &before, &after);
	ret = bytes ? 0 : run_fail(run, "not a byte arrived in %.1f s", options->seconds);
out:
	child_end(sender);
	child_end(receiver);
	unshared(bulk, sizeof(*bulk));
	return ret;
}
