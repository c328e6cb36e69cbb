/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window - which TCP segments can be of a connection, by what both ends have sent and offered.
 * One definition for user space and the BPF programs.
 *
 * The limits are those of Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"
 * (2001):
 *   I   seq <= max_end               not beyond what the peer offered
 *   II  end >= own end - peer window not older than a window
 *   III ack <= peer end              nothing acknowledged that was not sent
 *   IV  ack >= peer end - TCP_MAX_ACK_WINDOW, or this side's window if that is larger
 *
 * Where the kernel forwards a flow, the programs on several processors and user space move one
 * window at the same time. Limits must not fall back then: an end that did would have answers to
 * what went through refused for as long as nothing new is sent. So such a flow's limits are moved
 * by compare and swap. The largest window needs none: each segment tells it anew.
 */
#ifndef PGW_FLOW_WINDOW_H
#define PGW_FLOW_WINDOW_H

#include "datapath/flow/layout.h"

#define TCP_MAX_ACK_WINDOW 66000u /* least look-back for acknowledgements, whatever the window */
#define TCP_SCALE_MAX	   14	  /* RFC 7323 2.3 */
#define TCP_MOVERS_MAX	   8	  /* who may come in between while a limit is moved */
#define TCP_FIN		   0x01
#define TCP_SYN		   0x02
#define TCP_RST		   0x04
#define TCP_ACK		   0x10

/* What a TCP header says, host byte order. */
struct tcp_segment {
	uint32_t seq, ack;
	uint32_t len;	 /* sequence space: payload, SYN, FIN */
	uint16_t window; /* unscaled */
	uint8_t flags;
	uint8_t scale; /* of the window scale option on a SYN */
	bool has_scale;
};

static inline bool sequence_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline uint32_t tcp_window(const struct flow_tcp_side *side)
{
	return (uint32_t)side->max_window << side->scale;
}

/* Windows of SYN segments are never scaled (RFC 7323 2.2). */
static inline uint32_t tcp_advertised(const struct flow_tcp_side *side,
				      const struct tcp_segment *segment)
{
	return segment->flags & TCP_SYN ? segment->window
					: (uint32_t)segment->window << side->scale;
}

static inline void tcp_note_window(struct flow_tcp_side *side, uint32_t window)
{
	/* rounded up: too large a window only makes the check more generous */
	uint32_t units = (window + (1u << side->scale) - 1) >> side->scale;

	if (units > side->max_window)
		side->max_window = (uint16_t)(units > UINT16_MAX ? UINT16_MAX : units);
}

static inline bool tcp_in_window(const struct flow_tcp_side *self, const struct flow_tcp_side *peer,
				 const struct tcp_segment *segment)
{
	uint32_t end = segment->seq + segment->len;
	uint32_t ack_window;

	if (!(self->flags & FLOW_TCP_SEEN) || !(peer->flags & FLOW_TCP_SEEN))
		return true; /* nothing is known yet to hold it against */
	if (sequence_after(segment->seq, self->max_end) ||
	    sequence_after(self->end - tcp_window(peer), end))
		return false;
	if (!(segment->flags & TCP_ACK))
		return true;
	ack_window = tcp_window(self) > TCP_MAX_ACK_WINDOW ? tcp_window(self) : TCP_MAX_ACK_WINDOW;
	return !sequence_after(segment->ack, peer->end) &&
	       !sequence_after(peer->end - ack_window, segment->ack);
}

/* tcp_jumps() - whether a segment shows something new without beginning where all that was seen
 * ends: what lies between was lost or overtaken on its way here, or else the number is a damaged
 * one. */
static inline bool tcp_jumps(const struct flow_tcp_side *self, const struct tcp_segment *segment)
{
	return segment->seq != self->end && sequence_after(segment->seq + segment->len, self->end);
}

/* tcp_advance() - move a limit forward to @to. @shared: others may move it at the same time */
static inline void tcp_advance(uint32_t *limit, uint32_t to, bool shared)
{
	uint32_t seen = *(volatile uint32_t *)limit;

	if (!sequence_after(to, seen))
		return;
	if (!shared) {
		*limit = to;
		return;
	}
	/* Whoever comes in between has moved it forward too: bounded by how many there are. */
	for (unsigned i = 0; i < TCP_MOVERS_MAX; i++) {
		uint32_t found = __sync_val_compare_and_swap(limit, seen, to);

		if (found == seen || !sequence_after(to, found))
			return;
		seen = found;
	}
}

/* tcp_follow_window() - of a segment inside it. @shared: the flow is one that the kernel forwards
 */
static inline void tcp_follow_window(struct flow_tcp_side *self, struct flow_tcp_side *peer,
				     const struct tcp_segment *segment, bool shared)
{
	uint32_t window = tcp_advertised(self, segment);

	tcp_advance(&self->end, segment->seq + segment->len, shared);
	tcp_note_window(self, window);
	if (!(segment->flags & TCP_ACK))
		return;
	/* a zero window still admits the probe of one byte */
	tcp_advance(&peer->max_end, segment->ack + (window ? window : 1), shared);
}

#endif
