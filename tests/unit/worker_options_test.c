/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mss-clamp (conformance T6) and dead-flow rst (T7, RFC 9293 3.10.7.1). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.1"
#define TCP_AT (ETHERNET_BYTES + sizeof(struct ip_header))

static struct harness *open_with(const char *more)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s", harness_config, more);
	return harness_open(text, 1024);
}

static void send_options(struct harness *h, uint8_t port, struct probe probe,
			 const uint8_t *options, uint16_t bytes)
{
	struct frame *frame = calloc(1, sizeof(*frame));

	harness_build_options(port, &probe, options, bytes, frame);
	harness_send_frame(h, port, frame);
	free(frame);
}

/* Take the segment that comes out; its checksum is the harness's to check. */
static void take_options(struct harness *h, uint8_t port, uint8_t *options, uint16_t bytes)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;

	assert_true(harness_take(h, port, frame, &p));
	assert_int_equal(frame->len, TCP_AT + sizeof(struct tcp_header) + bytes);
	memcpy(options, frame->data + TCP_AT + sizeof(struct tcp_header), bytes);
	free(frame);
}

static struct probe syn(void)
{
	return (struct probe){.src = CLIENT,
			      .sport = 5000,
			      .dst = VIP,
			      .dport = 443,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_SYN,
			      .seq = 1000};
}

/* SYN and SYN-ACK of one connection with @in become @out. */
static void clamps(const char *more, bool partial, const uint8_t *in, const uint8_t *out,
		   uint16_t bytes)
{
	struct harness *h = open_with(more);
	struct probe to = syn(), back;
	uint8_t got[40];

	to.partial = partial;
	send_options(h, VRACK, to, in, bytes);
	take_options(h, VSPHERE, got, bytes);
	assert_memory_equal(got, out, bytes);
	back = (struct probe){.src = VC,
			      .sport = 443,
			      .dst = GW,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_SYN | TCP_ACK,
			      .seq = 5000,
			      .ack = 1001,
			      .partial = partial};
	back.dport = ntohs(h->worker->table.records[0].tuple[1].dport);
	send_options(h, VSPHERE, back, in, bytes);
	take_options(h, VRACK, got, bytes);
	assert_memory_equal(got, out, bytes);
	harness_close(h);
}

#define MSS(value) 2, 4, (uint8_t)((value) >> 8), (uint8_t)(value)

static void test_clamp(void **state)
{
	static const uint8_t large[] = {MSS(1460)}, clamped[] = {MSS(1201)}, small[] = {MSS(536)};
	static const uint8_t odd[] = {1, MSS(8960), 1, 1, 1},
			     odd_clamped[] = {1, MSS(1201), 1, 1, 1};
	/* window scale, then the size, then SACK permitted, then the end of the list */
	static const uint8_t late[] = {3, 3, 7, MSS(65535), 4, 2, 0, 0, 0};
	static const uint8_t late_clamped[] = {3, 3, 7, MSS(1201), 4, 2, 0, 0, 0};

	(void)state;
	for (unsigned partial = 0; partial < 2; partial++) {
		clamps("set mss-clamp 1201\n", partial, large, clamped, sizeof(large));
		clamps("set mss-clamp 1201\n", partial, odd, odd_clamped, sizeof(odd));
		clamps("set mss-clamp 1201\n", partial, late, late_clamped, sizeof(late));
		clamps("set mss-clamp 1201\n", partial, small, small,
		       sizeof(small)); /* never raised */
		clamps("set mss-clamp 1201\n", partial, clamped, clamped, sizeof(clamped));
		clamps("", partial, odd, odd, sizeof(odd)); /* off is the default */
		clamps("set mss-clamp off\n", partial, large, large, sizeof(large));
	}
}

static void test_clamp_path(void **state)
{
	static const uint8_t jumbo[] = {MSS(8960)}, ethernet[] = {MSS(1460)},
			     narrow[] = {MSS(1360)};
	struct worker_link link = {.ifindex = 12, .mtu = 1400, .up = true, .mac = vsphere_mac};
	uint8_t got[4];

	(void)state;
	clamps("set mss-clamp path\n", false, jumbo, ethernet, sizeof(jumbo));
	clamps("set mss-clamp path\n", false, narrow, narrow, sizeof(jumbo));
	/* the narrower of both links counts, whichever way the SYN goes */
	for (unsigned side = 0; side < 2; side++) {
		struct harness *h = open_with("set mss-clamp path\n");

		link.ifindex = side ? 11 : 12;
		link.mac = side ? vrack_mac : vsphere_mac;
		worker_link(h->worker, &link);
		send_options(h, VRACK, syn(), jumbo, sizeof(jumbo));
		take_options(h, VSPHERE, got, sizeof(got));
		assert_memory_equal(got, narrow, sizeof(got));
		harness_close(h);
	}
}

/* What is no such option stays as it is, and nothing is read beyond the header. */
static void test_clamp_nonsense(void **state)
{
	static const uint8_t lists[][4] = {
		{1, 1, 1, 2},	    /* its length is missing */
		{2, 3, 0xff, 0xff}, /* another length */
		{2, 0, 0xff, 0xff}, /* no length */
		{2, 8, 0xff, 0xff}, /* longer than the header */
		{0, 4, 0xff, 0xff}, /* behind the end of the list */
		{9, 4, 0xff, 0xff}, /* another option */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		clamps("set mss-clamp 536\n", i % 2, lists[i], lists[i], sizeof(lists[i]));
}

/* An option that the header cuts off: what follows is data. */
static void test_clamp_cut_off(void **state)
{
	static const uint8_t cut[] = {1, 1, 2, 4, 0xff, 0xff, 0xff, 0xff};
	struct harness *h = open_with("set mss-clamp 536\n");
	struct probe probe = syn();
	uint8_t got[sizeof(cut)];

	(void)state;
	probe.payload = 4;
	send_options(h, VRACK, probe, cut, sizeof(cut));
	take_options(h, VSPHERE, got, sizeof(got));
	assert_memory_equal(got, cut, sizeof(cut));
	harness_close(h);
}

/* Only SYNs have a size to clamp. */
static void test_clamp_only_syn(void **state)
{
	static const uint8_t large[] = {MSS(1460)};
	struct harness *h = open_with("set mss-clamp 536\n");
	struct probe probe = syn();
	uint8_t got[4];

	(void)state;
	send_options(h, VRACK, probe, large, sizeof(large));
	take_options(h, VSPHERE, got, sizeof(got));
	assert_memory_not_equal(got, large, sizeof(got));
	probe.seq++;
	probe.tcp_flags = TCP_ACK;
	send_options(h, VRACK, probe, large, sizeof(large));
	take_options(h, VSPHERE, got, sizeof(got));
	assert_memory_equal(got, large, sizeof(got));
	harness_close(h);
}

static struct probe segment(const char *src, const char *dst, uint8_t flags, uint16_t payload)
{
	return (struct probe){.src = src,
			      .sport = 5000,
			      .dst = dst,
			      .dport = 443,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = flags,
			      .payload = payload,
			      .seq = 1000,
			      .ack = flags & TCP_ACK ? 0xfffffff0u : 0};
}

/* @probe gets a reset with these numbers. */
static void expect_reset(struct harness *h, const struct probe *probe, uint8_t flags, uint32_t seq,
			 uint32_t ack)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	struct tcp_header tcp;
	struct packet p;

	assert_true(harness_take(h, VRACK, frame, &p));
	memcpy(&tcp, frame->data + TCP_AT, sizeof(tcp));
	assert_int_equal(frame->len, TCP_AT + sizeof(tcp));
	assert_int_equal(p.tuple.src, ip(probe->dst));
	assert_int_equal(p.tuple.dst, ip(probe->src));
	assert_int_equal(ntohs(p.tuple.sport), probe->dport);
	assert_int_equal(ntohs(p.tuple.dport), probe->sport);
	assert_memory_equal(frame->data, &router_mac, 6); /* back to whoever sent it */
	assert_int_equal(tcp.flags, flags);
	assert_int_equal(ntohl(tcp.seq), seq);
	assert_int_equal(ntohl(tcp.ack), ack);
	free(frame);
	harness_expect_nothing(h);
}

static void test_reset_numbers(void **state)
{
	struct harness *h = open_with("set dead-flow rst\n");
	const char *const to[] = {VIP, VC}; /* a service, and a server behind a rule */
	uint64_t dropped = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct probe ack = segment(CLIENT, to[i], TCP_ACK, 100);
		struct probe syn_ack = segment(CLIENT, to[i], TCP_SYN | TCP_ACK, 0);
		struct probe fin = segment(CLIENT, to[i], TCP_FIN, 10);

		/* with ACK: <SEQ=SEG.ACK><CTL=RST> */
		harness_send(h, VRACK, &ack);
		expect_reset(h, &ack, TCP_RST, 0xfffffff0u, 0);
		harness_send(h, VRACK, &syn_ack);
		expect_reset(h, &syn_ack, TCP_RST, 0xfffffff0u, 0);
		/* without: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>, FIN counts */
		harness_send(h, VRACK, &fin);
		expect_reset(h, &fin, TCP_RST | TCP_ACK, 0, 1000 + 10 + 1);
		harness_expect_drop(h, DROP_TCP_NOT_SYN, dropped += 3);
	}
	assert_int_equal(h->counters.flows_created, 0);
	harness_close(h);
}

static void test_reset_refused(void **state)
{
	struct harness *h = open_with("set dead-flow rst\n");
	const struct {
		uint8_t port;
		struct probe probe;
	} silent[] = {
		{VRACK, segment(CLIENT, VIP, TCP_RST, 0)}, /* never a reset for a reset */
		{VRACK, segment(CLIENT, VIP, TCP_RST | TCP_ACK, 0)},
		{VRACK, segment("192.168.51.10", VIP, TCP_ACK, 0)}, /* not allowed */
		{VRACK, segment("10.10.0.77", VIP, TCP_ACK, 0)},    /* not from there */
		{VSPHERE, segment(VC, GW, TCP_ACK, 0)},		    /* the kernel's port */
	};
	struct probe pool = segment(VC, GW, TCP_ACK, 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		harness_send(h, silent[i].port, &silent[i].probe);
		harness_expect_nothing(h);
	}
	pool.dport = 20000; /* unsolicited, to a port of the pool: as if nobody were there */
	harness_send(h, VSPHERE, &pool);
	pool.tcp_flags = TCP_SYN | TCP_ACK;
	harness_send(h, VSPHERE, &pool);
	harness_expect_nothing(h);
	harness_configure(h, harness_config); /* dead-flow drop is the default */
	harness_send(h, VRACK,
		     &(struct probe){.src = CLIENT,
				     .sport = 5000,
				     .dst = VIP,
				     .dport = 443,
				     .proto = IPPROTO_TCP,
				     .tcp_flags = TCP_ACK});
	harness_expect_nothing(h);
	harness_close(h);
}

/* Resets share the rate of the gateway's own ICMP errors. */
static void test_reset_rate(void **state)
{
	struct harness *h = open_with("set dead-flow rst\nset icmp-rate 10\n");
	struct probe ack = segment(CLIENT, VIP, TCP_ACK, 0);

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		harness_send(h, VRACK, &ack);
	assert_int_equal(mem_port_sent(h->io[VRACK]), 10);
	assert_int_equal(h->counters.icmp_limited, 30);
	while (mem_port_sent(h->io[VRACK]))
		harness_expect(h, VRACK, &(struct probe){.src = VIP}, NULL);
	h->now_ns += SECOND / 10;
	harness_send(h, VRACK, &ack);
	expect_reset(h, &ack, TCP_RST, ack.ack, 0);
	harness_send(h, VRACK, &ack);
	harness_expect_nothing(h);
	harness_close(h);
}

/* A connection that has expired: its client learns so with the next segment. */
static void test_reset_expired(void **state)
{
	struct harness *h = open_with("set dead-flow rst\n");
	struct probe to = syn(), back;

	(void)state;
	harness_send(h, VRACK, &to);
	back = (struct probe){.src = VC,
			      .sport = 443,
			      .dst = GW,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_SYN | TCP_ACK,
			      .seq = 5000,
			      .ack = 1001};
	back.dport = harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	harness_send(h, VSPHERE, &back);
	harness_expect(h, VRACK, &(struct probe){.dst = CLIENT}, NULL);
	to.tcp_flags = TCP_ACK;
	to.seq = 1001;
	to.ack = 5001;
	harness_send(h, VRACK, &to);
	harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	harness_advance(h, 7439 * SECOND);
	harness_send(h, VRACK, &to);
	harness_expect(h, VSPHERE, &(struct probe){.dst = VC}, NULL);
	harness_advance(h, 7441 * SECOND);
	harness_send(h, VRACK, &to);
	expect_reset(h, &to, TCP_RST, 5001, 0);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamp),	       cmocka_unit_test(test_clamp_path),
		cmocka_unit_test(test_clamp_nonsense), cmocka_unit_test(test_clamp_only_syn),
		cmocka_unit_test(test_clamp_cut_off),  cmocka_unit_test(test_reset_numbers),
		cmocka_unit_test(test_reset_refused),  cmocka_unit_test(test_reset_rate),
		cmocka_unit_test(test_reset_expired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
