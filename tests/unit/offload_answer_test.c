/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_answer_test - SYN-ACKs and the tc and the XDP program of datapath/offload: which options
 * they know, and what they leave to the worker. That frame and record become what the worker makes
 * of them is compared in each case (offload_bench.h).
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "datapath/base/checksum.h"
#include "datapath/flow/tcp.h"
#include "datapath/offload/maps.h"
#include "tests/unit/offload_bench.h"

#define MSS(value) 2, 4, (uint8_t)((value) >> 8), (uint8_t)(value)
#define SCALE(n)   3, 3, n
#define SACK	   4, 2
#define TIMES	   8, 10, 1, 2, 3, 4, 5, 6, 7, 8
#define NOP	   1

#define AT_TCP	     (ETHERNET_BYTES + sizeof(struct ip_header))
#define OPTIONS_MAX  40
#define FIRST_PORT   6000
#define NOT_ANSWERED UINT8_MAX

struct layout {
	uint8_t bytes[OPTIONS_MAX];
	uint16_t n;
	bool known;    /* by the programs */
	uint8_t scale; /* that both sides then have offered; NOT_ANSWERED: they have not */
};

/* A new connection, SYN-SENT. */
static struct connection begin(struct bench *b, uint16_t number)
{
	static const uint8_t options[] = {MSS(1460), NOP, SCALE(3)};
	struct connection c = {.h = b->h,
			       .port = (uint16_t)(FIRST_PORT + number),
			       .to = 443,
			       .seq = {1000, 90000}};
	struct probe syn = talk_segment(&c, 0, TCP_SYN, 0);
	struct frame *frame = calloc(1, sizeof(*frame));

	assert_non_null(frame);
	harness_build_options(VRACK, &syn, options, sizeof(options), frame);
	harness_send_frame(b->h, VRACK, frame);
	c.external = harness_expect(b->h, VSPHERE,
				    &(struct probe){.src = GW, .dst = VC, .dport = c.to}, NULL);
	c.seq[0]++;
	free(frame);
	return c;
}

/* Return: whether the program forwards @answer with @options; the worker has seen nothing of it if
 * not. */
static bool forwards(struct bench *b, const struct probe *answer, const uint8_t *options,
		     uint16_t bytes)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	bool result;

	assert_non_null(frame);
	harness_build_options(VSPHERE, answer, options, bytes, frame);
	result = bench_compare(b, VSPHERE, frame);
	talk_discard(b->h, VRACK);
	free(frame);
	return result;
}

static void test_options(void **state)
{
	static const struct layout layouts[] = {
		{{0}, 0, true, NOT_ANSWERED},
		{{MSS(1460)}, 4, true, NOT_ANSWERED},
		/* Linux with and without time stamps; BSD; Windows */
		{{MSS(1460), SACK, TIMES, NOP, SCALE(7)}, 20, true, 7},
		{{MSS(1460), NOP, NOP, SACK, NOP, SCALE(9)}, 12, true, 9},
		{{MSS(1460), NOP, SCALE(6), SACK, TIMES}, 20, true, 6},
		{{MSS(8960), NOP, SCALE(8), NOP, NOP, SACK}, 12, true, 8},
		{{NOP, NOP, TIMES}, 12, true, NOT_ANSWERED},
		{{NOP, SCALE(200)}, 4, true, TCP_SCALE_MAX},
		/* twelve octets of something else that look like options */
		{{SACK, 8, 10, MSS(1), NOP, SCALE(5)}, 12, true, NOT_ANSWERED},
		/* not as usual: user space reads all of them */
		{{SCALE(7), NOP}, 4, false, 7},
		{{NOP, NOP, NOP, SCALE(2), 0, 0}, 8, false, 2},
		{{MSS(1460), 0, 0, 0, 0}, 8, false, NOT_ANSWERED},
		{{34, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 12, false, NOT_ANSWERED},
		{{NOP, NOP, 8, 10, 1, 2, 3, 4}, 8, false, NOT_ANSWERED}, /* cut off */
	};
	struct bench *b = bench_open(state);

	for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct layout *layout = &layouts[i];
		struct connection c = begin(b, (uint16_t)i);
		struct probe answer = talk_segment(&c, 1, TCP_SYN | TCP_ACK, 0);
		const struct flow *flow = talk_flow(&c);

		answer.window = 500;
		if (forwards(b, &answer, layout->bytes, layout->n) != layout->known)
			fail_msg("layout %u: %sknown to the program", i,
				 layout->known ? "not " : "");
		assert_int_equal(flow->tcp_state, layout->known ? TCP_SYN_BOTH : TCP_SYN_SENT);
		if (layout->known)
			assert_int_equal(flow->tcp[1].scale,
					 layout->scale == NOT_ANSWERED ? 0 : layout->scale);
	}
	bench_close(b);
}

/* Any byte of it. The next one, whole, is the first that counts. */
static void test_damaged(void **state)
{
	static const uint8_t options[] = {MSS(1460), SACK, TIMES, NOP, SCALE(7)};
	struct bench *b = bench_open(state);
	struct connection c = begin(b, 0);
	struct probe answer = talk_segment(&c, 1, TCP_SYN | TCP_ACK, 0);
	struct frame *frame = calloc(1, sizeof(*frame)), *damaged = calloc(1, sizeof(*damaged));

	assert_non_null(frame);
	assert_non_null(damaged);
	harness_build_options(VSPHERE, &answer, options, sizeof(options), frame);
	for (uint32_t at = AT_TCP; at < frame->len; at++) {
		*damaged = *frame;
		damaged->data[at] ^= 0x20;
		assert_false(bench_compare(b, VSPHERE, damaged));
	}
	assert_int_equal(talk_flow(&c)->tcp_state, TCP_SYN_SENT);
	assert_true(bench_compare(b, VSPHERE, frame));
	assert_int_equal(talk_flow(&c)->tcp[1].end, 90001);
	free(damaged);
	free(frame);
	bench_close(b);
}

/* What else than its options may be wrong with it. */
static void test_left_alone(void **state)
{
	struct bench *b = bench_open(state);
	struct connection c = begin(b, 0);
	struct probe right = talk_segment(&c, 1, TCP_SYN | TCP_ACK, 0), p = right;

	p.ack++;
	assert_false(bench_forwards(b, VSPHERE, &p));
	p.ack -= 2;
	assert_false(bench_forwards(b, VSPHERE, &p));
	p = right;
	p.payload = 1;
	assert_false(bench_forwards(b, VSPHERE, &p));
	p.payload = 0;
	p.tcp_flags |= TCP_FIN;
	assert_false(bench_forwards(b, VSPHERE, &p));
	p.tcp_flags = TCP_SYN | TCP_ACK | TCP_RST;
	assert_false(bench_forwards(b, VSPHERE, &p));
	p = talk_segment(&c, 0, TCP_SYN | TCP_ACK, 0); /* from who has opened it */
	assert_false(bench_forwards(b, VRACK, &p));
	bench_age(&c, BENCH_TRANS_TICKS + 1);
	assert_false(bench_forwards(b, VSPHERE, &right));
	bench_age(&c, 0);
	assert_true(bench_forwards(b, VSPHERE, &right));
	bench_close(b);
}

/* A segment size that is to be made smaller is made so by the worker. */
static void test_segment_size(void **state)
{
	static const uint8_t size[] = {MSS(1300)}, ethernet[] = {MSS(1460)}, jumbo[] = {MSS(1461)};
	struct bench *b = bench_open(state);
	struct connection c = begin(b, 0);
	struct probe answer = talk_segment(&c, 1, TCP_SYN | TCP_ACK, 0);

	bench_limit_mss(b, VRACK, 1299);
	assert_false(forwards(b, &answer, size, sizeof(size)));
	bench_limit_mss(b, VRACK, OFFLOAD_MSS_LEAVE);
	assert_false(bench_forwards(b, VSPHERE, &answer));
	bench_limit_mss(b, VRACK, 1300);
	assert_true(forwards(b, &answer, size, sizeof(size)));
	c = begin(b, 1);
	answer = talk_segment(&c, 1, TCP_SYN | TCP_ACK, 0);
	bench_limit_mss(b, VRACK, OFFLOAD_MSS_PATH);
	assert_false(forwards(b, &answer, jumbo, sizeof(jumbo)));
	bench_set_port(b, VSPHERE, MTU - 1, true);
	assert_false(forwards(b, &answer, ethernet, sizeof(ethernet)));
	bench_set_port(b, VSPHERE, MTU, true);
	assert_true(forwards(b, &answer, ethernet, sizeof(ethernet)));
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH(options), BOTH(damaged), BOTH(left_alone),
					   BOTH(segment_size)};

	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
