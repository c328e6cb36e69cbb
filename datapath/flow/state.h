/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - how the segments of a connection move its state, where several may do so at once. One
 * definition for user space and the BPF programs; the states themselves: flow/tcp.c.
 *
 * Where the kernel forwards a flow, its programs on several processors and user space follow one
 * connection. A state that is moved by who has an older one in mind would lose a FIN that the other
 * has seen. So it is moved by compare and swap, of the word in which it lies: BPF has none for
 * bytes. Whoever finds it moved decides anew.
 *
 * Only user space makes a state of TCP_NONE, TCP_CLOSED and TCP_RESET another one, or moves one to
 * TCP_RESET and TCP_SYN_SENT: what begins and ends a connection is counted there. A program that
 * moves one to TCP_CLOSED marks it FLOW_UNTOLD in the same step, and tells its record (ends.h);
 * only user space takes the mark away, and then goes by the state that it finds. So a flow counts
 * as tcp_counts() says, at any moment, whoever moved it how often.
 */
#ifndef PGW_FLOW_STATE_H
#define PGW_FLOW_STATE_H

#include "datapath/flow/window.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLOW_STATE_SHIFT 0	     /* of tcp_state in its word */
#define FLOW_UNTOLD	 0x01000000u /* in that word, too: see there */
#define FLOW_FLAGS_SHIFT 24	     /* of flags, in the word that begins with port[] */
#else
#define FLOW_STATE_SHIFT 24
#define FLOW_UNTOLD	 0x00000001u
#define FLOW_FLAGS_SHIFT 0
#endif

/* tcp_next_state() - what a segment inside the window makes of @state. @side: from where; @flags:
 * neither SYN nor RST */
static inline uint8_t tcp_next_state(uint8_t state, unsigned side, uint8_t flags)
{
	if (state == TCP_SYN_BOTH && flags & TCP_ACK)
		state = TCP_ESTABLISHED;
	if (!(flags & TCP_FIN))
		return state;
	if (state == TCP_SYN_BOTH || state == TCP_ESTABLISHED)
		return side ? TCP_FIN_1 : TCP_FIN_0;
	return state == (side ? TCP_FIN_0 : TCP_FIN_1) ? TCP_CLOSED : state;
}

/* tcp_state() - as it is now: read anew at each call, where others move it. */
static inline uint8_t tcp_state(const struct flow *flow)
{
	return *(const volatile uint8_t *)&flow->tcp_state;
}

/* tcp_move_word() - from state @seen, which was read from @flow, to @to, with the bits @mark.
 * Return: false if it was moved meanwhile. */
static inline bool tcp_move_word(struct flow *flow, uint8_t seen, uint8_t to, uint32_t mark)
{
	uint32_t now = *(volatile uint32_t *)&flow->state_word;
	uint32_t rest = now & ~(0xffu << FLOW_STATE_SHIFT);

	return now == (rest | (uint32_t)seen << FLOW_STATE_SHIFT) &&
	       __sync_val_compare_and_swap(&flow->state_word, now,
					   rest | (uint32_t)to << FLOW_STATE_SHIFT | mark) == now;
}

static inline bool tcp_move_state(struct flow *flow, uint8_t seen, uint8_t to)
{
	return tcp_move_word(flow, seen, to, 0);
}

/* tcp_close_untold() - by a program: user space counts it later. */
static inline bool tcp_close_untold(struct flow *flow, uint8_t seen)
{
	return tcp_move_word(flow, seen, TCP_CLOSED, FLOW_UNTOLD);
}

/* tcp_word() - state and mark, as they are now. tcp_counts() - whether such a flow counts for its
 * host and its backend: it was not closed for good, as far as user space has been told. */
static inline uint32_t tcp_word(const struct flow *flow)
{
	return *(const volatile uint32_t *)&flow->state_word;
}

#ifndef __bpf__
/* tcp_take_untold() - user space is about to count the flow. Return: by what; the mark is gone. */
static inline uint32_t tcp_take_untold(struct flow *flow)
{
	return __atomic_fetch_and(&flow->state_word, ~FLOW_UNTOLD, __ATOMIC_ACQ_REL) & ~FLOW_UNTOLD;
}
#endif

static inline bool tcp_counts(uint32_t word)
{
	uint8_t state = (uint8_t)(word >> FLOW_STATE_SHIFT);

	return word & FLOW_UNTOLD || (state != TCP_CLOSED && state != TCP_RESET);
}

#endif
