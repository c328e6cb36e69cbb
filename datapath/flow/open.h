/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open - what the SYN of one side and the answer of the other say of a connection's windows. One
 * definition for user space and the BPF programs.
 */
#ifndef PGW_FLOW_OPEN_H
#define PGW_FLOW_OPEN_H

#include "datapath/flow/window.h"

static inline void tcp_begin_side(struct flow_tcp_side *side, const struct tcp_segment *segment)
{
	side->end = segment->seq + segment->len;
	side->max_end =
		segment->seq + 1; /* until the peer answers: what it must acknowledge at least */
	side->scale = segment->has_scale ? segment->scale : 0;
	side->flags = FLOW_TCP_SEEN;
	if (segment->has_scale)
		side->flags |= FLOW_TCP_SCALE;
	side->max_window = 0;
	tcp_note_window(side, segment->window ? segment->window : 1);
}

static inline void tcp_unscale(struct flow_tcp_side *side)
{
	uint32_t window = tcp_window(side);

	side->scale = 0;
	side->max_window = (uint16_t)(window > UINT16_MAX ? UINT16_MAX : window);
}

/* tcp_acks_syn() - of data on the SYN (RFC 7413) all, some or nothing may be acknowledged. */
static inline bool tcp_acks_syn(const struct flow_tcp_side *opener,
				const struct tcp_segment *segment)
{
	return segment->flags & TCP_ACK && !sequence_after(opener->max_end, segment->ack) &&
	       !sequence_after(segment->ack, opener->end);
}

/* tcp_take_answer() - a SYN-ACK, or a SYN that crossed the opener's. */
static inline void tcp_take_answer(struct flow_tcp_side *opener, struct flow_tcp_side *answerer,
				   const struct tcp_segment *segment)
{
	tcp_begin_side(answerer, segment);
	/* scaling counts only if both offered it (RFC 7323 1.3) */
	if (!(opener->flags & answerer->flags & FLOW_TCP_SCALE)) {
		tcp_unscale(opener);
		tcp_unscale(answerer);
	}
	if (segment->flags & TCP_ACK)
		opener->max_end = segment->ack + (segment->window ? segment->window : 1);
	answerer->max_end = answerer->end + tcp_window(opener);
}

#endif
