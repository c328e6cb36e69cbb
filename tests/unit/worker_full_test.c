/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table 100 % full, and a pool without ports: live flows go on as if nothing were, mapping and
 * filtering decide as ever (conformance U11: U1 and U8 again), only what would need a record is
 * refused, and nothing that lives makes room for it (C3).
 */
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/harness.h"

#define CLIENT	 "192.168.50.10"
#define FILLER	 "172.16.0.50"
#define O1	 "10.10.0.10"
#define O2	 "10.10.0.20"
#define GW	 "10.10.0.2"
#define CAPACITY 256

static struct probe udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct probe){.src = src,
			      .sport = sport,
			      .dst = dst,
			      .dport = dport,
			      .proto = IPPROTO_UDP,
			      .payload = 100};
}

/* Return: the external port, 0 if it was not forwarded. ICMP that came back is taken. */
static uint16_t out(struct harness *h, const char *src, uint16_t sport, const char *dst,
		    uint16_t dport)
{
	struct probe probe = udp(src, sport, dst, dport);

	harness_send(h, VRACK, &probe);
	while (mem_port_sent(h->io[VRACK]))
		harness_expect(h, VRACK, &(struct probe){.src = "172.16.0.1", .dst = src}, NULL);
	if (!mem_port_sent(h->io[VSPHERE]))
		return 0;
	return harness_expect(h, VSPHERE, &(struct probe){.dst = dst, .dport = dport}, NULL);
}

/* Whether a datagram from outside reaches CLIENT:5000. */
static bool in(struct harness *h, const char *src, uint16_t sport, uint16_t dport)
{
	struct probe probe = udp(src, sport, GW, dport);

	harness_send(h, VSPHERE, &probe);
	while (mem_port_sent(h->io[VSPHERE]))
		harness_expect(h, VSPHERE, &(struct probe){.dst = src}, NULL);
	if (!mem_port_sent(h->io[VRACK]))
		return false;
	harness_expect(h, VRACK,
		       &(struct probe){.src = src, .sport = sport, .dst = CLIENT, .dport = 5000},
		       NULL);
	return true;
}

static struct harness *open_with(const char *filtering)
{
	static const char edf[] = "ports 16384-65535";
	const char *at = strstr(harness_config, edf);
	struct harness *h;
	char text[4096];

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s filtering-type %s%s", (int)(at - harness_config),
		 harness_config, edf, filtering, at + strlen(edf));
	h = harness_open(text, CAPACITY);
	harness_neighbour(h, VSPHERE, O2, &server_mac, NUD_REACHABLE);
	return h;
}

/* Flows of FILLER take every record that is left. */
static void fill(struct harness *h)
{
	uint16_t sport = 1024;

	while (h->counters.flows < CAPACITY)
		assert_int_not_equal(out(h, FILLER, sport++, O1, 7000), 0);
	assert_int_equal(h->worker->table.used, CAPACITY);
}

static void fillers_go_on(struct harness *h)
{
	for (uint32_t i = 0; i < CAPACITY; i++) {
		const struct flow *flow = worker_flow(h->worker, i);

		if (flow->tuple[0].src == ip(FILLER))
			assert_int_equal(
				out(h, FILLER, __builtin_bswap16(flow->tuple[0].sport), O1, 7000),
				__builtin_bswap16(flow->tuple[1].dport));
	}
	assert_int_equal(h->counters.flows, CAPACITY);
	assert_int_equal(h->counters.flows_expired + h->counters.flows_ended, 0);
}

/* U1: one external port, whatever the destination, before and after the table is full */
static void test_mapping(void **state)
{
	struct harness *h = open_with("edf");
	uint16_t external = out(h, CLIENT, 5000, O1, 80);

	(void)state;
	assert_int_equal(out(h, CLIENT, 5000, O2, 80), external);
	fill(h);
	assert_int_equal(out(h, CLIENT, 5000, O1, 80), external);
	assert_int_equal(out(h, CLIENT, 5000, O2, 80), external);
	assert_true(in(h, O1, 80, external) && in(h, O2, 80, external));
	harness_expect_drop(h, DROP_FLOWS_FULL, 0);
	assert_int_equal(out(h, CLIENT, 5000, O2, 81), 0); /* would need a record */
	harness_expect_drop(h, DROP_FLOWS_FULL, 1);
	assert_int_equal(h->counters.rule[10].flows_refused, 1);
	assert_int_equal(h->counters.icmp_sent, 1); /* and its sender is told (I5) */
	fillers_go_on(h);
	assert_true(harness_end_flow(h, 2)); /* one of FILLER's */
	assert_int_equal(out(h, CLIENT, 5000, O2, 81), external);
	harness_close(h);
}

/*
 * U8: who may send to the mapping. What the filter refuses is refused by the filter, and what it
 * admits lacks nothing but a record.
 */
static void test_filtering(void **state)
{
	static const struct {
		const char *type;
		bool other_port, other_host; /* are admitted */
	} filters[] = {{"eif", true, true}, {"adf", true, false}, {"edf", false, false}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct harness *h = open_with(filters[i].type);
		uint16_t external = out(h, CLIENT, 5000, O1, 80);
		unsigned admitted = filters[i].other_port + filters[i].other_host;

		fill(h);
		assert_true(in(h, O1, 80, external));
		assert_false(in(h, O1, 81, external));
		assert_false(in(h, O2, 80, external));
		harness_expect_drop(h, DROP_FILTERED, 2 - admitted);
		harness_expect_drop(h, DROP_FLOWS_FULL, admitted);
		fillers_go_on(h);
		for (uint32_t record = 1; record < 3; record++)
			assert_true(harness_end_flow(h, record));
		assert_int_equal(in(h, O1, 81, external), filters[i].other_port);
		assert_int_equal(in(h, O2, 80, external), filters[i].other_host);
		harness_close(h);
	}
}

/* Any number of refused flows touch none that lives, and cost no memory. */
static void test_flood(void **state)
{
	struct harness *h = open_with("edf");
	uint16_t external = out(h, CLIENT, 5000, O1, 80);
	char src[16];

	(void)state;
	fill(h);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(src, sizeof(src), "172.16.0.%u", 60 + i % 100);
		assert_int_equal(out(h, src, (uint16_t)(1024 + i), O1, 7000), 0);
	}
	harness_expect_drop(h, DROP_FLOWS_FULL, 20000);
	assert_true(in(h, O1, 80, external));
	fillers_go_on(h);
	assert_int_equal(h->counters.mappings, CAPACITY);
	harness_close(h);
}

/* A connection whose end was seen is no live flow: it makes room, the others do not. */
static void test_closed_makes_room(void **state)
{
	struct harness *h = open_with("edf");
	struct probe syn = {.src = CLIENT,
			    .sport = 6000,
			    .dst = O1,
			    .dport = 22,
			    .proto = IPPROTO_TCP,
			    .tcp_flags = TCP_SYN,
			    .seq = 100};
	uint64_t live;

	(void)state;
	harness_send(h, VRACK, &syn);
	harness_expect(h, VSPHERE, &(struct probe){.dst = O1}, NULL);
	fill(h);
	live = h->counters.flows_created;
	syn.tcp_flags = TCP_RST;
	syn.seq = 101; /* exact: it ends the connection */
	harness_send(h, VRACK, &syn);
	harness_expect(h, VSPHERE, &(struct probe){.dst = O1}, NULL);
	assert_int_not_equal(out(h, CLIENT, 7000, O1, 80), 0);
	assert_int_equal(out(h, CLIENT, 7001, O1, 80), 0);
	assert_int_equal(h->counters.flows_created, live + 1);
	assert_int_equal(h->counters.flows_expired, 1);
	harness_close(h);
}

/* The pool without a port: new flows are refused, live ones go on, a freed port rests first. */
static void test_ports_exhausted(void **state)
{
	char text[4096];
	const char *at = strstr(harness_config, "16384-65535");
	struct harness *h;
	uint16_t external[8];

	(void)state;
	snprintf(text, sizeof(text), "%.*s20000-20007%s", (int)(at - harness_config),
		 harness_config, at + strlen("16384-65535"));
	h = harness_open(text, CAPACITY);
	for (uint16_t i = 0; i < 8; i++)
		external[i] = out(h, CLIENT, (uint16_t)(5000 + i), O1, 80);
	for (uint16_t i = 0; i < 500; i++)
		assert_int_equal(out(h, FILLER, (uint16_t)(1024 + i), O1, 80), 0);
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 500);
	assert_int_equal(h->counters.rule[10].flows_refused, 500);
	for (uint16_t i = 0; i < 8; i++)
		assert_int_equal(out(h, CLIENT, (uint16_t)(5000 + i), O1, 80), external[i]);
	assert_int_equal(h->counters.flows, 8);
	assert_true(harness_end_flow(h, 3));
	harness_advance(h, 119 * SECOND); /* hold-down-timeout */
	assert_int_equal(out(h, FILLER, 1024, O1, 80), 0);
	harness_advance(h, 2 * SECOND);
	assert_int_equal(out(h, FILLER, 1024, O1, 80), external[3]);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping),		cmocka_unit_test(test_filtering),
		cmocka_unit_test(test_flood),		cmocka_unit_test(test_closed_makes_room),
		cmocka_unit_test(test_ports_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
