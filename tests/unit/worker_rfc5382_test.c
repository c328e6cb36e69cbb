/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections in every order of segments that TCP admits (RFC 5382 REQ-1 and REQ-2, RFC 9293 3.5
 * and 3.6, RFC 5961, RFC 7413), unsolicited SYNs (REQ-4), errors about connections (REQ-9).
 */
#include "datapath/flow/tcp.h"
#include "tests/unit/talk.h"

#define ISN0 0xffffff00u /* wraps soon */
#define ISN1 0x7fffff80u

#define SYN TCP_SYN
#define ACK TCP_ACK
#define FIN TCP_FIN
#define RST TCP_RST

/* One segment: who, flags, sequence and acknowledgement number counted from the initial ones,
 * bytes, window; and the state afterwards. Every one must pass. */
struct step {
	uint8_t side, flags;
	uint32_t seq, ack;
	uint16_t bytes, window;
	uint8_t state;
};

#define HANDSHAKE                                                                                  \
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT}, {1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},              \
	{                                                                                          \
		0, ACK, 1, 1, 0, 0, TCP_ESTABLISHED                                                \
	}

/* One segment a line. */
/* clang-format off */
static const struct step plain[] = {
	HANDSHAKE,
	{0, ACK, 1, 1, 500, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 501, 900, 0, TCP_ESTABLISHED},
	{0, FIN | ACK, 501, 901, 10, 0, TCP_FIN_0},
	{1, ACK, 901, 512, 0, 0, TCP_FIN_0},
	{1, FIN | ACK, 901, 512, 0, 0, TCP_CLOSED},
	{0, ACK, 512, 902, 0, 0, TCP_CLOSED},
	{},
};
static const struct step repeated[] = { /* every segment is lost once */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{0, SYN, 0, 0, 0, 0, TCP_SYN_BOTH},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 1, 1, 0, 0, TCP_ESTABLISHED},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 0, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 100, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 100, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 101, 0, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 101, 0, 0, TCP_ESTABLISHED},
	{0, FIN | ACK, 101, 1, 0, 0, TCP_FIN_0},
	{0, FIN | ACK, 101, 1, 0, 0, TCP_FIN_0},
	{1, FIN | ACK, 1, 102, 0, 0, TCP_CLOSED},
	{1, FIN | ACK, 1, 102, 0, 0, TCP_CLOSED},
	{0, ACK, 102, 2, 0, 0, TCP_CLOSED},
	{0, ACK, 102, 2, 0, 0, TCP_CLOSED},
	{},
};
static const struct step simultaneous_open[] = {
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN, 0, 0, 0, 0, TCP_SYN_BOTH},
	{0, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{1, ACK, 1, 1, 10, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 11, 10, 0, TCP_ESTABLISHED},
	{},
};
static const struct step split_handshake[] = { /* SYN, ACK, SYN, SYN-ACK, ACK */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, ACK, 0, 1, 0, 0, TCP_SYN_SENT},
	{1, SYN, 0, 0, 0, 0, TCP_SYN_BOTH},
	{0, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{1, ACK, 1, 1, 0, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 10, 0, TCP_ESTABLISHED},
	{},
};
static const struct step simultaneous_close[] = {
	HANDSHAKE,
	{0, FIN | ACK, 1, 1, 0, 0, TCP_FIN_0},
	{1, FIN | ACK, 1, 1, 0, 0, TCP_CLOSED},
	{0, ACK, 2, 2, 0, 0, TCP_CLOSED},
	{1, ACK, 2, 2, 0, 0, TCP_CLOSED},
	{},
};
static const struct step half_closed[] = { /* much goes on to flow the other way */
	HANDSHAKE,
	{1, FIN | ACK, 1, 1, 0, 0, TCP_FIN_1},
	{0, ACK, 1, 2, 1400, 0, TCP_FIN_1},
	{1, ACK, 2, 1401, 0, 0, TCP_FIN_1},
	{0, ACK, 1401, 2, 1400, 0, TCP_FIN_1},
	{1, ACK, 2, 2801, 0, 0, TCP_FIN_1},
	{0, FIN | ACK, 2801, 2, 0, 0, TCP_CLOSED},
	{1, ACK, 2, 2802, 0, 0, TCP_CLOSED},
	{},
};
static const struct step fast_open[] = { /* data on the SYN, all of it acknowledged */
	{0, SYN, 0, 0, 300, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 301, 200, 0, TCP_SYN_BOTH},
	{0, ACK, 301, 201, 100, 0, TCP_ESTABLISHED},
	{},
};
static const struct step fast_open_refused[] = { /* nothing of it acknowledged: sent again */
	{0, SYN, 0, 0, 300, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 1, 1, 300, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 301, 0, 0, TCP_ESTABLISHED},
	{},
};
static const struct step fast_open_reset[] = {
	{0, SYN, 0, 0, 300, 0, TCP_SYN_SENT},
	{1, RST | ACK, 0, 1, 0, 0, TCP_RESET},
	{},
};
static const struct step fin_at_once[] = { /* closed before it was used; FIN instead of the ACK */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 1, 0, 0, TCP_SYN_BOTH},
	{0, FIN | ACK, 1, 1, 20, 0, TCP_FIN_0},
	{1, FIN | ACK, 1, 22, 5, 0, TCP_CLOSED},
	{},
};
static const struct step out_of_order[] = {
	HANDSHAKE,
	{0, ACK, 2001, 1, 1000, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 1, 0, 0, TCP_ESTABLISHED}, /* duplicate acknowledgement */
	{0, ACK, 1001, 1, 1000, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 1000, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 3001, 0, 0, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 1400, 0, TCP_ESTABLISHED}, /* needlessly repeated, cut otherwise */
	{1, FIN | ACK, 11, 3001, 0, 0, TCP_FIN_1}, /* the FIN overtakes the last data */
	{1, ACK, 1, 3001, 10, 0, TCP_FIN_1},
	{0, ACK, 3001, 12, 0, 0, TCP_FIN_1},
	{},
};
static const struct step keep_alive[] = {
	HANDSHAKE,
	{0, ACK, 1, 1, 100, 0, TCP_ESTABLISHED},
	{1, ACK, 1, 101, 0, 0, TCP_ESTABLISHED},
	{0, ACK, 100, 1, 0, 0, TCP_ESTABLISHED}, /* one before what is expected, without data */
	{1, ACK, 1, 101, 0, 0, TCP_ESTABLISHED},
	{1, ACK, 0, 101, 1, 0, TCP_ESTABLISHED}, /* or with a byte */
	{0, ACK, 101, 1, 0, 0, TCP_ESTABLISHED},
	{},
};
static const struct step zero_window[] = {
	{0, SYN, 0, 0, 0, 2000, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 1, 0, 2000, TCP_SYN_BOTH},
	{0, ACK, 1, 1, 0, 2000, TCP_ESTABLISHED},
	{0, ACK, 1, 1, 1000, 2000, TCP_ESTABLISHED},
	{0, ACK, 1001, 1, 1000, 2000, TCP_ESTABLISHED},
	{1, ACK, 1, 2001, 0, 0xffff, TCP_ESTABLISHED},
	{1, ACK, 1, 2001, 0, 1, TCP_ESTABLISHED},
	{0, ACK, 2001, 1, 1, 2000, TCP_ESTABLISHED}, /* probe */
	{1, ACK, 1, 2002, 0, 4000, TCP_ESTABLISHED},
	{0, ACK, 2002, 1, 1400, 2000, TCP_ESTABLISHED},
	{},
};
static const struct step refused[] = { /* and the next attempt from the same port */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, RST | ACK, 0, 1, 0, 0, TCP_RESET},
	{0, SYN, 5000, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 700, 5001, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 5001, 701, 0, 0, TCP_ESTABLISHED},
	{},
};
static const struct step given_up[] = {
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{0, RST, 1, 0, 0, 0, TCP_RESET},
	{},
};
static const struct step half_open[] = { /* the server still knows an older connection */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, ACK, 400, 0x1000, 0, 0, TCP_SYN_SENT},
	{0, RST, 0x1000, 0, 0, 0, TCP_SYN_SENT},
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 9000, 1, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 1, 9001, 0, 0, TCP_ESTABLISHED},
	{},
};
static const struct step new_number[] = { /* the client's second SYN begins elsewhere */
	{0, SYN, 0, 0, 0, 0, TCP_SYN_SENT},
	{0, SYN, 70000, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 0, 70001, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 70001, 1, 10, 0, TCP_ESTABLISHED},
	{},
};
static const struct step reused[] = { /* RFC 6191: from the same port, beyond the old numbers */
	HANDSHAKE,
	{0, FIN | ACK, 1, 1, 0, 0, TCP_FIN_0},
	{1, FIN | ACK, 1, 2, 0, 0, TCP_CLOSED},
	{0, ACK, 2, 2, 0, 0, TCP_CLOSED},
	{0, SYN, 90000, 0, 0, 0, TCP_SYN_SENT},
	{1, SYN | ACK, 33, 90001, 0, 0, TCP_SYN_BOTH},
	{0, ACK, 90001, 34, 10, 0, TCP_ESTABLISHED},
	{},
};
static const struct step reset_late[] = { /* from a host that has forgotten the connection */
	HANDSHAKE,
	{0, FIN | ACK, 1, 1, 0, 0, TCP_FIN_0},
	{1, RST, 1, 0, 0, 0, TCP_RESET},
	{0, ACK, 2, 1, 0, 0, TCP_RESET},
	{},
};
static const struct step urgent[] = { /* flags beyond the four mean nothing to us */
	{0, SYN | 0xc0, 0, 0, 0, 0, TCP_SYN_SENT}, /* ECN set-up */
	{1, SYN | ACK | 0x40, 0, 1, 0, 0, TCP_SYN_BOTH},
	{0, ACK | 0x08 | 0x20, 1, 1, 10, 0, TCP_ESTABLISHED}, /* PSH, URG */
	{1, FIN | ACK | 0x08 | 0x20, 1, 11, 10, 0, TCP_FIN_1},
	{},
};
/* clang-format on */

static const struct {
	const char *name;
	const struct step *steps;
} sequences[] = {
#define SEQUENCE(name)                                                                             \
	{                                                                                          \
#name, name                                                                        \
	}
	SEQUENCE(plain),
	SEQUENCE(repeated),
	SEQUENCE(simultaneous_open),
	SEQUENCE(split_handshake),
	SEQUENCE(simultaneous_close),
	SEQUENCE(half_closed),
	SEQUENCE(fast_open),
	SEQUENCE(fast_open_refused),
	SEQUENCE(fast_open_reset),
	SEQUENCE(fin_at_once),
	SEQUENCE(out_of_order),
	SEQUENCE(keep_alive),
	SEQUENCE(zero_window),
	SEQUENCE(refused),
	SEQUENCE(given_up),
	SEQUENCE(half_open),
	SEQUENCE(new_number),
	SEQUENCE(reused),
	SEQUENCE(reset_late),
	SEQUENCE(urgent),
#undef SEQUENCE
};

static void play(const char *name, const struct step *steps)
{
	struct connection c = {.h = talk_open(harness_config, 64), .port = 5000, .to = 7};
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;

	assert_non_null(frame);
	for (unsigned i = 0; steps[i].flags; i++) {
		const struct step *step = &steps[i];
		struct probe probe = talk_segment(&c, step->side, step->flags, step->bytes);

		probe.seq = step->seq + (step->side ? ISN1 : ISN0);
		probe.ack = step->flags & TCP_ACK ? step->ack + (step->side ? ISN0 : ISN1) : 0;
		probe.window = step->window;
		harness_send(c.h, step->side ? VSPHERE : VRACK, &probe);
		if (!harness_take(c.h, step->side ? VRACK : VSPHERE, frame, &p))
			fail_msg("%s: segment %u did not pass", name, i);
		if (!step->side)
			c.external = ntohs(p.tuple.sport);
		/* window, flags, numbers: all as sent */
		assert_int_equal(p.tcp.seq, probe.seq);
		assert_int_equal(p.tcp.ack, probe.ack);
		assert_int_equal(p.tcp.flags, probe.tcp_flags);
		if (talk_flow(&c)->tcp_state != step->state)
			fail_msg("%s: segment %u leads to state %s, expected %s", name, i,
				 tcp_state_name(talk_flow(&c)->tcp_state),
				 tcp_state_name(step->state));
		if (mem_port_sent(c.h->io[VRACK]) || mem_port_sent(c.h->io[VSPHERE]))
			fail_msg("%s: segment %u causes more than itself", name, i);
	}
	assert_int_equal(c.h->counters.flows_created, 1);
	free(frame);
	harness_close(c.h);
}

/* T1 */
static void test_sequences(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		play(sequences[i].name, sequences[i].steps);
}

/* T2: nothing is answered to a SYN that nobody asked for: not within 6 s, and by policy not later.
 */
static void test_unsolicited_syn(void **state)
{
	struct connection c = {
		.h = talk_open(harness_config, 64), .port = 5000, .to = 7, .seq = {1, 1}};
	struct probe mapped, unmapped;

	(void)state;
	talk_connect(&c);
	mapped = (struct probe){.src = ESX,
				.sport = 99,
				.dst = GW,
				.dport = c.external,
				.proto = IPPROTO_TCP,
				.tcp_flags = TCP_SYN,
				.seq = 500};
	unmapped = mapped;
	unmapped.dport = c.external == 20000 ? 20001 : 20000;
	for (unsigned i = 0; i < 80; i++) { /* for 8 s, ten times a second */
		harness_send(c.h, VSPHERE, &mapped);
		harness_send(c.h, VSPHERE, &unmapped);
		harness_advance(c.h, SECOND / 10);
		harness_expect_nothing(c.h);
	}
	harness_expect_drop(c.h, DROP_FILTERED, 80);
	harness_expect_drop(c.h, DROP_NO_MAPPING, 80);
	assert_int_equal(c.h->counters.icmp_sent, 0);
	assert_int_equal(c.h->counters.flows, 1);
	harness_close(c.h);
}

/* T2: the inside host's own SYN meanwhile wins: the two meet in a simultaneous open. */
static void test_outbound_syn_wins(void **state)
{
	struct connection c = {
		.h = talk_open(harness_config, 64), .port = 5000, .to = 7, .seq = {1, 1}};
	struct probe in, out;

	(void)state;
	talk_connect(&c);
	in = (struct probe){.src = ESX,
			    .sport = 99,
			    .dst = GW,
			    .dport = c.external,
			    .proto = IPPROTO_TCP,
			    .tcp_flags = TCP_SYN,
			    .seq = 500};
	harness_send(c.h, VSPHERE, &in);
	harness_expect_nothing(c.h);
	harness_advance(c.h, 5 * SECOND);
	out = (struct probe){.src = CLIENT,
			     .sport = 5000,
			     .dst = ESX,
			     .dport = 99,
			     .proto = IPPROTO_TCP,
			     .tcp_flags = TCP_SYN,
			     .seq = 900};
	harness_send(c.h, VRACK, &out);
	harness_expect(c.h, VSPHERE, &(struct probe){.src = GW, .sport = c.external, .dst = ESX},
		       NULL);
	assert_true(talk_passes(c.h, VSPHERE, &in)); /* its SYN, repeated */
	out.tcp_flags = in.tcp_flags = TCP_SYN | TCP_ACK;
	out.ack = 501;
	in.ack = 901;
	assert_true(talk_passes(c.h, VRACK, &out));
	assert_true(talk_passes(c.h, VSPHERE, &in));
	out.tcp_flags = TCP_ACK;
	out.seq = 901;
	assert_true(talk_passes(c.h, VRACK, &out));
	harness_close(c.h);
}

/* T4: every destination-unreachable reaches the client translated, and ends nothing. */
static void test_errors_kill_nothing(void **state)
{
	struct connection c = {
		.h = talk_open(harness_config, 64), .port = 5000, .to = 7, .seq = {1, 1}};
	struct frame *frame = calloc(3, sizeof(*frame)), *sent = frame + 1, *error = frame + 2;
	struct probe data;
	struct packet p;

	(void)state;
	assert_non_null(frame);
	talk_connect(&c);
	data = talk_segment(&c, 0, TCP_ACK, 100);
	harness_send(c.h, VRACK, &data);
	assert_true(harness_take(c.h, VSPHERE, sent, &p));
	c.seq[0] += 100;
	for (unsigned code = 0; code < 16; code++) {
		talk_error(error, VSPHERE, VC, GW, ICMP_UNREACHABLE, (uint8_t)code, sent, 28);
		harness_send_frame(c.h, VSPHERE, error);
		assert_true(harness_take(c.h, VRACK, frame, &p));
		assert_int_equal(frame->data[34], ICMP_UNREACHABLE);
		assert_int_equal(frame->data[35], code);
		assert_int_equal(packet_ip(&p)->src, ip(VC));
		assert_int_equal(packet_ip(&p)->dst, ip(CLIENT));
		assert_int_equal(ntohs(p.tuple.dport),
				 5000); /* quoted: as the client had sent it */
		assert_int_equal(talk_flow(&c)->tcp_state, TCP_ESTABLISHED);
	}
	talk_tcp(&c, 1, TCP_ACK, 100);
	talk_tcp(&c, 0, TCP_ACK, 100);
	free(frame);
	harness_close(c.h);
}

/* T4: during the handshake too */
static void test_errors_in_handshake(void **state)
{
	struct connection c = {
		.h = talk_open(harness_config, 64), .port = 5000, .to = 7, .seq = {1, 1}};
	struct frame *sent = calloc(2, sizeof(*sent)), *error = sent + 1;
	struct probe syn;
	struct packet p;

	(void)state;
	assert_non_null(sent);
	syn = talk_segment(&c, 0, TCP_SYN, 0);
	harness_send(c.h, VRACK, &syn);
	assert_true(harness_take(c.h, VSPHERE, sent, &p));
	c.external = ntohs(p.tuple.sport);
	c.seq[0]++;
	talk_error(error, VSPHERE, VC, GW, ICMP_UNREACHABLE, 1, sent, 40);
	harness_send_frame(c.h, VSPHERE, error);
	assert_int_equal(talk_discard(c.h, VRACK), 1);
	talk_tcp(&c, 1, TCP_SYN | TCP_ACK, 0);
	talk_tcp(&c, 0, TCP_ACK, 0);
	assert_int_equal(talk_flow(&c)->tcp_state, TCP_ESTABLISHED);
	free(sent);
	harness_close(c.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_unsolicited_syn),
		cmocka_unit_test(test_outbound_syn_wins),
		cmocka_unit_test(test_errors_kill_nothing),
		cmocka_unit_test(test_errors_in_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
