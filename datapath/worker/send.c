/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send - from a translated packet to a frame on its way: size, next hop, link header, queue;
 * and the ICMP errors that are ours to send.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/worker/state.h"

#define ICMP_BURST_NS 1000000000ull /* an idle second's worth of errors may go at once */

static void queue(struct worker *w, uint8_t port, const struct io_send *send)
{
	struct io_port *io = w->port[port].io;

	io->ops->tx(io, send);
	w->dirty |= 1u << port;
}

void worker_flush(struct worker *w)
{
	while (w->dirty) {
		unsigned port = (unsigned)__builtin_ctz(w->dirty);
		struct io_port *io = w->port[port].io;

		w->dirty &= w->dirty - 1;
		if (io)
			io->ops->tx_flush(io);
	}
	w->answers_used = 0;
	w->pieces_used = 0;
}

static bool port_ready(const struct worker *w, uint8_t port)
{
	return port < COUNTERS_PORTS && w->port[port].io && w->port[port].link.up;
}

/* Token bucket, kept as the time up to which tokens have been spent. */
static bool may_send_icmp(struct worker *w)
{
	uint64_t cost, before, spent;

	if (!w->snapshot.header->icmp_rate)
		return false;
	cost = 1000000000ull / w->snapshot.header->icmp_rate;
	before = atomic_load_explicit(&w->lead->icmp_tokens_ns, memory_order_relaxed);
	do {
		spent = before;
		if (spent + ICMP_BURST_NS < w->now_ns)
			spent = w->now_ns - ICMP_BURST_NS;
		if (spent + cost > w->now_ns)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&w->lead->icmp_tokens_ns, &before,
							spent + cost, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

/* A frame for an answer to @p, or NULL if none may be sent now. */
static uint8_t *new_answer(struct worker *w, const struct packet *p)
{
	if (!w->has_snapshot || !w->port[p->port].own || !port_ready(w, p->port) ||
	    !answer_allowed(p))
		return NULL;
	if (!may_send_icmp(w)) {
		w->counters->icmp_limited++;
		return NULL;
	}
	if (w->answers_used == WORKER_ANSWERS)
		worker_flush(w);
	return w->answers[w->answers_used++];
}

/* Back to whoever sent @p to us: no route is needed. */
static void send_answer(struct worker *w, const struct packet *p, uint8_t *frame, uint32_t len)
{
	struct ethernet_header *ethernet = (struct ethernet_header *)frame;
	const struct ip_header *ip = (const struct ip_header *)(frame + ETHERNET_BYTES);

	ethernet->dst = packet_ethernet(p)->src;
	ethernet->src = *worker_source_mac(w, p->port, ip->src);
	queue(w, p->port, &(struct io_send){.head = frame, .head_len = len});
	w->counters->icmp_sent++;
}

void worker_send_error(struct worker *w, const struct packet *p, uint8_t type, uint8_t code,
		       uint16_t mtu)
{
	uint8_t *frame = new_answer(w, p);

	if (frame)
		send_answer(w, p, frame,
			    answer_error(frame, p, w->port[p->port].own, type, code, mtu));
}

void worker_send_reset(struct worker *w, const struct packet *p)
{
	uint8_t *frame = p->tcp.flags & TCP_RST ? NULL : new_answer(w, p); /* never RST for RST */

	if (frame)
		send_answer(w, p, frame, answer_reset(frame, p));
}

void worker_send_flow_reset(struct worker *w, const struct flow *flow)
{
	const struct neighbour *n = NULL;
	struct ethernet_header *ethernet;
	uint32_t len;

	if (flow->neigh[0] < NEIGHBOURS_MAX)
		n = neighbour_at(&w->neighbours, flow->neigh[0]);
	if (!port_ready(w, flow->port[0]) ||
	    (flow->neigh[0] != FLOW_NEIGH_LAST_HOP && !(n && neighbour_usable(n))))
		return;
	if (w->answers_used == WORKER_ANSWERS)
		worker_flush(w);
	ethernet = (struct ethernet_header *)w->answers[w->answers_used++];
	len = answer_flow_reset((uint8_t *)ethernet, flow);
	ethernet->dst = n ? n->mac : flow->mac[0];
	ethernet->src = *worker_flow_mac(w, flow, 0);
	queue(w, flow->port[0], &(struct io_send){.head = (uint8_t *)ethernet, .head_len = len});
}

/* Bytes of the largest IP packet that this one is on the wire. */
static uint32_t wire_size(const struct packet *p)
{
	const struct tcp_header *tcp;

	if (p->offload.gso_type == IO_GSO_NONE)
		return p->ip_len;
	if ((p->offload.gso_type & ~IO_GSO_ECN) == IO_GSO_TCPV4) {
		tcp = packet_l4(p, sizeof(*tcp));
		if (tcp)
			return p->l4 - ETHERNET_BYTES + (tcp->offset >> 4) * 4u +
			       p->offload.gso_size;
	}
	return p->l4 - ETHERNET_BYTES + (uint32_t)sizeof(struct udp_header) + p->offload.gso_size;
}

/* Whether a packet fits, or can be made to: then DROP_NONE, and transmit() does so. */
static enum drop_reason check_size(struct worker *w, struct packet *p, uint32_t mtu)
{
	uint32_t size = wire_size(p);

	if (size <= mtu)
		return DROP_NONE;
	if (p->dont_fragment) {
		worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_NEED_FRAG,
				  (uint16_t)mtu);
		return DROP_MTU_DF;
	}
	if (p->offload.gso_type == IO_GSO_NONE)
		return DROP_NONE; /* cut by transmit() */
	/* a TCP super-packet is simply cut finer by the interface */
	if ((p->offload.gso_type & ~IO_GSO_ECN) == IO_GSO_TCPV4 &&
	    size - p->offload.gso_size < mtu) {
		p->offload.gso_size = (uint16_t)(mtu - (size - p->offload.gso_size));
		return DROP_NONE;
	}
	return DROP_FRAG_EGRESS;
}

static enum drop_reason send_pieces(struct worker *w, uint8_t port, struct packet *p)
{
	uint32_t mtu = w->port[port].link.mtu, done = 0, cut;
	uint32_t header_len = p->l4 - ETHERNET_BYTES;
	uint32_t room = mtu >= 68 ? (mtu - header_len) & ~7u : 0; /* 68: RFC 791 3.2 */
	uint32_t pieces = room ? (p->ip_len - header_len + room - 1) / room : 0;

	if (!room || pieces > WORKER_PIECES)
		return DROP_FRAG_EGRESS;
	packet_complete_checksum(p);
	if (w->pieces_used + pieces > WORKER_PIECES)
		worker_flush(w);
	do {
		struct rewrite_fragment *piece = &w->pieces[w->pieces_used];

		cut = rewrite_fragment(piece, p, mtu, done);
		if (!cut)
			break;
		w->pieces_used++;
		queue(w, port,
		      &(struct io_send){.head = piece->head,
					.head_len = piece->head_len,
					.tail = piece->payload,
					.tail_len = piece->payload_len});
		done += cut;
	} while (w->pieces_used < WORKER_PIECES);
	return DROP_NONE;
}

/* Queue a translated packet for a known next hop. */
static enum drop_reason transmit(struct worker *w, uint8_t port, struct packet *p,
				 const struct mac *from, const struct mac *to)
{
	struct ethernet_header *ethernet = packet_ethernet(p);

	ethernet->dst = *to;
	ethernet->src = *from;
	if (p->offload.gso_type == IO_GSO_NONE && p->ip_len > w->port[port].link.mtu)
		return send_pieces(w, port, p);
	queue(w, port,
	      &(struct io_send){.head = p->data,
				.head_len = p->len,
				.offload = p->offload,
				.headroom = p->headroom});
	return DROP_NONE;
}

static void ask(struct worker *w, struct neighbour *n, uint64_t interval_ns)
{
	if (n->asked_ns && w->now_ns - n->asked_ns < interval_ns)
		return;
	n->asked_ns = w->now_ns;
	w->options.resolve(w->options.context, w->port[n->port].link.ifindex, n->addr);
}

void worker_confirm(struct worker *w, struct neighbour *n)
{
	ask(w, n, NEIGHBOUR_CONFIRM_NS);
}

static enum drop_reason wait_for(struct worker *w, struct neighbour *n, const struct packet *p)
{
	if (n->queue.length >= NEIGHBOUR_QUEUE_MAX || w->neighbours.waiting >= NEIGHBOUR_WAIT_MAX)
		return DROP_NEIGH_QUEUE;
	if (hold_put(&w->hold, &n->queue, p->data, p->len, &p->offload) == HOLD_NONE)
		return DROP_NEIGH_QUEUE;
	if (n->queue.length == 1)
		n->waiting_ns = w->now_ns;
	w->neighbours.waiting++;
	w->counters->neigh_waiting = w->neighbours.waiting;
	if (n->state == NEIGHBOUR_FAILED)
		n->state = NEIGHBOUR_UNKNOWN;
	ask(w, n, NEIGHBOUR_ASK_NS);
	return DROP_NONE;
}

/* The way out on side @out: straight to a known address, or into the queue for one. */
static enum drop_reason send_to_next_hop(struct worker *w, struct packet *p, struct flow *flow,
					 unsigned out)
{
	const struct mac *from = worker_flow_mac(w, flow, out);
	struct neighbour *n;

	if (flow->neigh[out] < NEIGHBOURS_MAX) {
		n = neighbour_at(&w->neighbours, flow->neigh[out]);
		if (!neighbour_usable(n))
			return wait_for(w, n, p);
		if (n->state == NEIGHBOUR_STALE)
			ask(w, n, NEIGHBOUR_CONFIRM_NS);
		/* kept in the record too, for whoever forwards or adopts it without this table */
		if (!mac_equal(&flow->mac[out], &n->mac))
			flow->mac[out] = n->mac;
	}
	/* an error that we make speaks with the interface's address, see forward_error() */
	if (p->kind == PACKET_ICMP_ERROR && w->has_snapshot)
		from = worker_source_mac(w, flow->port[out], packet_ip(p)->src);
	return transmit(w, flow->port[out], p, from, &flow->mac[out]);
}

static void clamp_mss(const struct worker *w, struct packet *p, uint8_t out)
{
	uint32_t clamp = w->snapshot.header->mss_clamp;
	uint32_t in_mtu = w->port[p->port].link.mtu, out_mtu = w->port[out].link.mtu;

	if (clamp == SNAPSHOT_MSS_OFF)
		return;
	if (clamp == SNAPSHOT_MSS_PATH)
		clamp = (in_mtu < out_mtu ? in_mtu : out_mtu) - 40; /* IP and TCP header */
	rewrite_clamp_mss(p, (uint16_t)clamp);
}

/* An error of our own (see report_unreachable()) speaks with our address on the side to which it
 * goes, as a router's does (RFC 1812 4.3.2.4). */
static void forward_error(struct worker *w, struct packet *p, const struct flow *flow,
			  unsigned side)
{
	bool ours = packet_ip(p)->src == w->port[p->port].own;
	be32 own = w->port[flow->port[1 - side]].own;

	rewrite_icmp_error(p, flow, side);
	if (ours && own)
		rewrite_source(p, own);
}

enum drop_reason worker_forward(struct worker *w, struct packet *p, struct flow *flow,
				unsigned side)
{
	unsigned out = 1 - side;
	uint8_t port = flow->port[out];
	enum drop_reason reason;

	if (!port_ready(w, port))
		return DROP_PORT_DOWN;
	if (p->ttl <= 1) {
		worker_send_error(w, p, ICMP_TIME_EXCEEDED, 0, 0);
		return DROP_TTL;
	}
	reason = check_size(w, p, w->port[port].link.mtu);
	if (reason)
		return reason;
	if (p->proto == IPPROTO_TCP && !p->fragment_offset && p->tcp.flags & TCP_SYN &&
	    w->has_snapshot)
		clamp_mss(w, p, port);
	if (p->kind == PACKET_ICMP_ERROR)
		forward_error(w, p, flow, side);
	else
		rewrite_packet(p, flow, side);
	return send_to_next_hop(w, p, flow, out);
}

void worker_neighbour_ready(struct worker *w, struct neighbour *n)
{
	struct hold_slot *slot;

	while ((slot = hold_take(&w->hold, &n->queue))) {
		struct packet p = {.data = slot->data, .len = slot->len, .offload = slot->offload};
		enum drop_reason reason = packet_parse(&p);

		w->neighbours.waiting--;
		if (!port_ready(w, n->port))
			reason = DROP_PORT_DOWN;
		/* what matters here are the IP fields; a quote that went through once is not judged
		 * again */
		if (!reason || reason == DROP_ICMP_QUOTE || reason == DROP_L4_CHECKSUM)
			reason = transmit(w, n->port, &p,
					  worker_source_mac(w, n->port, packet_ip(&p)->src),
					  &n->mac);
		if (reason)
			w->counters->dropped[reason]++;
		worker_flush(w); /* before the slot is anybody else's */
		hold_free(&w->hold, slot);
	}
	w->counters->neigh_waiting = w->neighbours.waiting;
}

/* Tell the sender of a packet that was translated already: the error is made as if the next
 * hop's side had sent it, and takes the way of any other error back through the flow. */
static void report_unreachable(struct worker *w, const struct neighbour *n, struct hold_slot *slot)
{
	struct packet p = {.data = slot->data, .len = slot->len, .offload = slot->offload};
	uint8_t frame[ANSWER_BYTES_MAX] = {0};
	struct packet error = {.data = frame, .port = n->port};

	if (packet_parse(&p) || !answer_allowed(&p) || !w->port[n->port].own)
		return;
	if (!may_send_icmp(w)) {
		w->counters->icmp_limited++;
		return;
	}
	error.len = answer_error(frame, &p, w->port[n->port].own, ICMP_UNREACHABLE,
				 ICMP_UNREACHABLE_HOST, 0);
	if (packet_parse(&error) || worker_process(w, &error))
		return;	 /* its flow has gone meanwhile */
	worker_flush(w); /* the frame ends with this function */
	w->counters->icmp_sent++;
}

void worker_neighbour_lost(struct worker *w, struct neighbour *n, enum drop_reason reason)
{
	struct hold_slot *slot;

	while ((slot = hold_take(&w->hold, &n->queue))) {
		w->neighbours.waiting--;
		w->counters->dropped[reason]++;
		if (reason == DROP_NEIGH_FAILED && w->has_snapshot)
			report_unreachable(w, n, slot);
		hold_free(&w->hold, slot);
	}
	w->counters->neigh_waiting = w->neighbours.waiting;
}
