/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translation, mapping, filtering, hairpin, pass-through, next hops: what a flow is and who may
 * make one. RFC 4787 requirement numbers stand beside the tests. */
#include "tests/unit/talk.h"

static void test_service(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = datagram(CLIENT, 5000, VIP, 53);
	struct probe back;
	uint16_t external;

	(void)state;
	harness_send(h, VRACK, &out);
	external = harness_expect(
		h, VSPHERE,
		&(struct probe){
			.src = GW, .dst = VC, .dport = 53, .ttl = 63, .from_mac = &server_mac},
		NULL);
	back = datagram(VC, 53, GW, external);
	harness_send(h, VSPHERE, &back);
	/* last hop: no route to 192.168.50.0/24 exists */
	harness_expect(h, VRACK,
		       &(struct probe){.src = VIP,
				       .sport = 53,
				       .dst = CLIENT,
				       .dport = 5000,
				       .ttl = 63,
				       .from_mac = &router_mac},
		       NULL);
	harness_expect_nothing(h);
	assert_int_equal(h->counters.flows, 1);
	harness_close(h);
}

static void test_last_hop_follows(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	const struct mac second_router = {{2, 0, 0, 0, 1, 9}};
	struct probe out = datagram(CLIENT, 5000, VC, 7), back;
	uint16_t external = talk_pool_udp(h, CLIENT, 5000, VC, 7);

	(void)state;
	out.from_mac = &second_router;
	harness_send(h, VRACK, &out);
	harness_expect(h, VSPHERE, &(struct probe){.sport = external}, NULL);
	back = datagram(VC, 7, GW, external);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.dst = CLIENT, .from_mac = &second_router}, NULL);
	harness_close(h);
}

static void test_not_allowed(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = datagram("192.168.51.1", 5000, VIP, 53);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_NOT_ALLOWED, 1);
	out = datagram("10.10.0.77", 5000, VIP, 53); /* belongs behind the other portgroup */
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_REVERSE_PATH, 1);
	out = datagram(VIP, 5000, VC, 53);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_SPOOFED, 1);
	assert_int_equal(h->counters.flows_created, 0);
	harness_close(h);
}

static void test_left_to_kernel(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe ssh = {.src = CLIENT,
			    .sport = 5000,
			    .dst = VIP,
			    .dport = 22,
			    .proto = IPPROTO_TCP,
			    .tcp_flags = TCP_SYN};
	struct probe ping = {.src = CLIENT, .sport = 9, .dst = VIP, .proto = IPPROTO_ICMP};

	(void)state;
	harness_send(h, VRACK, &ssh);
	harness_send(h, VRACK, &ping);
	assert_int_equal(h->counters.port[VRACK].kernel_packets, 2);
	assert_int_equal(h->counters.port[VRACK].dropped_packets, 0);
	harness_expect_nothing(h);
	harness_close(h);
}

/* REQ-1: endpoint-independent mapping, and edm where a pool asks for it */
static void test_mapping_types(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	uint16_t first, second;

	(void)state;
	harness_neighbour(h, VSPHERE, "10.10.0.11", &server_mac, NUD_REACHABLE);
	first = talk_pool_udp(h, CLIENT, 5000, VC, 7);
	second = talk_pool_udp(h, CLIENT, 5000, "10.10.0.11", 7);
	assert_int_equal(first, second);
	assert_int_equal(h->counters.mappings, 1);
	assert_int_not_equal(talk_pool_udp(h, OTHER, 5000, VC, 7), first);
	harness_close(h);

	h = harness_open(talk_config("65535\n", "65535 mapping-type edm\n"), 1024);
	harness_neighbour(h, VSPHERE, "10.10.0.11", &server_mac, NUD_REACHABLE);
	first = talk_pool_udp(h, CLIENT, 5000, VC, 7);
	second = talk_pool_udp(h, CLIENT, 5000, "10.10.0.11", 7);
	assert_int_not_equal(first, second);
	assert_int_equal(h->counters.mappings, 0);
	harness_close(h);
}

/* REQ-8: filtering */
static void filtering(const char *type, bool other_port_passes, bool other_host_passes)
{
	char pool[64];
	struct harness *h;
	struct probe in;
	uint16_t external;

	snprintf(pool, sizeof(pool), "65535 filtering-type %s\n", type);
	h = harness_open(talk_config("65535\n", pool), 1024);
	external = talk_pool_udp(h, CLIENT, 5000, VC, 7);
	in = datagram(VC, 8, GW, external);
	harness_send(h, VSPHERE, &in);
	if (other_port_passes)
		harness_expect(h, VRACK,
			       &(struct probe){.src = VC,
					       .sport = 8,
					       .dst = CLIENT,
					       .dport = 5000,
					       .from_mac = &router_mac},
			       NULL);
	in = datagram("10.10.0.99", 7, GW, external);
	harness_send(h, VSPHERE, &in);
	if (other_host_passes)
		harness_expect(h, VRACK,
			       &(struct probe){.src = "10.10.0.99", .dst = CLIENT, .dport = 5000},
			       NULL);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_FILTERED, !other_port_passes + !other_host_passes);
	/* and the reply of an inbound flow goes out through the same mapping */
	if (other_host_passes) {
		struct probe out = datagram(CLIENT, 5000, "10.10.0.99", 7);

		harness_neighbour(h, VSPHERE, "10.10.0.99", &server_mac, NUD_REACHABLE);
		harness_send(h, VRACK, &out);
		harness_expect(h, VSPHERE,
			       &(struct probe){.src = GW, .sport = external, .dst = "10.10.0.99"},
			       NULL);
	}
	in = datagram(VC, 7, GW, (uint16_t)(external == 20000 ? 20001 : 20000));
	harness_send(h, VSPHERE, &in);
	harness_expect_drop(h, DROP_NO_MAPPING, 1);
	harness_close(h);
}

static void test_filtering(void **state)
{
	(void)state;
	filtering("eif", true, true);
	filtering("adf", true, false);
	filtering("edf", false, false);
}

/* REQ-9: hairpin, with the external address as source */
static void test_hairpin(void **state)
{
	struct harness *h =
		harness_open(talk_config("65535\n", "65535 filtering-type eif\n"), 1024);
	uint16_t a = talk_pool_udp(h, CLIENT, 5000, VC, 7),
		 b = talk_pool_udp(h, OTHER, 6000, VC, 7);
	struct probe out = datagram(CLIENT, 5000, GW, b), back;

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect(h, VRACK,
		       &(struct probe){.src = GW, .sport = a, .dst = OTHER, .dport = 6000}, NULL);
	back = datagram(OTHER, 6000, GW, a);
	harness_send(h, VRACK, &back);
	harness_expect(h, VRACK,
		       &(struct probe){.src = GW, .sport = b, .dst = CLIENT, .dport = 5000}, NULL);
	harness_expect_nothing(h);
	/* to its own mapping: the answer to itself, once, no loop */
	out = datagram(CLIENT, 5000, GW, a);
	harness_send(h, VRACK, &out);
	assert_in_range(mem_port_sent(h->io[VRACK]) + mem_port_sent(h->io[VSPHERE]), 0, 1);
	harness_close(h);
}

static void test_pass_through(void **state)
{
	struct harness *h =
		harness_open(talk_config("nat add 10", "nat add 5 from 192.168.50.0/24 to "
						       "10.10.0.0/25 nat-pass-through\nnat add 10"),
			     1024);
	struct probe out = datagram(CLIENT, 5000, VC, 7), back = datagram(VC, 7, CLIENT, 5000);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect(h, VSPHERE,
		       &(struct probe){.src = CLIENT, .sport = 5000, .dst = VC, .ttl = 63}, NULL);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.src = VC, .dst = CLIENT, .dport = 5000}, NULL);
	harness_close(h);
}

static void test_no_rule_no_route(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = datagram(CLIENT, 5000, "10.20.0.1", 7);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_NO_RULE, 1);
	harness_close(h);
	h = harness_open(
		talk_config(NULL, "nat add 20 from 0.0.0.0/0 to 10.20.0.0/16 pool default"), 1024);
	harness_send(h, VRACK, &out);
	harness_expect_drop(h, DROP_NO_ROUTE, 1);
	harness_expect(h, VRACK, &(struct probe){.src = VIP, .dst = CLIENT, .proto = IPPROTO_ICMP},
		       NULL);
	harness_close(h);
}

/* One host and port, two service addresses, one backend: two flows that differ outside too. */
static void test_two_services_one_backend(void **state)
{
	struct harness *h =
		harness_open(talk_config(NULL, "service add dns2 address 172.16.0.9 protocol "
					       "udp port 53 backend 10.10.0.10:53"),
			     1024);
	struct probe one = datagram(CLIENT, 5000, VIP, 53),
		     two = datagram(CLIENT, 5000, "172.16.0.9", 53), back;
	uint16_t first, second;

	(void)state;
	harness_send(h, VRACK, &one);
	first = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	harness_send(h, VRACK, &two);
	second = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	assert_int_not_equal(first, second);
	back = datagram(VC, 53, GW, second);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.src = "172.16.0.9", .dst = CLIENT}, NULL);
	back = datagram(VC, 53, GW, first);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.src = VIP, .dst = CLIENT}, NULL);
	harness_close(h);
}

static void test_backends_in_turn(void **state)
{
	struct harness *h = harness_open(
		talk_config("backend 10.10.0.10:53", "backend 10.10.0.10:53 backend 10.10.0.11:53"),
		1024);
	unsigned to_first = 0;

	(void)state;
	harness_neighbour(h, VSPHERE, "10.10.0.11", &server_mac, NUD_REACHABLE);
	for (uint16_t i = 0; i < 10; i++) {
		struct probe out = datagram(CLIENT, (uint16_t)(5000 + i), VIP, 53);
		struct packet p;

		harness_send(h, VRACK, &out);
		harness_expect(h, VSPHERE, &(struct probe){.src = GW}, &p);
		to_first += p.tuple.dst == ip(VC);
	}
	assert_int_equal(to_first, 5);
	harness_close(h);
}

static void test_neighbour_waits(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	const struct mac other = {{2, 0, 0, 0, 2, 77}};
	struct probe out = datagram(CLIENT, 5000, "10.10.0.77", 7);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_send(h, VRACK, &out);
	harness_expect_nothing(h);
	assert_int_equal(h->asked, 1);
	assert_int_equal(h->asked_addr, ip("10.10.0.77"));
	assert_int_equal(h->counters.neigh_waiting, 2);
	harness_neighbour(h, VSPHERE, "10.10.0.77", &other, NUD_REACHABLE);
	harness_expect(h, VSPHERE,
		       &(struct probe){.dst = "10.10.0.77", .ttl = 63, .from_mac = &other}, NULL);
	harness_expect(h, VSPHERE,
		       &(struct probe){.dst = "10.10.0.77", .ttl = 63, .from_mac = &other}, NULL);
	assert_int_equal(h->counters.neigh_waiting, 0);
	harness_close(h);
}

static void test_neighbour_fails(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	const struct mac none = {{0}};
	struct probe out = datagram(CLIENT, 5000, "10.10.0.77", 7);

	(void)state;
	harness_send(h, VRACK, &out);
	harness_neighbour(h, VSPHERE, "10.10.0.77", &none, NUD_FAILED);
	harness_expect_drop(h, DROP_NEIGH_FAILED, 1);
	harness_expect(
		h, VRACK,
		&(struct probe){.dst = CLIENT, .proto = IPPROTO_ICMP, .from_mac = &router_mac},
		NULL);
	for (unsigned i = 0; i < 40; i++)
		harness_send(h, VRACK, &out); /* the queue is bounded */
	harness_expect_drop(h, DROP_NEIGH_QUEUE, 40 - NEIGHBOUR_QUEUE_MAX);
	harness_advance(h, 4 * SECOND); /* the kernel never answers */
	harness_expect_drop(h, DROP_NEIGH_FAILED, 1 + NEIGHBOUR_QUEUE_MAX);
	harness_close(h);
}

/* RFC 6056, RFC 6888 REQ-15: ports are spread evenly over the range and do not follow each other */
static void test_ports_unpredictable(void **state)
{
	struct harness *h = harness_open(harness_config, 16384);
	unsigned bucket[64] = {0}, next = 0, n = 10000;
	uint16_t last = 0;
	double chi = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		uint16_t port = talk_pool_udp(h, CLIENT, (uint16_t)(1000 + i), VC, 7);

		bucket[(port - 16384) / 768]++;
		next += port == last + 1;
		last = port;
	}
	for (unsigned i = 0; i < 64; i++)
		chi += (bucket[i] - n / 64.0) * (bucket[i] - n / 64.0) / (n / 64.0);
	assert_true(chi <
		    114); /* 63 degrees of freedom: 1 in 10^4 above 114 (seeded: repeatable) */
	assert_true(next <= 3);
	harness_close(h);
}

/* RFC 768: a UDP checksum of zero stays; partial checksums and super-packets go through whole */
static void test_offloads(void **state)
{
	struct harness *h = harness_open(harness_config, 1024);
	struct probe out = datagram(CLIENT, 5000, VC, 7);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;
	uint16_t check;

	(void)state;
	assert_non_null(frame);
	out.no_checksum = true;
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, frame, &p));
	memcpy(&check, frame->data + p.l4 + 6, 2);
	assert_int_equal(check, 0);
	out = (struct probe){.src = CLIENT,
			     .sport = 5000,
			     .dst = VIP,
			     .dport = 443,
			     .proto = IPPROTO_TCP,
			     .tcp_flags = TCP_SYN,
			     .seq = 99,
			     .partial = true};
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, frame, &p));
	assert_int_equal(frame->offload.flags, IO_NEEDS_CSUM);
	out = datagram(CLIENT, 5000, VC, 7);
	out.payload = 60000;
	out.gso_size = 1400;
	out.partial = true;
	harness_send(h, VRACK, &out);
	assert_true(harness_take(h, VSPHERE, frame, &p));
	assert_int_equal(frame->len, 14 + 20 + 8 + 60000);
	assert_int_equal(frame->offload.gso_size, 1400);
	assert_int_equal(h->counters.port[VSPHERE].sent_packets, 1 + 1 + 43);
	free(frame);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_last_hop_follows),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_left_to_kernel),
		cmocka_unit_test(test_mapping_types),
		cmocka_unit_test(test_filtering),
		cmocka_unit_test(test_hairpin),
		cmocka_unit_test(test_pass_through),
		cmocka_unit_test(test_no_rule_no_route),
		cmocka_unit_test(test_two_services_one_backend),
		cmocka_unit_test(test_backends_in_turn),
		cmocka_unit_test(test_neighbour_waits),
		cmocka_unit_test(test_neighbour_fails),
		cmocka_unit_test(test_ports_unpredictable),
		cmocka_unit_test(test_offloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
