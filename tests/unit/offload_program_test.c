/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_program_test - what the tc and the XDP program of datapath/offload forward, and what they
 * leave to the worker.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "tests/unit/offload_bench.h"

static void test_plain(void **state)
{
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	bench_talk(b, &talk);
	p = bench_datagram(100);
	assert_true(bench_forwards(b, VRACK, &p));
	p.id = 77; /* may be fragmented: gets an identification of ours */
	assert_true(bench_forwards(b, VRACK, &p));
	p.fragment = IP_DF;
	assert_true(bench_forwards(b, VRACK, &p));
	p.no_checksum = true;
	assert_true(bench_forwards(b, VRACK, &p));
	p = datagram(VC, 53, GW, talk.udp_external);
	assert_true(bench_forwards(b, VSPHERE, &p));
	for (unsigned side = 0; side < 2; side++) {
		p = talk_segment(&talk.tcp, side, TCP_ACK, 300);
		assert_true(bench_forwards(b, side ? VSPHERE : VRACK, &p));
		talk.tcp.seq[side] += 300;
	}
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 2800);
	p.gso_size = 1400;
	assert_int_equal(bench_forwards(b, VRACK, &p), b->hook == HOOK_TC);
	bench_close(b);
}

/* What must go up to user space. */
static void test_left_alone(void **state)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_FIN, TCP_RST,
					TCP_RST | TCP_ACK};
	static const struct mac elsewhere = {{2, 0, 0, 0, 9, 9}};
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	bench_talk(b, &talk);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		p = talk_segment(&talk.tcp, 0, flags[i], 0);
		assert_false(bench_forwards(b, VRACK, &p));
	}
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	p.seq += 1u << 30; /* outside the window */
	assert_false(bench_forwards(b, VRACK, &p));
	p = bench_datagram(100);
	p.ttl = 1;
	assert_false(bench_forwards(b, VRACK, &p));
	p = bench_datagram(1473); /* 1501 bytes */
	p.fragment = IP_DF;
	assert_false(bench_forwards(b, VRACK, &p));
	p = bench_datagram(96);
	p.fragment = IP_MF;
	assert_false(bench_forwards(b, VRACK, &p));
	p = bench_datagram(100);
	p.from_mac = &elsewhere; /* the client's router has changed */
	assert_false(bench_forwards(b, VRACK, &p));
	p = datagram(CLIENT, 4001, VC, 53); /* no flow */
	assert_false(bench_forwards(b, VRACK, &p));
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 2800);
	p.gso_size = 1461;
	assert_false(bench_forwards(b, VRACK, &p));
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	assert_true(bench_forwards(b, VRACK, &p));
	for (unsigned side = 0; side < 2; side++) { /* a virtual MAC on either side */
		struct flow *flow = (struct flow *)(uintptr_t)talk_flow(&talk.tcp);

		flow->vmac[side] = 1;
		assert_false(bench_forwards(b, VRACK, &p));
		flow->vmac[side] = 0;
	}
	p = bench_datagram(100);
	bench_set_port(b, VSPHERE, MTU, false);
	assert_false(bench_forwards(b, VRACK, &p));
	bench_set_port(b, VSPHERE, 127, true);
	assert_false(bench_forwards(b, VRACK, &p));
	bench_set_port(b, VSPHERE, 128, true);
	assert_true(bench_forwards(b, VRACK, &p));
	bench_close(b);
}

/* The first answer is user space's to see: the session is "replied" from then on. */
static void test_first_answer(void **state)
{
	struct bench *b = bench_open(state);
	uint16_t external = talk_udp(b->h, CLIENT, 4000, VC, 53);
	struct probe answer = datagram(VC, 53, GW, external);

	assert_false(bench_forwards(b, VSPHERE, &answer));
	assert_true(talk_passes(b->h, VSPHERE, &answer));
	assert_true(bench_forwards(b, VSPHERE, &answer));
	bench_close(b);
}

/* No packet is forwarded for a flow that has ended, by whatever way. */
static void test_ended(void **state)
{
	static const char deny[] =
		"portgroup add vrack dev eth1 realm private\n"
		"portgroup add vsphere dev eth2 realm vsphere\n"
		"address add 172.16.0.1/24 portgroup vrack\n"
		"address add 10.10.0.2/24 portgroup vsphere\n"
		"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
		"nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
		"allow add 172.16.0.0/24\n";
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	bench_talk(b, &talk);
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 10);
	assert_true(bench_forwards(b, VRACK, &p));
	harness_configure(b->h, deny);
	assert_false(bench_forwards(b, VRACK, &p));
	p = bench_datagram(10);
	assert_false(bench_forwards(b, VRACK, &p));
	bench_close(b);
}

/* The next hop has moved: nothing goes to where it was. */
static void test_neighbour_moved(void **state)
{
	static const struct mac elsewhere = {{2, 0, 0, 0, 9, 9}};
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	bench_talk(b, &talk);
	p = bench_datagram(10);
	assert_true(bench_forwards(b, VRACK, &p));
	harness_neighbour(b->h, VSPHERE, VC, &elsewhere, NUD_REACHABLE);
	harness_advance(b->h, 0);
	assert_false(bench_forwards(b, VRACK, &p));
	harness_send(b->h, VRACK, &p);
	harness_expect(b->h, VSPHERE, &(struct probe){.from_mac = &elsewhere}, NULL);
	assert_true(bench_forwards(b, VRACK, &p));
	bench_close(b);
}

/* A frame padded to the least that Ethernet carries comes out as the worker would send it. */
static void test_padding(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct talk talk;
	struct probe p;

	assert_non_null(frame);
	bench_talk(b, &talk);
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	harness_build(VRACK, &p, frame);
	assert_int_equal(frame->len, 54);
	memset(frame->data + frame->len, 0, 6);
	frame->len = 60;
	assert_true(bench_compare(b, VRACK, frame));
	free(frame);
	bench_close(b);
}

/* A sender on this host may leave the checksum to hardware that is not there: what stands in its
 * place is the pseudo-header's sum. The XDP program must not take it for a checksum. */
static void test_partial_checksum(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct talk talk;
	struct probe p[2];

	assert_non_null(frame);
	bench_talk(b, &talk);
	p[0] = talk_segment(&talk.tcp, 0, TCP_ACK, 100);
	p[1] = bench_datagram(100);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *check;
		uint64_t sum;
		uint16_t partial;

		harness_build(VRACK, &p[i], frame);
		check = frame->data + (i ? 40 : 50);
		memcpy(&partial, check, 2);
		assert_int_not_equal(partial, 0);
		sum = checksum_pseudo(inet_addr(CLIENT), inet_addr(VC), p[i].proto,
				      (uint16_t)(frame->len - 34));
		partial = checksum_fold(sum);
		memcpy(check, &partial, 2);
		if (b->hook == HOOK_XDP)
			assert_false(bench_compare(b, VRACK, frame));
		harness_build(VRACK, &p[i], frame);
		assert_true(bench_compare(b, VRACK, frame));
		talk_discard(b->h, VSPHERE);
	}
	free(frame);
	bench_close(b);
}

/* Where the way out does not take frames from XDP they are left to tc. */
static void test_way_out(void **state)
{
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	bench_talk(b, &talk);
	p = bench_datagram(100);
	assert_true(bench_forwards(b, VRACK, &p));
	bench_refuse_xdp(b, VSPHERE);
	assert_int_equal(bench_forwards(b, VRACK, &p), b->hook == HOOK_TC);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(plain),	       BOTH(left_alone), BOTH(first_answer), BOTH(ended),
		BOTH(neighbour_moved), BOTH(padding),	 BOTH(way_out),	     BOTH(partial_checksum),
	};

	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
