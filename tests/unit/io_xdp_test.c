/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_xdp_test - the AF_XDP backend on real sockets, with the real XDP program, at one end of a
 * veth. See veth.h for the other end.
 *
 * Needs root; exits with 77 (skipped) without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/offload/receiver.h"
#include "datapath/base/checksum.h"
#include "datapath/io/xdp.h"
#include "tests/unit/veth.h"

#define NOBODY	     65534
#define HOST	     "192.0.2.1" /* ours */
#define STRANGER     "198.51.100.1"
#define AT_PROTO     23
#define AT_DADDR     30
#define AT_DPORT     36
#define AT_FRAGMENT  20
#define AT_TCP_CHECK 50
#define SEND_BATCH   64 /* as io/xdp.c */

static struct veth *f;
static struct receiver *receiver;
static struct io_port *beside; /* the packet port */
static struct kernel_link left;

/* bind_socket() - the kernel needs a moment to forget a socket that was closed. */
static void bind_socket(const struct xdp_socket *xdp)
{
	struct xdp_error error;
	bool zero_copy;
	int code = -EBUSY;

	for (unsigned i = 0; i < WAIT_MS && code == -EBUSY; i++) {
		code = xdp_socket_bind(xdp, left.ifindex, &zero_copy, &error);
		if (code == -EBUSY)
			poll(NULL, 0, 1);
	}
	assert_int_equal(code, 0);
	assert_false(zero_copy); /* veth copies */
}

static void open_xdp(struct io_port *packet, struct io_port **port)
{
	struct xdp_socket xdp;
	struct xdp_error error;

	assert_int_equal(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, false, &error), 0);
	assert_int_equal(xdp_port_attach(&xdp, packet, f->counters, port), 0);
	bind_socket(&xdp);
	assert_int_equal(receiver_fill(receiver, 3, &left, xdp.fd), 0);
	close(xdp.memory_fd);
}

static int setup(void **state)
{
	const struct kernel_selection nothing = {0};

	if (veth_setup(state))
		return -1;
	f = *state;
	beside = f->port;
	assert_int_equal(receiver_select(receiver, &nothing), 0);
	open_xdp(beside, &f->port);
	return 0;
}

static int group_setup(void **state)
{
	struct receiver_error error;

	if (veth_namespace(state))
		return -1;
	veth_run("ip link set left mtu 1500 && ip link set right mtu 1500");
	left.ifindex = if_nametoindex("left");
	memcpy(left.mac.b, left_mac, sizeof(left_mac));
	if (receiver_open(&receiver, NULL, &error) ||
	    receiver_attach(receiver, left.ifindex, false, &error)) {
		print_error("%s\n", error.text);
		return -1;
	}
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	receiver_detach(left.ifindex);
	receiver_close(receiver);
	return 0;
}

/* by_xdp() - whether the next frame comes by AF_XDP; fails if it does not come at all. It is lent
 * afterwards. */
static bool by_xdp(struct io_frame *frame)
{
	struct pollfd polled[] = {{.fd = f->port->ops->fd(f->port), .events = POLLIN},
				  {.fd = beside->ops->fd(beside), .events = POLLIN}};

	assert_int_equal(poll(polled, 2, WAIT_MS), 1);
	assert_int_equal(f->port->ops->rx(f->port, frame, 1), 1);
	return polled[0].revents & POLLIN;
}

static void test_errors(void **state)
{
	struct xdp_socket xdp;
	struct xdp_error error;
	bool zero_copy;
	int status = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(xdp_frame_bytes(1500), XDP_FRAME_BYTES_MIN);
	assert_int_equal(xdp_frame_bytes(3000), XDP_FRAME_BYTES_MAX);
	assert_int_equal(xdp_frame_bytes(9000), 0);
	assert_int_equal(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, false, &error), 0);
	assert_int_equal(xdp_socket_bind(&xdp, 12345, &zero_copy, &error), -ENODEV);
	xdp_socket_close(&xdp);
	pid = fork();
	if (!pid) {
		if (setuid(NOBODY))
			_exit(2);
		_exit(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, false, &error) != -EPERM ||
		      !strstr(error.text, "start pgwd as root or with CAP_NET_RAW"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_attach_refuses(void **state)
{
	struct xdp_socket xdp, wrong;
	struct xdp_error error;
	struct io_port *port;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int loose = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, false, &error), 0);
	assert_int_equal(
		ftruncate(loose, (off_t)XDP_FRAME_BYTES_MIN * (XDP_RX_FRAMES + XDP_TX_FRAMES)), 0);
	for (unsigned i = 0; i < 6; i++) {
		wrong = xdp;
		if (i == 0)
			wrong.fd = udp;
		else if (i == 1)
			wrong.fd = -1;
		else if (i == 2)
			wrong.memory_fd = udp;
		else if (i == 3)
			wrong.memory_fd = loose; /* could shrink */
		else if (i == 4)
			wrong.frame_bytes = XDP_FRAME_BYTES_MAX;
		else
			wrong.frame_bytes = 0;
		assert_int_equal(xdp_port_attach(&wrong, beside, f->counters, &port), -EINVAL);
	}
	xdp_socket_close(&xdp);
	close(udp);
	close(loose);
}

static void test_both_ways(void **state)
{
	uint8_t frame[100], got[2048];
	struct io_frame frames[4];
	struct io_send send = {.head = frame, .head_len = 60, .tail = frame + 60, .tail_len = 40};

	(void)state;
	veth_frame(frame, left_mac, sizeof(frame), 8);
	veth_peer_send(f, NULL, frame, sizeof(frame));
	assert_true(by_xdp(frames));
	assert_int_equal(frames[0].len, sizeof(frame));
	assert_int_equal(frames[0].wire_len, sizeof(frame));
	assert_memory_equal(frames[0].data, frame, sizeof(frame));
	assert_true(frames[0].headroom);
	assert_int_equal(frames[0].offload.flags, 0);
	f->port->ops->rx_release(f->port);
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);

	veth_frame(frame, right_mac, sizeof(frame), 9);
	f->port->ops->tx(f->port, &send);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 1);
	assert_int_equal(f->counted.sent_bytes, sizeof(frame));
	assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + sizeof(frame));
	assert_memory_equal(got + 10, frame, sizeof(frame));
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);
}

/* Sends a frame to this destination. Return: whether it came by AF_XDP. */
static bool comes_by_xdp(const char *addr, uint8_t proto, uint16_t port, uint16_t fragment,
			 const uint8_t *mac)
{
	struct io_frame got;
	uint8_t frame[100];
	be32 to = inet_addr(addr);
	uint16_t port_be = htons(port), fragment_be = htons(fragment);
	bool xdp;

	veth_frame(frame, mac, sizeof(frame), port);
	frame[AT_PROTO] = proto;
	memcpy(frame + AT_DADDR, &to, sizeof(to));
	memcpy(frame + AT_DPORT, &port_be, sizeof(port_be));
	memcpy(frame + AT_FRAGMENT, &fragment_be, sizeof(fragment_be));
	veth_peer_send(f, NULL, frame, sizeof(frame));
	xdp = by_xdp(&got);
	assert_int_equal(veth_number(&got), port);
	f->port->ops->rx_release(f->port);
	return xdp;
}

static void test_selection(void **state)
{
	be32 host = inet_addr(HOST);
	struct kernel_tuple tuples[] = {{host, htons(443), IPPROTO_TCP, false},
					{host, htons(20022), IPPROTO_TCP, true},
					{0, htons(20053), IPPROTO_UDP, true}};
	struct kernel_ports ports[] = {{host, IPPROTO_TCP, 16384, 40000},
				       {host, IPPROTO_UDP, 16384, 40000},
				       {host, IPPROTO_TCP, 50000, 65535}};
	const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
	const struct kernel_selection selection = {&host, 1, tuples, 3, ports, 3}, nothing = {0};

	(void)state;
	assert_int_equal(receiver_select(receiver, &selection), 0);
	/* services and pools; what listens among their ports */
	assert_true(comes_by_xdp(HOST, IPPROTO_TCP, 443, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_UDP, 443, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 22, 0, left_mac));
	assert_true(comes_by_xdp(HOST, IPPROTO_TCP, 16384, 0, left_mac));
	assert_true(comes_by_xdp(HOST, IPPROTO_UDP, 40000, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 40001, 0, left_mac));
	assert_true(comes_by_xdp(HOST, IPPROTO_TCP, 65535, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 20022, 0, left_mac));
	assert_true(comes_by_xdp(HOST, IPPROTO_UDP, 20022, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_UDP, 20053, 0, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 0, 0, left_mac));
	/* other hosts */
	assert_true(comes_by_xdp(STRANGER, IPPROTO_TCP, 22, 0, left_mac));
	assert_true(comes_by_xdp(STRANGER, IPPROTO_TCP, 22, 0x4000, left_mac)); /* DF */
	assert_false(comes_by_xdp(STRANGER, IPPROTO_UDP, 68, 0, left_mac));
	assert_false(comes_by_xdp(STRANGER, IPPROTO_ICMP, 1, 0, left_mac));
	assert_false(comes_by_xdp("239.1.2.3", IPPROTO_UDP, 5000, 0, left_mac));
	/* fragments, and what is not sent to the interface */
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 443, 0x2000, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 443, 5, left_mac));
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 443, 0, broadcast));
	/* what is gone is forgotten */
	assert_int_equal(receiver_select(receiver, &nothing), 0);
	assert_true(comes_by_xdp(HOST, IPPROTO_TCP, 22, 0, left_mac));
	receiver_stop(receiver, 3, left.ifindex);
	assert_false(comes_by_xdp(HOST, IPPROTO_TCP, 443, 0, left_mac));
}

/* A sender on the same host leaves checksums to hardware: they are filled in at the end. */
static void test_partial_checksum(void **state)
{
	const struct io_offload partial = {
		.flags = IO_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	uint8_t frame[100], got[2048];
	struct io_frame frames[1];
	uint16_t sum;
	struct io_send send;

	(void)state;
	veth_frame(frame, left_mac, sizeof(frame), 77);
	sum = checksum_fold(checksum_pseudo(0, 0, IPPROTO_TCP, sizeof(frame) - 34));
	memcpy(frame + AT_TCP_CHECK, &sum, sizeof(sum));
	veth_peer_send(f, &partial, frame, sizeof(frame));
	assert_true(by_xdp(frames));
	assert_int_equal(frames[0].offload.flags, IO_NEEDS_CSUM);
	assert_int_equal(frames[0].offload.csum_start, 34);
	assert_int_equal(frames[0].offload.csum_offset, 16);
	memcpy(frames[0].data, right_mac, sizeof(right_mac));
	send = (struct io_send){.head = frames[0].data,
				.head_len = frames[0].len,
				.offload = frames[0].offload,
				.headroom = frames[0].headroom};
	f->port->ops->tx(f->port, &send);
	f->port->ops->tx_flush(f->port);
	f->port->ops->rx_release(f->port);
	assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + sizeof(frame));
	assert_int_equal(((struct io_offload *)(void *)got)->flags & IO_NEEDS_CSUM, 0);
	assert_int_equal(
		checksum_fold(checksum_add(checksum_pseudo(0, 0, IPPROTO_TCP, sizeof(frame) - 34),
					   got + 10 + 34, sizeof(frame) - 34)),
		0xffff);
	/* a whole one stays as it is */
	memcpy(frame, left_mac, sizeof(left_mac));
	memcpy(frame + AT_TCP_CHECK, got + 10 + AT_TCP_CHECK, sizeof(sum));
	veth_peer_send(f, NULL, frame, sizeof(frame));
	assert_true(by_xdp(frames));
	assert_int_equal(frames[0].offload.flags, 0);
	f->port->ops->rx_release(f->port);
}

/* Super-packets go by the packet socket, in order with the others. */
static void test_super_packet(void **state)
{
	static uint8_t super[IO_FRAME_BYTES], got[10 + IO_FRAME_BYTES];
	const uint32_t len = HEAD_BYTES + 10 * 1448;
	const struct io_send send = {.head = super,
				     .head_len = len,
				     .offload = {.flags = IO_NEEDS_CSUM,
						 .gso_type = IO_GSO_TCPV4,
						 .hdr_len = HEAD_BYTES,
						 .gso_size = 1448,
						 .csum_start = 34,
						 .csum_offset = 16}};
	uint8_t small[3][100];

	(void)state;
	veth_frame(super, right_mac, len, 1);
	for (uint32_t i = 0; i < 3; i++)
		veth_frame(small[i], right_mac, sizeof(small[i]), i);
	for (unsigned i = 0; i < 3; i++) {
		const struct io_send one = {.head = small[i], .head_len = sizeof(small[i])};

		f->port->ops->tx(f->port, &one);
		if (i < 2)
			f->port->ops->tx(f->port, &send);
	}
	f->port->ops->tx_flush(f->port);
	for (uint32_t i = 0; i < 3; i++) {
		veth_peer_expect(f, i);
		if (i == 2)
			break;
		assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + len);
		assert_int_equal(((struct io_offload *)(void *)got)->gso_size, 1448);
	}
	assert_int_equal(f->counted.sent_packets, 3 + 2 * 10);
}

static void test_rings_wrap(void **state)
{
	enum { BURST = 100, ROUNDS = 50 };
	uint8_t frames[BURST][100];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		veth_peer_send_numbered(f, round * BURST, BURST);
		veth_expect_numbered(f->port, round * BURST, BURST);
		veth_queue_numbered(f, frames, BURST);
		f->port->ops->tx_flush(f->port);
		for (uint32_t i = 0; i < BURST; i++)
			veth_peer_expect(f, i);
	}
	assert_int_equal(f->port->ops->lost(f->port), 0);
	assert_int_equal(f->counted.sent_packets, BURST * ROUNDS);
	assert_int_equal(f->dropped[DROP_TX_FULL], 0);
}

static void test_ring_full(void **state)
{
	struct io_frame frames[IO_BURST];
	uint64_t lost = 0;
	uint32_t at = 0;
	unsigned n;

	(void)state;
	for (uint32_t i = 0; i < XDP_RX_FRAMES + 100; i += 50)
		veth_peer_send_numbered(f, i, 50);
	/* The kernel may deliver the last ones a moment after they were sent. */
	for (unsigned i = 0; i < WAIT_MS && lost < 100; i++) {
		lost += f->port->ops->lost(f->port);
		poll(NULL, 0, lost < 100);
	}
	assert_true(lost >= 100);
	assert_int_equal(f->port->ops->lost(f->port), 0);
	while (at < XDP_RX_FRAMES && (n = veth_receive(f->port, frames, IO_BURST)) > 0) {
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(veth_number(&frames[i]), at++);
		f->port->ops->rx_release(f->port);
	}
	assert_int_equal(at, XDP_RX_FRAMES);
	veth_peer_send_numbered(f, 5000, 10);
	veth_expect_numbered(f->port, 5000, 10);
}

/* Under a flood by AF_XDP what comes by the packet socket has its turn as well, and is lent and
 * given back with the others. */
static void test_both_have_their_turn(void **state)
{
	struct io_frame frames[8];
	uint8_t frame[100];
	unsigned seen = 0, rounds = 0;

	(void)state;
	veth_peer_send_numbered(f, 0, 64);
	veth_frame(frame, left_mac, sizeof(frame), 999);
	frame[AT_PROTO] = IPPROTO_ICMP;
	veth_peer_send(f, NULL, frame, sizeof(frame));
	for (; seen < 65 && rounds < 100; rounds++) {
		unsigned n = f->port->ops->rx(f->port, frames, 8);

		for (unsigned i = 0; i < n; i++, seen++)
			if (veth_number(&frames[i]) == 999)
				assert_true(rounds <= 1);
	}
	assert_int_equal(seen, 65);
	f->port->ops->rx_release(f->port);
}

/* A successor gets a new socket; until it is there, packets come by the packet socket. */
static void test_successor(void **state)
{
	struct io_port *packet;
	struct io_frame frame;
	int fd = dup(beside->ops->fd(beside));

	(void)state;
	f->port->ops->close(f->port);
	assert_int_equal(packet_port_attach(fd, &f->ring, f->counters, &packet), 0);
	f->port = beside = packet;
	veth_peer_send_numbered(f, 0, 300);
	veth_expect_numbered(f->port, 0, 300);
	open_xdp(beside, &f->port);
	veth_peer_send_numbered(f, 300, 1);
	assert_true(by_xdp(&frame));
	assert_int_equal(veth_number(&frame), 300);
	f->port->ops->rx_release(f->port);
}

/* What was in the ring when the link went down stays there; the rest is counted. */
static void test_link_down_and_up(void **state)
{
	static uint8_t frames[XDP_TX_FRAMES + 10][100];
	struct pollfd polled = {.fd = f->port->ops->fd(f->port), .events = POLLIN};
	struct io_frame frame;
	unsigned received = 0;

	(void)state;
	veth_queue_numbered(f, frames, 1);
	f->port->ops->tx_flush(f->port);
	veth_peer_expect(f, 0);
	veth_run("ip link set left down");
	veth_queue_numbered(f, frames, XDP_TX_FRAMES);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 1 + SEND_BATCH);
	assert_int_equal(f->dropped[DROP_TX_ERROR], XDP_TX_FRAMES - SEND_BATCH);
	veth_run("ip link set left up");
	/* The kernel takes a moment to notice that there is a carrier again. */
	for (unsigned i = 0; i < WAIT_MS && !received; i++) {
		veth_peer_send_numbered(f, 40, 1);
		poll(&polled, 1, 1);
		received = f->port->ops->rx(f->port, &frame, 1);
	}
	assert_int_equal(received, 1);
	assert_int_equal(veth_number(&frame), 40);
	f->port->ops->rx_release(f->port);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, veth_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_errors),     TEST(test_attach_refuses),   TEST(test_both_ways),
		TEST(test_selection),  TEST(test_partial_checksum), TEST(test_super_packet),
		TEST(test_rings_wrap), TEST(test_ring_full),	    TEST(test_both_have_their_turn),
		TEST(test_successor),  TEST(test_link_down_and_up),
	};

	if (!veth_possible("io_xdp_test"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
