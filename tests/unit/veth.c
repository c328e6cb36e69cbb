/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/veth.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VAIN_MAX 10

const uint8_t left_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t right_mac[6] = {2, 0, 0, 0, 0, 2};

void veth_run(const char *command)
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

int veth_setup(void **state)
{
	static struct veth f;
	struct packet_error error;
	int fd;

	memset(&f, 0, sizeof(f));
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

int veth_teardown(void **state)
{
	struct veth *f = *state;

	f->port->ops->close(f->port);
	close(f->peer);
	return 0;
}

void veth_frame(uint8_t *frame, const uint8_t *dst, uint32_t len, uint32_t number)
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

uint32_t veth_number(const struct io_frame *frame)
{
	uint32_t number;

	assert_true(frame->len >= HEAD_BYTES + sizeof(number));
	memcpy(&number, frame->data + HEAD_BYTES, sizeof(number));
	return number;
}

void veth_peer_send(struct veth *f, const struct io_offload *offload, const void *frame, size_t len)
{
	static uint8_t buffer[sizeof(*offload) + IO_FRAME_BYTES];

	memset(buffer, 0, sizeof(*offload));
	if (offload)
		memcpy(buffer, offload, sizeof(*offload));
	memcpy(buffer + sizeof(*offload), frame, len);
	assert_int_equal(send(f->peer, buffer, sizeof(*offload) + len, 0), sizeof(*offload) + len);
}

void veth_peer_send_numbered(struct veth *f, uint32_t first, uint32_t count)
{
	uint8_t frame[100];

	for (uint32_t i = 0; i < count; i++) {
		veth_frame(frame, left_mac, sizeof(frame), first + i);
		veth_peer_send(f, NULL, frame, sizeof(frame));
	}
}

unsigned veth_receive(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct pollfd polled = {.fd = port->ops->fd(port), .events = POLLIN};
	unsigned n = port->ops->rx(port, frames, max);

	/* What polls readable is there: the port must not look at other slots than the kernel. */
	for (unsigned i = 0; i < VAIN_MAX && !n && poll(&polled, 1, WAIT_MS) == 1; i++)
		n = port->ops->rx(port, frames, max);
	return n;
}

void veth_expect_numbered(struct io_port *port, uint32_t first, uint32_t count)
{
	struct io_frame frames[IO_BURST];
	uint32_t next = first;

	while (next < first + count) {
		unsigned n = veth_receive(port, frames, IO_BURST);

		assert_int_not_equal(n, 0);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(veth_number(&frames[i]), next++);
		port->ops->rx_release(port);
	}
	assert_int_equal(next, first + count);
}

ssize_t veth_peer_receive(struct veth *f, void *buffer, size_t size)
{
	struct pollfd polled = {.fd = f->peer, .events = POLLIN};

	if (poll(&polled, 1, WAIT_MS) != 1)
		return -1;
	return recv(f->peer, buffer, size, MSG_DONTWAIT);
}

void veth_queue_numbered(struct veth *f, uint8_t (*frames)[100], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct io_send send = {.head = frames[i], .head_len = 100};

		veth_frame(frames[i], right_mac, 100, i);
		f->port->ops->tx(f->port, &send);
	}
}

void veth_peer_expect(struct veth *f, uint32_t number)
{
	uint8_t got[2048];
	uint32_t at;

	assert_int_equal(veth_peer_receive(f, got, sizeof(got)), 10 + 100);
	memcpy(&at, got + 10 + HEAD_BYTES, sizeof(at));
	assert_int_equal(at, number);
}

int veth_namespace(void **state)
{
	(void)state;
	veth_run("ip link add left mtu 9000 address 02:00:00:00:00:01 type veth "
		 "peer name right mtu 9000 address 02:00:00:00:00:02");
	/* No frames of the kernel's own between the test's. */
	veth_run("ip link set left addrgenmode none && ip link set right addrgenmode none");
	veth_run("ip link set left up && ip link set right up");
	return 0;
}

bool veth_possible(const char *test)
{
	if (!geteuid() && !unshare(CLONE_NEWNET))
		return true;
	fprintf(stderr, "SKIPPED: %s needs root and network namespaces\n", test);
	return false;
}
