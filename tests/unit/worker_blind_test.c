/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * T5: a million segments of an attacker who knows addresses and ports of live connections, but not
 * their numbers (RFC 5961, RFC 7857 2.1). None is lost; and the same attack against a gateway that
 * believes flags without looking at numbers loses them, so the test can tell.
 *
 * The linker puts __wrap_tcp_track() between the worker and tcp_track().
 */
#include "datapath/flow/tcp.h"
#include "tests/unit/talk.h"

#define CONNECTIONS 16u
#define SEGMENTS    1000000u
#define BURST	    256u

static bool believe_flags;

enum drop_reason __real_tcp_track(struct flow *flow, unsigned side,
				  const struct tcp_segment *segment, bool *refresh);
enum drop_reason __wrap_tcp_track(struct flow *flow, unsigned side,
				  const struct tcp_segment *segment, bool *refresh);

/* What a translator without window tracking does. */
static enum drop_reason track_flags(struct flow *flow, unsigned side,
				    const struct tcp_segment *segment, bool *refresh)
{
	*refresh = flow->tcp_state != TCP_RESET;
	if (segment->flags & TCP_RST)
		flow->tcp_state = TCP_RESET;
	else if (flow->tcp_state == TCP_SYN_SENT && side == 1)
		flow->tcp_state = TCP_SYN_BOTH;
	else if (flow->tcp_state == TCP_SYN_BOTH && segment->flags & TCP_ACK)
		flow->tcp_state = TCP_ESTABLISHED;
	return DROP_NONE;
}

enum drop_reason __wrap_tcp_track(struct flow *flow, unsigned side,
				  const struct tcp_segment *segment, bool *refresh)
{
	return (believe_flags ? track_flags : __real_tcp_track)(flow, side, segment, refresh);
}

struct attack {
	struct harness *h;
	struct connection live[CONNECTIONS];
	struct frame frame;
	uint64_t random;
};

static uint32_t draw(struct attack *a)
{
	a->random = a->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(a->random >> 32);
}

static void begin(struct attack *a)
{
	a->random = 7;
	a->h = talk_open(harness_config, 1024);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		a->live[i] = (struct connection){.h = a->h,
						 .port = (uint16_t)(5000 + i),
						 .to = 7,
						 .seq = {draw(a), draw(a)}};
		talk_connect(&a->live[i]);
		talk_tcp(&a->live[i], 0, TCP_ACK, 100);
		talk_tcp(&a->live[i], 1, TCP_ACK, 1000);
	}
}

/* A segment with the right addresses and ports, and numbers out of the blue. */
static void strike(struct attack *a, unsigned n)
{
	static const uint8_t flags[] = {TCP_RST,	   TCP_SYN,	      TCP_ACK,
					TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_SYN | TCP_ACK};
	const struct connection *c = &a->live[draw(a) % CONNECTIONS];
	unsigned side = n % 4 != 0; /* mostly as the server, sometimes as the client */
	struct probe probe = talk_segment(c, side, flags[n % sizeof(flags)], 0);
	uint8_t port = side ? VSPHERE : VRACK;

	probe.seq = draw(a);
	probe.ack = draw(a);
	if (probe.seq == c->seq[side])
		return; /* not blind: it would be the right one */
	harness_build(port, &probe, &a->frame);
	assert_true(mem_port_push(a->h->io[port], a->frame.data, a->frame.len, NULL, false));
}

/* Return: connections that carry no data any more, now or once a closed flow would have ended. */
static unsigned lost(struct attack *a)
{
	unsigned n = 0;

	for (unsigned later = 0; later < 2; later++) {
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			struct connection *c = &a->live[i];
			struct probe up, down;

			if (!c->h)
				continue;
			up = talk_segment(c, 0, TCP_ACK, 100);
			down = talk_segment(c, 1, TCP_ACK, 100);
			if (talk_passes(a->h, VRACK, &up) && talk_passes(a->h, VSPHERE, &down) &&
			    talk_flow(c) && talk_flow(c)->tcp_state == TCP_ESTABLISHED) {
				c->seq[0] += 100;
				c->seq[1] += 100;
			} else {
				c->h = NULL;
				n++;
			}
		}
		harness_advance(a->h, 300 * SECOND);
	}
	return n;
}

static unsigned blind_attack(unsigned segments)
{
	struct attack *a = calloc(1, sizeof(*a));
	unsigned n;

	assert_non_null(a);
	begin(a);
	for (unsigned i = 0; i < segments; i++) {
		strike(a, i);
		if (i % BURST == BURST - 1 || i + 1 == segments) {
			struct connection *c = &a->live[i / BURST % CONNECTIONS];

			harness_run(a->h);
			talk_discard(a->h, VRACK);
			talk_discard(a->h, VSPHERE);
			if (!believe_flags) { /* the connections go on meanwhile */
				talk_tcp(c, 0, TCP_ACK, 10);
				talk_tcp(c, 1, TCP_ACK, 10);
			}
		}
	}
	n = lost(a);
	if (!believe_flags) /* what could only be an attack was stopped, and counted */
		assert_true(a->h->counters.dropped[DROP_TCP_WINDOW] > segments / 2);
	harness_close(a->h);
	free(a);
	return n;
}

static void test_million(void **state)
{
	(void)state;
	believe_flags = false;
	assert_int_equal(blind_attack(SEGMENTS), 0);
}

static void test_tells(void **state)
{
	(void)state;
	believe_flags = true;
	assert_int_equal(blind_attack(10000), CONNECTIONS);
	believe_flags = false;
}

/* Exactly the next number, from either side: the connection is reset (transitory, not revived). */
static void test_exact(void **state)
{
	struct attack *a = calloc(1, sizeof(*a));

	(void)state;
	assert_non_null(a);
	begin(a);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &a->live[i];
		unsigned side = i % 2;
		struct probe rst = talk_segment(c, side, TCP_RST, 0), data;

		for (int off = -1; off <= 1; off++) {
			rst.seq = c->seq[side] + (uint32_t)(off ? off : 0);
			if (!off)
				continue;
			assert_true(talk_passes(a->h, side ? VSPHERE : VRACK, &rst));
			assert_int_equal(talk_flow(c)->tcp_state, TCP_ESTABLISHED);
		}
		rst.seq = c->seq[side];
		assert_true(talk_passes(a->h, side ? VSPHERE : VRACK, &rst));
		assert_int_equal(talk_flow(c)->tcp_state, TCP_RESET);
		data = talk_segment(c, 0, TCP_ACK, 1);
		assert_true(talk_passes(a->h, VRACK, &data));
		assert_int_equal(talk_flow(c)->tcp_state, TCP_RESET);
	}
	harness_close(a->h);
	free(a);
}

/* Nor can a station of the client's network draw the answers of a live connection to itself: only a
 * segment with the right numbers moves the last hop, as a change of routers does. */
static void test_last_hop(void **state)
{
	static const struct mac thief = {{2, 0, 0, 0, 6, 6}};
	static const uint8_t flags[] = {TCP_SYN, TCP_RST, TCP_ACK, TCP_SYN | TCP_ACK,
					TCP_FIN | TCP_ACK};
	struct attack *a = calloc(1, sizeof(*a));
	struct connection *c = &a->live[0];
	struct probe probe;

	(void)state;
	assert_non_null(a);
	begin(a);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		probe = talk_segment(c, 0, flags[i], 0);
		probe.seq += 0x30000000;
		probe.from_mac = &thief;
		harness_send(a->h, VRACK, &probe);
		probe.seq = c->seq[0] + 100; /* in the window, but not exact */
		if (flags[i] & (TCP_SYN | TCP_RST))
			harness_send(a->h, VRACK, &probe);
		talk_discard(a->h, VSPHERE);
		probe = talk_segment(c, 1, TCP_ACK, 0);
		harness_send(a->h, VSPHERE, &probe);
		harness_expect(a->h, VRACK, &(struct probe){.dst = CLIENT, .from_mac = &router_mac},
			       NULL);
	}
	probe = talk_segment(c, 0, TCP_ACK, 0);
	probe.from_mac = &thief; /* who has the numbers may be the new router */
	harness_send(a->h, VRACK, &probe);
	talk_discard(a->h, VSPHERE);
	probe = talk_segment(c, 1, TCP_ACK, 0);
	harness_send(a->h, VSPHERE, &probe);
	harness_expect(a->h, VRACK, &(struct probe){.dst = CLIENT, .from_mac = &thief}, NULL);
	harness_close(a->h);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_tells),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_last_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
