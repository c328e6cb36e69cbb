/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_packet_test - the AF_PACKET backend on real sockets.
 *
 *   [port under test] left ---- veth ---- right [peer: a plain AF_PACKET socket]
 *
 * in a network namespace of the test's own. Needs root; exits with 77 (skipped) without.
 * sendmmsg() is replaced, so that it can fail as an interface may.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/io/packet.h"

#define SKIPPED	   77
#define WAIT_MS	   5000
#define VAIN_MAX   10
#define HEAD_BYTES 54u /* Ethernet, IPv4, TCP */
#define NOBODY	   65534

static const uint8_t left_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t right_mac[6] = {2, 0, 0, 0, 0, 2};

struct fixture {
	struct port_counters counted;
	uint64_t dropped[DROP_COUNT];
	struct io_counters counters;
	struct packet_ring ring;
	struct io_port *port;
	uint32_t slots;
	int peer;
};

/* What the next calls of sendmmsg() do: 0 = pass on; else the first message fails so. */
static int send_errors[8];
static unsigned send_calls;
static int send_at_most; /* messages a call takes; 0 = all */

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	unsigned call = send_calls++;

	if (call < 8 && send_errors[call]) {
		errno = send_errors[call];
		return -1;
	}
	if (send_at_most && n > (unsigned)send_at_most)
		n = (unsigned)send_at_most;
	return (int)syscall(SYS_sendmmsg, fd, messages, n, flags);
}

static void run(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

static int peer_open(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("right"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int yes = 1, bytes = 32 << 20;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int setup(void **state)
{
	static struct fixture f;
	struct packet_error error;
	int fd;

	memset(&f, 0, sizeof(f));
	memset(send_errors, 0, sizeof(send_errors));
	send_calls = 0;
	send_at_most = 0;
	f.counters = (struct io_counters){.port = &f.counted, .dropped = f.dropped};
	fd = packet_socket_open(if_nametoindex("left"), &f.ring, &error);
	if (fd < 0) {
		print_error("%s\n", error.text);
		return -1;
	}
	if (packet_port_attach(fd, &f.ring, f.counters, &f.port))
		return -1;
	f.slots = f.ring.block_bytes / f.ring.frame_bytes * f.ring.blocks;
	f.peer = peer_open();
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->port->ops->close(f->port);
	close(f->peer);
	return 0;
}

/* An Ethernet frame with an IPv4 and a TCP header; @number stands in the payload. */
static void make_frame(uint8_t *frame, const uint8_t *dst, uint32_t len, uint32_t number)
{
	const uint8_t ip_head[] = {
		0x45, 0, (uint8_t)((len - 14) >> 8), (uint8_t)(len - 14), 0, 0, 0, 0, 64, 6};

	memset(frame, 0, len);
	memcpy(frame, dst, 6);
	memcpy(frame + 6, right_mac, 6);
	frame[12] = 0x08;
	memcpy(frame + 14, ip_head, sizeof(ip_head));
	frame[46] = 0x50;
	memcpy(frame + HEAD_BYTES, &number, sizeof(number));
}

static uint32_t number_of(const struct io_frame *frame)
{
	uint32_t number;

	assert_true(frame->len >= HEAD_BYTES + sizeof(number));
	memcpy(&number, frame->data + HEAD_BYTES, sizeof(number));
	return number;
}

static void peer_send(struct fixture *f, const struct io_offload *offload, const void *frame,
		      size_t len)
{
	static uint8_t buffer[sizeof(*offload) + IO_FRAME_BYTES];

	memset(buffer, 0, sizeof(*offload));
	if (offload)
		memcpy(buffer, offload, sizeof(*offload));
	memcpy(buffer + sizeof(*offload), frame, len);
	assert_int_equal(send(f->peer, buffer, sizeof(*offload) + len, 0), sizeof(*offload) + len);
}

static void peer_send_numbered(struct fixture *f, uint32_t first, uint32_t count)
{
	uint8_t frame[100];

	for (uint32_t i = 0; i < count; i++) {
		make_frame(frame, left_mac, sizeof(frame), first + i);
		peer_send(f, NULL, frame, sizeof(frame));
	}
}

/* receive() - wait until there are frames. Return: how many were lent, 0 after WAIT_MS. */
static unsigned receive(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct pollfd polled = {.fd = port->ops->fd(port), .events = POLLIN};
	unsigned n = port->ops->rx(port, frames, max);

	/* What polls readable is there: the port must not look at other slots than the kernel. */
	for (unsigned i = 0; i < VAIN_MAX && !n && poll(&polled, 1, WAIT_MS) == 1; i++)
		n = port->ops->rx(port, frames, max);
	return n;
}

static void expect_numbered(struct io_port *port, uint32_t first, uint32_t count)
{
	struct io_frame frames[IO_BURST];
	uint32_t next = first;

	while (next < first + count) {
		unsigned n = receive(port, frames, IO_BURST);

		assert_int_not_equal(n, 0);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(number_of(&frames[i]), next++);
		port->ops->rx_release(port);
	}
	assert_int_equal(next, first + count);
}

static ssize_t peer_receive(struct fixture *f, void *buffer, size_t size)
{
	struct pollfd polled = {.fd = f->peer, .events = POLLIN};

	if (poll(&polled, 1, WAIT_MS) != 1)
		return -1;
	return recv(f->peer, buffer, size, MSG_DONTWAIT);
}

static void queue_numbered(struct fixture *f, uint8_t (*frames)[100], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct io_send send = {.head = frames[i], .head_len = 100};

		make_frame(frames[i], right_mac, 100, i);
		f->port->ops->tx(f->port, &send);
	}
}

static void peer_expect(struct fixture *f, uint32_t number)
{
	uint8_t got[2048];
	uint32_t at;

	assert_int_equal(peer_receive(f, got, sizeof(got)), 10 + 100);
	memcpy(&at, got + 10 + HEAD_BYTES, sizeof(at));
	assert_int_equal(at, number);
}

static void test_open_errors(void **state)
{
	struct fixture *f = *state;
	struct packet_error error;
	int status = 0;
	pid_t pid;

	assert_int_equal(packet_socket_open(0, &f->ring, &error), -EINVAL);
	assert_int_equal(packet_socket_open(12345, &f->ring, &error), -ENODEV);
	assert_non_null(strstr(error.text, "12345: it does not exist"));
	pid = fork();
	if (!pid) {
		if (setuid(NOBODY))
			_exit(2);
		_exit(packet_socket_open(if_nametoindex("left"), &f->ring, &error) != -EPERM ||
		      !strstr(error.text, "start pgwd as root or with CAP_NET_RAW"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_attach_refuses(void **state)
{
	struct fixture *f = *state;
	struct packet_ring ring = f->ring;
	struct packet_error error;
	struct io_port *port;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int bare = socket(AF_PACKET, SOCK_RAW, 0);
	int fd = packet_socket_open(if_nametoindex("left"), &ring, &error);
	const struct packet_ring wrong[] = {
		{ring.frame_bytes, ring.block_bytes, 0},
		{ring.frame_bytes, ring.block_bytes, ring.blocks - 1},
		{ring.frame_bytes, ring.block_bytes, ring.blocks + 1},
		{ring.frame_bytes, ring.block_bytes / 2, ring.blocks},
		{ring.frame_bytes + 1, ring.block_bytes, ring.blocks},
		{ring.block_bytes + 16, ring.block_bytes, ring.blocks},
		{0, ring.block_bytes, ring.blocks},
		{16, ring.block_bytes, ring.blocks},
		{ring.frame_bytes, 0, ring.blocks},
		{ring.frame_bytes, UINT32_MAX & ~4095u, UINT32_MAX},
	};

	assert_true(fd >= 0 && udp >= 0 && bare >= 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(packet_port_attach(fd, &wrong[i], f->counters, &port), -EINVAL);
	assert_int_equal(packet_port_attach(udp, &ring, f->counters, &port), -EINVAL);
	assert_int_equal(packet_port_attach(bare, &ring, f->counters, &port), -EINVAL);
	assert_int_equal(packet_port_attach(-1, &ring, f->counters, &port), -EINVAL);
	assert_int_equal(packet_port_attach(fd, &ring, f->counters, &port), 0);
	port->ops->close(port);
	close(udp);
	close(bare);
}

static void test_both_ways(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[100], got[2048];
	struct io_frame frames[4];
	struct io_send send = {.head = frame, .head_len = 60, .tail = frame + 60, .tail_len = 40};
	int ignores = 0;
	socklen_t bytes = sizeof(ignores);

	make_frame(frame, left_mac, sizeof(frame), 7);
	frame[12] = 0x86; /* IPv6: not for us */
	frame[13] = 0xdd;
	peer_send(f, NULL, frame, sizeof(frame));
	make_frame(frame, left_mac, sizeof(frame), 8);
	peer_send(f, NULL, frame, sizeof(frame));
	assert_int_equal(receive(f->port, frames, 4), 1);
	assert_int_equal(frames[0].len, sizeof(frame));
	assert_int_equal(frames[0].wire_len, sizeof(frame));
	assert_memory_equal(frames[0].data, frame, sizeof(frame));
	assert_int_equal((uintptr_t)(frames[0].data + 14) % 16, 0);
	assert_false(frames[0].vlan);
	assert_int_equal(frames[0].offload.gso_size, 0);
	f->port->ops->rx_release(f->port);
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);

	make_frame(frame, right_mac, sizeof(frame), 9);
	f->port->ops->tx(f->port, &send);
	assert_int_equal(f->counted.sent_packets, 0);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 1);
	assert_int_equal(f->counted.sent_bytes, sizeof(frame));
	assert_int_equal(peer_receive(f, got, sizeof(got)), 10 + sizeof(frame));
	assert_memory_equal(got + 10, frame, sizeof(frame));
	/* What we send ourselves, or the host does, never comes in, nor takes a slot. */
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);
	assert_int_equal(getsockopt(f->port->ops->fd(f->port), SOL_PACKET, PACKET_IGNORE_OUTGOING,
				    &ignores, &bytes),
			 0);
	assert_int_equal(ignores, 1);
}

static void test_super_packet(void **state)
{
	struct fixture *f = *state;
	static uint8_t frame[IO_FRAME_BYTES], got[10 + IO_FRAME_BYTES];
	const struct io_offload offload = {.flags = IO_NEEDS_CSUM,
					   .gso_type = IO_GSO_TCPV4,
					   .hdr_len = HEAD_BYTES,
					   .gso_size = 1448,
					   .csum_start = 34,
					   .csum_offset = 16};
	const uint32_t len = HEAD_BYTES + 45 * 1448 - 40, segments = 45;
	struct io_frame frames[4];
	struct io_send send;

	make_frame(frame, left_mac, len, 0);
	for (uint32_t i = HEAD_BYTES; i < len; i++)
		frame[i] = (uint8_t)(i * 7);
	peer_send(f, &offload, frame, len);
	assert_int_equal(receive(f->port, frames, 4), 1);
	assert_int_equal(frames[0].len, len);
	assert_int_equal(frames[0].wire_len, len);
	assert_int_equal(frames[0].offload.flags, IO_NEEDS_CSUM);
	assert_int_equal(frames[0].offload.gso_type, IO_GSO_TCPV4);
	assert_int_equal(frames[0].offload.gso_size, 1448);
	assert_int_equal(frames[0].offload.csum_start, 34);
	assert_int_equal(frames[0].offload.csum_offset, 16);
	assert_memory_equal(frames[0].data, frame, len);

	/* Sent on from where it lies, with another head. */
	make_frame(frame, right_mac, HEAD_BYTES + 4, 0);
	memcpy(frame + 14, frames[0].data + 14, HEAD_BYTES + 4 - 14);
	send = (struct io_send){.head = frame,
				.head_len = HEAD_BYTES,
				.tail = frames[0].data + HEAD_BYTES,
				.tail_len = len - HEAD_BYTES,
				.offload = frames[0].offload};
	f->port->ops->tx(f->port, &send);
	f->port->ops->tx_flush(f->port);
	f->port->ops->rx_release(f->port);
	assert_int_equal(peer_receive(f, got, sizeof(got)), 10 + len);
	assert_int_equal(((struct io_offload *)(void *)got)->gso_size, 1448);
	assert_memory_equal(got + 10, frame, HEAD_BYTES);
	assert_memory_equal(got + 10 + HEAD_BYTES, frame + HEAD_BYTES, len - HEAD_BYTES);
	assert_int_equal(f->counted.sent_packets, segments);
	assert_int_equal(f->counted.sent_bytes, len + (segments - 1) * HEAD_BYTES);
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_ring_wraps(void **state)
{
	struct fixture *f = *state;
	uint32_t at = 0;

	assert_true(f->slots >= 256);
	for (unsigned round = 0; round < 5; round++, at += f->slots - 7) {
		peer_send_numbered(f, at, f->slots - 7);
		expect_numbered(f->port, at, f->slots - 7);
	}
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_ring_full(void **state)
{
	struct fixture *f = *state;
	uint64_t lost = 0;

	peer_send_numbered(f, 0, f->slots + 100);
	/* The kernel may deliver the last ones a moment after they were sent. */
	for (unsigned i = 0; i < WAIT_MS && lost < 100; i++) {
		lost += f->port->ops->lost(f->port);
		poll(NULL, 0, lost < 100);
	}
	assert_int_equal(lost, 100);
	assert_int_equal(f->port->ops->lost(f->port), 0);
	expect_numbered(f->port, 0, f->slots);
	peer_send_numbered(f, 5000, 10);
	expect_numbered(f->port, 5000, 10);
}

static void test_slot_too_small(void **state)
{
	struct fixture *f = *state;
	struct packet_ring ring = {.frame_bytes = 2048, .block_bytes = 4096, .blocks = 8};
	struct tpacket_req req = {
		.tp_block_size = 4096, .tp_frame_size = 2048, .tp_block_nr = 8, .tp_frame_nr = 16};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("left"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int version = TPACKET_V2, yes = 1;
	struct io_frame frames[4];
	uint8_t frame[4000];
	struct io_port *port;

	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(packet_port_attach(fd, &ring, f->counters, &port), 0);
	make_frame(frame, left_mac, sizeof(frame), 3);
	peer_send(f, NULL, frame, sizeof(frame));
	assert_int_equal(receive(port, frames, 4), 1);
	assert_true(frames[0].len >= 1500 && frames[0].len < 2048);
	assert_int_equal(frames[0].wire_len, sizeof(frame));
	assert_memory_equal(frames[0].data, frame, frames[0].len);
	port->ops->close(port);

	/* A geometry that lies about the slots must not lead out of them. */
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ring.frame_bytes = 1024;
	assert_int_equal(packet_port_attach(fd, &ring, f->counters, &port), 0);
	peer_send(f, NULL, frame, 1600);
	assert_int_equal(receive(port, frames, 1), 1);
	assert_int_equal(frames[0].len, 0);
	assert_true(frames[0].wire_len > frames[0].len);
	port->ops->close(port);
}

static void test_vlan(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint8_t mac[6];
		uint16_t tci;
		bool tagged, vlan;
	} cases[] = {
		{{2, 0, 0, 0, 0, 1}, 0, false, false},	   /* ours */
		{{2, 0, 0, 0, 0, 1}, 0x3005, true, true},  /* ours, in a VLAN nobody has */
		{{2, 0, 0, 0, 0, 1}, 0xe000, true, false}, /* priority only */
		{{255, 255, 255, 255, 255, 255}, 5, true, true},
		{{255, 255, 255, 255, 255, 255}, 0, false, false},
		{{2, 0, 0, 0, 0, 9}, 0, false, false}, /* another station's */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct io_frame frames[2];
		uint8_t frame[104];

		make_frame(frame, cases[i].mac, 100, (uint32_t)i);
		if (cases[i].tagged) {
			memmove(frame + 16, frame + 12, 88);
			frame[12] = 0x81;
			frame[13] = 0;
			frame[14] = (uint8_t)(cases[i].tci >> 8);
			frame[15] = (uint8_t)cases[i].tci;
		}
		peer_send(f, NULL, frame, cases[i].tagged ? 104 : 100);
		assert_int_equal(receive(f->port, frames, 2), 1);
		assert_int_equal(frames[0].len, 100);
		assert_int_equal(number_of(&frames[0]), i);
		assert_int_equal(frames[0].vlan, cases[i].vlan);
		f->port->ops->rx_release(f->port);
	}
}

static void test_send_queue(void **state)
{
	struct fixture *f = *state;
	static uint8_t frames[600][100];

	send_at_most = 100; /* as the kernel may take only a part */
	queue_numbered(f, frames, 600);
	assert_int_equal(f->counted.sent_packets, 512);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 600);
	for (uint32_t i = 0; i < 600; i++)
		peer_expect(f, i);
	assert_int_equal(f->dropped[DROP_TX_FULL] + f->dropped[DROP_TX_ERROR], 0);
}

static void test_send_errors(void **state)
{
	struct fixture *f = *state;
	static const int errors[8] = {ENOBUFS, 0, EAGAIN, EINTR, ENETDOWN, 0};
	uint8_t frames[8][100];

	/* 0 full; 1 and 2 go; 3 full; EINTR loses nothing; 4 error; 5 to 7 go. */
	memcpy(send_errors, errors, sizeof(errors));
	send_at_most = 2;
	queue_numbered(f, frames, 8);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_FULL], 2);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	assert_int_equal(f->counted.sent_packets, 5);
	peer_expect(f, 1);
	peer_expect(f, 2);
	peer_expect(f, 5);
	peer_expect(f, 6);
	peer_expect(f, 7);
	/* Nothing is left behind. */
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 5);
}

static void test_too_long_for_the_link(void **state)
{
	struct fixture *f = *state;
	static uint8_t big[20000];
	uint8_t frame[100];
	struct io_send sends[] = {
		{.head = big, .head_len = sizeof(big)},
		{.head = frame, .head_len = sizeof(frame)},
	};

	make_frame(big, right_mac, sizeof(big), 1);
	make_frame(frame, right_mac, sizeof(frame), 2);
	f->port->ops->tx(f->port, &sends[0]);
	f->port->ops->tx(f->port, &sends[1]);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	peer_expect(f, 2);
}

static void test_link_down_and_up(void **state)
{
	struct fixture *f = *state;
	struct pollfd polled = {.fd = f->port->ops->fd(f->port), .events = POLLIN};
	struct io_frame frame;
	unsigned received = 0;
	uint8_t frames[1][100];
	int error = 0;
	socklen_t bytes = sizeof(error);

	run("ip link set left down");
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_true(polled.revents & POLLERR);
	assert_int_equal(getsockopt(polled.fd, SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
	assert_int_equal(error, ENETDOWN);
	assert_int_equal(poll(&polled, 1, 0), 0);
	queue_numbered(f, frames, 1);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	run("ip link set left up");
	/* The kernel takes a moment to notice that there is a carrier again. */
	for (unsigned i = 0; i < WAIT_MS && !received; i++) {
		peer_send_numbered(f, 40, 1);
		poll(&polled, 1, 1);
		received = f->port->ops->rx(f->port, &frame, 1);
	}
	assert_int_equal(received, 1);
	assert_int_equal(number_of(&frame), 40);
	queue_numbered(f, frames, 1);
	f->port->ops->tx_flush(f->port);
	peer_expect(f, 0);
}

/* A port whose owner has been killed: its successor goes on with the same socket. */
static void take_over(struct fixture *f, struct io_port **port)
{
	int fd = dup(f->port->ops->fd(f->port));

	assert_true(fd >= 0);
	assert_int_equal(packet_port_attach(fd, &f->ring, f->counters, port), 0);
}

static void test_taken_over(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[IO_BURST];
	struct io_port *second, *third;

	/* In the middle of a burst: what was lent comes again, nothing is lost. */
	peer_send_numbered(f, 0, 300);
	expect_numbered(f->port, 0, 300);
	peer_send_numbered(f, 300, 100);
	assert_int_equal(receive(f->port, frames, 10), 10);
	take_over(f, &second);
	expect_numbered(second, 300, 100);
	/* With an empty ring, wherever the kernel goes on. */
	take_over(f, &third);
	assert_int_equal(third->ops->rx(third, frames, 1), 0);
	peer_send_numbered(f, 400, f->slots - 1);
	expect_numbered(third, 400, f->slots - 1);
	peer_send_numbered(f, 5000, f->slots);
	expect_numbered(third, 5000, f->slots);
	second->ops->close(second);
	third->ops->close(third);
	f->port->ops->rx_release(f->port);
}

static void test_taken_over_full(void **state)
{
	struct fixture *f = *state;
	struct io_port *second;

	peer_send_numbered(f, 0, 100);
	expect_numbered(f->port, 0, 100);
	peer_send_numbered(f, 200, f->slots + 1);
	take_over(f, &second);
	expect_numbered(second, 200, f->slots);
	peer_send_numbered(f, 7000, 600);
	expect_numbered(second, 7000, f->slots);
	second->ops->close(second);
}

/* Somebody else has emptied the slots at which we wait: we find the kernel again. */
static void test_out_of_step(void **state)
{
	struct fixture *f = *state;
	struct io_frame frames[1];
	struct io_port *second;
	unsigned looks = 0;

	peer_send_numbered(f, 0, 10);
	expect_numbered(f->port, 0, 10);
	take_over(f, &second);
	peer_send_numbered(f, 10, 10);
	expect_numbered(second, 10, 10);
	peer_send_numbered(f, 20, 10);
	while (!f->port->ops->rx(f->port, frames, 1) && looks < 20000)
		looks++;
	assert_in_range(looks, 16000, 17000);
	assert_int_equal(number_of(&frames[0]), 20);
	expect_numbered(f->port, 21, 9);
	second->ops->close(second);
}

static int make_namespace(void **state)
{
	(void)state;
	run("ip link add left mtu 9000 address 02:00:00:00:00:01 type veth "
	    "peer name right mtu 9000 address 02:00:00:00:00:02");
	/* No frames of the kernel's own between the test's. */
	run("ip link set left addrgenmode none && ip link set right addrgenmode none");
	run("ip link set left up && ip link set right up");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_super_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slot_too_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long_for_the_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_down_and_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_over_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_step, setup, teardown),
	};

	if (geteuid() || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "SKIPPED: io_packet_test needs root and network namespaces\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, make_namespace, NULL);
}
