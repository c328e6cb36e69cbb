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
 * these and TCP_SYN_SENT: what begins and ends a connection is counted there.
 */
#ifndef PGW_FLOW_STATE_H
#define PGW_FLOW_STATE_H

#include "datapath/flow/window.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLOW_STATE_SHIFT 0  /* of tcp_state in its word */
#define FLOW_FLAGS_SHIFT 24 /* of flags, in the word that begins with port[] */
#else
#define FLOW_STATE_SHIFT 24
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

/* tcp_move_state() - from @seen, which was read from @flow, to @to. Return: false if it was moved
 * meanwhile. */
static inline bool tcp_move_state(struct flow *flow, uint8_t seen, uint8_t to)
{
	uint32_t now = *(volatile uint32_t *)&flow->state_word;
	uint32_t rest = now & ~(0xffu << FLOW_STATE_SHIFT);

	return now == (rest | (uint32_t)seen << FLOW_STATE_SHIFT) &&
	       __sync_val_compare_and_swap(&flow->state_word, now,
					   rest | (uint32_t)to << FLOW_STATE_SHIFT) == now;
}

#endif
