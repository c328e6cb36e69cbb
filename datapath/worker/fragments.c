/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fragments - a datagram's fragments share the fate of its first one.
 */
#include "datapath/worker/state.h"

/* A fragment whose datagram is known: give it the ports that its first fragment had. */
static enum drop_reason process_known(struct worker *w, struct packet *p, const struct frag *frag)
{
	if (frag->state == FRAG_DROPPED)
		return frag->reason;
	p->kind = PACKET_TRANSPORT;
	p->tuple.sport = frag->sport;
	p->tuple.dport = frag->dport;
	p->new_ip_id = frag->new_id;
	p->hash = flow_hash(&w->table, &p->tuple, p->proto, p->port);
	p->ref = FLOW_NONE;
	return worker_process(w, p);
}

enum drop_reason worker_later_fragment(struct worker *w, struct packet *p)
{
	struct frag *frag;

	if (!w->table.records)
		return DROP_TO_KERNEL;
	if (w->crew && worker_fragment_owner(w, p) != w->number)
		return worker_hand_over(w, worker_fragment_owner(w, p), p, HANDOVER_FRAME);
	frag = frag_get(&w->frags, p, w->now_ns);
	if (!frag)
		return DROP_FRAG_FULL;
	if (frag->state != FRAG_WAITING)
		return process_known(w, p, frag);
	if (w->frags.waiting >= FRAG_WAIT_MAX || frag->queue.length >= FRAG_WAIT_ENTRY ||
	    hold_put(&w->hold, &frag->queue, p->data, p->len, &p->offload) == HOLD_NONE)
		return DROP_FRAG_FULL;
	w->frags.waiting++;
	w->counters->fragments_waiting = w->frags.waiting;
	return DROP_NONE;
}

static void release(struct worker *w, struct frag *frag)
{
	struct hold_slot *slot;

	while ((slot = hold_take(&w->hold, &frag->queue))) {
		struct packet p = {.data = slot->data,
				   .len = slot->len,
				   .offload = slot->offload,
				   .port = frag->port};
		enum drop_reason reason = packet_parse(&p);

		w->frags.waiting--;
		if (!reason)
			reason = process_known(w, &p, frag);
		worker_settle(w, &p, reason);
		worker_flush(w);
		hold_free(&w->hold, slot);
	}
	w->counters->fragments_waiting = w->frags.waiting;
}

enum drop_reason worker_known_fragment(struct worker *w, struct packet *p,
				       const struct handover *handover)
{
	const struct frag known = {.state = FRAG_KNOWN,
				   .sport = handover->sport,
				   .dport = handover->dport,
				   .new_id = handover->new_id};

	return process_known(w, p, &known);
}

void worker_first_is_known(struct worker *w, const struct handover *handover)
{
	struct packet p = {.tuple = {.src = handover->src,
				     .dst = handover->dst,
				     .sport = handover->sport,
				     .dport = handover->dport},
			   .proto = handover->proto,
			   .port = handover->port,
			   .ip_id = handover->id,
			   .new_ip_id = handover->new_id};

	worker_first_fragment(w, &p, handover->reason);
}

void worker_first_fragment(struct worker *w, struct packet *p, enum drop_reason reason)
{
	struct packet key = {.ip_id = p->ip_id, .proto = p->proto, .port = p->port};
	struct frag *frag;

	/* the packet has been translated by now; its flow's key is what it arrived with */
	key.tuple = p->tuple;
	if (reason == DROP_HANDED_OVER)
		return; /* whoever processes it knows more */
	if (w->crew && worker_fragment_owner(w, &key) != w->number) {
		worker_hand_over_first(w, worker_fragment_owner(w, &key), p, reason);
		return;
	}
	frag = frag_get(&w->frags, &key, w->now_ns);
	if (!frag || frag->state != FRAG_WAITING)
		return;
	frag->state = reason ? FRAG_DROPPED : FRAG_KNOWN;
	frag->reason = (uint8_t)reason;
	frag->sport = p->tuple.sport;
	frag->dport = p->tuple.dport;
	frag->new_id = p->new_ip_id;
	release(w, frag);
}

void worker_expire_fragments(struct worker *w)
{
	uint64_t life_ns = (uint64_t)w->timeout_tick[TIMER_FRAGMENT_MIN] << FLOW_TICK_SHIFT;
	struct hold_slot *slot;
	struct frag *frag;

	while ((frag = frag_oldest(&w->frags)) && w->now_ns - frag->born_ns >= life_ns) {
		while ((slot = hold_take(&w->hold, &frag->queue))) {
			w->frags.waiting--;
			w->counters->dropped[DROP_FRAG_TIMEOUT]++;
			w->counters->port[frag->port].dropped_packets++;
			w->counters->port[frag->port].dropped_bytes += slot->len;
			hold_free(&w->hold, slot);
		}
		frag_remove(&w->frags, frag);
	}
	w->counters->fragments_waiting = w->frags.waiting;
}
