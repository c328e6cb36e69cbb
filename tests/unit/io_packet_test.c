/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_packet_test - the AF_PACKET backend on real sockets, at the two ends of a veth.
 *
 * Needs root; exits with 77 (skipped) without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/veth.h"

#define NOBODY 65534

static void test_open_errors(void **state)
{
	struct veth *f = *state;
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
	struct veth *f = *state;
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
	struct veth *f = *state;
	uint8_t frame[100], got[2048];
	struct io_frame frames[4];
	struct io_send send = {.head = frame, .head_len = 60, .tail = frame + 60, .tail_len = 40};
	int ignores = 0;
	socklen_t bytes = sizeof(ignores);

	veth_frame(frame, left_mac, sizeof(frame), 7);
	frame[12] = 0x86; /* IPv6: not for us */
	frame[13] = 0xdd;
	veth_peer_send(f, NULL, frame, sizeof(frame));
	veth_frame(frame, left_mac, sizeof(frame), 8);
	veth_peer_send(f, NULL, frame, sizeof(frame));
	assert_int_equal(veth_receive(f->port, frames, 4), 1);
	assert_int_equal(frames[0].len, sizeof(frame));
	assert_int_equal(frames[0].wire_len, sizeof(frame));
	assert_memory_equal(frames[0].data, frame, sizeof(frame));
	assert_int_equal((uintptr_t)(frames[0].data + 14) % 16, 0);
	assert_false(frames[0].vlan);
	assert_int_equal(frames[0].offload.gso_size, 0);
	f->port->ops->rx_release(f->port);
	assert_int_equal(f->port->ops->rx(f->port, frames, 4), 0);

	veth_frame(frame, right_mac, sizeof(frame), 9);
	f->port->ops->tx(f->port, &send);
	assert_int_equal(f->counted.sent_packets, 0);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->counted.sent_packets, 1);
	assert_int_equal(f->counted.sent_bytes, sizeof(frame));
	assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + sizeof(frame));
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
	struct veth *f = *state;
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

	veth_frame(frame, left_mac, len, 0);
	for (uint32_t i = HEAD_BYTES; i < len; i++)
		frame[i] = (uint8_t)(i * 7);
	veth_peer_send(f, &offload, frame, len);
	assert_int_equal(veth_receive(f->port, frames, 4), 1);
	assert_int_equal(frames[0].len, len);
	assert_int_equal(frames[0].wire_len, len);
	assert_int_equal(frames[0].offload.flags, IO_NEEDS_CSUM);
	assert_int_equal(frames[0].offload.gso_type, IO_GSO_TCPV4);
	assert_int_equal(frames[0].offload.gso_size, 1448);
	assert_int_equal(frames[0].offload.csum_start, 34);
	assert_int_equal(frames[0].offload.csum_offset, 16);
	assert_memory_equal(frames[0].data, frame, len);

	/* Sent on from where it lies, with another head. */
	veth_frame(frame, right_mac, HEAD_BYTES + 4, 0);
	memcpy(frame + 14, frames[0].data + 14, HEAD_BYTES + 4 - 14);
	send = (struct io_send){.head = frame,
				.head_len = HEAD_BYTES,
				.tail = frames[0].data + HEAD_BYTES,
				.tail_len = len - HEAD_BYTES,
				.offload = frames[0].offload};
	f->port->ops->tx(f->port, &send);
	f->port->ops->tx_flush(f->port);
	f->port->ops->rx_release(f->port);
	assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + len);
	assert_int_equal(((struct io_offload *)(void *)got)->gso_size, 1448);
	assert_memory_equal(got + 10, frame, HEAD_BYTES);
	assert_memory_equal(got + 10 + HEAD_BYTES, frame + HEAD_BYTES, len - HEAD_BYTES);
	assert_int_equal(f->counted.sent_packets, segments);
	assert_int_equal(f->counted.sent_bytes, len + (segments - 1) * HEAD_BYTES);
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_ring_wraps(void **state)
{
	struct veth *f = *state;
	uint32_t at = 0;

	assert_true(f->slots >= 256);
	for (unsigned round = 0; round < 5; round++, at += f->slots - 7) {
		veth_peer_send_numbered(f, at, f->slots - 7);
		veth_expect_numbered(f->port, at, f->slots - 7);
	}
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_ring_full(void **state)
{
	struct veth *f = *state;
	uint64_t lost = 0;

	veth_peer_send_numbered(f, 0, f->slots + 100);
	/* The kernel may deliver the last ones a moment after they were sent. */
	for (unsigned i = 0; i < WAIT_MS && lost < 100; i++) {
		lost += f->port->ops->lost(f->port);
		poll(NULL, 0, lost < 100);
	}
	assert_int_equal(lost, 100);
	assert_int_equal(f->port->ops->lost(f->port), 0);
	veth_expect_numbered(f->port, 0, f->slots);
	veth_peer_send_numbered(f, 5000, 10);
	veth_expect_numbered(f->port, 5000, 10);
}

/* send_mixed() - frames of 100 and of 5000 bytes, numbered; of three one is large. */
static void send_mixed(struct veth *f, uint32_t first, uint32_t count)
{
	static uint8_t frame[5000];

	for (uint32_t i = first; i < first + count; i++) {
		uint32_t len = i % 3 ? 100 : sizeof(frame);

		veth_frame(frame, left_mac, len, i);
		memset(frame + len - 8, (int)i, 8);
		veth_peer_send(f, NULL, frame, len);
	}
}

/* expect_mixed() - they come whole and in order, and of the large ones all from @large on. */
static void expect_mixed(struct io_port *port, uint32_t first, uint32_t count, uint32_t large)
{
	struct io_frame frames[IO_BURST];
	uint32_t next = first;

	while (next < first + count) {
		unsigned n = veth_receive(port, frames, IO_BURST);

		for (unsigned i = 0; i < n; i++, next++) {
			uint32_t number = veth_number(&frames[i]);

			while (next < large && next < number && next % 3 == 0)
				next++;
			assert_int_equal(number, next);
			assert_int_equal(frames[i].len, next % 3 ? 100 : 5000);
			assert_int_equal(frames[i].wire_len, frames[i].len);
			assert_int_equal(frames[i].data[frames[i].len - 1], next & 0xff);
			assert_int_equal((uintptr_t)(frames[i].data + 14) % 16, 0);
		}
		assert_int_not_equal(n, 0);
		port->ops->rx_release(port);
	}
}

static void test_larger_than_a_slot(void **state)
{
	struct veth *f = *state;

	for (uint32_t at = 0; at < 3000; at += 300) {
		send_mixed(f, at, 300);
		expect_mixed(f->port, at, 300, 0);
	}
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

/* More large frames than the socket may hold: those without room are lost and counted. */
static void test_large_ones_overflow(void **state)
{
	struct veth *f = *state;
	struct io_frame frames[IO_BURST];
	unsigned received = 0, n;
	uint64_t lost;

	send_mixed(f, 0, 6000);
	while ((n = f->port->ops->rx(f->port, frames, IO_BURST)) > 0)
		received += n;
	lost = f->port->ops->lost(f->port);
	assert_in_range(lost, 1, 1999);
	assert_int_equal(received + lost, 6000);
	send_mixed(f, 9000, 300);
	expect_mixed(f->port, 9000, 300, 0);
	assert_int_equal(f->port->ops->lost(f->port), 0);
}

static void test_slot_too_small(void **state)
{
	struct veth *f = *state;
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
	veth_frame(frame, left_mac, sizeof(frame), 3);
	veth_peer_send(f, NULL, frame, sizeof(frame));
	veth_frame(frame, left_mac, 100, 4);
	veth_peer_send(f, NULL, frame, 100);
	assert_int_equal(veth_receive(port, frames, 4), 1);
	assert_int_equal(veth_number(&frames[0]), 4);
	assert_int_equal(port->ops->lost(port), 1);
	port->ops->close(port);

	/* A geometry that lies about the slots must not lead out of them. */
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ring.frame_bytes = 1024;
	assert_int_equal(packet_port_attach(fd, &ring, f->counters, &port), 0);
	veth_peer_send(f, NULL, frame, 1600);
	assert_int_equal(veth_receive(port, frames, 1), 1);
	assert_int_equal(frames[0].len, 0);
	assert_true(frames[0].wire_len > frames[0].len);
	port->ops->close(port);
}

static void test_vlan(void **state)
{
	struct veth *f = *state;
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

		veth_frame(frame, cases[i].mac, 100, (uint32_t)i);
		if (cases[i].tagged) {
			memmove(frame + 16, frame + 12, 88);
			frame[12] = 0x81;
			frame[13] = 0;
			frame[14] = (uint8_t)(cases[i].tci >> 8);
			frame[15] = (uint8_t)cases[i].tci;
		}
		veth_peer_send(f, NULL, frame, cases[i].tagged ? 104 : 100);
		assert_int_equal(veth_receive(f->port, frames, 2), 1);
		assert_int_equal(frames[0].len, 100);
		assert_int_equal(veth_number(&frames[0]), i);
		assert_int_equal(frames[0].vlan, cases[i].vlan);
		f->port->ops->rx_release(f->port);
	}
}

static void test_link_down_and_up(void **state)
{
	struct veth *f = *state;
	struct pollfd polled = {.fd = f->port->ops->fd(f->port), .events = POLLIN};
	struct io_frame frame;
	unsigned received = 0;
	uint8_t frames[1][100];
	int error = 0;
	socklen_t bytes = sizeof(error);

	veth_run("ip link set left down");
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
	assert_true(polled.revents & POLLERR);
	assert_int_equal(getsockopt(polled.fd, SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
	assert_int_equal(error, ENETDOWN);
	assert_int_equal(poll(&polled, 1, 0), 0);
	veth_queue_numbered(f, frames, 1);
	f->port->ops->tx_flush(f->port);
	assert_int_equal(f->dropped[DROP_TX_ERROR], 1);
	veth_run("ip link set left up");
	/* The kernel takes a moment to notice that there is a carrier again. */
	for (unsigned i = 0; i < WAIT_MS && !received; i++) {
		veth_peer_send_numbered(f, 40, 1);
		poll(&polled, 1, 1);
		received = f->port->ops->rx(f->port, &frame, 1);
	}
	assert_int_equal(received, 1);
	assert_int_equal(veth_number(&frame), 40);
	veth_queue_numbered(f, frames, 1);
	f->port->ops->tx_flush(f->port);
	veth_peer_expect(f, 0);
}

/* A port whose owner has been killed: its successor goes on with the same socket. */
static void take_over(struct veth *f, struct io_port **port)
{
	int fd = dup(f->port->ops->fd(f->port));

	assert_true(fd >= 0);
	assert_int_equal(packet_port_attach(fd, &f->ring, f->counters, port), 0);
}

static void test_taken_over(void **state)
{
	struct veth *f = *state;
	struct io_frame frames[IO_BURST];
	struct io_port *second, *third;

	/* In the middle of a burst: what was lent comes again, nothing is lost. */
	veth_peer_send_numbered(f, 0, 300);
	veth_expect_numbered(f->port, 0, 300);
	veth_peer_send_numbered(f, 300, 100);
	assert_int_equal(veth_receive(f->port, frames, 10), 10);
	take_over(f, &second);
	veth_expect_numbered(second, 300, 100);
	/* With an empty ring, wherever the kernel goes on. */
	take_over(f, &third);
	assert_int_equal(third->ops->rx(third, frames, 1), 0);
	veth_peer_send_numbered(f, 400, f->slots - 1);
	veth_expect_numbered(third, 400, f->slots - 1);
	veth_peer_send_numbered(f, 5000, f->slots);
	veth_expect_numbered(third, 5000, f->slots);
	second->ops->close(second);
	third->ops->close(third);
	f->port->ops->rx_release(f->port);
}

/* The large frames that the predecessor had read are gone with it, and no others. */
static void test_taken_over_large(void **state)
{
	struct veth *f = *state;
	struct io_frame frames[IO_BURST];
	struct io_port *second;

	send_mixed(f, 0, 300);
	assert_int_equal(veth_receive(f->port, frames, 30), 30);
	take_over(f, &second);
	expect_mixed(second, 0, 300, 30);
	assert_int_equal(second->ops->lost(second), 10);
	send_mixed(f, 300, 300);
	expect_mixed(second, 300, 300, 0);
	assert_int_equal(second->ops->lost(second), 0);
	second->ops->close(second);
	f->port->ops->rx_release(f->port);
}

static void test_taken_over_full(void **state)
{
	struct veth *f = *state;
	struct io_port *second;

	veth_peer_send_numbered(f, 0, 100);
	veth_expect_numbered(f->port, 0, 100);
	veth_peer_send_numbered(f, 200, f->slots + 1);
	take_over(f, &second);
	veth_expect_numbered(second, 200, f->slots);
	veth_peer_send_numbered(f, 20000, f->slots + 100);
	veth_expect_numbered(second, 20000, f->slots);
	second->ops->close(second);
}

/* Somebody else has emptied the slots at which we wait: we find the kernel again. */
static void test_out_of_step(void **state)
{
	struct veth *f = *state;
	struct io_frame frames[1];
	struct io_port *second;
	unsigned looks = 0;

	veth_peer_send_numbered(f, 0, 10);
	veth_expect_numbered(f->port, 0, 10);
	take_over(f, &second);
	veth_peer_send_numbered(f, 10, 10);
	veth_expect_numbered(second, 10, 10);
	veth_peer_send_numbered(f, 20, 10);
	while (!f->port->ops->rx(f->port, frames, 1) && looks < 20000)
		looks++;
	assert_in_range(looks, 16000, 17000);
	assert_int_equal(veth_number(&frames[0]), 20);
	veth_expect_numbered(f->port, 21, 9);
	second->ops->close(second);
}

/* The same with a large frame, which stays in the queue without a slot that announces it. */
static void test_out_of_step_large(void **state)
{
	struct veth *f = *state;
	size_t bytes = (size_t)f->ring.block_bytes * f->ring.blocks;
	void *map =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->port->ops->fd(f->port), 0);
	struct tpacket2_hdr *slot = map;
	struct io_frame frames[1];
	unsigned looks = 0;

	assert_true(map != MAP_FAILED);
	send_mixed(f, 0, 1);
	for (unsigned i = 0; i < WAIT_MS && !(slot->tp_status & TP_STATUS_USER); i++)
		poll(NULL, 0, 1);
	assert_true(slot->tp_status & TP_STATUS_COPY);
	assert_int_equal(f->port->ops->rx(f->port, frames, 0), 0); /* finds the place */
	slot->tp_status = TP_STATUS_KERNEL;
	send_mixed(f, 1, 2);
	while (!f->port->ops->rx(f->port, frames, 1) && looks < 20000)
		looks++;
	assert_in_range(looks, 16000, 17000);
	assert_int_equal(veth_number(&frames[0]), 1);
	send_mixed(f, 3, 300);
	expect_mixed(f->port, 2, 301, 0);
	assert_int_equal(f->port->ops->lost(f->port), 0);
	munmap(map, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_errors, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_attach_refuses, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_both_ways, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_super_packet, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_ring_wraps, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_ring_full, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_larger_than_a_slot, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_large_ones_overflow, veth_setup,
						veth_teardown),
		cmocka_unit_test_setup_teardown(test_slot_too_small, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_vlan, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_link_down_and_up, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over_large, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over_full, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_out_of_step, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_out_of_step_large, veth_setup, veth_teardown),
	};

	if (!veth_possible("io_packet_test"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, veth_namespace, NULL);
}
