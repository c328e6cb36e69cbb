/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one inside host may use: flows, mappings, ports of a pool, new flows a second (RFC 6888
 * REQ-3, REQ-4). In each test GREEDY is stopped where the limit says, each refusal is counted
 * under its reason, and HONEST gets all that it may.
 */
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/harness.h"

#define GREEDY "192.168.50.10"
#define HONEST "192.168.50.11"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"
#define RULE   10
#define MS     1000000ull

/* The harness's configuration with this pool and these further statements. */
static const char *config(const char *pool, const char *more)
{
	static const char normal[] =
		"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n";
	static char text[4096];
	const char *at = strstr(harness_config, normal);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*spool add default external-ip-address 10.10.0.2 %s\n%s%s",
		 (int)(at - harness_config), harness_config, pool, at + strlen(normal), more);
	return text;
}

#define PORTS "ports 16384-65535 "

static struct probe udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct probe){.src = src,
			      .sport = sport,
			      .dst = dst,
			      .dport = dport,
			      .proto = IPPROTO_UDP,
			      .payload = 8};
}

/* Send a datagram out. Return: its external port, 0 if it was not forwarded. */
static uint16_t out(struct harness *h, const char *src, uint16_t sport, uint16_t dport)
{
	struct probe probe = udp(src, sport, VC, dport);

	harness_send(h, VRACK, &probe);
	if (!mem_port_sent(h->io[VSPHERE]))
		return 0;
	return harness_expect(h, VSPHERE, &(struct probe){.dst = VC, .dport = dport}, NULL);
}

/* @n flows, each with ports of its own, from client port @first on. Return: how many passed. */
static unsigned flows(struct harness *h, const char *src, uint16_t first, unsigned n)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += out(h, src, (uint16_t)(first + i), (uint16_t)(7000 + i)) != 0;
	return passed;
}

static uint32_t record_of(const struct harness *h, const char *src, uint16_t sport)
{
	for (uint32_t i = 0; i < h->worker->table.capacity; i++) {
		const struct flow *flow = worker_flow(h->worker, i);
		uint32_t word = atomic_load(&flow->word);

		if (FLOW_WORD_STATE(word) == FLOW_ACTIVE && flow->tuple[0].src == ip(src) &&
		    flow->tuple[0].sport == __builtin_bswap16(sport))
			return i;
	}
	fail_msg("no flow of %s:%u", src, sport);
	return 0;
}

static void end_flow(struct harness *h, const char *src, uint16_t sport)
{
	uint32_t record = record_of(h, src, sport);

	assert_true(harness_end_flow(h, record));
}

/* Once every flow has ended and rates have recovered, nothing is counted for anybody. */
static void close_clean(struct harness *h)
{
	for (uint32_t i = 0; i < h->worker->table.capacity; i++) {
		uint32_t word = atomic_load(&worker_flow(h->worker, i)->word);

		h->now_ns += 2 * SECOND / h->worker->table.capacity;
		if (FLOW_WORD_STATE(word) == FLOW_ACTIVE)
			assert_true(harness_end_flow(h, i));
	}
	for (uint32_t i = 0; i < h->worker->clients.high; i++) {
		assert_int_equal(h->worker->clients.client[i].flows, 0);
		assert_int_equal(h->worker->clients.client[i].mappings, 0);
	}
	assert_int_equal(h->counters.mappings, 0);
	harness_close(h);
}

static void test_connection_limit(void **state)
{
	struct harness *h = harness_open(config(PORTS, "set connection-limits 10\n"), 1024);

	(void)state;
	assert_int_equal(flows(h, GREEDY, 5000, 30), 10);
	harness_expect_drop(h, DROP_CONNECTION_LIMIT, 20);
	assert_int_equal(h->counters.rule[RULE].flows_created, 10);
	assert_int_equal(h->counters.rule[RULE].flows_refused, 20);
	assert_int_equal(flows(h, HONEST, 5000, 10), 10);
	harness_expect_drop(h, DROP_CONNECTION_LIMIT, 20);
	assert_int_equal(flows(h, GREEDY, 5000, 10), 10); /* what it has goes on */
	end_flow(h, GREEDY, 5003);
	assert_int_equal(flows(h, GREEDY, 6000, 5), 1);
	harness_expect_drop(h, DROP_CONNECTION_LIMIT, 24);
	harness_advance(h, 301 * SECOND); /* all have expired */
	assert_int_equal(flows(h, GREEDY, 7000, 11), 10);
	close_clean(h);
}

static void test_mapping_limit(void **state)
{
	struct harness *h = harness_open(config(PORTS, "set mapping-limits 3\n"), 1024);
	uint16_t external = out(h, GREEDY, 5000, 7000);

	(void)state;
	assert_int_not_equal(external, 0);
	assert_int_equal(flows(h, GREEDY, 5000, 10), 3);
	harness_expect_drop(h, DROP_MAPPING_LIMIT, 7);
	/* more flows of a mapping that it has are no more mappings */
	for (uint16_t dport = 8000; dport < 8020; dport++)
		assert_int_equal(out(h, GREEDY, 5000, dport), external);
	assert_int_equal(flows(h, HONEST, 5000, 4), 3);
	harness_expect_drop(h, DROP_MAPPING_LIMIT, 8);
	assert_int_equal(h->counters.mappings, 6);
	end_flow(h, GREEDY, 5001);
	assert_int_equal(flows(h, GREEDY, 6000, 2), 1);
	close_clean(h);
}

static void test_port_quota(void **state)
{
	struct harness *h =
		harness_open(config(PORTS "port-quota 5",
				    "pool add wide external-ip-address 10.10.0.3\n"
				    "nat add 5 from any to 10.10.0.10/32 protocol tcp pool wide\n"),
			     1024);
	struct probe syn = {
		.src = GREEDY, .dst = VC, .dport = 22, .proto = IPPROTO_TCP, .tcp_flags = TCP_SYN};

	(void)state;
	assert_int_equal(flows(h, GREEDY, 5000, 12), 5);
	harness_expect_drop(h, DROP_PORT_QUOTA, 7);
	assert_int_equal(h->counters.rule[RULE].flows_refused, 7);
	assert_int_equal(flows(h, HONEST, 5000, 5), 5);
	for (syn.sport = 1; syn.sport <= 20; syn.sport++) { /* another pool has another quota */
		harness_send(h, VRACK, &syn);
		harness_expect(h, VSPHERE, &(struct probe){.src = "10.10.0.3", .dst = VC}, NULL);
	}
	harness_expect_drop(h, DROP_PORT_QUOTA, 7);
	end_flow(h, GREEDY, 5000);
	assert_int_equal(flows(h, GREEDY, 6000, 3), 1);
	close_clean(h);
}

/* edm, edf: ports without mappings; edm, eif: a mapping for each flow. */
static void test_edm(void **state)
{
	(void)state;
	for (unsigned mapped = 0; mapped < 2; mapped++) {
		struct harness *h = harness_open(
			config(mapped ? PORTS "mapping-type edm filtering-type eif port-quota 4"
				      : PORTS "mapping-type edm port-quota 4",
			       ""),
			1024);

		/* one client port to many destinations: no two flows share anything */
		for (uint16_t i = 0; i < 8; i++)
			assert_int_equal(out(h, GREEDY, 5000, (uint16_t)(7000 + i)) != 0, i < 4);
		harness_expect_drop(h, DROP_PORT_QUOTA, 4);
		assert_int_equal(h->counters.mappings, mapped ? 4 : 0);
		assert_int_equal(flows(h, HONEST, 5000, 5), 4);
		harness_restart(h);
		assert_int_equal(out(h, GREEDY, 5000, 9000), 0);
		end_flow(h, GREEDY, 5000);
		assert_int_equal(flows(h, GREEDY, 6000, 3), 1);
		close_clean(h);
	}
}

/* After a restart an edm pool goes on giving each flow a mapping of its own. */
static void test_edm_restart(void **state)
{
	struct harness *h = harness_open(
		config(PORTS "mapping-type edm filtering-type eif", "set mapping-limits 3\n"),
		1024);
	uint16_t external = out(h, GREEDY, 5000, 7000);

	(void)state;
	harness_restart(h);
	assert_int_not_equal(out(h, GREEDY, 5000, 7001), external);
	assert_int_equal(h->counters.mappings, 2);
	close_clean(h);
}

static void test_creation_rate(void **state)
{
	struct harness *h = harness_open(config(PORTS, "set creation-rate 100\n"), 4096);

	(void)state;
	assert_int_equal(flows(h, GREEDY, 5000, 300), 100); /* a second's worth may come at once */
	harness_expect_drop(h, DROP_CREATION_RATE, 200);
	assert_int_equal(flows(h, HONEST, 5000, 100), 100);
	h->now_ns += 10 * MS - 1;
	assert_int_equal(flows(h, GREEDY, 6000, 1), 0);
	h->now_ns += 1;
	assert_int_equal(flows(h, GREEDY, 6000, 5), 1);
	h->now_ns += 500 * MS;
	assert_int_equal(flows(h, GREEDY, 7000, 100), 50);
	h->now_ns += 60 * SECOND; /* no more than a second's worth is saved up */
	assert_int_equal(flows(h, GREEDY, 8000, 200), 100);
	/* live flows are not new ones */
	assert_int_equal(flows(h, GREEDY, 5000, 100), 100);
	/* who ends all its flows does not find its rate fresh */
	for (uint32_t i = 0; i < 4096; i++)
		harness_end_flow(h, i);
	assert_int_equal(flows(h, GREEDY, 5000, 10), 0);
	close_clean(h);
}

static void test_restart(void **state)
{
	static const struct {
		const char *pool, *setting;
		enum drop_reason reason;
	} limits[] = {
		{PORTS, "set connection-limits 6\n", DROP_CONNECTION_LIMIT},
		{PORTS, "set mapping-limits 6\n", DROP_MAPPING_LIMIT},
		{PORTS "port-quota 6", "", DROP_PORT_QUOTA},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct harness *h = harness_open(config(limits[i].pool, limits[i].setting), 1024);

		assert_int_equal(flows(h, GREEDY, 5000, 6), 6);
		assert_int_equal(flows(h, HONEST, 5000, 4), 4);
		harness_restart(h);
		assert_int_equal(flows(h, GREEDY, 5000, 6), 6);
		assert_int_equal(flows(h, GREEDY, 6000, 5), 0);
		harness_expect_drop(h, limits[i].reason, 5);
		assert_int_equal(flows(h, HONEST, 6000, 5), 2);
		end_flow(h, GREEDY, 5000);
		assert_int_equal(flows(h, GREEDY, 7000, 5), 1);
		close_clean(h);
	}
}

/* A lower limit ends nothing; it admits nothing until the host is below it. */
static void test_lowered(void **state)
{
	static const char *const lower[] = {"set connection-limits 5\n", "set mapping-limits 5\n",
					    ""};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct harness *h = harness_open(config(PORTS, ""), 1024);

		assert_int_equal(flows(h, GREEDY, 5000, 8), 8);
		harness_configure(h, config(i == 2 ? PORTS "port-quota 5" : PORTS, lower[i]));
		assert_int_equal(h->counters.flows, 8);
		assert_int_equal(flows(h, GREEDY, 5000, 8), 8);
		assert_int_equal(flows(h, GREEDY, 6000, 8), 0);
		for (uint16_t sport = 5000; sport < 5003; sport++)
			end_flow(h, GREEDY, sport);
		assert_int_equal(flows(h, GREEDY, 6000, 8), 0); /* five are left */
		end_flow(h, GREEDY, 5003);
		assert_int_equal(flows(h, GREEDY, 6000, 8), 1);
		harness_configure(h, config(PORTS, "")); /* lifted */
		assert_int_equal(flows(h, GREEDY, 6000, 8), 8);
		close_clean(h);
	}
}

/* What comes in through a mapping counts for the host inside, not for whoever sends it. */
static void test_inbound(void **state)
{
	struct harness *h =
		harness_open(config(PORTS "filtering-type eif", "set connection-limits 3\n"), 1024);
	uint16_t greedy = out(h, GREEDY, 5000, 7000), honest = out(h, HONEST, 5000, 7000);

	(void)state;
	for (uint16_t sport = 1; sport <= 5; sport++) {
		struct probe in = udp("10.10.0.77", sport, GW, greedy);

		harness_send(h, VSPHERE, &in);
		if (sport <= 2)
			harness_expect(h, VRACK,
				       &(struct probe){.src = "10.10.0.77", .dst = GREEDY}, NULL);
	}
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_CONNECTION_LIMIT, 3);
	assert_int_equal(out(h, GREEDY, 5000, 7001), 0);
	for (uint16_t sport = 1; sport <= 2; sport++) {
		struct probe in = udp("10.10.0.77", sport, GW, honest);

		harness_send(h, VSPHERE, &in);
		harness_expect(h, VRACK, &(struct probe){.src = "10.10.0.77", .dst = HONEST}, NULL);
	}
	harness_restart(h);
	assert_int_equal(out(h, GREEDY, 5000, 7001), 0);
	end_flow(h, "10.10.0.77", 1); /* of either: the first found is the greedy host's */
	assert_int_not_equal(out(h, GREEDY, 5000, 7001), 0);
	close_clean(h);
}

/*
 * A hairpin flow counts for the host that began it. The mapping that it goes to stays the other
 * host's, in the other host's pool, also after a restart.
 */
static void test_hairpin(void **state)
{
	struct harness *h =
		harness_open(config(PORTS "filtering-type eif",
				    "pool add alpha external-ip-address 10.10.0.3 filtering-type "
				    "eif port-quota 2\n"
				    "nat add 5 from 192.168.50.10/32 to any pool alpha\n"
				    "set connection-limits 3\n"),
			     1024);
	uint16_t honest = out(h, HONEST, 5000, 7000);
	struct probe across = udp(GREEDY, 4000, GW, honest);

	(void)state;
	harness_send(h, VRACK, &across);
	harness_expect(h, VRACK, &(struct probe){.src = "10.10.0.3", .dst = HONEST, .dport = 5000},
		       NULL);
	end_flow(h, HONEST, 5000); /* only the hairpin flow holds the mapping now */
	harness_restart(h);
	assert_int_equal(h->counters.mappings, 2);
	assert_int_equal(out(h, HONEST, 5000, 7001), honest);
	assert_int_equal(flows(h, HONEST, 6000, 5), 2); /* 3 flows, none of them the hairpin */
	assert_int_equal(flows(h, GREEDY, 6000, 5), 1); /* its quota of pool alpha is 2 */
	harness_expect_drop(h, DROP_PORT_QUOTA, 1 + 3);
	close_clean(h);
}

/* Every flow another host's, in a pool with a quota: each host is counted, and counted right. */
static void test_many_clients(void **state)
{
	struct harness *h =
		harness_open(config(PORTS "port-quota 1", "set connection-limits 2\n"), 256);
	char src[16];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		snprintf(src, sizeof(src), "192.168.50.%u", i);
		assert_int_not_equal(out(h, src, 5000, 7000), 0);
	}
	assert_int_equal(h->counters.flows, 256);
	assert_int_equal(h->worker->clients.used, 512);
	for (unsigned i = 0; i < 128; i++) {
		snprintf(src, sizeof(src), "192.168.50.%u", i);
		end_flow(h, src, 5000);
	}
	harness_advance(h, 121 * SECOND);
	for (unsigned i = 128; i < 256; i++) {
		snprintf(src, sizeof(src), "192.168.50.%u", i);
		assert_int_equal(out(h, src, 5001, 7000), 0); /* it has its port */
		assert_int_not_equal(out(h, src, 5000, 7001), 0);
		harness_expect_drop(h, DROP_PORT_QUOTA, i - 127);
		if (i % 2)
			assert_int_equal(out(h, src, 5000, 7002), 0);
	}
	harness_expect_drop(h, DROP_CONNECTION_LIMIT, 64);
	close_clean(h);
}

/*
 * Hairpins between hosts of which each has one flow or none need more entries than there are. What
 * finds none is not counted, and its end is not taken from what is.
 */
static void test_no_entry_left(void **state)
{
	static const char own[] = /* ports without mappings, of which there is one for each flow */
		"pool add own external-ip-address 10.10.0.3 mapping-type edm\n"
		"nat add 5 from 192.168.50.100/32 to any pool own\n";
	static const char limited[] =
		"pool add own external-ip-address 10.10.0.3 mapping-type edm port-quota 2\n"
		"nat add 5 from 192.168.50.100/32 to any pool own\nset connection-limits 2\n"
		"set creation-rate 10\n";
	struct harness *h = harness_open(config(PORTS "filtering-type eif", own), 64);
	char src[16];

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		struct probe across = udp(src, 5000, GW, 0);

		snprintf(src, sizeof(src), "192.168.50.%u", i);
		across.dport = out(h, src, 5000, 7000);
		snprintf(src, sizeof(src), "192.168.50.%u", 32 + i);
		harness_send(h, VRACK, &across);
		harness_expect(h, VRACK, &(struct probe){.src = GW, .dport = 5000}, NULL);
	}
	for (unsigned i = 0; i < 32; i++) { /* the hairpins keep what they lead to */
		snprintf(src, sizeof(src), "192.168.50.%u", i);
		end_flow(h, src, 5000);
	}
	assert_int_equal(h->worker->clients.used, h->worker->clients.capacity);
	assert_int_not_equal(out(h, GREEDY "0", 5000, 7000), 0);
	assert_int_equal(h->worker->clients.used, h->worker->clients.capacity);
	for (unsigned i = 0; i < 32; i++) {
		snprintf(src, sizeof(src), "192.168.50.%u", 32 + i);
		h->now_ns += SECOND;
		end_flow(h, src, 5000);
	}
	harness_configure(h, config(PORTS "filtering-type eif", limited));
	assert_int_not_equal(out(h, GREEDY "0", 5001, 7000), 0); /* this one is counted */
	end_flow(h, GREEDY "0", 5000);
	end_flow(h, GREEDY "0", 5001);
	h->now_ns += SECOND;
	assert_int_equal(flows(h, GREEDY "0", 6000, 3), 2);
	close_clean(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection_limit), cmocka_unit_test(test_mapping_limit),
		cmocka_unit_test(test_port_quota),	 cmocka_unit_test(test_edm),
		cmocka_unit_test(test_edm_restart),	 cmocka_unit_test(test_creation_rate),
		cmocka_unit_test(test_restart),		 cmocka_unit_test(test_lowered),
		cmocka_unit_test(test_inbound),		 cmocka_unit_test(test_hairpin),
		cmocka_unit_test(test_many_clients),	 cmocka_unit_test(test_no_entry_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
