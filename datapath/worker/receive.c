/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receive - a burst's way through the stages: read headers, look flows up, follow their state,
 * send. Each stage handles the whole burst, so that the memory the next one needs is under way.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "datapath/flow/tcp.h"
#include "datapath/io/segments.h"
#include "datapath/worker/state.h"

/* A flow that is closed for good waits in the queue of such flows. */
static void after_state_change(struct worker *w, uint32_t index, struct flow *flow, uint8_t before)
{
	bool was_closed = before == TCP_CLOSED || before == TCP_RESET;
	bool is_closed = flow->tcp_state == TCP_CLOSED || flow->tcp_state == TCP_RESET;

	if (was_closed == is_closed)
		return;
	/* whose end was seen counts for nobody any more */
	worker_count_flow(w, flow, is_closed ? -1 : 1);
	wheel_remove(&w->wheel, index);
	flow->seen_tick = w->now_tick;
	if (is_closed)
		wheel_add_closed(&w->wheel, index);
	else
		wheel_add(&w->wheel, index, w->now_tick + worker_timeout(w, flow));
}

static enum drop_reason follow_tcp(struct worker *w, const struct packet *p, uint32_t index,
				   struct flow *flow, unsigned side)
{
	uint8_t before = flow->tcp_state;
	enum drop_reason reason = DROP_NONE;
	bool refresh = false;

	if (tcp_reopens(flow, side, &p->tcp)) {
		tcp_open(flow, &p->tcp);
		refresh = true;
	} else {
		reason = tcp_track(flow, side, &p->tcp, &refresh);
	}
	if (flow->tcp_state != before) {
		refresh = true;
		after_state_change(w, index, flow, before);
	}
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
	while (!p->new_ip_id) /* 0 would mean "keep it" */
		p->new_ip_id = htons(
			(uint16_t)(atomic_fetch_add_explicit(&w->table.header->ip_id, datagrams,
							     memory_order_relaxed) +
				   1));
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
	    !mac_equal(&flow->mac[side], &packet_ethernet(p)->src) && shows_last_hop(p, flow))
		flow->mac[side] = packet_ethernet(p)->src;
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

static enum drop_reason process_error(struct worker *w, struct packet *p)
{
	uint32_t ref = FLOW_NONE;
	struct flow *flow;
	unsigned side;

	if (w->table.records)
		ref = flow_find(&w->table, &p->tuple, p->quote_proto, p->port,
				flow_hash(&w->table, &p->tuple, p->quote_proto, p->port));
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
	enum drop_reason reason;

	if (p->ref != FLOW_NONE && flow_is(&w->table, p->ref, &p->tuple, p->proto, p->port))
		ref = p->ref;
	else if (w->table.records)
		ref = flow_find(&w->table, &p->tuple, p->proto, p->port, p->hash);
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

	if (reason == DROP_NONE)
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

static inline void count_received(struct port_counters *counters, const struct io_frame *frame)
{
	struct io_segments segments = {.packets = 1, .bytes = frame->wire_len};

	if (frame->offload.gso_size)
		segments = io_segments(&frame->offload, frame->wire_len);
	counters->rcvd_packets += segments.packets;
	counters->rcvd_bytes += segments.bytes;
}

/* Stage one: headers. Return: packets that go on to the next stages. */
static unsigned read_burst(struct worker *w, uint8_t index, unsigned frames)
{
	struct port_counters *counters = &w->counters->port[index];
	unsigned count = 0;

	for (unsigned i = 0; i < frames; i++) {
		struct packet *p = &w->packets[count];
		struct io_frame *frame = &w->frames[i];
		enum drop_reason reason;

		if (i + 1 < frames)
			__builtin_prefetch(w->frames[i + 1].data);
		count_received(counters, frame);
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
		else
			count++;
	}
	return count;
}

unsigned worker_receive(struct worker *w, uint8_t index, uint64_t now_ns)
{
	struct io_port *io = index < COUNTERS_PORTS ? w->port[index].io : NULL;
	unsigned frames, count;

	if (!io)
		return 0;
	frames = io->ops->rx(io, w->frames, IO_BURST);
	if (!frames)
		return 0;
	w->now_ns = now_ns;
	w->now_tick = FLOW_TICK(now_ns);
	w->counters->bursts++;
	w->lost_due = true;
	count = read_burst(w, index, frames);
	if (w->table.records) {
		for (unsigned i = 0; i < count; i++) {
			struct packet *p = &w->packets[i];

			p->hash = flow_hash(&w->table, &p->tuple, p->proto, p->port);
			flow_prefetch_bucket(&w->table, p->hash);
		}
		for (unsigned i = 0; i < count; i++)
			w->packets[i].ref = flow_candidate(&w->table, w->packets[i].hash);
	}
	for (unsigned i = 0; i < count; i++) {
		struct packet *p = &w->packets[i];
		bool first_fragment = p->more_fragments && p->kind == PACKET_TRANSPORT;
		enum drop_reason reason = worker_process(w, p);

		worker_settle(w, p, reason);
		if (first_fragment)
			worker_first_fragment(w, p, reason);
	}
	worker_flush(w);
	io->ops->rx_release(io);
	return frames;
}
