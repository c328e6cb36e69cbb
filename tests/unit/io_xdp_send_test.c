/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_xdp_send_test - an AF_XDP socket that only sends, beside a packet port, on real sockets: what
 * goes by it, in which order, and what becomes of frames that the kernel does not take.
 *
 * sendto() and sendmmsg() are replaced, so that they can be counted, and fail as an interface may.
 * Needs root; exits with 77 (skipped) without.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "datapath/io/xdp.h"
#include "tests/unit/veth.h"

#define MANY 400u

static struct veth *f;
static struct xdp_socket xdp;
static unsigned by_packet; /* frames handed to sendmmsg() */
static unsigned by_ring;   /* calls of sendto() that were passed on */
static int ring_error;	   /* of sendto(), nothing being sent; 0: pass on */

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	int sent = (int)syscall(SYS_sendmmsg, fd, messages, n, flags);

	by_packet += sent > 0 ? (unsigned)sent : 0;
	return sent;
}

ssize_t sendto(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to,
	       socklen_t to_bytes)
{
	if (ring_error) {
		errno = ring_error;
		return -1;
	}
	by_ring++;
	return syscall(SYS_sendto, fd, data, bytes, flags, to, to_bytes);
}

static void bind_it(void)
{
	struct xdp_error error;
	bool zero_copy;
	int code = -EBUSY;

	/* the kernel needs a moment to forget the socket of the test before */
	for (unsigned i = 0; i < WAIT_MS && code == -EBUSY; i++) {
		code = xdp_socket_bind(&xdp, if_nametoindex("left"), &zero_copy, &error);
		if (code == -EBUSY)
			poll(NULL, 0, 1);
	}
	assert_int_equal(code, 0);
	assert_false(zero_copy);
}

static int setup_unbound(void **state)
{
	struct xdp_error error;
	struct io_port *packet;

	if (veth_setup(state))
		return -1;
	f = *state;
	packet = f->port;
	assert_int_equal(xdp_socket_open(&xdp, XDP_FRAME_BYTES_MIN, true, &error), 0);
	assert_int_equal(xdp_port_attach(&xdp, packet, f->counters, &f->port), 0);
	close(xdp.memory_fd);
	ring_error = 0;
	by_packet = by_ring = 0;
	return 0;
}

static int setup(void **state)
{
	if (setup_unbound(state))
		return -1;
	bind_it();
	return 0;
}

static void send_one(uint32_t number, uint32_t len, bool super)
{
	static uint8_t frames[MANY][4000];
	uint8_t *frame = frames[number % MANY];
	struct io_send send = {.head = frame, .head_len = len};

	veth_frame(frame, right_mac, len, number);
	if (super)
		send.offload = (struct io_offload){.flags = IO_NEEDS_CSUM,
						   .gso_type = IO_GSO_TCPV4,
						   .hdr_len = HEAD_BYTES,
						   .gso_size = 1000,
						   .csum_start = 34,
						   .csum_offset = 16};
	f->port->ops->tx(f->port, &send);
}

static void send_numbered(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		send_one(i, 100, false);
	f->port->ops->tx_flush(f->port);
}

/* expect() - the next that arrives at the peer; frames of any length. */
static void expect(uint32_t number)
{
	static uint8_t got[10 + IO_FRAME_BYTES];
	struct io_frame frame = {.data = got + 10};
	ssize_t len = veth_peer_receive(f, got, sizeof(got));

	assert_true(len > 10);
	frame.len = (uint32_t)len - 10;
	assert_int_equal(veth_number(&frame), number);
}

static bool peer_has_tso(void)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTSO};
	struct ifreq request = {.ifr_data = (char *)&value};

	memcpy(request.ifr_name, "right", sizeof("right"));
	assert_int_equal(ioctl(f->peer, SIOCETHTOOL, &request), 0);
	return value.data;
}

/* It sends, the packet port receives, and the peer goes on sending super-packets. */
static void test_both_ways(void **state)
{
	(void)state;
	send_numbered(0, MANY);
	for (uint32_t i = 0; i < MANY; i++)
		expect(i);
	assert_int_equal(f->counted.sent_packets, MANY);
	assert_int_equal(f->counted.sent_bytes, MANY * 100);
	assert_int_equal(by_packet, 0);
	assert_true(by_ring >= MANY / 64);
	veth_peer_send_numbered(f, 7, 200);
	veth_expect_numbered(f->port, 7, 200);
	assert_int_equal(f->port->ops->lost(f->port), 0);
	assert_true(peer_has_tso());
}

/* More frames than the ring has slots, many times over. */
static void test_slots_come_back(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20 * XDP_TX_FRAMES; i += 256) {
		send_numbered(i, 256);
		for (uint32_t j = 0; j < 256; j++)
			expect(i + j);
	}
	assert_int_equal(by_packet, 0);
	assert_int_equal(f->dropped[DROP_TX_FULL], 0);
}

/* Whatever the mixture of frames for either way: as sent, so received. */
static void test_order(void **state)
{
	uint32_t random = 12345, supers = 0, length;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		random = random * 1664525u + 1013904223u;
		length = 60 + (random >> 16) % 1400;
		/* neither kind always alone, nor always in turn with the other */
		if (random >> 30 == 1 || (i > 200 && i & 1)) {
			supers++;
			send_one(i, 3054, true);
		} else {
			send_one(i, length, false);
		}
		if (random >> 28 == 5)
			f->port->ops->tx_flush(f->port);
	}
	f->port->ops->tx_flush(f->port);
	for (uint32_t i = 0; i < MANY; i++)
		expect(i);
	assert_true(supers > 100);
	assert_int_equal(by_packet, supers);
	assert_int_equal(f->counted.sent_packets, MANY - supers + 3 * supers);
}

/* More super-packets than the packet port queues, behind one that waits in the ring. */
static void test_order_of_many(void **state)
{
	(void)state;
	send_one(0, 100, false);
	for (uint32_t i = 1; i < MANY - 1; i++)
		send_one(i, 3054, true);
	send_one(MANY - 1, 100, false);
	f->port->ops->tx_flush(f->port);
	for (uint32_t i = 0; i < MANY; i++)
		expect(i);
}

/* A frame longer than a slot, as with large MTUs. */
static void test_longer_than_a_slot(void **state)
{
	(void)state;
	send_one(0, 100, false);
	send_one(1, XDP_FRAME_BYTES_MIN + 1, false);
	send_one(2, XDP_FRAME_BYTES_MIN, false);
	f->port->ops->tx_flush(f->port);
	for (uint32_t i = 0; i < 3; i++)
		expect(i);
	assert_int_equal(by_packet, 1);
}

/* All goes by the packet port until the socket is bound. */
static void test_not_bound_yet(void **state)
{
	(void)state;
	send_numbered(0, 100);
	assert_int_equal(by_packet, 100);
	assert_int_equal(by_ring, 1); /* asked once between two flushes */
	bind_it();
	send_numbered(100, 100);
	assert_int_equal(by_packet, 100);
	for (uint32_t i = 0; i < 200; i++)
		expect(i);
	assert_int_equal(f->counted.sent_packets, 200);
}

/* A device that takes nothing for a while: that is counted, nothing comes late, and no slot is
 * lost. */
static void test_device_full(void **state)
{
	(void)state;
	send_numbered(0, 1);
	expect(0);
	for (uint32_t i = 0; i < 3 * XDP_TX_FRAMES / 64; i++) {
		ring_error = EAGAIN;
		send_numbered(1, 64);
		send_one(65, 3054, true);
		ring_error = 0;
		send_one(66, 100, false);
		f->port->ops->tx_flush(f->port);
		expect(65);
		expect(66);
		/* no slot has two owners: a batch arrives as it was sent */
		send_numbered(100, 64);
		for (uint32_t j = 0; j < 64; j++)
			expect(100 + j);
		assert_int_equal(f->dropped[DROP_TX_FULL], 64 * (i + 1));
		assert_int_equal(f->counted.sent_packets, 1 + (4 + 64) * (i + 1));
	}
}

/* So it is with a link that is down. */
static void test_link_down(void **state)
{
	static uint8_t got[2048];
	struct pollfd polled = {.fd = f->peer, .events = POLLIN};
	uint32_t number = 1;

	(void)state;
	send_numbered(0, 1);
	expect(0);
	veth_run("ip link set left down");
	send_numbered(1, MANY);
	assert_int_equal(f->dropped[DROP_TX_ERROR], MANY);
	assert_int_equal(f->counted.sent_packets, 1);
	veth_run("ip link set left up");
	/* The kernel takes a moment to notice that there is a carrier again. */
	for (uint32_t i = 0; i < WAIT_MS && !polled.revents; i++) {
		send_numbered(MANY + 1 + i, 1);
		poll(&polled, 1, 1);
	}
	assert_true(veth_peer_receive(f, got, sizeof(got)) > 0);
	memcpy(&number, got + 10 + HEAD_BYTES, sizeof(number));
	assert_true(number > MANY); /* none of those of before comes late */
	by_packet = 0;
	send_numbered(0, 1);
	assert_int_equal(by_packet, 0);
}

/* What is queued when the port is closed goes. */
static void test_close_sends(void **state)
{
	(void)state;
	send_numbered(0, 1);
	for (uint32_t i = 1; i < 20; i++)
		send_one(i, 100, false);
	f->port->ops->close(f->port);
	for (uint32_t i = 0; i < 20; i++)
		expect(i);
	close(f->peer);
}

/* The last one: the interface goes, with what the ring has. */
static void test_interface_gone(void **state)
{
	(void)state;
	send_numbered(0, 1);
	veth_run("ip link del left");
	/* one batch meets the end in the ring; the rest goes by the packet socket, which fails, too
	 */
	send_numbered(1, 100);
	assert_int_equal(f->counted.sent_packets, 1);
	assert_int_equal(f->counted.sent_bytes, 100);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 100);
	send_numbered(101, 1);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 101);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, veth_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_slots_come_back),
		TEST(test_order),
		TEST(test_order_of_many),
		TEST(test_longer_than_a_slot),
		cmocka_unit_test_setup_teardown(test_not_bound_yet, setup_unbound, veth_teardown),
		TEST(test_device_full),
		TEST(test_link_down),
		cmocka_unit_test_setup(test_close_sends, setup),
		TEST(test_interface_gone),
	};

	if (!veth_possible("io_xdp_send_test"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, veth_namespace, NULL);
}
