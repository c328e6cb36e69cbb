/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receive - a burst's way through the stages: read headers, look flows up, follow their state,
 * send. Each stage handles the whole burst, so that the memory the next one needs is under way.
 *
 * Plain packets of established flows take the short way of plain.h; every other one, and each that
 * the short way declines, is parsed into w->packets[] and takes the complete one. Both keep the
 * order of arrival.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "datapath/flow/state.h"
#include "datapath/flow/tcp.h"
#include "datapath/worker/burst.h"
#include "datapath/worker/state.h"

static enum drop_reason follow_tcp(struct worker *w, const struct packet *p, uint32_t index,
				   struct flow *flow, unsigned side)
{
	uint32_t before = tcp_word(flow), after;
	enum drop_reason reason = DROP_NONE;
	bool refresh = false;

	if (tcp_jumps(&flow->tcp[side], &p->tcp) && !packet_tcp_is_sound(p))
		return DROP_TCP_CHECKSUM;
	if (tcp_reopens(flow, side, &p->tcp)) {
		tcp_open(flow, &p->tcp);
		refresh = true;
	} else {
		reason = tcp_track(flow, side, &p->tcp, &refresh);
	}
	after = tcp_word(flow);
	refresh |= (after ^ before) & 0xffu << FLOW_STATE_SHIFT;
	if (after != before || after & FLOW_UNTOLD)
		worker_account(w, index, flow, before);
	if (refresh && !reason)
		flow->seen_tick = w->now_tick;
	return reason;
}

/* Fragments, and datagrams that may still be fragmented, get an identification that is unique
 * among all that we send (RFC 6864; RFC 4787 12). */
static void choose_ip_id(struct worker *w, struct packet *p, const struct flow *flow)
{
	uint16_t datagrams = 1;

	if (p->new_ip_id || !(flow->flags & FLOW_SNAT) ||
	    (p->dont_fragment && !packet_is_fragment(p)))
		return;
	if (p->offload.gso_size) /* the interface will number the segments from here */
		datagrams = (uint16_t)(p->ip_len / p->offload.gso_size + 1);
	p->new_ip_id = worker_next_id(w, datagrams);
}

/* Whether a packet that passed may move its flow's last hop: of TCP only one whose number was
 * compared, because SYN and RST pass a live connection without, for their receiver to challenge. */
static bool shows_last_hop(const struct packet *p, const struct flow *flow)
{
	if (p->proto != IPPROTO_TCP || flow->tcp_state < TCP_ESTABLISHED)
		return true;
	return !p->fragment_offset && !(p->tcp.flags & (TCP_SYN | TCP_RST));
}

static enum drop_reason pass(struct worker *w, struct packet *p, uint32_t index, unsigned side)
{
	struct flow *flow = worker_flow(w, index);
	enum drop_reason reason;

	if (p->proto == IPPROTO_TCP && !p->fragment_offset) {
		reason = follow_tcp(w, p, index, flow, side);
		if (reason)
			return reason;
	} else {
		flow->seen_tick = w->now_tick;
	}
	if (side == 1 && !(flow->flags & FLOW_REPLIED))
		flow->flags |= FLOW_REPLIED;
	/* the client's router may change: answers follow the latest packet */
	if (flow->neigh[side] == FLOW_NEIGH_LAST_HOP &&
	    !mac_equal(&flow->mac[side], &packet_ethernet(p)->src) && shows_last_hop(p, flow)) {
		worker_lock(w); /* another worker may take it for a flow to the same host */
		flow->mac[side] = packet_ethernet(p)->src;
		worker_unlock(w);
	}
	choose_ip_id(w, p, flow);
	reason = worker_forward(w, p, flow, side);
	if (reason)
		return reason;
	flow->packets[side]++;
	flow->bytes[side] += p->ip_len;
	if (!(flow->flags & FLOW_OFFLOAD) && worker_offloadable(w, flow))
		flow->flags |= FLOW_OFFLOAD;
	return DROP_NONE;
}

static bool expired(const struct worker *w, const struct flow *flow)
{
	return worker_idle(w, flow) >= worker_timeout(w, flow);
}

/* find() - the flow of a key. @owner: see worker_find() */
static uint32_t find(const struct worker *w, const struct packet *p, uint8_t proto, uint64_t hash,
		     uint8_t *owner)
{
	*owner = OWNER_NOBODY;
	if (!w->table.records)
		return FLOW_NONE;
	if (w->owner)
		return worker_find(w, &p->tuple, proto, p->port, hash, owner);
	return flow_find(&w->table, &p->tuple, proto, p->port, hash);
}

static enum drop_reason process_error(struct worker *w, struct packet *p)
{
	uint8_t owner = OWNER_NOBODY;
	uint32_t ref = FLOW_NONE;
	struct flow *flow;
	unsigned side;

	if (w->table.records)
		ref = find(w, p, p->quote_proto,
			   flow_hash(&w->table, &p->tuple, p->quote_proto, p->port), &owner);
	if (owner != OWNER_NOBODY && ref == FLOW_NONE && w->hops < HANDOVER_HOPS)
		return worker_hand_over(w, owner, p, HANDOVER_FRAME);
	if (ref == FLOW_NONE || expired(w, worker_flow(w, FLOW_REF_INDEX(ref)))) {
		if (w->has_snapshot && snapshot_address(&w->snapshot, packet_ip(p)->dst))
			return DROP_TO_KERNEL;
		return DROP_ICMP_NO_FLOW;
	}
	flow = worker_flow(w, FLOW_REF_INDEX(ref));
	side = FLOW_REF_SIDE(ref);
	/* the quoted segment came from the other side; a guessed one has no plausible number */
	if (p->quote_proto == IPPROTO_TCP && !tcp_quote_plausible(flow, 1 - side, p->quote_seq))
		return DROP_ICMP_NO_FLOW;
	return worker_forward(w, p, flow, side);
}

static enum drop_reason process_other(const struct worker *w, const struct packet *p)
{
	if (w->has_snapshot && !snapshot_address(&w->snapshot, p->tuple.dst))
		return p->reason;
	return DROP_TO_KERNEL;
}

/* A packet with a key: by its flow, or by making one. */
static enum drop_reason process_keyed(struct worker *w, struct packet *p)
{
	uint32_t ref = FLOW_NONE, index;
	uint8_t owner = OWNER_NOBODY;
	enum drop_reason reason;

	if (p->ref != FLOW_NONE && worker_owns(w, FLOW_REF_INDEX(p->ref)) &&
	    flow_probe_is(worker_flow(w, FLOW_REF_INDEX(p->ref)), FLOW_REF_SIDE(p->ref), &p->tuple,
			  p->proto, p->port))
		ref = p->ref;
	else
		ref = find(w, p, p->proto, p->hash, &owner);
	if (owner != OWNER_NOBODY && ref == FLOW_NONE && w->hops < HANDOVER_HOPS)
		return worker_hand_over(w, owner, p,
					p->fragment_offset ? HANDOVER_FRAGMENT : HANDOVER_FRAME);
	if (ref != FLOW_NONE) {
		index = FLOW_REF_INDEX(ref);
		if (!expired(w, worker_flow(w, index)))
			return pass(w, p, index, FLOW_REF_SIDE(ref));
		worker_end(w, index);
		w->counters->flows_expired++;
	}
	if (p->fragment_offset) /* its flow has ended since the first fragment */
		return DROP_NO_MAPPING;
	reason = worker_create_flow(w, p, &index);
	if (reason)
		return reason;
	p->new_ip_id = 0;
	return pass(w, p, index, 0);
}

enum drop_reason worker_process(struct worker *w, struct packet *p)
{
	switch ((enum packet_kind)p->kind) {
	case PACKET_TRANSPORT:
		return process_keyed(w, p);
	case PACKET_LATER_FRAGMENT:
		return worker_later_fragment(w, p);
	case PACKET_ICMP_ERROR:
		return process_error(w, p);
	case PACKET_OTHER:
		return process_other(w, p);
	case PACKET_KERNEL:
		break;
	}
	return DROP_TO_KERNEL;
}

void worker_settle(struct worker *w, const struct packet *p, enum drop_reason reason)
{
	struct port_counters *counters = &w->counters->port[p->port];

	if (reason == DROP_NONE || reason == DROP_HANDED_OVER)
		return;
	if (reason == DROP_TO_KERNEL) {
		counters->kernel_packets++;
		return;
	}
	w->counters->dropped[reason]++;
	counters->dropped_packets++;
	counters->dropped_bytes += p->len;
}

/* What the link layer says about a frame, before its headers are read. */
static enum drop_reason check_link(const struct worker_portgroup *port,
				   const struct io_frame *frame)
{
	const struct ethernet_header *ethernet = (const struct ethernet_header *)frame->data;

	if (frame->len < ETHERNET_BYTES || frame->len < frame->wire_len)
		return DROP_TRUNCATED;
	if (frame->vlan)
		return DROP_VLAN;
	if (!(ethernet->dst.b[0] & 1) && !mac_equal(&ethernet->dst, &port->link.mac) &&
	    (frame->other || !worker_accepts_vmac(port, &ethernet->dst)))
		return DROP_LINK_DST;
	return DROP_NONE;
}

/* read_complete() - the headers of a frame into its place in w->packets[]. Return: false if it was
 * dropped. */
static NOINLINE bool read_complete(struct worker *w, uint8_t index, unsigned i)
{
	const struct io_frame *frame = &w->frames[i];
	struct packet *p = &w->packets[i];
	enum drop_reason reason;

	p->data = frame->data;
	p->len = frame->len;
	p->offload = frame->offload;
	p->headroom = frame->headroom;
	p->port = index;
	reason = check_link(&w->port[index], frame);
	if (!reason)
		reason = packet_parse(p);
	if (reason)
		worker_settle(w, p, reason);
	return !reason;
}

void worker_begin_complete(struct worker *w, const struct flow_probe *probe, uint8_t index,
			   unsigned i)
{
	struct worker_lane *lane = &w->lanes[i];
	const struct packet *p = &w->packets[i];

	lane->way = LANE_DROPPED;
	lane->hash = 0;
	if (!read_complete(w, index, i))
		return;
	lane->way = LANE_COMPLETE;
	if (!w->table.records)
		return;
	lane->hash = flow_probe_hash(probe, &p->tuple, p->proto, index);
	flow_probe_prefetch(probe, lane->hash);
}

void worker_finish_complete(struct worker *w, uint8_t index, unsigned i)
{
	const struct worker_lane *lane = &w->lanes[i];
	struct packet *p = &w->packets[i];
	enum drop_reason reason;
	bool first_fragment;

	if (lane->way == LANE_DROPPED || (lane->way == LANE_PLAIN && !read_complete(w, index, i)))
		return;
	p->hash = lane->hash;
	p->ref = w->table.records ? lane->ref : FLOW_NONE;
	first_fragment = p->more_fragments && p->kind == PACKET_TRANSPORT;
	reason = worker_process(w, p);
	worker_settle(w, p, reason);
	if (first_fragment)
		worker_first_fragment(w, p, reason);
}

/* worker_receive() of a single worker. */
static unsigned receive_alone(struct worker *w, uint8_t index, uint64_t now_ns)
{
	struct io_port *io = index < COUNTERS_PORTS ? w->port[index].io : NULL;
	struct flow_probe probe = {0};
	struct io_send send = {0};
	unsigned frames;

	if (!io)
		return 0;
	frames = io->ops->rx(io, w->frames, IO_BURST);
	if (!frames)
		return 0;
	w->now_ns = now_ns;
	w->now_tick = FLOW_TICK(now_ns);
	w->counters->bursts++;
	w->lost_due = true;
	worker_take_ends(w); /* what came before these frames was told before them */
	if (w->table.records)
		probe = flow_probe(&w->table);
	read_burst(w, &probe, index, frames, &w->counters->port[index]);
	if (w->table.records)
		look_up_burst(w, &probe, frames);
	for (unsigned i = 0; i < frames; i++) {
		const struct worker_lane *lane = &w->lanes[i];

		if (lane->way != LANE_PLAIN || lane->ref == FLOW_NONE ||
		    !plain_pass(w, &w->frames[i], index, lane->ref, &send))
			worker_finish_complete(w, index, i);
	}
	worker_flush(w);
	io->ops->rx_release(io);
	return frames;
}

unsigned worker_receive(struct worker *w, uint8_t index, uint64_t now_ns)
{
	return w->crew ? worker_receive_crew(w, index, now_ns) : receive_alone(w, index, now_ns);
}
