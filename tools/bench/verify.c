/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify - see verify.h. A benchmark that compares different things is worse than none: a
 * generator with wrong checksums, say, is INVALID to the kernel's connection tracking and
 * passes untranslated, and the "NAT" measured is plain forwarding.
 */
#include "tools/bench/verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/child.h"
#include "tools/bench/files.h"
#include "tools/bench/frame.h"
#include "tools/bench/hello.h"
#include "tools/bench/ports.h"
#include "tools/bench/sockets.h"

#define VERIFY_RAW_SPORT 7000
#define VERIFY_ROUNDS	 16
#define VERIFY_BYTES	 (256u << 10) /* echoed over TCP: super-packets both ways */
#define VERIFY_TRIES	 50
#define VERIFY_TRY_MS	 100

struct tally {
	uint32_t good, other_source, bad_ip, bad_l4, no_header;
	char source[INET_ADDRSTRLEN]; /* the first unexpected one */
};

struct state {
	const char *expected; /* source at the server */
	const char *target;   /* address that the client speaks to */
	enum kind kind;
	atomic_int ready, done;
	struct tally server, client;
};

const char *verify_source(const struct variant *variant)
{
	return variant->translates ? GATEWAY_S_ADDR : CLIENT_ADDR;
}

/* sniffer() - a raw socket that shows what arrives, with the offloads that it still needs */
static int sniffer(const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int one = 1, size = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static void sniff(int fd, const char *expected, struct tally *tally)
{
	uint8_t buffer[sizeof(struct virtio_net_hdr) + 14 + 65536];
	struct virtio_net_hdr header;
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > (ssize_t)sizeof(header)) {
		const uint8_t *frame = buffer + sizeof(header);
		size_t bytes = (size_t)got - sizeof(header);
		char source[INET_ADDRSTRLEN];
		enum frame_verdict verdict;
		bool partial;

		memcpy(&header, buffer, sizeof(header));
		partial = header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
		verdict = frame_check(frame, bytes, partial);
		if (verdict == FRAME_OTHER)
			continue;
		if (verdict == FRAME_BAD_IP) {
			tally->bad_ip++;
			continue;
		}
		inet_ntop(AF_INET, frame + 26, source, sizeof(source));
		if (verdict == FRAME_BAD_L4)
			tally->bad_l4++;
		else if (partial && header.csum_start != 14u + (frame[14] & 15u) * 4u)
			tally->no_header++;
		else if (strcmp(source, expected) == 0)
			tally->good++;
		else if (tally->other_source++ == 0)
			memcpy(tally->source, source, sizeof(source));
	}
}

struct echo {
	int listener, udp, connection;
};

/* echo() - serve what is ready of one TCP connection and the UDP socket */
static void echo(struct echo *echo, const struct pollfd *ready)
{
	uint8_t buffer[65536];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	ssize_t got;

	if (ready[0].revents) {
		got = recvfrom(echo->udp, buffer, sizeof(buffer), 0, (struct sockaddr *)&from,
			       &length);
		if (got >= 0)
			sendto(echo->udp, buffer, (size_t)got, 0, (struct sockaddr *)&from, length);
	}
	if (ready[1].revents && echo->connection < 0)
		echo->connection = accept(echo->listener, NULL, NULL);
	if (ready[2].revents) {
		got = recv(echo->connection, buffer, sizeof(buffer), 0);
		if (got > 0) {
			send(echo->connection, buffer, (size_t)got, 0);
		} else {
			close(echo->connection);
			echo->connection = -1;
		}
	}
}

static int server_main(void *arg)
{
	struct state *state = arg;
	struct echo sockets = {tcp_listen(PORT_VERIFY), udp_bind(PORT_VERIFY), -1};
	int raw = sniffer(SERVER_DEV);

	if (raw < 0 || sockets.listener < 0 || sockets.udp < 0)
		return 1;
	atomic_store(&state->ready, 1);
	while (!atomic_load(&state->done)) {
		struct pollfd pfd[4] = {
			{sockets.udp, POLLIN, 0},
			{sockets.connection < 0 ? sockets.listener : -1, POLLIN, 0},
			{sockets.connection, POLLIN, 0},
			{raw, POLLIN, 0},
		};

		poll(pfd, 4, 10);
		sniff(raw, state->expected, &state->server);
		echo(&sockets, pfd);
	}
	sniff(raw, state->expected, &state->server);
	return 0;
}

/* ask_udp() - send @bytes until an answer comes (the first waits for ARP) */
static int ask_udp(int fd, const void *data, size_t bytes)
{
	for (unsigned i = 0; i < VERIFY_TRIES; i++) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		char answer[64];

		send(fd, data, bytes, 0);
		if (poll(&pfd, 1, VERIFY_TRY_MS) > 0 &&
		    recv(fd, answer, sizeof(answer), 0) == (ssize_t)bytes)
			return 0;
	}
	return -1;
}

/* ask_raw() - the same with a frame whose checksum is complete, as the loads send it */
static int ask_raw(void)
{
	struct frame_spec spec = {
		.sport = VERIFY_RAW_SPORT, .dport = PORT_VERIFY, .bytes = FRAME_SMALL_BYTES};
	int fd = udp_bind(VERIFY_RAW_SPORT), raw = frame_socket(CLIENT_DEV);
	uint8_t frame[FRAME_SMALL_BYTES];
	int ret = -1;

	frame_addresses(&spec);
	frame_udp(frame, &spec);
	for (unsigned i = 0; ret && i < VERIFY_TRIES; i++) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		send(raw, frame, sizeof(frame), 0);
		if (poll(&pfd, 1, VERIFY_TRY_MS) > 0)
			ret = 0;
	}
	close(fd);
	close(raw);
	return ret;
}

static int ask_tcp(const struct state *state)
{
	uint8_t out[VERIFY_BYTES], in[65536];
	struct timeval limit = {.tv_sec = 5};
	int fd = tcp_connect(state->target, PORT_VERIFY);
	size_t sent = 0, received = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 >> 3);
	if (state->kind == KIND_NAMES)
		hello_make(out);
	while (received < sizeof(out)) {
		ssize_t n;

		if (sent < sizeof(out)) {
			n = send(fd, out + sent,
				 sizeof(out) - sent < 65536 ? sizeof(out) - sent : 65536, 0);
			if (n <= 0)
				break;
			sent += (size_t)n;
		}
		n = recv(fd, in, sizeof(in), 0);
		if (n <= 0 || memcmp(in, out + received, (size_t)n) != 0)
			break;
		received += (size_t)n;
	}
	close(fd);
	return received == sizeof(out) ? 0 : -1;
}

static int client_main(void *arg)
{
	struct state *state = arg;
	int raw = sniffer(CLIENT_DEV), udp;

	if (state->kind != KIND_ROUTER)
		return ask_tcp(state) ? 4 : 0;
	udp = udp_connect(PORT_VERIFY);
	if (raw < 0 || udp < 0)
		return 1;
	for (unsigned i = 0; i < VERIFY_ROUNDS; i++)
		if (ask_udp(udp, "pgw-bench", 1 + i % 9))
			return 2;
	if (ask_raw())
		return 3;
	if (ask_tcp(state))
		return 4;
	sniff(raw, SERVER_ADDR, &state->client);
	return 0;
}

static int judge(struct run *run, const char *where, const char *expected,
		 const struct tally *tally)
{
	/* A proxy carries the TCP connection only. */
	unsigned least = run->variant->kind == KIND_ROUTER ? VERIFY_ROUNDS + 3 : 3;

	if (tally->other_source)
		return run_fail(run, "verification: the %s saw source %s, expected %s", where,
				tally->source, expected);
	if (tally->bad_ip || tally->bad_l4 || tally->no_header)
		return run_fail(run,
				"verification: the %s saw %u wrong IP and %u wrong TCP or UDP "
				"checksums, %u wrong offload headers",
				where, tally->bad_ip, tally->bad_l4, tally->no_header);
	if (tally->good < least)
		return run_fail(run, "verification: the %s saw only %u good packets", where,
				tally->good);
	return 0;
}

static bool is_ready(const void *arg)
{
	const struct state *state = arg;

	return atomic_load(&state->ready);
}

int verify_before(struct run *run)
{
	static const char *const failures[] = {"no socket", "no answer to UDP",
					       "no answer to UDP with complete checksum",
					       "TCP echo failed"};
	struct state *state = shared(sizeof(*state));
	pid_t server, client = 0;
	int status, ret = -1;

	if (!state)
		return run_fail(run, "no memory");
	state->expected = verify_source(run->variant);
	state->target = variant_target(run->variant);
	state->kind = run->variant->kind;
	server = child_start((struct place){run->topology.server, -1}, server_main, state);
	if (!wait_until(is_ready, state, 5000)) {
		run_fail(run, "verification: the server did not start");
		goto out;
	}
	client = child_start((struct place){run->topology.client, -1}, client_main, state);
	status = child_wait(client, 30000);
	if (status >= 0)
		client = 0;
	atomic_store(&state->done, 1);
	if (child_wait(server, 5000) == 0)
		server = 0;
	if (status) {
		run_fail(run, "verification: %s",
			 status > 0 && status <= 4 ? failures[status - 1] : "interrupted");
		goto out;
	}
	ret = judge(run, "server", state->expected, &state->server);
	if (ret == 0 && state->kind == KIND_ROUTER)
		ret = judge(run, "client", SERVER_ADDR, &state->client);
out:
	child_end(server);
	child_end(client);
	unshared(state, sizeof(*state));
	return ret;
}

int verify_after(struct run *run)
{
	const int netns[] = {run->topology.client, run->topology.server};
	uint64_t errors = 0;

	for (unsigned i = 0; i < 2; i++)
		errors += netns_snmp(netns[i], "Tcp:", "InCsumErrors") +
			  netns_snmp(netns[i], "Udp:", "InCsumErrors");
	if (errors)
		return run_fail(run, "%llu packets arrived with a wrong checksum",
				(unsigned long long)errors);
	return 0;
}
