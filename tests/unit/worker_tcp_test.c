/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP through the whole datapath: RFC 5382, RFC 7857, RFC 5961. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/flow/tcp.h"
#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.1"
#define TICK   (1ull << FLOW_TICK_SHIFT)

/* One connection from CLIENT:5000 to the service. */
struct connection {
	struct harness *h;
	uint16_t external;
	uint32_t client_seq, server_seq; /* next to send */
};

static struct probe from_client(const struct connection *c, uint8_t flags, uint16_t payload)
{
	return (struct probe){.src = CLIENT,
			      .sport = 5000,
			      .dst = VIP,
			      .dport = 443,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = flags,
			      .payload = payload,
			      .seq = c->client_seq,
			      .ack = flags & TCP_ACK ? c->server_seq : 0};
}

static struct probe from_server(const struct connection *c, uint8_t flags, uint16_t payload)
{
	return (struct probe){.src = VC,
			      .sport = 443,
			      .dst = GW,
			      .dport = c->external,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = flags,
			      .payload = payload,
			      .seq = c->server_seq,
			      .ack = c->client_seq};
}

static void client(struct connection *c, uint8_t flags, uint16_t payload)
{
	struct probe p = from_client(c, flags, payload);

	harness_send(c->h, VRACK, &p);
	c->external = harness_expect(c->h, VSPHERE,
				     &(struct probe){.src = GW, .dst = VC, .dport = 443}, NULL);
	c->client_seq += payload + !!(flags & (TCP_SYN | TCP_FIN));
}

static void server(struct connection *c, uint8_t flags, uint16_t payload)
{
	struct probe p = from_server(c, flags, payload);

	harness_send(c->h, VSPHERE, &p);
	harness_expect(c->h, VRACK, &(struct probe){.src = VIP, .dst = CLIENT, .dport = 5000},
		       NULL);
	c->server_seq += payload + !!(flags & (TCP_SYN | TCP_FIN));
}

static enum flow_tcp_state state_of(const struct connection *c)
{
	return (enum flow_tcp_state)c->h->worker->table.records[0].tcp_state;
}

static struct connection connect_through(void)
{
	struct connection c = {.h = harness_open(harness_config, 1024),
			       .client_seq = 0xffffff00u, /* wraps soon */
			       .server_seq = 0x7fffff00u};

	client(&c, TCP_SYN, 0);
	assert_int_equal(state_of(&c), TCP_SYN_SENT);
	server(&c, TCP_SYN | TCP_ACK, 0);
	assert_int_equal(state_of(&c), TCP_SYN_BOTH);
	client(&c, TCP_ACK, 0);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	return c;
}

/* A SYN-ACK that a bad cable has changed is refused by the client, who has a checksum to go by, and
 * sent again: the connection is followed from the one that is right. */
static void test_answered_again(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		struct connection c = {.h = harness_open(harness_config, 1024),
				       .client_seq = 0xffffff00u,
				       .server_seq = 0x7fffff00u};
		uint32_t right = c.server_seq;

		client(&c, TCP_SYN, 0);
		c.server_seq ^= 1u << bit;
		server(&c, TCP_SYN | TCP_ACK, 0);
		c.server_seq = right;
		server(&c, TCP_SYN | TCP_ACK, 0);
		client(&c, TCP_ACK, 100);
		server(&c, TCP_ACK, 1000);
		assert_int_equal(state_of(&c), TCP_ESTABLISHED);
		harness_expect_drop(c.h, DROP_TCP_WINDOW, 0);
		harness_close(c.h);
	}
}

static void test_life(void **state)
{
	struct connection c = connect_through();

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		client(&c, TCP_ACK, 1000);
		server(&c, TCP_ACK, 1400);
	}
	client(&c, TCP_ACK | TCP_FIN, 0);
	assert_int_equal(state_of(&c), TCP_FIN_0);
	server(&c, TCP_ACK, 500); /* half closed: data still flows the other way */
	client(&c, TCP_ACK, 0);
	server(&c, TCP_ACK | TCP_FIN, 0);
	assert_int_equal(state_of(&c), TCP_CLOSED);
	client(&c, TCP_ACK, 0);
	assert_int_equal(c.h->counters.flows, 1);
	harness_advance(c.h, 239 * SECOND);
	assert_int_equal(c.h->counters.flows, 1);
	harness_advance(c.h, 2 * SECOND);
	assert_int_equal(c.h->counters.flows, 0);
	/* its end was seen: the port does not rest (RFC 6888 REQ-8 C) */
	assert_int_equal(c.h->counters.mappings, 0);
	harness_close(c.h);
}

static void test_not_syn(void **state)
{
	struct connection c = {
		.h = harness_open(harness_config, 1024), .client_seq = 1, .server_seq = 1};
	uint8_t flags[] = {TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK};

	(void)state;
	for (unsigned i = 0; i < sizeof(flags); i++) {
		struct probe p = from_client(&c, flags[i], 0);

		harness_send(c.h, VRACK, &p);
	}
	harness_expect_nothing(c.h);
	harness_expect_drop(c.h, DROP_TCP_NOT_SYN, sizeof(flags));
	assert_int_equal(c.h->counters.flows_created, 0);
	harness_close(c.h);
}

/* T3: each state's timer, one tick before and one after */
static void timer(enum flow_tcp_state wanted, uint64_t timeout_s)
{
	for (int after = 0; after < 2; after++) {
		struct connection c;
		struct probe p;

		if (wanted == TCP_ESTABLISHED) {
			c = connect_through();
		} else {
			c = (struct connection){.h = harness_open(harness_config, 1024),
						.client_seq = 5};
			client(&c, TCP_SYN, 0);
		}
		assert_int_equal(state_of(&c), wanted);
		c.h->now_ns += timeout_s * SECOND + (after ? 2 * TICK : -2 * TICK);
		p = wanted == TCP_ESTABLISHED ? from_server(&c, TCP_ACK, 0)
					      : from_server(&c, TCP_SYN | TCP_ACK, 0);
		harness_send(c.h, VSPHERE, &p);
		assert_int_equal(mem_port_sent(c.h->io[VRACK]), after ? 0 : 1);
		harness_close(c.h);
	}
}

static void test_timers(void **state)
{
	(void)state;
	timer(TCP_ESTABLISHED, 7440);
	timer(TCP_SYN_SENT, 240);
}

/* T1: simultaneous open */
static void test_simultaneous_open(void **state)
{
	struct connection c = {
		.h = harness_open(harness_config, 1024), .client_seq = 100, .server_seq = 900};
	struct probe p;

	(void)state;
	client(&c, TCP_SYN, 0);
	p = from_server(&c, TCP_SYN, 0);
	p.ack = 0;
	harness_send(c.h, VSPHERE, &p);
	harness_expect(c.h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	c.server_seq++;
	assert_int_equal(state_of(&c), TCP_SYN_BOTH);
	/* each answers the other's SYN with SYN-ACK, its own SYN repeated */
	p = from_client(&c, TCP_SYN | TCP_ACK, 0);
	p.seq = c.client_seq - 1;
	harness_send(c.h, VRACK, &p);
	harness_expect(c.h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	p = from_server(&c, TCP_SYN | TCP_ACK, 0);
	p.seq = c.server_seq - 1;
	harness_send(c.h, VSPHERE, &p);
	harness_expect(c.h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	client(&c, TCP_ACK, 10);
	server(&c, TCP_ACK, 10);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	harness_close(c.h);
}

/* T5: only the exact next sequence number resets */
static void test_rst(void **state)
{
	struct connection c = connect_through();
	struct probe p = from_server(&c, TCP_RST, 0);

	(void)state;
	p.seq = c.server_seq + 1000; /* in the window: passes, its receiver will challenge it */
	harness_send(c.h, VSPHERE, &p);
	harness_expect(c.h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	p.seq = c.server_seq + 0x10000000u; /* not in the window */
	harness_send(c.h, VSPHERE, &p);
	harness_expect_nothing(c.h);
	harness_expect_drop(c.h, DROP_TCP_WINDOW, 1);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	client(&c, TCP_ACK, 100);
	p.seq = c.server_seq;
	harness_send(c.h, VSPHERE, &p);
	harness_expect(c.h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	assert_int_equal(state_of(&c), TCP_RESET);
	/* transitory, and what still comes passes but does not revive it */
	harness_advance(c.h, 200 * SECOND);
	client(&c, TCP_ACK, 100);
	assert_int_equal(state_of(&c), TCP_RESET);
	harness_advance(c.h, 41 * SECOND);
	assert_int_equal(c.h->counters.flows, 0);
	harness_close(c.h);
}

/* T5: a million blind segments of an attacker who knows addresses and ports */
static void test_blind_attack(void **state)
{
	struct connection c = connect_through();
	uint32_t random = 1;
	const uint8_t flags[] = {TCP_RST, TCP_SYN, TCP_ACK, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK};
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;
	unsigned reset = 0;

	(void)state;
	assert_non_null(frame);
	client(&c, TCP_ACK, 100);
	server(&c, TCP_ACK, 100);
	for (unsigned i = 0; i < 1000000; i++) {
		struct probe probe = from_server(&c, flags[i % sizeof(flags)], 0);

		random = random * 1664525u + 1013904223u;
		probe.seq = random;
		random = random * 1664525u + 1013904223u;
		probe.ack = random;
		if (probe.seq == c.server_seq)
			continue;
		harness_build(VSPHERE, &probe, frame);
		assert_true(mem_port_push(c.h->io[VSPHERE], frame->data, frame->len, NULL, false));
		if (i % 512 == 511) {
			harness_run(c.h);
			while (mem_port_pop(c.h->io[VRACK], frame->data, sizeof(frame->data), NULL))
				;
		}
		reset += state_of(&c) != TCP_ESTABLISHED;
	}
	harness_run(c.h);
	while (harness_take(c.h, VRACK, frame, &p))
		;
	assert_int_equal(reset, 0);
	client(&c, TCP_ACK, 100);
	server(&c, TCP_ACK, 100);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	assert_true(c.h->counters.dropped[DROP_TCP_WINDOW] > 500000);
	free(frame);
	harness_close(c.h);
}

/* A new connection from the same port: RFC 6191 */
static void reopen(uint32_t distance)
{
	struct connection c = connect_through();
	uint16_t external = c.external;

	client(&c, TCP_ACK | TCP_FIN, 0);
	server(&c, TCP_ACK | TCP_FIN, 0);
	client(&c, TCP_ACK, 0);
	/* the next number may lie before the old one's, in half of all cases */
	c.client_seq += distance;
	client(&c, TCP_SYN, 0);
	assert_int_equal(state_of(&c), TCP_SYN_SENT);
	assert_int_equal(c.external, external);
	c.server_seq += 99999;
	server(&c, TCP_SYN | TCP_ACK, 0);
	client(&c, TCP_ACK, 0);
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	harness_advance(c.h,
			3600 * SECOND); /* it is on the wheel, not in the queue of the closed */
	server(&c, TCP_ACK, 1);
	harness_close(c.h);
}

/* A client that uses its port again for another connection, soon or when its first numbers have
 * gone half around. */
static void test_reopen(void **state)
{
	(void)state;
	reopen(70000);
	reopen(0x7e000000u);
	reopen(0x81000000u);
	reopen(0u - 5000);
}

/* The kernel's programs cannot tell a damaged segment from a FIN. What its sender says next shows
 * that it was none: the connection lives on, whatever the other end has done meanwhile. */
static void test_false_fin(void **state)
{
	struct connection c = connect_through();

	(void)state;
	client(&c, TCP_ACK | TCP_FIN, 100);
	assert_int_equal(state_of(&c), TCP_FIN_0);
	c.client_seq -= 101; /* the right one, which the server waits for */
	client(&c, TCP_ACK, 100);
	server(&c, TCP_ACK | TCP_FIN, 1000);
	assert_int_equal(state_of(&c), TCP_CLOSED);
	client(&c, TCP_ACK, 0);
	assert_int_equal(state_of(&c), TCP_CLOSED);
	client(&c, TCP_ACK, 500);
	assert_int_equal(state_of(&c), TCP_FIN_1);
	harness_advance(c.h, 3600 * SECOND);
	client(&c, TCP_ACK, 500);
	server(&c, TCP_ACK, 0);
	client(&c, TCP_ACK | TCP_FIN, 10);
	assert_int_equal(state_of(&c), TCP_CLOSED);
	harness_advance(c.h, 300 * SECOND);
	assert_int_equal(c.h->worker->table.used, 0);
	harness_close(c.h);
}

/* A client that was switched off, or whose end was not seen, uses its port again, and the server
 * has forgotten the former connection, too: the new one is followed from its SYN-ACK on. One that
 * answers another SYN changes nothing. */
static void begin_anew(uint8_t former_flags, unsigned former_side, uint32_t distance)
{
	struct connection c = connect_through();
	enum flow_tcp_state former;

	if (former_side)
		server(&c, former_flags, 100);
	else
		client(&c, former_flags, 100);
	former = state_of(&c);
	c.client_seq += distance;
	client(&c, TCP_SYN, 0);
	assert_int_equal(state_of(&c), former);
	c.server_seq += 0x40000000u;
	c.client_seq++;
	server(&c, TCP_SYN | TCP_ACK, 0); /* of nobody */
	assert_int_equal(state_of(&c), former);
	c.client_seq--;
	c.server_seq += 0x10000000u;
	server(&c, TCP_SYN | TCP_ACK, 0);
	assert_int_equal(state_of(&c), TCP_SYN_BOTH);
	client(&c, TCP_ACK, 0);
	for (unsigned i = 0; i < 100; i++) {
		client(&c, TCP_ACK, 1000);
		server(&c, TCP_ACK, 1400);
	}
	assert_int_equal(state_of(&c), TCP_ESTABLISHED);
	harness_expect_drop(c.h, DROP_TCP_WINDOW, 0);
	harness_advance(c.h, 3600 * SECOND);
	server(&c, TCP_ACK | TCP_FIN, 0);
	client(&c, TCP_ACK | TCP_FIN, 0);
	assert_int_equal(state_of(&c), TCP_CLOSED);
	harness_close(c.h);
}

static void test_begin_anew(void **state)
{
	static const uint32_t distances[] = {0, 70000, 0x20000000u, 0x81000000u};

	(void)state;
	for (unsigned i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		begin_anew(TCP_ACK, 0, distances[i]);
		begin_anew(TCP_ACK | TCP_FIN, 0, distances[i]);
		begin_anew(TCP_ACK | TCP_FIN, 1, distances[i]);
	}
}

static void test_closed_make_room(void **state)
{
	struct harness *h = harness_open(harness_config, 64);

	(void)state;
	for (uint16_t i = 0; i < 200; i++) {
		struct probe syn = {.src = CLIENT,
				    .sport = (uint16_t)(1000 + i),
				    .dst = VIP,
				    .dport = 443,
				    .proto = IPPROTO_TCP,
				    .tcp_flags = TCP_SYN,
				    .seq = 1};
		struct probe rst = {.src = VC,
				    .sport = 443,
				    .dst = GW,
				    .proto = IPPROTO_TCP,
				    .tcp_flags = TCP_RST | TCP_ACK,
				    .ack = 2};

		harness_send(h, VRACK, &syn);
		rst.dport = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
		harness_send(h, VSPHERE, &rst);
		harness_expect(h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	}
	assert_int_equal(h->counters.flows_created, 200);
	assert_int_equal(h->counters.flows, 64);
	harness_expect_drop(h, DROP_FLOWS_FULL, 0);
	harness_close(h);
}

/* So do their external ports, when a pool has no other left. */
static void test_closed_give_ports(void **state)
{
	struct harness *h =
		harness_open("portgroup add vrack dev eth1 realm private\n"
			     "portgroup add vsphere dev eth2 realm vsphere\n"
			     "address add 172.16.0.1/24 portgroup vrack\n"
			     "address add 10.10.0.2/24 portgroup vsphere\n"
			     "pool add default external-ip-address 10.10.0.2 ports 20000-20007\n"
			     "nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
			     "allow add 192.168.50.0/24\n",
			     1024);
	struct probe syn = {.src = CLIENT,
			    .dst = VC,
			    .dport = 443,
			    .proto = IPPROTO_TCP,
			    .tcp_flags = TCP_SYN,
			    .seq = 1};

	(void)state;
	for (uint16_t i = 0; i < 100; i++) { /* each is refused by the server, so it has ended */
		struct probe rst = {.src = VC,
				    .sport = 443,
				    .dst = GW,
				    .proto = IPPROTO_TCP,
				    .tcp_flags = TCP_RST | TCP_ACK,
				    .ack = 2};

		syn.sport = (uint16_t)(1000 + i);
		harness_send(h, VRACK, &syn);
		rst.dport = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
		harness_send(h, VSPHERE, &rst);
		harness_expect(h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	}
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 0);
	for (uint16_t i = 0; i < 9; i++) { /* these live: the ninth finds no port */
		syn.sport = (uint16_t)(2000 + i);
		harness_send(h, VRACK, &syn);
	}
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 1);
	harness_close(h);
}

/* Window scaling: offered by both, by one */
static void test_window_scale(void **state)
{
	struct flow flow = {.proto = IPPROTO_TCP};
	struct tcp_segment s = {.seq = 0,
				.len = 1,
				.window = 65535,
				.flags = TCP_SYN,
				.scale = 7,
				.has_scale = true};
	bool refresh;

	(void)state;
	tcp_open(&flow, &s);
	s = (struct tcp_segment){.seq = 1000,
				 .ack = 1,
				 .len = 1,
				 .window = 65535,
				 .flags = TCP_SYN | TCP_ACK,
				 .scale = 9,
				 .has_scale = true};
	assert_int_equal(tcp_track(&flow, 1, &s, &refresh), DROP_NONE);
	s = (struct tcp_segment){.seq = 1, .ack = 1001, .window = 0x8000, .flags = TCP_ACK};
	assert_int_equal(tcp_track(&flow, 0, &s, &refresh), DROP_NONE);
	/* the client now admits 0x8000 << 7 = 4 MiB */
	s = (struct tcp_segment){
		.seq = 1001 + (4 << 20) - 1, .ack = 1, .len = 1, .window = 100, .flags = TCP_ACK};
	assert_int_equal(tcp_track(&flow, 1, &s, &refresh), DROP_NONE);
	s.seq += (4 << 20) + 2;
	assert_int_equal(tcp_track(&flow, 1, &s, &refresh), DROP_TCP_WINDOW);

	s = (struct tcp_segment){.seq = 0,
				 .len = 1,
				 .window = 65535,
				 .flags = TCP_SYN,
				 .scale = 7,
				 .has_scale = true};
	tcp_open(&flow, &s);
	s = (struct tcp_segment){
		.seq = 1000, .ack = 1, .len = 1, .window = 65535, .flags = TCP_SYN | TCP_ACK};
	assert_int_equal(tcp_track(&flow, 1, &s, &refresh), DROP_NONE);
	assert_int_equal(flow.tcp[0].scale, 0);
	assert_int_equal(flow.tcp[0].max_window, 65535);
	s = (struct tcp_segment){.seq = 1, .ack = 1001, .window = 1000, .flags = TCP_ACK};
	assert_int_equal(tcp_track(&flow, 0, &s, &refresh), DROP_NONE);
	s = (struct tcp_segment){
		.seq = 1001 + 65536, .ack = 1, .len = 1, .window = 100, .flags = TCP_ACK};
	assert_int_equal(tcp_track(&flow, 1, &s, &refresh), DROP_TCP_WINDOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered_again),	  cmocka_unit_test(test_life),
		cmocka_unit_test(test_not_syn),		  cmocka_unit_test(test_timers),
		cmocka_unit_test(test_simultaneous_open), cmocka_unit_test(test_rst),
		cmocka_unit_test(test_blind_attack),	  cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_false_fin),	  cmocka_unit_test(test_begin_anew),
		cmocka_unit_test(test_closed_make_room),  cmocka_unit_test(test_closed_give_ports),
		cmocka_unit_test(test_window_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
