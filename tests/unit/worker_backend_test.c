/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Choice of backends, and what becomes of flows and clients of those that are down. Whatever
 * happens, the connections that the worker counts for each backend are those that the table holds.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "datapath/policy/admit.h"
#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.5"
#define MS     1000000ull

static const char *const backends[] = {"10.10.0.10", "10.10.0.11", "10.10.0.12"};
static const uint8_t all_up[] = {1, 1, 1, 1, 1, 1, 1, 1};

/* Service "lc" with three backends; its place in the order of services comes first. */
static const char *config(const char *protocol, const char *options, const char *more)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "portgroup add vrack dev eth1 realm private\n"
		 "portgroup add vsphere dev eth2 realm vsphere\n"
		 "address add 172.16.0.1/24 portgroup vrack\naddress add 10.10.0.2/24 portgroup "
		 "vsphere\n"
		 "pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
		 "nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\nallow add "
		 "192.168.50.0/24\n"
		 "service add lc address 172.16.0.5 protocol %s port 80 backend 10.10.0.10:80 "
		 "backend 10.10.0.11:80 backend 10.10.0.12:80 %s\n%s",
		 protocol, options, more);
	return text;
}

static struct harness *open_with(const char *text)
{
	struct harness *h = harness_open(text, 32768);

	for (unsigned i = 0; i < 3; i++)
		harness_neighbour(h, VSPHERE, backends[i], &server_mac, NUD_REACHABLE);
	return h;
}

static void up(struct harness *h, const char *text, const uint8_t which[3])
{
	h->backend_up = which;
	harness_configure(h, text);
}

static struct probe packet(uint8_t proto, uint16_t sport, uint8_t flags)
{
	return (struct probe){.src = CLIENT,
			      .sport = sport,
			      .dst = VIP,
			      .dport = 80,
			      .proto = proto,
			      .tcp_flags = proto == IPPROTO_TCP ? flags : 0,
			      .seq = 1000,
			      .payload = proto == IPPROTO_UDP ? 8 : 0};
}

/* Send the first packet of a flow. Return: the backend that it goes to, -1: none. */
static int begin(struct harness *h, uint8_t proto, uint16_t sport, uint16_t *external)
{
	struct probe probe = packet(proto, sport, TCP_SYN);
	struct packet p;
	uint16_t port;

	harness_send(h, VRACK, &probe);
	if (!mem_port_sent(h->io[VSPHERE]))
		return -1;
	port = harness_expect(h, VSPHERE, &(struct probe){.src = GW, .dport = 80}, &p);
	if (external)
		*external = port;
	for (int i = 0; i < 3; i++)
		if (p.tuple.dst == ip(backends[i]))
			return i;
	fail_msg("it goes to none of the backends");
	return -1;
}

/* The connection is refused: its flow is over, its record waits. */
static void refuse(struct harness *h, int backend, uint16_t sport, uint16_t external)
{
	struct probe probe = {.src = backends[backend],
			      .sport = 80,
			      .dst = GW,
			      .dport = external,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_RST | TCP_ACK,
			      .ack = 1001};

	harness_send(h, VSPHERE, &probe);
	harness_expect(h, VRACK, &(struct probe){.src = VIP, .dst = CLIENT, .dport = sport}, NULL);
}

static uint32_t counted(const struct harness *h, uint32_t index)
{
	uint32_t sum = 0;

	for (unsigned m = 0; m < h->members; m++)
		sum += h->member[m]->backends.flows[index];
	return sum;
}

/* What the table says, against what is counted. */
static void check_counts(const struct harness *h)
{
	const struct snapshot *s = &h->worker->snapshot;
	uint32_t truth[16] = {0};

	assert_in_range(s->n_backends, 1, 16);
	for (uint32_t i = 0; i < h->worker->table.capacity; i++) {
		const struct flow *flow = worker_flow(h->worker, i);
		uint32_t word = atomic_load(&flow->word);
		const struct snapshot_service *service;
		const struct snapshot_backend *backend;

		if (FLOW_WORD_STATE(word) != FLOW_ACTIVE || !worker_flow_counts(flow))
			continue;
		backend = policy_backend(s, flow, &service);
		if (backend)
			truth[backend - s->backends]++;
	}
	for (uint32_t i = 0; i < s->n_backends; i++)
		assert_int_equal(counted(h, i), truth[i]);
}

static void test_round_robin_skips(void **state)
{
	const char *text = config("tcp", "check tcp", "");
	struct harness *h = open_with(text);
	unsigned got[3] = {0};

	(void)state;
	up(h, text, (const uint8_t[]){1, 0, 1});
	for (uint16_t i = 0; i < 30; i++)
		got[begin(h, IPPROTO_TCP, (uint16_t)(5000 + i), NULL)]++;
	assert_int_equal(got[1], 0);
	assert_in_range(got[0], 9, 21); /* the turn of the one that is down goes to its neighbour */
	up(h, text, all_up);
	for (uint16_t i = 0; i < 30; i++)
		got[begin(h, IPPROTO_TCP, (uint16_t)(6000 + i), NULL)]++;
	assert_int_equal(got[1], 10);
	check_counts(h);
	harness_close(h);
}

static void test_source_hash_returns(void **state)
{
	const char *text = config("tcp", "check tcp balance source-hash", "");
	struct harness *h = open_with(text);
	int home = begin(h, IPPROTO_TCP, 5000, NULL);
	uint8_t others[3] = {1, 1, 1};

	(void)state;
	assert_int_equal(begin(h, IPPROTO_TCP, 5001, NULL), home);
	others[home] = 0;
	up(h, text, others);
	assert_int_not_equal(begin(h, IPPROTO_TCP, 5002, NULL), home);
	up(h, text, all_up);
	assert_int_equal(begin(h, IPPROTO_TCP, 5003, NULL), home);
	harness_close(h);
}

static void test_least_connections(void **state)
{
	struct harness *h = open_with(config("tcp", "balance least-connections",
					     "set timer tcp-trans-close-timeout 10\n"));
	uint16_t external[12];
	int at[12];

	(void)state;
	for (uint16_t i = 0; i < 12; i++)
		at[i] = begin(h, IPPROTO_TCP, (uint16_t)(5000 + i), &external[i]);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(counted(h, i), 4);
	/* one backend's connections end: their records wait, and must not count */
	for (uint16_t i = 0; i < 12; i++)
		if (at[i] == 1)
			refuse(h, 1, (uint16_t)(5000 + i), external[i]);
	assert_int_equal(h->counters.flows, 12);
	check_counts(h);
	assert_int_equal(begin(h, IPPROTO_TCP, 5900, NULL), 1);
	harness_advance(h, 20 * SECOND); /* the records are taken; nothing is subtracted twice */
	assert_int_equal(h->counters.flows, 9);
	check_counts(h);
	assert_int_equal(counted(h, 1), 1);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(begin(h, IPPROTO_TCP, (uint16_t)(6000 + i), NULL), 1);
	/* an ended connection is opened again from the same port, by the same flow */
	at[0] = begin(h, IPPROTO_TCP, 5901, &external[0]);
	refuse(h, at[0], 5901, external[0]);
	check_counts(h);
	assert_int_equal(begin(h, IPPROTO_TCP, 5901, NULL), at[0]);
	assert_int_equal(counted(h, (uint32_t)at[0]), 5);
	check_counts(h);
	harness_advance(h, 600 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	check_counts(h);
	harness_close(h);
}

/* Backends and services come and go around it, in other places; a crash in between. */
static void test_counts_outlive_changes(void **state)
{
	const char *options = "balance least-connections";
	struct harness *h = open_with(config("tcp", options, ""));
	int next;

	(void)state;
	for (uint16_t i = 0; i < 5; i++)
		begin(h, IPPROTO_TCP, (uint16_t)(5000 + i), NULL);
	harness_configure(h, config("tcp", options,
				    "service add a address 172.16.0.4 protocol tcp port 80 "
				    "backend 10.10.0.12:80 backend 10.10.0.10:80\n"));
	check_counts(h);
	assert_int_equal(counted(h, 0) + counted(h, 1), 0); /* "a" sorts first, has none */
	assert_int_equal(counted(h, 2) + counted(h, 3) + counted(h, 4), 5);
	harness_restart(h);
	for (unsigned i = 0; i < 3; i++)
		harness_neighbour(h, VSPHERE, backends[i], &server_mac, NUD_REACHABLE);
	check_counts(h);
	assert_int_equal(counted(h, 2) + counted(h, 3) + counted(h, 4), 5);
	next = begin(h, IPPROTO_TCP, 5100, NULL);
	assert_int_equal(counted(h, 2 + (uint32_t)next), 2);
	check_counts(h);
	/* the service goes, its flows with it, and comes back */
	harness_configure(h, config("udp", options, ""));
	assert_int_equal(h->counters.flows, 0);
	check_counts(h);
	harness_configure(h, config("tcp", options, ""));
	check_counts(h);
	harness_close(h);
}

/* Flows begin and end, before and behind the place that the sweep has reached. */
static void test_counts_during_sweep(void **state)
{
	const char *text = config("udp", "balance least-connections", "");
	struct harness *h = open_with(text);
	struct snapshot view = h->worker->snapshot;
	struct worker_status status;

	(void)state;
	for (uint16_t i = 0; i < 10000; i++)
		begin(h, IPPROTO_UDP, (uint16_t)(10000 + i), NULL);
	worker_snapshot(h->worker, &view, h->now_ns);
	check_counts(h);					/* taken over */
	memset(h->worker->backends.flows, 0, sizeof(uint32_t)); /* wrong: the sweep puts it right */
	worker_work(h->worker, h->now_ns, &status);
	assert_false(status.swept);
	assert_in_range(h->worker->sweep.next, 1, 9999);
	for (uint32_t record = 0; record < 10000; record += 7)
		assert_true(harness_end_flow(h, record));
	for (uint16_t i = 0; i < 500; i++) /* in records that were free, and behind all */
		begin(h, IPPROTO_UDP, (uint16_t)(30000 + i), NULL);
	do
		harness_work(h, &status);
	while (!status.swept);
	check_counts(h);
	harness_close(h);
}

/* Flows that a filter chooses end in the course of a sweep that counts anew, some but for its
 * limit. */
static void test_counts_ended_by_filter(void **state)
{
	const struct flow_filter filter = {.conditions = 1u << FILTER_SPORT,
					   .sport = {11000, 11999}};
	struct harness *h = open_with(config("udp", "balance least-connections", ""));
	struct snapshot view = h->worker->snapshot;
	struct worker_status status;

	(void)state;
	for (uint16_t i = 0; i < 2000; i++)
		begin(h, IPPROTO_UDP, (uint16_t)(10000 + i), NULL);
	worker_end_flows(h->worker, &filter, 700, 1, h->now_ns);
	worker_snapshot(h->worker, &view, h->now_ns);
	do
		harness_work(h, &status);
	while (!status.swept);
	assert_int_equal(h->counters.flows, 1300);
	check_counts(h);
	harness_close(h);
}

static void test_dead_keep(void **state)
{
	const char *text = config("tcp", "check tcp", "");
	struct harness *h = open_with(text);
	uint8_t dead[3] = {1, 1, 1};
	int at = begin(h, IPPROTO_TCP, 5000, NULL);

	(void)state;
	dead[at] = 0;
	up(h, text, dead);
	assert_int_equal(h->counters.flows, 1);
	assert_int_equal(begin(h, IPPROTO_TCP, 5000, NULL), at); /* the SYN again */
	harness_close(h);
}

static void test_dead_reset(void **state)
{
	const char *text = config("tcp", "check tcp dead reset", "");
	struct harness *h = open_with(text);
	uint8_t dead[3] = {1, 1, 1};
	struct packet p;
	struct frame frame;
	uint16_t external;
	int at = begin(h, IPPROTO_TCP, 5000, &external);
	struct probe answer = {.src = backends[at],
			       .sport = 80,
			       .dst = GW,
			       .dport = external,
			       .proto = IPPROTO_TCP,
			       .tcp_flags = TCP_SYN | TCP_ACK,
			       .seq = 77,
			       .ack = 1001};

	(void)state;
	harness_send(h, VSPHERE, &answer);
	harness_expect(h, VRACK, &(struct probe){.src = VIP, .dst = CLIENT, .dport = 5000}, NULL);
	while (begin(h, IPPROTO_TCP, 5001, NULL) == at) /* another, which is not concerned */
		fail_msg("both go to one backend");
	dead[at] = 0;
	up(h, text, dead);
	assert_int_equal(h->counters.flows, 1);
	assert_true(harness_take(h, VRACK, &frame, &p));
	assert_true(p.tuple.src == ip(VIP) && p.tuple.dst == ip(CLIENT));
	assert_int_equal(ntohs(p.tuple.sport), 80);
	assert_int_equal(ntohs(p.tuple.dport), 5000);
	assert_int_equal(p.tcp.flags & (TCP_RST | TCP_SYN | TCP_FIN), TCP_RST);
	assert_int_equal(p.tcp.seq, 78); /* what the client expects next */
	assert_true(mac_equal(&packet_ethernet(&p)->dst, &router_mac));
	assert_false(harness_take(h, VRACK, &frame, &p));
	assert_int_not_equal(begin(h, IPPROTO_TCP, 5000, NULL), at);
	check_counts(h);
	harness_close(h);
}

/* A change of the configuration that ends a flow tells nobody: only a dead backend does. */
static void test_removed_is_silent(void **state)
{
	struct harness *h = open_with(config("tcp", "check tcp dead reset", ""));

	(void)state;
	begin(h, IPPROTO_TCP, 5000, NULL);
	harness_configure(h, config("udp", "", ""));
	assert_int_equal(h->counters.flows, 0);
	harness_expect_nothing(h);
	/* its backend serves, but the rule is another's */
	harness_configure(h, config("tcp", "check tcp dead reset", ""));
	begin(h, IPPROTO_TCP, 5001, NULL);
	harness_configure(h, config("tcp", "check tcp dead reset",
				    "nat add 5 from 192.168.50.10/32 to any nat-pass-through\n"));
	assert_int_equal(h->counters.flows, 0);
	harness_expect_nothing(h);
	/* it is down, but its flows are to move */
	harness_configure(h, config("tcp", "check tcp dead move", ""));
	begin(h, IPPROTO_TCP, 5002, NULL);
	up(h, config("tcp", "check tcp dead move", ""), (const uint8_t[]){0, 0, 0});
	assert_int_equal(h->counters.flows, 0);
	harness_expect_nothing(h);
	harness_close(h);
}

static void test_dead_move(void **state)
{
	const char *text = config("udp", "check icmp dead move", "");
	struct harness *h = open_with(text);
	uint8_t dead[3] = {1, 1, 1};
	int at = begin(h, IPPROTO_UDP, 5000, NULL);

	(void)state;
	assert_int_equal(begin(h, IPPROTO_UDP, 5000, NULL), at);
	dead[at] = 0;
	up(h, text, dead);
	assert_int_equal(h->counters.flows, 0);
	assert_int_not_equal(begin(h, IPPROTO_UDP, 5000, NULL), at);
	up(h, text, all_up);
	assert_int_equal(h->counters.flows, 1); /* it stays where it went */
	harness_close(h);
}

/* Return: the ICMP type and code, or TCP flags, of the answer to a first packet; -1: none. */
static int answer_to(const char *options, uint8_t proto)
{
	char text[4096];
	struct harness *h;
	struct probe probe = packet(proto, 5000, TCP_SYN);
	struct frame frame;
	struct packet p;
	int answer = -1;

	snprintf(text, sizeof(text), "%s",
		 config(proto == IPPROTO_TCP ? "tcp" : "udp", options, ""));
	h = open_with(text);
	up(h, text, (const uint8_t[]){0, 0, 0});
	harness_send(h, VRACK, &probe);
	harness_expect_drop(h, DROP_NO_BACKEND, 1);
	if (harness_take(h, VRACK, &frame, &p)) {
		assert_true(packet_ip(&p)->dst == ip(CLIENT));
		if (packet_ip(&p)->proto == IPPROTO_ICMP) {
			assert_true(packet_ip(&p)->src == ip("172.16.0.1"));
			answer = frame.data[34] << 8 | frame.data[35];
		} else {
			assert_true(packet_ip(&p)->src == ip(VIP));
			assert_int_equal(p.tcp.ack, 1001);
			answer = p.tcp.flags;
		}
	}
	harness_expect_nothing(h);
	assert_int_equal(h->counters.flows, 0);
	harness_close(h);
	return answer;
}

static void test_all_down(void **state)
{
	(void)state;
	assert_int_equal(answer_to("check tcp", IPPROTO_TCP), -1);
	assert_int_equal(answer_to("check tcp", IPPROTO_UDP), -1);
	assert_int_equal(answer_to("check tcp down reset", IPPROTO_TCP), TCP_RST | TCP_ACK);
	assert_int_equal(answer_to("check tcp down reset", IPPROTO_UDP), 3 << 8 | 3);
	assert_int_equal(answer_to("check tcp down icmp", IPPROTO_TCP), 3 << 8 | 1);
	assert_int_equal(answer_to("check tcp down icmp", IPPROTO_UDP), 3 << 8 | 1);
	assert_int_equal(answer_to("check tcp down icmp balance least-connections", IPPROTO_UDP),
			 3 << 8 | 1);
}

static void test_answers_are_limited(void **state)
{
	char text[4096];
	struct harness *h;
	struct probe probe = packet(IPPROTO_TCP, 5000, TCP_SYN);

	(void)state;
	snprintf(text, sizeof(text), "%s",
		 config("tcp", "check tcp down reset", "set icmp-rate 10\n"));
	h = open_with(text);
	up(h, text, (const uint8_t[]){0, 0, 0});
	for (unsigned i = 0; i < 50; i++) {
		harness_send(h, VRACK, &probe);
		harness_advance(h, MS);
	}
	assert_in_range(h->counters.icmp_sent, 1, 11);
	assert_int_equal(h->counters.icmp_sent + h->counters.icmp_limited, 50);
	harness_expect_drop(h, DROP_NO_BACKEND, 50);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin_skips),
		cmocka_unit_test(test_source_hash_returns),
		cmocka_unit_test(test_least_connections),
		cmocka_unit_test(test_counts_outlive_changes),
		cmocka_unit_test(test_counts_during_sweep),
		cmocka_unit_test(test_counts_ended_by_filter),
		cmocka_unit_test(test_dead_keep),
		cmocka_unit_test(test_dead_reset),
		cmocka_unit_test(test_removed_is_silent),
		cmocka_unit_test(test_dead_move),
		cmocka_unit_test(test_all_down),
		cmocka_unit_test(test_answers_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
