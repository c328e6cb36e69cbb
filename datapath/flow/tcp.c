/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * States (side 0 opened the connection) and who moves them:
 *
 * - SYN_SENT, SYN or SYN-ACK from 1: SYN_BOTH
 * - SYN_BOTH, ACK of 1's SYN from 0, or of 0's from 1: ESTABLISHED
 * - ESTABLISHED, FIN from i: FIN_i; FIN_i, FIN from the other: CLOSED
 * - any but CLOSED, RST with exactly the next sequence number: RESET
 * - CLOSED or RESET, new SYN from 0: SYN_SENT (tcp_reopens())
 * - CLOSED, something new after both FIN: FIN_i of the other (tcp_revives())
 * - SYN_BOTH and later, new SYN from 0 and its SYN-ACK from 1: SYN_BOTH (begin_anew())
 *
 * A segment counts only if it lies in the window that its receiver has offered (flow/window.h).
 * A blind attacker has to hit all four limits, and for an RST exactly one number of 2^32.
 *
 * An RST that is in the window but not exact passes (its receiver will challenge it, RFC 5961)
 * and changes nothing. A SYN within an established connection likewise, until its SYN-ACK comes.
 *
 * Checksums of what is forwarded are its receiver's to look at: it refuses a damaged segment and
 * waits for the right one. But what a session believed of a damaged one would hold against the
 * right one, for good. So a segment with SYN, FIN or RST, and one that tcp_jumps(), is refused here
 * if its checksum is wrong, as a damaged ICMP error is (RFC 5508). It is not passed on without
 * being believed: its receiver could not use it, a SYN could be passed on only by making a
 * session of what may be another's address and port, and the count tells of a bad cable. What
 * every other bit turned can do is make a window larger than it is: by less than another such
 * window. The BPF programs look at no checksum but a SYN-ACK's; a FIN or number that they believe
 * wrongly is mended by later segments (tcp_revives(), begin_anew()).
 */
#include "datapath/flow/tcp.h"

#include "datapath/flow/open.h"
#include "datapath/flow/state.h"

void tcp_open(struct flow *flow, const struct tcp_segment *segment)
{
	flow->tcp_state = TCP_SYN_SENT;
	flow->tcp[1] = (struct flow_tcp_side){0};
	tcp_begin_side(&flow->tcp[0], segment);
}

bool tcp_reopens(const struct flow *flow, unsigned side, const struct tcp_segment *segment)
{
	/* Whatever its number: the first number of a client's connections to one server goes once
	 * around in less time than the timer of a closed one has (RFC 6528), so it may seem to lie
	 * before the old one's last. The server, who knows how long it was ago, refuses what is
	 * none (RFC 6191). */
	return side == 0 && (segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       (flow->tcp_state == TCP_CLOSED || flow->tcp_state == TCP_RESET);
}

static void take_answer(struct flow *flow, const struct tcp_segment *segment)
{
	tcp_take_answer(&flow->tcp[0], &flow->tcp[1], segment);
}

/* Whoever else moves the state meanwhile moves it forward, so this ends after a few steps. */
static void move_to(struct flow *flow, uint8_t to)
{
	while (!tcp_move_state(flow, tcp_state(flow), to))
		;
}

/*
 * A client that has begun anew, its former connection never having ended here: it was switched off,
 * or the end was not seen. The server knows better: it answers SYN-ACK only if it has forgotten
 * that one, too. So the SYN is noted, and believed once that comes; who only guesses makes nothing
 * of a live connection.
 */
static void note_syn(struct flow *flow, const struct tcp_segment *segment)
{
	struct flow_tcp_side *opener = &flow->tcp[0];
	unsigned scale = segment->has_scale ? segment->scale : FLOW_TCP_ASKED_NONE;

	flow->asked = segment->seq + 1;
	opener->flags = (uint8_t)(opener->flags & (FLOW_TCP_ASKED - 1)) | FLOW_TCP_ASKED |
			(uint8_t)(scale << FLOW_TCP_ASKED_SHIFT);
}

static void begin_anew(struct flow *flow, const struct tcp_segment *answer)
{
	unsigned scale = flow->tcp[0].flags >> FLOW_TCP_ASKED_SHIFT;
	const struct tcp_segment syn = {.seq = flow->asked - 1,
					.len = 1,
					.window = UINT16_MAX, /* at most */
					.flags = TCP_SYN,
					.scale = (uint8_t)scale,
					.has_scale = scale != FLOW_TCP_ASKED_NONE};

	tcp_begin_side(&flow->tcp[0], &syn);
	take_answer(flow, answer);
	move_to(flow, TCP_SYN_BOTH);
}

/* Side 1 answers a SYN: with SYN-ACK, with a SYN of its own (simultaneous open), or RST. */
static enum drop_reason track_answer(struct flow *flow, const struct tcp_segment *segment)
{
	bool acks_syn = tcp_acks_syn(&flow->tcp[0], segment);

	if (segment->flags & TCP_RST) {
		if (acks_syn)
			flow->tcp_state = TCP_RESET;
		return DROP_NONE;
	}
	if (!(segment->flags & TCP_SYN))
		return DROP_NONE; /* a challenge ACK about an older connection: the opener resets it
				   */
	if (segment->flags & TCP_ACK && !acks_syn)
		return DROP_NONE;
	take_answer(flow, segment);
	flow->tcp_state = TCP_SYN_BOTH;
	return DROP_NONE;
}

static void move_on(struct flow *flow, unsigned side, uint8_t flags)
{
	uint8_t seen, next;

	do {
		seen = tcp_state(flow);
		next = tcp_next_state(seen, side, flags);
	} while (next != seen && !tcp_move_state(flow, seen, next));
}

/* Nobody says anything new after its FIN: what was taken for one was none, but damaged, and
 * believed by a program that looks at no checksum. */
static bool tcp_revives(const struct flow *flow, unsigned side, const struct tcp_segment *segment)
{
	return flow->tcp_state == TCP_CLOSED &&
	       sequence_after(segment->seq + segment->len, flow->tcp[side].end);
}

enum drop_reason tcp_track(struct flow *flow, unsigned side, const struct tcp_segment *segment,
			   bool *refresh)
{
	struct flow_tcp_side *self = &flow->tcp[side], *peer = &flow->tcp[1 - side];
	bool shared = flow->flags & FLOW_OFFLOAD;

	*refresh = false;
	if (flow->tcp_state == TCP_RESET)
		return DROP_NONE; /* late segments pass until it expires; nothing revives it */
	if (flow->tcp_state == TCP_SYN_SENT) {
		if (side == 1)
			return track_answer(flow, segment);
		if (segment->flags & TCP_SYN) { /* repeated, perhaps with a new number */
			tcp_begin_side(self, segment);
			return DROP_NONE;
		}
		if (segment->flags & TCP_RST && segment->seq == self->end)
			flow->tcp_state = TCP_RESET;
		return DROP_NONE;
	}
	if (segment->flags & TCP_SYN) {
		if (side == 0 && !(segment->flags & TCP_ACK) && flow->tcp_state != TCP_CLOSED &&
		    segment->seq + segment->len != self->end) {
			note_syn(flow, segment);
		} else if (side == 1 && peer->flags & FLOW_TCP_ASKED && segment->flags & TCP_ACK &&
			   segment->ack == flow->asked) {
			begin_anew(flow, segment);
			*refresh = true;
		} else if (flow->tcp_state == TCP_SYN_BOTH) {
			/* The first answer may have been damaged on its way, which only its
			 * receiver can tell: one with another number, which acknowledges the SYN,
			 * replaces it. */
			if (side == 1 && segment->seq + segment->len != self->end &&
			    segment->flags & TCP_ACK && segment->ack == peer->end)
				take_answer(flow, segment);
			/* repeated SYN or SYN-ACK; after a simultaneous open each side's SYN-ACK */
			else if (segment->seq + segment->len == self->end &&
				 segment->flags & TCP_ACK)
				tcp_follow_window(self, peer, segment, shared);
			*refresh = segment->seq + segment->len == self->end;
		}
		return DROP_NONE;
	}
	if (segment->flags & TCP_RST) {
		if (segment->seq == self->end) {
			if (flow->tcp_state != TCP_CLOSED)
				move_to(flow, TCP_RESET);
			return DROP_NONE;
		}
		return tcp_in_window(self, peer, segment) ? DROP_NONE : DROP_TCP_WINDOW;
	}
	if (!tcp_in_window(self, peer, segment))
		return DROP_TCP_WINDOW;
	if (tcp_revives(flow, side, segment))
		move_to(flow, side ? TCP_FIN_0 : TCP_FIN_1);
	tcp_follow_window(self, peer, segment, shared);
	move_on(flow, side, segment->flags);
	*refresh = flow->tcp_state != TCP_CLOSED;
	return DROP_NONE;
}

bool tcp_quote_plausible(const struct flow *flow, unsigned side, uint32_t seq)
{
	const struct flow_tcp_side *self = &flow->tcp[side], *peer = &flow->tcp[1 - side];
	uint32_t back =
		tcp_window(peer) > TCP_MAX_ACK_WINDOW ? tcp_window(peer) : TCP_MAX_ACK_WINDOW;

	if (!(self->flags & FLOW_TCP_SEEN))
		return true;
	return !sequence_after(seq, self->end) && !sequence_after(self->end - back, seq);
}

const char *tcp_state_name(enum flow_tcp_state state)
{
	static const char *const names[] = {
		[TCP_NONE] = "none",	       [TCP_SYN_SENT] = "syn-sent",
		[TCP_SYN_BOTH] = "syn-both",   [TCP_ESTABLISHED] = "established",
		[TCP_FIN_0] = "fin-initiator", [TCP_FIN_1] = "fin-responder",
		[TCP_CLOSED] = "closed",       [TCP_RESET] = "reset",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == TCP_STATE_COUNT, "one name a state");

	return (unsigned)state < TCP_STATE_COUNT ? names[state] : NULL;
}
