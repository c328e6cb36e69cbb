/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_random_test - the tc and the XDP program of datapath/offload on random and damaged frames
 * of two live flows.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "tests/unit/offload_bench.h"

#define ROUNDS 60000u

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
				      0x18, 0xff};
	unsigned side = pick(b, 2);
	uint8_t flags = pick(b, 12) ? TCP_ACK | (pick(b, 2) ? 8 : 0) : odd[pick(b, sizeof(odd))];

	/* these would end the connection for all rounds to come */
	if (flags & (TCP_FIN | TCP_RST) && pick(b, 40))
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

/* Make the header's checksum right again, so that the field that was changed is what is judged. */
static void mend(struct frame *frame)
{
	struct ip_header *ip_header = (struct ip_header *)(frame->data + ETHERNET_BYTES);

	if (frame->len < 34)
		return;
	ip_header->check = 0;
	ip_header->check = (uint16_t)~checksum_fold(checksum_add(0, ip_header, 20));
}

static void test_random(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	unsigned done = 0;
	struct talk talk;

	assert_non_null(frame);
	bench_talk(b, &talk);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct probe p;
		uint8_t port;

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
		}
		/* what a test run takes: a whole IP header, and no more than a page */
		if (frame->len < 34 || frame->len > 3000)
			continue;
		done += bench_compare(b, port, frame);
		talk_discard(b->h, VRACK);
		talk_discard(b->h, VSPHERE);
		if (!talk_flow(&talk.tcp) || talk_flow(&talk.tcp)->tcp_state != TCP_ESTABLISHED) {
			bench_close(b);
			b = bench_open(state);
			b->h->seed += i;
			bench_talk(b, &talk);
		}
	}
	print_message("%u of %u frames were forwarded by the program\n", done, ROUNDS);
	assert_true(done > ROUNDS / 10);
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
