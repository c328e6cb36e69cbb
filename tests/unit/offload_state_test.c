/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_state_test - which segments of a connection the tc and the XDP program of
 * datapath/offload forward, from its first to its last, and the timers on the way.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "datapath/flow/tcp.h"
#include "tests/unit/offload_bench.h"

/* One segment of a connection, who forwards it, and the state that it leaves. */
struct step {
	unsigned side;
	uint8_t flags;
	uint16_t payload;
	bool kernel;
	enum flow_tcp_state state;
};

#define ACK TCP_ACK
#define FIN TCP_FIN

/* The SYN, RST, and a last FIN that has data are user space's, all else is the program's; the last
 * FIN only if one of the portgroups leads to sockets of this host, and there is one worker. */
static const struct step lives[][12] = {
	{{0, TCP_SYN, 0, false, TCP_SYN_SENT},
	 {1, TCP_SYN | ACK, 0, true, TCP_SYN_BOTH},
	 {1, TCP_SYN | ACK, 0, false, TCP_SYN_BOTH}, /* once more */
	 {0, ACK, 0, true, TCP_ESTABLISHED},
	 {0, ACK, 10, true, TCP_ESTABLISHED},
	 {1, ACK, 10, true, TCP_ESTABLISHED},
	 {0, FIN | ACK, 0, true, TCP_FIN_0},
	 {1, ACK, 500, true, TCP_FIN_0}, /* half closed */
	 {0, ACK, 0, true, TCP_FIN_0},
	 {1, FIN | ACK, 20, false, TCP_CLOSED},
	 {0, ACK, 0, true, TCP_CLOSED}},
	/* the first acknowledgement has data and FIN; the last ones are repeated */
	{{0, TCP_SYN, 0, false, TCP_SYN_SENT},
	 {1, TCP_SYN | ACK, 0, true, TCP_SYN_BOTH},
	 {0, FIN | ACK, 30, true, TCP_FIN_0},
	 {1, ACK, 0, true, TCP_FIN_0},
	 {1, FIN | ACK, 0, true, TCP_CLOSED},
	 {0, ACK, 0, true, TCP_CLOSED},
	 {1, ACK, 0, true, TCP_CLOSED}},
	/* the other side is the first to close; a reset ends it */
	{{0, TCP_SYN, 0, false, TCP_SYN_SENT},
	 {1, TCP_SYN | ACK, 0, true, TCP_SYN_BOTH},
	 {1, ACK, 5, true, TCP_ESTABLISHED},
	 {1, FIN | ACK, 0, true, TCP_FIN_1},
	 {0, ACK, 0, true, TCP_FIN_1},
	 {0, TCP_RST, 0, false, TCP_RESET},
	 {1, ACK, 0, false, TCP_RESET}},
	/* what was taken for a FIN was none */
	{{0, TCP_SYN, 0, false, TCP_SYN_SENT},
	 {1, TCP_SYN | ACK, 0, true, TCP_SYN_BOTH},
	 {0, FIN | ACK, 30, true, TCP_FIN_0},
	 {1, FIN | ACK, 0, true, TCP_CLOSED},
	 {0, ACK, 0, true, TCP_CLOSED},
	 {0, ACK, 20, false, TCP_FIN_1},
	 {0, ACK, 20, true, TCP_FIN_1},
	 {0, FIN | ACK, 0, true, TCP_CLOSED}},
	/* both SYN at once */
	{{0, TCP_SYN, 0, false, TCP_SYN_SENT},
	 {1, TCP_SYN, 0, false, TCP_SYN_BOTH},
	 {0, FIN | ACK, 0, true, TCP_FIN_0},
	 {1, FIN | ACK, 0, true, TCP_CLOSED}},
};

static void live(struct bench *b, struct connection *c, const struct step *step)
{
	struct probe p = talk_segment(c, step->side, step->flags, step->payload);
	const struct flow *flow = talk_flow(c);
	bool closes = step->state == TCP_CLOSED && flow->tcp_state != TCP_CLOSED;
	bool kernel = step->kernel && (!closes || (b->inside && b->h->members == 1));

	if (step->flags & TCP_SYN) /* once more is the same */
		p.seq = step->side ? 90000 : 1000;
	if (bench_forwards(b, step->side ? VSPHERE : VRACK, &p) != kernel)
		fail_msg("side %u, flags %#x in state %s: by the %s", step->side, step->flags,
			 flow ? tcp_state_name(flow->tcp_state) : "none",
			 kernel ? "worker" : "program");
	if (!kernel) {
		harness_send(b->h, step->side ? VSPHERE : VRACK, &p);
		if (step->flags == TCP_SYN && !step->side)
			c->external = harness_expect(
				b->h, VSPHERE,
				&(struct probe){.src = GW, .dst = VC, .dport = c->to}, NULL);
		talk_discard(b->h, VRACK);
		talk_discard(b->h, VSPHERE);
	}
	assert_int_equal(talk_flow(c)->tcp_state, step->state);
	c->seq[step->side] =
		p.seq + step->payload + !!(step->flags & TCP_SYN) + !!(step->flags & TCP_FIN);
}

static void live_all(struct bench *b)
{
	for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct connection c = {
			.h = b->h, .port = (uint16_t)(7000 + i), .to = 443, .seq = {1000, 90000}};

		for (const struct step *step = lives[i]; step->flags; step++)
			live(b, &c, step);
	}
	bench_close(b);
}

static void test_lives(void **state)
{
	live_all(bench_open(state));
}

static void test_lives_inside(void **state)
{
	for (uint32_t inside = 0; inside < 2; inside++) {
		struct bench *b = bench_open(state);

		bench_set_inside(b, inside);
		live_all(b);
	}
}

/* The program leaves a flow to user space before its timer ends: the one of its state. */
static void test_timers(void **state)
{
	struct bench *b = bench_open(state);
	struct connection c = {.h = b->h, .port = 7000, .to = 443, .seq = {1000, 90000}};
	struct probe p;

	talk_tcp(&c, 0, TCP_SYN, 0);
	talk_tcp(&c, 1, TCP_SYN | TCP_ACK, 0);
	p = talk_segment(&c, 0, TCP_ACK, 0);
	bench_age(&c, BENCH_TRANS_TICKS + 1);
	assert_false(bench_forwards(b, VRACK, &p));
	bench_age(&c, BENCH_TRANS_TICKS - 1000);
	assert_true(bench_forwards(b, VRACK, &p));
	bench_age(&c, BENCH_TRANS_TICKS + 1); /* established by now */
	assert_true(bench_forwards(b, VRACK, &p));
	talk_tcp(&c, 0, TCP_FIN | TCP_ACK, 0);
	bench_age(&c, BENCH_TRANS_TICKS + 1);
	p = talk_segment(&c, 1, TCP_ACK, 0);
	assert_true(bench_forwards(b, VSPHERE, &p));
	talk_tcp(&c, 1, TCP_FIN | TCP_ACK, 0);
	p = talk_segment(&c, 0, TCP_ACK, 0);
	assert_true(bench_forwards(b, VRACK, &p));
	bench_age(&c, BENCH_TRANS_TICKS + 1);
	assert_false(bench_forwards(b, VRACK, &p));
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH(lives), BOTH(lives_inside), BOTH(timers)};

	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
