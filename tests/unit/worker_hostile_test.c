/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever arrives: nothing breaks, and every packet that came in is accounted for exactly once:
 * sent, dropped under a named reason, left to the kernel, or waiting. Exhaustively where that is
 * possible.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/checksum.h"
#include "tests/unit/harness.h"

#define CLIENT	"192.168.50.10"
#define VC	"10.10.0.10"
#define GW	"10.10.0.2"
#define SERVICE "172.16.0.1"
#define L4	(ETHERNET_BYTES + IP_BYTES_MIN)

/* What one gateway has been given, to be compared with what became of it. */
struct account {
	struct harness *h;
	uint64_t in, datagrams; /* frames given; datagrams sent, one cut for the MTU counts once */
};

static struct account account_open(void)
{
	return (struct account){.h = harness_open(harness_config, 1024)};
}

/* account_settle() - take everything that was sent and check that the sums agree. */
static void account_settle(struct account *a)
{
	static uint8_t buffer[IO_FRAME_BYTES];
	const struct worker_counters *c = &a->h->counters;
	uint64_t in, out, fragments = 0, neigh = 0;

	for (unsigned port = 0; port < 2; port++) {
		const struct ip_header *ip = (const struct ip_header *)(buffer + ETHERNET_BYTES);
		uint32_t len, next_piece = 0;

		while ((len = mem_port_pop(a->h->io[port], buffer, sizeof(buffer), NULL))) {
			uint32_t offset = (ntohs(ip->fragment) & IP_OFFSET_MASK) * 8u;
			uint32_t payload = len - L4;

			assert_in_range(len, L4, IO_FRAME_BYTES);
			assert_int_equal(ntohs(ip->total_len) + ETHERNET_BYTES, len);
			/* cut here: it goes on where the one before it ended */
			if (!next_piece || offset != next_piece)
				a->datagrams++;
			next_piece =
				len > 1400 && ntohs(ip->fragment) & IP_MF ? offset + payload : 0;
		}
	}
	for (unsigned m = 0; m < a->h->members; m++) {
		fragments += a->h->member[m]->frags.waiting;
		neigh += a->h->member[m]->neighbours.waiting;
	}
	in = a->in + c->icmp_sent;
	out = a->datagrams + fragments + neigh;
	for (unsigned i = 1; i < DROP_COUNT; i++)
		out += c->dropped[i];
	for (unsigned i = 0; i < COUNTERS_PORTS; i++)
		out += c->port[i].kernel_packets;
	assert_int_equal(in, out);
	assert_int_equal(c->flows, a->h->worker->table.used);
	if (a->h->members > 1) /* each tells its own number to the same counters here */
		return;
	assert_int_equal(c->fragments_waiting, fragments);
	assert_int_equal(c->neigh_waiting, neigh);
}

static void account_give(struct account *a, uint8_t port, const struct frame *frame)
{
	assert_true(mem_port_push(a->h->io[port], frame->data, frame->len, &frame->offload, false));
	a->in++;
	harness_run(a->h);
	account_settle(a);
}

/* After this nothing may wait, and no flow, mapping or held packet may be left. */
static void account_close(struct account *a)
{
	struct worker *w = a->h->worker;

	harness_advance(a->h, 10000 * SECOND);
	account_settle(a);
	assert_int_equal(w->table.used, 0);
	assert_int_equal(w->mappings.used, 0);
	assert_int_equal(a->h->counters.fragments_waiting, 0);
	assert_int_equal(a->h->counters.neigh_waiting, 0);
	harness_close(a->h);
}

static void fix_ip(struct frame *frame)
{
	struct ip_header *ip = (struct ip_header *)(frame->data + ETHERNET_BYTES);
	uint32_t header = (ip->version_ihl & 0xfu) * 4;

	ip->check = 0;
	if (header <= frame->len - ETHERNET_BYTES)
		ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, header));
}

static void fix_icmp(struct frame *frame)
{
	uint32_t bytes = frame->len - L4;
	uint16_t check;

	memset(frame->data + L4 + 2, 0, 2);
	check = (uint16_t)~checksum_fold(checksum_add(0, frame->data + L4, bytes));
	memcpy(frame->data + L4 + 2, &check, 2);
}

/* All 256 protocols x 0 to 60 bytes, from both sides, to us, through us and to a service. */
static void test_protocols(void **state)
{
	static const char *const targets[][2] = {{VC, CLIENT}, {SERVICE, GW}, {GW, SERVICE}};
	static struct frame frame;
	struct account a = account_open();

	(void)state;
	for (unsigned proto = 0; proto < 256; proto++) {
		for (uint16_t payload = 0; payload <= 60; payload++) {
			for (unsigned i = 0; i < 6; i++) {
				uint8_t port = i % 2 ? VSPHERE : VRACK;
				struct probe p = {.src = port == VRACK ? CLIENT : VC,
						  .dst = targets[i / 2][port],
						  .proto = (uint8_t)proto,
						  .payload = payload,
						  .later = true};

				memset(frame.data + L4, 0, 64);
				harness_build(port, &p, &frame);
				account_give(&a, port, &frame);
			}
		}
	}
	assert_int_equal(a.datagrams, 0); /* the payload is no sound TCP, UDP or ICMP */
	account_close(&a);
}

#define KINDS 8u

/* An ICMP error from vSphere about a packet of the UDP flow, as that left the gateway. */
static void build_error(be16 external, struct frame *frame)
{
	struct probe p = {.src = GW,
			  .dst = VC,
			  .sport = ntohs(external),
			  .dport = 443,
			  .proto = IPPROTO_UDP,
			  .payload = 20};
	struct ip_header *ip = (struct ip_header *)(frame->data + ETHERNET_BYTES);

	harness_build(VSPHERE, &p, frame);
	memmove(frame->data + L4 + 8, ip, frame->len - ETHERNET_BYTES);
	memcpy(frame->data + L4, "\3\3\0\0\0\0\0\0", 8);
	frame->len += IP_BYTES_MIN + 8;
	ip->proto = IPPROTO_ICMP;
	ip->total_len = htons((uint16_t)(frame->len - ETHERNET_BYTES));
	ip->dst = ip->src;
	ip->src = htonl(0x0a0a000a);
	fix_icmp(frame);
	fix_ip(frame);
}

/* A sound packet of each kind, of the flows that prepare() makes. */
static uint8_t build_kind(unsigned kind, be16 external, struct frame *frame)
{
	struct probe p = {.src = CLIENT,
			  .dst = VC,
			  .sport = 5000,
			  .dport = 443,
			  .proto = IPPROTO_TCP,
			  .payload = 20};
	uint8_t port = VRACK;

	switch (kind) {
	case 0: /* TCP, opening */
		p.tcp_flags = TCP_SYN;
		break;
	case 1: /* TCP of a flow */
		p.tcp_flags = TCP_ACK;
		p.seq = p.ack = 1;
		break;
	case 2:
		p.proto = IPPROTO_UDP;
		break;
	case 3:
		p.proto = IPPROTO_ICMP;
		break;
	case 4: /* first fragment */
		p.proto = IPPROTO_UDP;
		p.fragment = IP_MF;
		p.payload = 24;
		break;
	case 5: /* last fragment */
		p.proto = IPPROTO_UDP;
		p.fragment = 4;
		p.later = true;
		break;
	case 6: /* for the gateway itself */
		p.dst = SERVICE;
		p.dport = 22;
		p.tcp_flags = TCP_SYN;
		break;
	default:
		build_error(external, frame);
		return VSPHERE;
	}
	harness_build(port, &p, frame);
	return port;
}

/* An open TCP connection and a UDP flow. Return: the external port of the latter. */
static be16 prepare(struct account *a)
{
	struct probe answer = {.src = VC,
			       .dst = GW,
			       .sport = 443,
			       .proto = IPPROTO_TCP,
			       .tcp_flags = TCP_SYN | TCP_ACK,
			       .ack = 1};
	const struct flow *flow = a->h->worker->table.records;
	static struct frame frame;

	build_kind(0, 0, &frame);
	account_give(a, VRACK, &frame);
	answer.dport = ntohs(flow[0].tuple[1].dport);
	harness_build(VSPHERE, &answer, &frame);
	account_give(a, VSPHERE, &frame);
	build_kind(1, 0, &frame);
	account_give(a, VRACK, &frame);
	build_kind(2, 0, &frame);
	account_give(a, VRACK, &frame);
	assert_int_equal(a->datagrams, 4);
	assert_int_equal(flow[0].tcp_state, TCP_ESTABLISHED);
	return flow[1].tuple[1].dport;
}

/* Cut at every byte: by the wire (lengths as they were), by a liar (lengths fixed), by the ring. */
static void test_truncated(void **state)
{
	static struct frame frame, whole;

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct account a = account_open();
		uint8_t port = build_kind(kind, prepare(&a), &whole);
		struct ip_header *ip = (struct ip_header *)(frame.data + ETHERNET_BYTES);

		for (uint32_t len = 0; len < whole.len; len++) {
			uint64_t sent;

			frame = whole;
			frame.len = len;
			sent = a.datagrams;
			account_give(&a, port, &frame);
			assert_int_equal(a.datagrams, sent);
			assert_true(mem_port_push_cut(a.h->io[port], frame.data, len ? len : 1,
						      whole.len));
			a.in++;
			harness_run(a.h);
			account_settle(&a);
			assert_int_equal(a.datagrams, sent);
			if (len < L4)
				continue;
			ip->total_len = htons((uint16_t)(len - ETHERNET_BYTES));
			fix_ip(&frame);
			if (ip->proto == IPPROTO_ICMP && len >= L4 + 8)
				fix_icmp(&frame);
			account_give(&a, port, &frame);
		}
		assert_true(a.h->counters.dropped[DROP_TRUNCATED] >= whole.len + L4);
		account_give(&a, port, &whole);
		account_close(&a);
	}
}

/* Every header byte and every pair of header bytes at its extremes, checksums mended or not. */
static void test_extremes(void **state)
{
	static const uint16_t extremes[] = {0,	    1,	    0x7fff, 0x8000, 0xfffe,
					    0xffff, 0x00ff, 0xff00, 0x0fff};
	static struct frame frame, whole;

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct account a = account_open();
		uint8_t port = build_kind(kind, prepare(&a), &whole);
		uint32_t end = whole.len < L4 + 36 ? whole.len : L4 + 36;

		account_give(&a, port, &whole);
		for (uint32_t at = 0; at + 1 < end; at++) {
			for (unsigned i = 0; i < 4 * sizeof(extremes) / sizeof(extremes[0]); i++) {
				uint16_t value = htons(extremes[i / 4]);

				frame = whole;
				memcpy(frame.data + at, &value, i & 2 ? 2 : 1);
				if (i & 1 && kind != 5 &&
				    frame.data[ETHERNET_BYTES + 9] == IPPROTO_ICMP)
					fix_icmp(&frame);
				if (i & 1)
					fix_ip(&frame);
				account_give(&a, port, &frame);
			}
		}
		/* every value of the bytes that decide most: version, TOS, fragment, TTL, protocol,
		 * TCP flags */
		for (unsigned i = 0; i < 6 * 256; i++) {
			static const uint32_t at[] = {14, 15, 20, 22, 23, L4 + 13};

			frame = whole;
			frame.data[at[i / 256]] = (uint8_t)i;
			fix_ip(&frame);
			account_give(&a, port, &frame);
		}
		account_close(&a);
	}
}

/* IP options: each kind with each length, and TCP options likewise. */
static void test_options(void **state)
{
	static struct frame frame, whole;
	struct account a = account_open();
	struct ip_header *ip = (struct ip_header *)(frame.data + ETHERNET_BYTES);

	(void)state;
	build_kind(0, 0, &whole);
	for (unsigned kind = 0; kind < 256; kind++) {
		for (unsigned length = 0; length <= 41; length++) {
			frame = whole;
			memmove(frame.data + L4 + 40, frame.data + L4, whole.len - L4);
			memset(frame.data + L4, 1, 40);
			frame.data[L4 + kind % 3] = (uint8_t)kind;
			frame.data[L4 + kind % 3 + 1] = (uint8_t)length;
			frame.len += 40;
			ip->version_ihl = 0x4f;
			ip->total_len = htons((uint16_t)(frame.len - ETHERNET_BYTES));
			fix_ip(&frame);
			account_give(&a, VRACK, &frame);

			frame = whole; /* the payload becomes options of the SYN */
			frame.data[L4 + 12] = 10 << 4;
			frame.data[L4 + 20 + kind % 18] = (uint8_t)kind;
			frame.data[L4 + 20 + kind % 18 + 1] = (uint8_t)length;
			frame.data[L4 + 4] = (uint8_t)kind; /* another sequence number */
			account_give(&a, VRACK, &frame);
		}
	}
	account_close(&a);
}

static void give_fragment(struct account *a, uint16_t id, uint32_t offset, uint16_t bytes,
			  bool more)
{
	static struct frame frame;
	struct probe p = {.src = CLIENT,
			  .dst = VC,
			  .proto = IPPROTO_UDP,
			  .id = id,
			  .sport = 4000,
			  .dport = 7,
			  .later = offset > 0};

	p.payload = p.later ? bytes : (uint16_t)(bytes - 8);
	p.fragment = (uint16_t)(offset / 8 | (more ? IP_MF : 0));
	harness_build(VRACK, &p, &frame);
	account_give(a, VRACK, &frame);
}

/* Overlapping, missing, repeated, beyond the end, tiny: they share the first one's fate or end. */
static void test_fragments(void **state)
{
	struct account a = account_open();
	uint64_t sent;

	(void)state;
	give_fragment(&a, 1, 0, 64,
		      true); /* overlap: passed on as they are, nothing is put together */
	give_fragment(&a, 1, 32, 64, true);
	give_fragment(&a, 1, 8, 16, true);
	give_fragment(&a, 1, 0, 8, true);
	give_fragment(&a, 1, 64, 64, false);
	give_fragment(&a, 1, 64, 64, false);
	assert_int_equal(a.datagrams, 6);
	give_fragment(&a, 2, 64, 64, true); /* a hole, at the beginning, for good */
	give_fragment(&a, 2, 64, 64, true);
	assert_int_equal(a.h->counters.fragments_waiting, 2);
	harness_advance(a.h, 3 * SECOND);
	account_settle(&a);
	harness_expect_drop(a.h, DROP_FRAG_TIMEOUT, 2);
	sent = a.datagrams;
	for (uint32_t offset = 65528; offset > 65400;
	     offset -= 8) /* at and around the largest datagram */
		for (uint16_t bytes = 1; bytes < 160; bytes++)
			give_fragment(&a, 3, offset, bytes, bytes % 2);
	assert_int_equal(a.datagrams, sent);
	assert_true(a.h->counters.dropped[DROP_FRAG_BAD] > 1000);
	for (uint16_t bytes = 1; bytes < 64; bytes++) /* tiny, aligned or not, first to last */
		for (uint32_t offset = 8; offset < 32; offset += 8)
			give_fragment(&a, (uint16_t)(100 + bytes), offset, bytes, true);
	account_close(&a);
}

static uint32_t longest_chain(const struct frags *frags)
{
	uint32_t longest = 0;

	for (unsigned i = 0; i < FRAG_ENTRIES; i++) {
		uint32_t length = 0;

		for (uint16_t at = frags->head[i]; at; at = frags->entry[at - 1].next)
			length++;
		if (length > longest)
			longest = length;
	}
	return longest;
}

/* 10^5 datagrams that never become whole, from first and from later fragments: memory and work
 * stay bounded, and a live flow does not notice. */
static void test_half_open(void **state)
{
	struct account a = account_open();
	struct probe live = {
		.src = CLIENT, .sport = 9, .dst = VC, .dport = 7, .proto = IPPROTO_UDP};
	static struct frame frame;
	uint64_t sent;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		give_fragment(&a, (uint16_t)i, i & 0x10000 ? 0 : 64, 16, true);
		if (i % 1000)
			continue;
		assert_in_range(a.h->counters.fragments_waiting, 0, FRAG_WAIT_MAX);
		assert_in_range(longest_chain(&a.h->worker->frags), 0, 12);
		sent = a.datagrams;
		harness_build(VRACK, &live, &frame);
		account_give(&a, VRACK, &frame);
		assert_int_equal(a.datagrams, sent + 1);
	}
	account_close(&a);
}

/* A packet that says it is from the inside host itself is not sent to it ("land"). */
static void test_land(void **state)
{
	static const char open_to_all[] =
		"portgroup add vrack dev eth1 realm private\n"
		"portgroup add vsphere dev eth2 realm vsphere\n"
		"address add 172.16.0.1/24 portgroup vrack\n"
		"address add 10.10.0.2/24 portgroup vsphere\n"
		"pool add default external-ip-address 10.10.0.2 filtering-type eif\n"
		"nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
		"service add vcenter address 172.16.0.1 protocol tcp port 443 backend "
		"10.10.0.10:443\n"
		"allow add 192.168.50.0/24\n";
	struct account a = account_open();
	struct probe out = {
		.src = CLIENT, .sport = 700, .dst = VC, .dport = 7, .proto = IPPROTO_UDP};
	struct probe land = {.src = CLIENT, .sport = 700, .dst = GW, .proto = IPPROTO_UDP};
	struct probe self = {.src = SERVICE,
			     .sport = 443,
			     .dst = SERVICE,
			     .dport = 443,
			     .proto = IPPROTO_TCP,
			     .tcp_flags = TCP_SYN};
	static struct frame frame;

	(void)state;
	harness_configure(a.h, open_to_all);
	harness_build(VRACK, &out, &frame);
	assert_true(mem_port_push(a.h->io[VRACK], frame.data, frame.len, &frame.offload, false));
	a.in++;
	harness_run(a.h);
	land.dport = harness_expect(a.h, VSPHERE, &(struct probe){.src = GW}, NULL);
	a.datagrams++;
	harness_build(VSPHERE, &land, &frame);
	account_give(&a, VSPHERE, &frame);
	assert_int_equal(a.datagrams, 1);
	harness_expect_drop(a.h, DROP_REVERSE_PATH, 1);
	harness_build(VRACK, &self, &frame);
	account_give(&a, VRACK, &frame);
	harness_expect_drop(a.h, DROP_SPOOFED, 1);
	account_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_extremes),  cmocka_unit_test(test_options),
		cmocka_unit_test(test_fragments), cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_land),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
