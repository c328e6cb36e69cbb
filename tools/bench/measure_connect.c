/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * measure_connect - connections per second, closed loop: each of the workers connects, sends a
 * byte, reads the answer, closes, and begins again.
 *
 * The client closes first and so keeps TIME_WAIT; no 4-tuple is used twice, because
 * the workers go round PORTS_CONNECT ports of the server: 28,232 ephemeral ports times 64.
 * The gateway sees each client port as one endpoint with many remotes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/hello.h"
#include "tools/bench/ports.h"
#include "tools/bench/sockets.h"
#include "tools/bench/verify.h"

#define CONNECT_WORKERS 64
#define EVENTS		64
#define LISTENER	(1ull << 32) /* beside the descriptor in epoll's data */
#define WARM_UP_NS	400000000u

struct connect_state {
	in_addr_t expected, target;
	uint8_t request[HELLO_BYTES_MAX]; /* one byte, or a TLS hello */
	size_t request_bytes;
	atomic_int listening;
	atomic_ullong done, failed; /* counted by the client */
	atomic_uint foreign;
};

/* answer() - serve one connection. Return: false once it is closed. */
static bool answer(int fd)
{
	char request[HELLO_BYTES_MAX];
	ssize_t got = recv(fd, request, sizeof(request), MSG_DONTWAIT);

	if (got > 0) {
		send(fd, request, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		return true;
	}
	if (got < 0 && errno == EAGAIN)
		return true;
	close(fd);
	return false;
}

static int server_main(void *arg)
{
	struct connect_state *state = arg;
	int poller = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; i < PORTS_CONNECT; i++) {
		struct epoll_event event = {.events = EPOLLIN};
		int fd = tcp_listen((uint16_t)(PORT_CONNECT + i));

		event.data.u64 = LISTENER | (uint32_t)fd;
		if (fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
			return 1;
	}
	atomic_store(&state->listening, 1);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct epoll_event event = {.events = EPOLLIN};
			struct sockaddr_in from;
			socklen_t length = sizeof(from);

			int fd = (int)(uint32_t)events[i].data.u64;

			if (!(events[i].data.u64 & LISTENER)) {
				answer(fd);
				continue;
			}
			fd = accept4(fd, (struct sockaddr *)&from, &length,
				     SOCK_NONBLOCK | SOCK_CLOEXEC);
			if (fd < 0)
				continue;
			if (from.sin_addr.s_addr != state->expected)
				atomic_fetch_add(&state->foreign, 1);
			event.data.u64 = (uint32_t)fd;
			if (answer(fd)) /* its byte may be there already */
				epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
		}
	}
}

/* begin() - start one connection. Return: its descriptor or -1. */
static int begin(int poller, in_addr_t target, uint16_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = target};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};

	if (fd < 0)
		return -1;
	if ((connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int client_main(void *arg)
{
	struct connect_state *state = arg;
	int poller = epoll_create1(EPOLL_CLOEXEC);
	unsigned next = 0;

	for (; next < CONNECT_WORKERS; next++)
		if (begin(poller, state->target, (uint16_t)(PORT_CONNECT + next % PORTS_CONNECT)) <
		    0)
			return 1;
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
			char byte;

			if (events[i].events == EPOLLOUT &&
			    send(fd, state->request, state->request_bytes, MSG_NOSIGNAL) ==
				    (ssize_t)state->request_bytes) {
				epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
				continue;
			}
			if (events[i].events == EPOLLIN && recv(fd, &byte, 1, 0) == 1)
				atomic_fetch_add(&state->done, 1);
			else
				atomic_fetch_add(&state->failed, 1);
			close(fd);
			if (begin(poller, state->target,
				  (uint16_t)(PORT_CONNECT + next++ % PORTS_CONNECT)) < 0)
				return 1;
		}
	}
}

static bool is_listening(const void *arg)
{
	const struct connect_state *state = arg;

	return atomic_load(&state->listening);
}

/* judge() - the figures, or why there are none */
static int judge(struct run *run, const struct connect_state *state, double rate)
{
	unsigned long long failed = atomic_load(&state->failed);

	if (atomic_load(&state->foreign))
		return run_fail(run, "%u connections came from a source other than %s",
				atomic_load(&state->foreign), verify_source(run->variant));
	if (rate < 1)
		return run_fail(run, "no connection was made, %llu failed", failed);
	return 0;
}

int measure_connect(struct run *run, double *values)
{
	const struct options *options = run->options;
	int cpu = options->split ? options->load_cpu : -1, ret = -1;
	struct connect_state *state = shared(sizeof(*state));
	struct cpu_account before, after;
	unsigned long long done;
	pid_t server, client = 0;

	if (!state)
		return run_fail(run, "no memory");
	state->expected = inet_addr(verify_source(run->variant));
	state->target = inet_addr(variant_target(run->variant));
	state->request_bytes = run->variant->kind == KIND_NAMES ? hello_make(state->request) : 1;
	server = child_start((struct place){run->topology.server, cpu}, server_main, state);
	if (!wait_until(is_listening, state, 5000)) {
		run_fail(run, "the server did not start");
		goto out;
	}
	client = child_start((struct place){run->topology.client, cpu}, client_main, state);
	if (!wait_ns(WARM_UP_NS))
		goto out;
	done = atomic_load(&state->done);
	cpu_read(run, &before);
	if (!wait_ns((uint64_t)(options->seconds * 1e9)))
		goto out;
	done = atomic_load(&state->done) - done;
	cpu_read(run, &after);
	values[0] = (double)done * 1e9 / (double)(after.at_ns - before.at_ns);
	values[1] = cpu_busy_percent(run, &before, &after);
	values[2] = (double)atomic_load(&state->failed);
	ret = child_wait(client, 0) == -ETIMEDOUT
		      ? judge(run, state, values[0])
		      : run_fail(run, "the client ended: no port or descriptor was left");
out:
	child_end(client);
	child_end(server);
	unshared(state, sizeof(*state));
	return ret;
}
