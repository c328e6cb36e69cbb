/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every timer one tick before its end and at it, and what renews a flow: RFC 4787 REQ-5 and REQ-6,
 * RFC 5382 REQ-5, RFC 5508 REQ-2, RFC 6888 REQ-8, RFC 7857 sections 2 and 7.
 *
 * The configured timers all differ, so that no state can pass with another's.
 */
#include "datapath/flow/tcp.h"
#include "tests/unit/talk.h"

#define TIMERS                                                                                     \
	"set timer udp-timeout 150\n"                                                              \
	"set timer tcp-idle-timeout 7500\n"                                                        \
	"set timer tcp-trans-open-timeout 250\n"                                                   \
	"set timer tcp-trans-close-timeout 260\n"                                                  \
	"set timer tcp-in-syn-timeout 7\n"                                                         \
	"set timer fragment-min-timeout 3\n"                                                       \
	"set timer icmp-timeout 70\n"                                                              \
	"set timer hold-down-timeout 130\n"

/* What the standards ask for at least is what holds when nothing is configured. */
static void test_defaults(void **state)
{
	const uint32_t wanted[TIMER_COUNT] = {
		[TIMER_UDP] = 300,
		[TIMER_TCP_IDLE] = 7440,
		[TIMER_TCP_TRANS_OPEN] = 240,
		[TIMER_TCP_TRANS_CLOSE] = 240,
		[TIMER_TCP_IN_SYN] = 6,
		[TIMER_FRAGMENT_MIN] = 2,
		[TIMER_ICMP] = 60,
		[TIMER_HOLD_DOWN] = 120,
	};
	struct harness *h = harness_open(harness_config, 64);

	(void)state;
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		assert_int_equal(h->worker->snapshot.header->timer_s[i], wanted[i]);
	harness_close(h);
}

/* U5: the reply at 119 s passes, also after one request and one reply; likewise at the default's
 * last tick, and no longer at its end. */
static void test_udp(void **state)
{
	(void)state;
	for (unsigned replies = 0; replies < 2; replies++) {
		for (int off = -1; off <= 0; off++) {
			struct harness *h = harness_open(harness_config, 64);
			struct probe back = datagram(VC, 7, GW, talk_udp(h, CLIENT, 5000, VC, 7));

			if (replies)
				assert_true(talk_passes(h, VSPHERE, &back));
			harness_advance(h, 119 * SECOND);
			assert_true(talk_passes(h, VSPHERE, &back));
			talk_age(h, h->now_ns, 300, off);
			assert_int_equal(talk_passes(h, VSPHERE, &back), off < 0);
			harness_close(h);
		}
	}
}

static void test_echo(void **state)
{
	(void)state;
	for (int off = -1; off <= 0; off++) {
		struct harness *h = harness_open(talk_config(NULL, TIMERS), 64);
		struct probe out = {.src = CLIENT, .sport = 77, .dst = VC, .proto = IPPROTO_ICMP};
		struct probe back = {.src = VC, .dst = GW, .proto = IPPROTO_ICMP};

		harness_send(h, VRACK, &out);
		back.dport = harness_expect(h, VSPHERE, &(struct probe){.src = GW}, NULL);
		talk_age(h, h->now_ns, 70, off);
		assert_int_equal(talk_passes(h, VSPHERE, &back), off < 0);
		harness_close(h);
	}
}

/* T3: each state of a connection, and the timer that holds it */
static const struct {
	enum flow_tcp_state state;
	uint64_t timeout_s;
	uint8_t life[6][2]; /* side, flags */
} lives[] = {
	{TCP_SYN_SENT, 250, {{0, TCP_SYN}}},
	{TCP_SYN_BOTH, 250, {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}}},
	{TCP_ESTABLISHED, 7500, {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}, {0, TCP_ACK}}},
	{TCP_FIN_0,
	 7500,
	 {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}, {0, TCP_ACK}, {0, TCP_FIN | TCP_ACK}}},
	{TCP_FIN_1,
	 7500,
	 {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}, {0, TCP_ACK}, {1, TCP_FIN | TCP_ACK}}},
	{TCP_CLOSED,
	 260,
	 {{0, TCP_SYN},
	  {1, TCP_SYN | TCP_ACK},
	  {0, TCP_ACK},
	  {0, TCP_FIN | TCP_ACK},
	  {1, TCP_FIN | TCP_ACK}}},
	{TCP_RESET, 260, {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}, {0, TCP_ACK}, {1, TCP_RST}}},
	{TCP_RESET, 260, {{0, TCP_SYN}, {1, TCP_SYN | TCP_ACK}, {0, TCP_ACK}, {0, TCP_RST}}},
	{TCP_RESET, 260, {{0, TCP_SYN}, {1, TCP_RST | TCP_ACK}}},
};

static struct connection live(unsigned which)
{
	struct connection c = {.h = harness_open(talk_config(NULL, TIMERS), 64),
			       .port = 5000,
			       .to = 7,
			       .seq = {100, 0xfffffff0u}};

	for (unsigned i = 0; i < 6 && lives[which].life[i][1]; i++) {
		harness_advance(c.h, SECOND); /* the timer runs from the last step, not the first */
		talk_tcp(&c, lives[which].life[i][0], lives[which].life[i][1], 0);
	}
	assert_non_null(talk_flow(&c));
	assert_int_equal(talk_flow(&c)->tcp_state, lives[which].state);
	return c;
}

static void test_tcp(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		for (int off = -1; off <= 0; off++) {
			struct connection c = live(i);
			struct probe p = talk_segment(&c, 1, TCP_ACK, 0);

			if (lives[i].state == TCP_SYN_SENT)
				p.tcp_flags = TCP_SYN | TCP_ACK;
			talk_age(c.h, c.h->now_ns, lives[i].timeout_s, off);
			assert_int_equal(talk_passes(c.h, VSPHERE, &p), off < 0);
			assert_int_equal(c.h->counters.flows_expired, off == 0);
			harness_close(c.h);
		}
	}
}

/* The wheel ends a flow by itself, never early and at most a slot of it late. */
static void test_wheel(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct connection c = live(i);
		uint64_t born_ns = c.h->now_ns;

		talk_age(c.h, born_ns, lives[i].timeout_s, -1);
		harness_advance(c.h, 0);
		assert_int_equal(c.h->counters.flows, 1);
		talk_age(c.h, born_ns, lives[i].timeout_s, 1 << WHEEL_SLOT_SHIFT);
		harness_advance(c.h, 0);
		assert_int_equal(c.h->counters.flows, 0);
		harness_close(c.h);
	}
}

/* T2: a SYN from outside that the filtering lets in holds its place for tcp-in-syn-timeout only. */
static void test_in_syn(void **state)
{
	(void)state;
	for (int off = -1; off <= 0; off++) {
		struct harness *h =
			talk_open(talk_config("65535\n", "65535 filtering-type eif\n" TIMERS), 64);
		struct connection c = {.h = h, .port = 5000, .to = 7, .seq = {1, 1}};
		struct probe syn, answer;

		talk_connect(&c);
		syn = (struct probe){.src = ESX,
				     .sport = 99,
				     .dst = GW,
				     .dport = c.external,
				     .proto = IPPROTO_TCP,
				     .tcp_flags = TCP_SYN,
				     .seq = 500};
		assert_true(talk_passes(h, VSPHERE, &syn));
		answer = (struct probe){.src = CLIENT,
					.sport = 5000,
					.dst = ESX,
					.dport = 99,
					.proto = IPPROTO_TCP,
					.tcp_flags = TCP_SYN | TCP_ACK,
					.ack = 501};
		talk_age(h, h->now_ns, 7, off);
		assert_int_equal(talk_passes(h, VRACK, &answer), off < 0);
		if (off < 0) { /* once answered, it is a connection like any other */
			talk_age(h, h->now_ns, 250, -1);
			syn.tcp_flags = TCP_ACK;
			syn.seq = 501;
			syn.ack = 1;
			assert_true(talk_passes(h, VSPHERE, &syn));
		}
		harness_close(h);
	}
}

static void test_fragment(void **state)
{
	(void)state;
	for (int off = -1; off <= 0; off++) {
		struct harness *h = harness_open(talk_config(NULL, TIMERS), 64);
		struct probe first = datagram(CLIENT, 5000, VC, 7), last = first;

		first.id = last.id = 9;
		first.fragment = IP_MF;
		last.later = true;
		last.fragment = 40 / 8;
		h->now_ns = (h->now_ns + TICK) & ~(TICK - 1); /* it is born at a full tick */
		harness_send(h, VRACK, &last);
		talk_age(h, h->now_ns, 3, off);
		harness_advance(h, 0);
		harness_send(h, VRACK, &first);
		assert_int_equal(talk_discard(h, VSPHERE), off < 0 ? 2 : 1);
		harness_expect_drop(h, DROP_FRAG_TIMEOUT, off == 0);
		harness_close(h);
	}
}

/* C2: a freed port rests, over a restart too; that of a connection whose end was seen need not. */
static void hold_down(bool restart, int off)
{
	struct harness *h = harness_open(talk_config("ports 16384-65535", "ports 20000-20000"), 64);
	struct probe out = datagram(OTHER, 1, VC, 7);
	uint64_t ended_ns;

	talk_udp(h, CLIENT, 5000, VC, 7);
	harness_advance(h, 302 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	ended_ns = h->now_ns;
	if (restart)
		harness_restart(h);
	talk_age(h, ended_ns, 120, off);
	harness_advance(h, 0);
	assert_int_equal(talk_passes(h, VRACK, &out), off >= 0);
	harness_expect_drop(h, DROP_PORTS_EXHAUSTED, off < 0);
	harness_close(h);
}

static void test_hold_down(void **state)
{
	(void)state;
	hold_down(false, -1);
	hold_down(false, 0);
}

static void test_hold_down_over_restart(void **state)
{
	(void)state;
	hold_down(true, -1);
	hold_down(true, 0);
}

static void test_hold_down_exempt(void **state)
{
	struct harness *h = harness_open(talk_config("ports 16384-65535", "ports 20000-20000"), 64);
	struct connection c = {.h = h, .port = 5000, .to = 7, .seq = {1, 1}};
	struct probe other = {.src = OTHER,
			      .sport = 1,
			      .dst = VC,
			      .dport = 7,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_SYN};

	(void)state;
	talk_connect(&c);
	talk_tcp(&c, 0, TCP_FIN | TCP_ACK, 0);
	talk_tcp(&c, 1, TCP_FIN | TCP_ACK, 0);
	/* no other port is left: the connection that has ended gives its own, which need not rest
	 */
	assert_true(talk_passes(h, VRACK, &other));
	other.sport++;
	assert_false(talk_passes(h, VRACK, &other)); /* a live one does not */
	harness_close(h);
}

/* U6: what comes from inside renews, what is refused does not */
static void test_udp_refresh(void **state)
{
	struct harness *h = talk_open(harness_config, 64);
	uint16_t external = talk_udp(h, CLIENT, 5000, VC, 7);
	struct probe back = datagram(VC, 7, GW, external),
		     filtered = datagram(ESX, 7, GW, external);

	(void)state;
	harness_advance(h, 200 * SECOND);
	talk_udp(h, CLIENT, 5000, VC, 7); /* outbound: renews */
	harness_advance(h, 299 * SECOND);
	assert_true(talk_passes(h, VSPHERE, &back));
	harness_advance(h, 200 * SECOND);
	assert_false(talk_passes(h, VSPHERE, &filtered)); /* refused: does not */
	harness_expect_drop(h, DROP_FILTERED, 1);
	harness_advance(h, 99 * SECOND);
	assert_int_equal(h->counters.flows, 1);
	harness_advance(h, 2 * SECOND);
	assert_int_equal(h->counters.flows, 0);
	harness_close(h);
}

/* U6, I4: ICMP errors about a flow, from either side, pass and renew nothing. */
static void test_error_does_not_refresh(void **state)
{
	struct frame *sent = calloc(3, sizeof(*sent)), *seen = sent + 1, *error = sent + 2;
	struct probe out = datagram(CLIENT, 5000, VC, 7), back;
	struct packet p;

	(void)state;
	assert_non_null(sent);
	for (unsigned from_inside = 0; from_inside < 2; from_inside++) {
		struct harness *h = harness_open(harness_config, 64);
		uint64_t born_ns;

		harness_send(h, VRACK, &out);
		assert_true(harness_take(h, VSPHERE, seen, &p));
		back = datagram(VC, 7, GW, ntohs(p.tuple.sport));
		if (from_inside) { /* about the reply as the client sees it */
			harness_send(h, VSPHERE, &back);
			assert_true(harness_take(h, VRACK, seen, &p));
		}
		born_ns = h->now_ns;
		harness_advance(h, 200 * SECOND);
		talk_error(error, from_inside ? VRACK : VSPHERE, from_inside ? CLIENT : VC,
			   from_inside ? VC : GW, ICMP_UNREACHABLE, 3, seen, 40);
		harness_send_frame(h, from_inside ? VRACK : VSPHERE, error);
		assert_int_equal(talk_discard(h, from_inside ? VSPHERE : VRACK), 1);
		talk_age(h, born_ns, 300, 0);
		assert_false(talk_passes(h, VSPHERE, &back));
		assert_int_equal(h->counters.flows_expired, 1);
		harness_close(h);
	}
	free(sent);
}

/* U6, T5: an outbound RST that is not exact, segments out of the window, and segments of a
 * connection that has ended renew nothing. */
static void test_tcp_no_refresh(void **state)
{
	static const struct {
		uint8_t side, flags;
		uint32_t seq, ack; /* added to the right ones */
		bool passes;
	} idle[] = {
		{0, TCP_RST, 1000, 0, true}, /* in the window, not exact */
		{1, TCP_RST, 1000, 0, true},	    {0, TCP_RST, 0x20000000, 0, false},
		{1, TCP_ACK, 0x20000000, 0, false}, {1, TCP_ACK, 0, 0x20000000, false},
		{1, TCP_SYN, 77, 0, true}, /* its receiver challenges it */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		struct connection c = live(2);
		uint64_t born_ns = c.h->now_ns;
		struct probe p = talk_segment(&c, idle[i].side, idle[i].flags, 0);

		p.seq += idle[i].seq;
		p.ack += idle[i].ack;
		harness_advance(c.h, 7000 * SECOND);
		assert_int_equal(talk_passes(c.h, idle[i].side ? VSPHERE : VRACK, &p),
				 idle[i].passes);
		assert_int_equal(talk_flow(&c)->tcp_state, TCP_ESTABLISHED);
		talk_age(c.h, born_ns, 7500, 0);
		p = talk_segment(&c, 1, TCP_ACK, 0);
		assert_false(talk_passes(c.h, VSPHERE, &p));
		harness_close(c.h);
	}
	/* closed and reset: nothing revives the one, and the other only what its FIN said will not
	 * come (worker_tcp_test) */
	for (unsigned i = 5; i <= 7; i++) {
		struct connection c = live(i);
		uint64_t born_ns = c.h->now_ns;
		struct probe p = talk_segment(&c, 1, TCP_ACK, 0);

		harness_advance(c.h, 200 * SECOND);
		assert_true(talk_passes(c.h, VSPHERE, &p));
		p = talk_segment(&c, 0, TCP_ACK, lives[i].state == TCP_RESET ? 10 : 0);
		assert_true(talk_passes(c.h, VRACK, &p));
		talk_age(c.h, born_ns, 260, 0);
		p = talk_segment(&c, 1, TCP_ACK, 0);
		assert_false(talk_passes(c.h, VSPHERE, &p));
		harness_close(c.h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_wheel),
		cmocka_unit_test(test_in_syn),
		cmocka_unit_test(test_fragment),
		cmocka_unit_test(test_hold_down),
		cmocka_unit_test(test_hold_down_over_restart),
		cmocka_unit_test(test_hold_down_exempt),
		cmocka_unit_test(test_udp_refresh),
		cmocka_unit_test(test_error_does_not_refresh),
		cmocka_unit_test(test_tcp_no_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
