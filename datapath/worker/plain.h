/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - the short way of a plain packet (proto/plain.h) of an established flow. Part of
 * receive.c, inline.
 *
 * It looks at everything first and changes something only when it is certain to send: what it
 * declines has been left as it was, and goes the complete way, which decides. What it sends, counts
 * and leaves in the record is what the complete way would have: worker_plain_test compares both.
 */
#ifndef PGW_WORKER_PLAIN_H
#define PGW_WORKER_PLAIN_H

#include "datapath/flow/probe.h"
#include "datapath/proto/plain.h"
#include "datapath/rewrite/header.h"
#include "datapath/worker/state.h"

static inline uint64_t plain_hash(const struct flow_probe *probe, const uint8_t *data, uint8_t port)
{
	const struct ip_header *ip = (const struct ip_header *)(data + ETHERNET_BYTES);
	struct flow_tuple tuple;

	memcpy(&tuple, data + PLAIN_SADDR, sizeof(tuple));
	return flow_probe_hash(probe, &tuple, ip->proto, port);
}

/* Whether two MACs differ, each of which two more bytes follow. */
static inline bool plain_mac_differs(const struct mac *a, const struct mac *b)
{
	const uint64_t mac = plain_bytes(255, 255, 255, 255, 255, 255);

	return (plain_load64(a) ^ plain_load64(b)) & mac;
}

/* Whether @flow's timer still runs. */
static inline bool plain_alive(const struct worker *w, const struct flow *flow, bool tcp)
{
	return worker_idle(w, flow) < w->timeout_tick[tcp ? TIMER_TCP_IDLE : TIMER_UDP];
}

/* The next hop on side @out if it is known, and known to the record; else NULL. @stale: set to its
 * entry if the kernel is to be asked whether it still is there. */
static inline const struct mac *plain_next_hop(const struct worker *w, const struct flow *flow,
					       unsigned out, struct neighbour **stale)
{
	struct neighbour *n;

	if (flow->neigh[out] >= NEIGHBOURS_MAX)
		return &flow->mac[out];
	n = neighbour_at(&w->neighbours, flow->neigh[out]);
	if (n->state != NEIGHBOUR_USABLE) {
		if (n->state != NEIGHBOUR_STALE)
			return NULL;
		*stale = n;
	}
	static_assert(offsetof(struct flow, mac) + sizeof(flow->mac) + 2 <= sizeof(*flow) &&
			      offsetof(struct neighbour, mac) + 8 <= sizeof(*n),
		      "more of both follows");
	return plain_mac_differs(&flow->mac[out], &n->mac) ? NULL : &flow->mac[out];
}

/* Follow a segment. Return: false if it is outside the window, or to be looked at, or the
 * connection not established. */
static inline bool plain_follow(struct flow *flow, unsigned side, const struct tcp_segment *segment)
{
	struct flow_tcp_side *self = &flow->tcp[side], *peer = &flow->tcp[1 - side];

	if (flow->tcp_state != TCP_ESTABLISHED || !tcp_in_window(self, peer, segment) ||
	    tcp_jumps(self, segment))
		return false;
	tcp_follow_window(self, peer, segment, flow->flags & FLOW_OFFLOAD);
	return true;
}

/* plain_mark() - what a packet that was sent makes of its flow's flags, where that may be new. */
static inline void plain_mark(const struct worker *w, struct flow *flow, unsigned side)
{
	if (side == 1)
		flow->flags |= FLOW_REPLIED;
	if (!(flow->flags & FLOW_OFFLOAD) && worker_offloadable(w, flow))
		flow->flags |= FLOW_OFFLOAD;
}

/* plain_pass_as() - of plain_pass(), for packets of one protocol: compiled once for each. */
static inline __attribute__((always_inline)) bool plain_pass_as(struct worker *w,
								const struct io_frame *frame,
								uint8_t port, uint32_t ref,
								bool tcp, struct io_send *send)
{
	unsigned side = FLOW_REF_SIDE(ref), out = 1 - side;
	struct flow *flow = worker_flow(w, FLOW_REF_INDEX(ref));
	uint8_t *data = frame->data;
	struct ethernet_header *ethernet = (struct ethernet_header *)data;
	struct ip_header *ip = (struct ip_header *)(data + ETHERNET_BYTES);
	void *l4 = data + PLAIN_L4;
	const struct flow_tuple *to = &flow->tuple[out];
	struct worker_portgroup *way_out;
	bool partial = frame->offload.flags & IO_NEEDS_CSUM;
	uint8_t proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t ip_len = plain_ip_len(data);
	uint16_t l3_delta, l4_delta;
	struct neighbour *stale = NULL;
	const struct mac *next_hop;
	const uint8_t known = FLOW_OFFLOAD | FLOW_REPLIED;
	be16 new_id = 0;

	if (!flow_probe_is(flow, side, data + PLAIN_SADDR, proto, port) ||
	    !plain_alive(w, flow, tcp))
		return false;
	way_out = &w->port[flow->port[out]];
	if (ip_len > way_out->ready_mtu || flow->vmac[out])
		return false;
	if (flow->neigh[side] == FLOW_NEIGH_LAST_HOP &&
	    plain_mac_differs(&flow->mac[side], &ethernet->src)) /* the EtherType follows */
		return false; /* the client's router has changed */
	next_hop = plain_next_hop(w, flow, out, &stale);
	if (!next_hop)
		return false;
	if (tcp) {
		struct tcp_segment segment = plain_segment(data, ip_len);

		if (!plain_follow(flow, side, &segment))
			return false;
	}
	/* from here on it is certain */
	if (stale)
		worker_confirm(w, stale);
	flow->seen_tick = w->now_tick;
	flow->packets[side]++;
	flow->bytes[side] += ip_len;
	if (flow->flags & FLOW_SNAT && !(ip->fragment & htons(IP_DF)))
		new_id = worker_next_id(w, 1);
	l3_delta = header_delta(flow->l3_delta, side);
	l4_delta = header_delta(flow->l4_delta, side);
	ethernet->dst = *next_hop;
	memcpy(data + sizeof(struct mac), way_out->source, sizeof(way_out->source));
	header_ip(ip, to, l3_delta, new_id);
	if (tcp)
		header_tcp(l4, to, l3_delta, l4_delta, partial);
	else
		header_udp(l4, to, l3_delta, l4_delta, partial);
	w->dirty |= 1u << flow->port[out];
	if ((flow->flags & known) != known)
		plain_mark(w, flow, side);
	send->head = data;
	send->head_len = ETHERNET_BYTES + ip_len;
	send->offload = frame->offload;
	send->headroom = frame->headroom;
	way_out->io->ops->tx(way_out->io, send);
	return true;
}

/* plain_pass() - forward the plain packet in @frame as one of the flow @ref, if it is that.
 * @send: for its use; all that is not set here is 0
 * Return: false if it is to go the complete way. */
static inline __attribute__((always_inline)) bool plain_pass(struct worker *w,
							     const struct io_frame *frame,
							     uint8_t port, uint32_t ref,
							     struct io_send *send)
{
	const struct ip_header *ip = (const struct ip_header *)(frame->data + ETHERNET_BYTES);

	return ip->proto == IPPROTO_TCP ? plain_pass_as(w, frame, port, ref, true, send)
					: plain_pass_as(w, frame, port, ref, false, send);
}

#endif
