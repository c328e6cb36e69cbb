/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a flow and its external port live: timers, hold-down, a full table, a reload, a restart.
 * RFC 4787 requirement numbers stand beside the tests. */
#include "tests/unit/talk.h"

/* REQ-5 and the timer of each protocol: one tick before, one after */
static void test_udp_timeout(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	uint16_t external = talk_pool_udp(h, CLIENT, 5000, VC, 7);
	struct probe back = datagram(VC, 7, GW, external);
	const uint64_t tick = 1ull << FLOW_TICK_SHIFT;

	(void)state;
	harness_advance(h, 300 * SECOND - tick);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	/* that refreshed it; now let it run out exactly */
	h->now_ns +=
		300 * SECOND + 2 * tick; /* no work in between: the packet itself must find out */
	harness_send(h, VSPHERE, &back);
	harness_expect_nothing(h);
	assert_int_equal(h->counters.flows, 0);
	assert_int_equal(h->counters.flows_expired, 1);
	harness_close(h);
}

static void test_wheel_ends_flows(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);

	(void)state;
	talk_pool_udp(h, CLIENT, 5000, VC, 7);
	harness_advance(h, 299 * SECOND);
	assert_int_equal(h->counters.flows, 1);
	harness_advance(h, 3 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	assert_int_equal(h->counters.mappings, 0);
	harness_close(h);
}

/* RFC 6888 REQ-8: a freed external port rests */
static void test_hold_down(void **state)
{
	struct harness *h =
		harness_open(talk_config("ports 16384-65535", "ports 20000-20000"), 1024);
	struct probe out = datagram(OTHER, 1, VC, 7);

	(void)state;
	talk_pool_udp(h, CLIENT, 5000, VC, 7);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 1);
	harness_expect(h, VRACK, &(struct probe){.dst = OTHER, .proto = IPPROTO_ICMP}, NULL);
	harness_advance(h, 302 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 2);
	harness_expect(h, VRACK, &(struct probe){.dst = OTHER, .proto = IPPROTO_ICMP}, NULL);
	harness_advance(h, 121 * SECOND);
	harness_send(h, VRACK, &out);
	harness_expect(h, VSPHERE, &(struct probe){.src = GW, .sport = 20000}, NULL);
	harness_close(h);
}

/* The same over a crash: what had just ended still rests under the successor. */
static void test_hold_down_over_restart(void **state)
{
	struct harness *h =
		harness_open(talk_config("ports 16384-65535", "ports 20000-20000"), 1024);
	struct probe out = datagram(OTHER, 1, VC, 7);

	(void)state;
	talk_pool_udp(h, CLIENT, 5000, VC, 7);
	harness_advance(h, 302 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	harness_restart(h);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, 1);
	harness_expect(h, VRACK, &(struct probe){.dst = OTHER, .proto = IPPROTO_ICMP}, NULL);
	harness_advance(h, 121 * SECOND);
	harness_send(h, VRACK, &out);
	harness_expect(h, VSPHERE, &(struct probe){.src = GW, .sport = 20000}, NULL);
	harness_close(h);
}

static void test_table_full(void **state)
{
	struct harness *h = harness_open(harness_config, 64);
	struct probe out, back;
	uint16_t first = talk_pool_udp(h, CLIENT, 1, VC, 7);

	(void)state;
	for (uint16_t i = 2; i <= 64; i++)
		talk_pool_udp(h, CLIENT, i, VC, 7);
	out = datagram(CLIENT, 100, VC, 7);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_FLOWS_FULL, 1);
	harness_expect(h, VRACK, &(struct probe){.dst = CLIENT, .proto = IPPROTO_ICMP}, NULL);
	back = datagram(VC, 7, GW, first); /* a live flow is never evicted */
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.dst = CLIENT, .dport = 1}, NULL);
	harness_close(h);
}

static void test_reload(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	uint16_t far = talk_pool_udp(h, CLIENT, 5000, VC, 7),
		 near = talk_pool_udp(h, "172.16.0.50", 5000, VC, 7);
	struct probe back;

	(void)state;
	harness_configure(
		h, talk_config("allow add 192.168.50.0/24\n", "allow add 192.168.60.0/24\n"));
	assert_int_equal(h->counters.flows, 1);
	assert_int_equal(h->counters.flows_ended, 1);
	back = datagram(VC, 7, GW, near);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.dst = "172.16.0.50"}, NULL);
	back = datagram(VC, 7, GW, far);
	harness_send(h, VSPHERE, &back);
	harness_expect_nothing(h);
	harness_close(h);
}

static void test_reload_service(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = datagram(CLIENT, 5000, VIP, 53);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	talk_pool_udp(h, CLIENT, 5001, VC, 7);
	harness_configure(
		h, talk_config("service add dns address 172.16.0.1 protocol udp port 53 backend "
			       "10.10.0.10:53\n",
			       ""));
	assert_int_equal(h->counters.flows, 1); /* the other one is not concerned */
	harness_close(h);
}

/* What a killed process leaves is taken up: flows, mappings, ports. */
static void test_restart(void **state)
{
	struct harness *h =
		harness_open(talk_config("65535\n", "65535 filtering-type eif\n"), 1024);
	uint16_t external = talk_pool_udp(h, CLIENT, 5000, VC, 7);
	struct probe back = datagram(VC, 7, GW, external),
		     in = datagram("10.10.0.99", 1, GW, external);

	(void)state;
	harness_restart(h);
	assert_int_equal(h->counters.flows, 1);
	assert_int_equal(h->counters.mappings, 1);
	harness_send(h, VSPHERE, &back);
	harness_expect(
		h, VRACK,
		&(struct probe){.src = VC, .dst = CLIENT, .dport = 5000, .from_mac = &router_mac},
		NULL);
	harness_send(h, VSPHERE, &in);
	harness_expect(h, VRACK, &(struct probe){.src = "10.10.0.99", .dst = CLIENT, .dport = 5000},
		       NULL);
	harness_neighbour(h, VSPHERE, "10.10.0.11", &server_mac, NUD_REACHABLE);
	assert_int_equal(talk_pool_udp(h, CLIENT, 5000, "10.10.0.11", 7), external);
	harness_advance(h, 400 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	assert_int_equal(h->counters.mappings, 0);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_timeout),
		cmocka_unit_test(test_wheel_ends_flows),
		cmocka_unit_test(test_hold_down),
		cmocka_unit_test(test_hold_down_over_restart),
		cmocka_unit_test(test_table_full),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_reload_service),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
