/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcp - what a flow's TCP state makes of a segment (RFC 5382, RFC 7857, RFC 5961).
 */
#ifndef PGW_FLOW_TCP_H
#define PGW_FLOW_TCP_H

#include "datapath/base/counters.h"
#include "datapath/flow/layout.h"
#include "datapath/proto/packet.h"

/* tcp_open() - state of a new flow from the segment that makes it, a SYN from side 0. */
void tcp_open(struct flow *flow, const struct tcp_segment *segment);

/* tcp_reopens() - whether a SYN may start a new connection on a flow that has ended. */
bool tcp_reopens(const struct flow *flow, unsigned side, const struct tcp_segment *segment);

/**
 * tcp_track() - judge a segment that arrived on @side and follow the state
 * Return: DROP_NONE to pass it, else why not. @refresh: whether it may renew the flow's timer.
 */
enum drop_reason tcp_track(struct flow *flow, unsigned side, const struct tcp_segment *segment,
			   bool *refresh);

/* tcp_quote_plausible() - whether @seq, quoted by an ICMP error, can be of a segment that @side
 * sent lately. */
bool tcp_quote_plausible(const struct flow *flow, unsigned side, uint32_t seq);

const char *tcp_state_name(enum flow_tcp_state state);

#endif
