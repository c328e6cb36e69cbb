/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_packet_fanout_test - several sockets on one interface: each frame comes to one of them, and to
 * which is what datapath/io/packet.h says.
 *
 * Needs root; exits with 77 (skipped) without.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/veth.h"

#define SOCKETS 3u
#define SOURCE	0xc0a83207u /* 192.168.50.7 */

struct fan {
	struct veth *veth;
	struct packet_socket sockets[SOCKETS];
	struct io_port *port[SOCKETS];
	bool shared;
};

static void fan_open(struct fan *fan, struct veth *veth, enum packet_spread spread)
{
	struct packet_error error;

	fan->veth = veth;
	if (packet_sockets_open(if_nametoindex("left"), spread, SOCKETS, fan->sockets, &fan->shared,
				&error))
		fail_msg("%s", error.text);
	for (unsigned i = 0; i < SOCKETS; i++)
		assert_int_equal(packet_port_attach(fan->sockets[i].fd, &fan->sockets[i].ring,
						    veth->counters, &fan->port[i]),
				 0);
}

static void fan_close(struct fan *fan)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		fan->port[i]->ops->close(fan->port[i]);
}

struct parcel {
	uint32_t src;
	uint8_t proto;
	uint16_t sport, dport; /* ICMP: its identifier is in both */
	uint16_t id, fragment;
	uint8_t options; /* words of them in the IP header */
};

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, 2);
}

/* The kernel delivers what has a plausible IP header: nothing looks at checksums before us. */
static void fan_send(struct fan *fan, const struct parcel *p, uint32_t number)
{
	uint8_t frame[120], *ip = frame + 14, *l4 = ip + 20 + p->options * 4u;
	uint32_t src = htonl(p->src);

	veth_frame(frame, left_mac, sizeof(frame), number);
	memset(ip, 0, 40);
	ip[0] = (uint8_t)(0x45 + p->options);
	put16(ip + 2, sizeof(frame) - 14);
	put16(ip + 4, p->id);
	put16(ip + 6, p->fragment);
	ip[8] = 64;
	ip[9] = p->proto;
	memcpy(ip + 12, &src, 4);
	if (p->proto == IPPROTO_ICMP) {
		l4[0] = 8;
		put16(l4 + 4, p->sport);
	} else {
		put16(l4, p->sport);
		put16(l4 + 2, p->dport);
	}
	memcpy(frame + 100, &number, sizeof(number));
	veth_peer_send(fan->veth, NULL, frame, sizeof(frame));
}

/* fan_await() - wait for a frame. A link that went down is an error of each socket, told once. */
static void fan_await(struct fan *fan)
{
	struct pollfd polled[SOCKETS];
	bool came = false;

	for (unsigned i = 0; i < SOCKETS; i++)
		polled[i] = (struct pollfd){.fd = fan->sockets[i].fd, .events = POLLIN};
	while (!came) {
		assert_true(poll(polled, SOCKETS, WAIT_MS) > 0);
		for (unsigned i = 0; i < SOCKETS; i++) {
			int error;
			socklen_t bytes = sizeof(error);

			came |= (polled[i].revents & POLLIN) != 0;
			if (polled[i].revents & POLLERR)
				getsockopt(polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
		}
	}
}

/* fan_where() - Return: the only socket to which frame @number came. */
static unsigned fan_where(struct fan *fan, uint32_t number)
{
	unsigned at = SOCKETS;

	fan_await(fan);
	for (unsigned i = 0; i < SOCKETS; i++) {
		struct io_frame frames[IO_BURST];
		unsigned n = fan->port[i]->ops->rx(fan->port[i], frames, IO_BURST);
		uint32_t got;

		if (!n)
			continue;
		assert_int_equal(n, 1);
		assert_int_equal(at, SOCKETS);
		memcpy(&got, frames[0].data + 100, sizeof(got));
		assert_int_equal(got, number);
		at = i;
		fan->port[i]->ops->rx_release(fan->port[i]);
	}
	assert_true(at < SOCKETS);
	return at;
}

static void fan_expect(struct fan *fan, const struct parcel *p, uint32_t choice)
{
	static uint32_t number;

	fan_send(fan, p, ++number);
	assert_int_equal(fan_where(fan, number), choice % SOCKETS);
}

static void test_by_source(void **state)
{
	struct fan fan = {.shared = true};

	fan_open(&fan, *state, PACKET_BY_SOURCE);
	assert_true(fan.shared);
	for (uint16_t i = 0; i < 12; i++) {
		uint32_t src = SOURCE + i / 4u;

		for (uint8_t options = 0; options < 4; options += 3) {
			struct parcel udp = {src, IPPROTO_UDP, 5000 + i, 53, 1, 0, options};
			struct parcel tcp = {src, IPPROTO_TCP, 40000 + i, 443, 2, 0, options};
			struct parcel ping = {src, IPPROTO_ICMP, 77 + i, 77 + i, 3, 0, options};

			fan_expect(&fan, &udp, src ^ (5000u + i));
			fan_expect(&fan, &tcp, src ^ (40000u + i));
			fan_expect(&fan, &ping, src ^ (77u + i));
		}
	}
	fan_close(&fan);
}

static void test_by_port(void **state)
{
	struct fan fan = {.shared = true};

	fan_open(&fan, *state, PACKET_BY_PORT);
	for (uint16_t i = 0; i < 12; i++) {
		struct parcel udp = {SOURCE, IPPROTO_UDP, 53, 20000 + i, 1, 0, 0};
		struct parcel tcp = {SOURCE, IPPROTO_TCP, 443, 30000 + i, 2, 0, 2};
		struct parcel ping = {SOURCE, IPPROTO_ICMP, 77 + i, 77 + i, 3, 0, 0};

		fan_expect(&fan, &udp, 20000u + i);
		fan_expect(&fan, &tcp, 30000u + i);
		fan_expect(&fan, &ping, 77u + i);
	}
	fan_close(&fan);
}

/* The first goes by its ports; the others stay together. */
static void test_fragments(void **state)
{
	for (unsigned spread = PACKET_BY_SOURCE; spread <= PACKET_BY_PORT; spread++) {
		struct fan fan = {.shared = true};

		fan_open(&fan, *state, spread);
		for (uint16_t id = 100; id < 106; id++) {
			struct parcel first = {SOURCE, IPPROTO_UDP, 5000, 6001, id, 0x2000, 0};
			struct parcel later = {SOURCE, IPPROTO_UDP, id, id, id, 0x2064, 0};
			struct parcel last = {SOURCE, IPPROTO_UDP, 9, 9, id, 0x00c8, 0};

			fan_expect(&fan, &first, spread == PACKET_BY_PORT ? 6001 : SOURCE ^ 5000u);
			fan_expect(&fan, &later, SOURCE ^ id);
			fan_expect(&fan, &last, SOURCE ^ id);
		}
		fan_close(&fan);
	}
}

/* The kernel takes the sockets out of the group with the link, and puts them back. */
static void test_order_after_link(void **state)
{
	struct fan fan = {.shared = true};

	fan_open(&fan, *state, PACKET_BY_PORT);
	veth_run("ip link set left down && ip link set left up");
	for (uint16_t i = 0; i < 6; i++) {
		struct parcel udp = {SOURCE, IPPROTO_UDP, 53, 20000 + i, 1, 0, 0};

		fan_expect(&fan, &udp, 20000u + i);
	}
	fan_close(&fan);
}

/* Where the kernel does not spread: the first receives all, each can send. */
static void test_alone(void **state)
{
	struct fan fan = {.shared = false};
	uint8_t frame[100];

	fan_open(&fan, *state, PACKET_BY_PORT);
	assert_false(fan.shared);
	for (uint16_t i = 0; i < 6; i++) {
		struct parcel udp = {SOURCE, IPPROTO_UDP, 53, 20000 + i, 1, 0, 0};

		fan_expect(&fan, &udp, 0);
	}
	for (unsigned i = 0; i < SOCKETS; i++) {
		veth_frame(frame, right_mac, sizeof(frame), i);
		fan.port[i]->ops->tx(fan.port[i],
				     &(struct io_send){.head = frame, .head_len = sizeof(frame)});
		fan.port[i]->ops->tx_flush(fan.port[i]);
		veth_peer_expect(fan.veth, i);
	}
	fan_close(&fan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_source, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_by_port, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_fragments, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_order_after_link, veth_setup, veth_teardown),
		cmocka_unit_test_setup_teardown(test_alone, veth_setup, veth_teardown),
	};

	if (!veth_possible("io_packet_fanout_test"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, veth_namespace, NULL);
}
