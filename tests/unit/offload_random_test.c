/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_random_test - the tc and the XDP program of datapath/offload on random and damaged frames
 * of two live flows: one of datagrams, and a connection that goes through all of its states.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "datapath/flow/tcp.h"
#include "tests/unit/offload_bench.h"

#define ROUNDS	    60000u
#define LIFE_ROUNDS 300u /* of one connection */

static uint32_t pick(struct bench *b, uint32_t n)
{
	b->h->seed ^= b->h->seed >> 12;
	b->h->seed ^= b->h->seed << 25;
	b->h->seed ^= b->h->seed >> 27;
	return (uint32_t)((b->h->seed * 0x2545f4914f6cdd1dull >> 33) % n);
}

static void random_segment(struct bench *b, struct talk *talk, struct probe *p, uint8_t *port)
{
	static const uint8_t odd[] = {0,    TCP_SYN, TCP_FIN | TCP_ACK, TCP_RST, 0x10 | 0x20,
				      0x18, 0xff,    TCP_SYN | TCP_ACK, TCP_FIN, TCP_FIN | 0x18};
	unsigned side = pick(b, 2);
	uint8_t flags = pick(b, 12) ? TCP_ACK | (pick(b, 2) ? 8 : 0) : odd[pick(b, sizeof(odd))];

	if (flags & TCP_RST && pick(b, 4)) /* most connections are to be closed by FIN */
		flags = TCP_ACK;
	*p = talk_segment(&talk->tcp, side, flags, (uint16_t)pick(b, 1500));
	p->window = (uint16_t)pick(b, 65536);
	if (!pick(b, 4))
		p->seq += pick(b, 200000) - 100000;
	if (!pick(b, 4))
		p->ack += pick(b, 200000) - 100000;
	if (b->hook == HOOK_TC && !pick(b, 6)) /* XDP meets single frames only */
		p->gso_size = (uint16_t)(1 + pick(b, 1600));
	*port = side ? VSPHERE : VRACK;
}

static void random_datagram(struct bench *b, struct talk *talk, struct probe *p, uint8_t *port)
{
	*port = (uint8_t)pick(b, 2);
	*p = *port == VRACK ? bench_datagram((uint16_t)pick(b, 1600))
			    : datagram(VC, 53, GW, talk->udp_external);
	if (*port == VSPHERE)
		p->payload = (uint16_t)pick(b, 1600);
	p->no_checksum = !pick(b, 4);
}

/* Whatever else can be wrong with a frame: bytes of its headers, its length. */
static void damage(struct bench *b, struct frame *frame)
{
	if (!pick(b, 4))
		frame->data[pick(b, 54)] = (uint8_t)pick(b, 256);
	if (!pick(b, 6) && frame->len < 3000) {
		uint32_t more = pick(b, 40);

		memset(frame->data + frame->len, 0xa5, more);
		frame->len += more;
	}
	if (!pick(b, 12))
		frame->len = 14 + pick(b, frame->len - 13);
}

/* The program looks at no TCP checksum; the worker refuses some that are wrong (flow/tcp.c), which
 * worker_damage_test is about. */
static void mend_tcp(struct frame *frame)
{
	struct packet p = {.data = frame->data, .len = frame->len, .offload = frame->offload};
	enum drop_reason reason = packet_parse(&p);
	struct tcp_header *h;
	uint64_t sum;

	if ((reason && reason != DROP_TCP_CHECKSUM) || p.kind != PACKET_TRANSPORT ||
	    p.proto != IPPROTO_TCP || packet_is_fragment(&p))
		return;
	h = packet_l4(&p, sizeof(*h));
	sum = checksum_pseudo(p.tuple.src, p.tuple.dst, IPPROTO_TCP, p.len - p.l4);
	h->check = 0;
	h->check = (uint16_t)~checksum_fold(checksum_add(sum, h, p.len - p.l4));
}

/* Make the header's checksum right again, so that the field that was changed is what is judged. */
static void mend(struct frame *frame)
{
	struct ip_header *ip_header = (struct ip_header *)(frame->data + ETHERNET_BYTES);

	if (frame->len < 34)
		return;
	ip_header->check = 0;
	ip_header->check = (uint16_t)~checksum_fold(checksum_add(0, ip_header, 20));
}

/* Another connection, a random part of whose handshake is done. */
static void connect_anew(struct bench *b, struct connection *c)
{
	const struct flow_table *table = &b->h->worker->table;
	const struct flow *flow = talk_flow(c);
	unsigned phase = pick(b, 4);

	if (flow)
		assert_true(harness_end_flow(b->h, (uint32_t)(flow - table->records)));
	*c = (struct connection){.h = b->h,
				 .port = (uint16_t)(c->port + 1),
				 .to = 443,
				 .seq = {pick(b, UINT32_MAX), pick(b, UINT32_MAX)}};
	talk_tcp(c, 0, TCP_SYN, 0);
	if (phase > 0)
		talk_tcp(c, 1, TCP_SYN | TCP_ACK, 0);
	if (phase > 1)
		talk_tcp(c, 0, TCP_ACK, 0);
}

static void test_random(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	unsigned done = 0, by_state[TCP_STATE_COUNT] = {0};
	struct talk talk;

	assert_non_null(frame);
	bench_set_inside(b, VSPHERE);
	bench_talk(b, &talk);
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum flow_tcp_state before;
		struct probe p;
		uint8_t port;

		if (!talk_flow(&talk.tcp) || !pick(b, LIFE_ROUNDS))
			connect_anew(b, &talk.tcp);
		before = talk_flow(&talk.tcp)->tcp_state;
		if (pick(b, 2))
			random_segment(b, &talk, &p, &port);
		else
			random_datagram(b, &talk, &p, &port);
		if (!pick(b, 3))
			p.fragment = IP_DF;
		else if (!pick(b, 10))
			p.fragment = (uint16_t)(pick(b, 2) ? IP_MF : pick(b, 0x2000));
		p.id = (uint16_t)pick(b, 65536);
		p.ttl = (uint8_t)(pick(b, 8) ? 64 : 1 + pick(b, 3));
		harness_build(port, &p, frame);
		if (!pick(b, 3)) {
			damage(b, frame);
			if (pick(b, 2))
				mend(frame);
			mend_tcp(frame);
		}
		/* what a test run takes: a whole IP header, and no more than a page */
		if (frame->len < 34 || frame->len > 3000)
			continue;
		if (bench_compare(b, port, frame)) {
			done++;
			by_state[before] += p.proto == IPPROTO_TCP;
		} else if (pick(b, 2)) {
			harness_send_frame(b->h, port, frame);
		}
		talk_discard(b->h, VRACK);
		talk_discard(b->h, VSPHERE);
	}
	print_message("%u of %u frames were forwarded by the program\n", done, ROUNDS);
	assert_true(done > ROUNDS / 10);
	for (unsigned i = 0; i < TCP_STATE_COUNT; i++) {
		bool followed = i >= TCP_SYN_BOTH && i <= TCP_CLOSED;

		print_message("  %u of the connection in state %s\n", by_state[i],
			      tcp_state_name(i));
		assert_true(followed ? by_state[i] > 50 : by_state[i] == 0);
	}
	free(frame);
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH(random)};

	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
