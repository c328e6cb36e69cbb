/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crew - several workers of one process: whose a flow is, and how its packets get there.
 *
 * A flow is its owner's from the moment it is made until it is taken out, both under the lead's
 * lock; owner[] says so, and is OWNER_NOBODY while a record belongs to nobody. Only its owner ever
 * reads or writes the record of a live flow, so a worker that finds another's record by the tag in
 * the index does not look into it: it hands the packet over, and the owner looks. That costs one
 * hand-over in vain in 2^32, or where a flow has just ended; a packet of no flow is judged by
 * whoever has it then, under the lock, under which all records may be compared.
 *
 * How packets are spread by the kernel (docs/decisions/0013-workers.md) only decides how many have
 * to be handed over, never what becomes of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/worker/burst.h"

static int make_crew(struct worker *lead)
{
	struct worker_crew *crew = aligned_alloc(64, (sizeof(*crew) + 63) / 64 * 64);

	if (!crew)
		return -ENOMEM;
	memset(crew, 0, sizeof(*crew));
	if (pthread_mutex_init(&crew->lock, NULL)) {
		free(crew);
		return -ENOMEM;
	}
	crew->member[0] = lead;
	crew->members = 1;
	lead->crew = crew;
	return 0;
}

void worker_end_crew(struct worker *lead)
{
	struct worker_crew *crew = lead->crew;

	for (unsigned i = 0; i < WORKERS_MAX * WORKERS_MAX; i++)
		handover_fini(&crew->ring[i / WORKERS_MAX][i % WORKERS_MAX]);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
	lead->crew = NULL;
}

int worker_join(struct worker *lead, struct worker **worker, const struct worker_options *options)
{
	struct worker *w;
	unsigned number;
	int err = 0;

	if (lead->crew && lead->crew->members == WORKERS_MAX)
		return -ENOSPC;
	if (!lead->crew)
		err = make_crew(lead);
	if (!err)
		err = worker_create(&w, options);
	if (err)
		return err;
	number = lead->crew->members;
	for (unsigned i = 0; i < number && !err; i++) {
		err = handover_init(&lead->crew->ring[i][number]);
		if (!err)
			err = handover_init(&lead->crew->ring[number][i]);
	}
	if (err) { /* rings are the crew's and end with it */
		worker_destroy(w);
		return err;
	}
	w->lead = lead;
	w->crew = lead->crew;
	w->number = (uint8_t)number;
	lead->crew->member[lead->crew->members++] = w;
	*worker = w;
	return 0;
}

int worker_share_table(struct worker *w)
{
	if (!w->crew)
		return 0;
	w->owner = malloc(w->table.capacity * sizeof(*w->owner));
	if (!w->owner)
		return -ENOMEM;
	memset((void *)w->owner, OWNER_NOBODY, w->table.capacity * sizeof(*w->owner));
	for (unsigned i = 1; i < worker_members(w); i++) {
		struct worker *other = worker_member(w, i);

		other->now_ns = w->now_ns;
		other->now_tick = w->now_tick;
		other->table = w->table;
		other->owner = w->owner;
		wheel_join(&other->wheel, &w->wheel);
	}
	return 0;
}

uint32_t worker_find(const struct worker *w, const struct flow_tuple *tuple, uint8_t proto,
		     uint8_t port, uint64_t hash, uint8_t *owner)
{
	uint32_t tag = flow_tag(hash);

	*owner = OWNER_NOBODY;
	for (unsigned choice = 0; choice < 2; choice++) {
		const struct flow_bucket *bucket =
			&w->table.buckets[flow_bucket(hash, w->table.bucket_mask, choice)];

		for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++) {
			uint64_t slot =
				atomic_load_explicit(&bucket->slot[i], memory_order_acquire);
			uint32_t ref = (uint32_t)slot, index = FLOW_REF_INDEX(ref);
			const struct flow *flow = &w->table.records[index];
			uint8_t whose;

			if (slot >> 32 != tag)
				continue;
			whose = atomic_load_explicit(&w->owner[index], memory_order_relaxed);
			if (whose == w->number) {
				if (!memcmp(&flow->tuple[FLOW_REF_SIDE(ref)], tuple,
					    sizeof(*tuple)) &&
				    flow->proto == proto && flow->port[FLOW_REF_SIDE(ref)] == port)
					return ref;
			} else if (*owner == OWNER_NOBODY) {
				*owner = whose;
			}
		}
	}
	return FLOW_NONE;
}

uint8_t worker_with_closed(const struct worker *w)
{
	for (unsigned i = 0; w->crew && w->hops < HANDOVER_HOPS && i < w->crew->members; i++)
		if (i != w->number &&
		    atomic_load_explicit(&w->crew->member[i]->closed, memory_order_relaxed))
			return (uint8_t)i;
	return OWNER_NOBODY;
}

static struct handover_ring *ring_to(struct worker *w, uint8_t owner)
{
	return &w->crew->ring[w->number][owner];
}

static struct handover *new_handover(struct worker *w, uint8_t owner, enum handover_what what,
				     uint8_t port)
{
	struct handover *handover;

	if (owner >= w->crew->members || w->hops >= HANDOVER_HOPS)
		return NULL;
	handover = handover_put(ring_to(w, owner));
	if (!handover)
		return NULL;
	w->told |= 1u << owner;
	handover->what = (uint8_t)what;
	handover->port = port;
	handover->hops = (uint8_t)(w->hops + 1);
	return handover;
}

static enum drop_reason copy_frame(struct worker *w, struct handover *handover, const uint8_t *data,
				   uint32_t len, const struct io_offload *offload)
{
	if (!handover)
		return DROP_HANDOVER;
	w->counters->handed_over++;
	if (len > IO_FRAME_BYTES)
		len = IO_FRAME_BYTES;
	handover->len = len;
	handover->offload = *offload;
	memcpy(handover->data, data, len);
	return DROP_HANDED_OVER;
}

enum drop_reason worker_hand_over(struct worker *w, uint8_t owner, const struct packet *p,
				  enum handover_what what)
{
	struct handover *handover = new_handover(w, owner, what, p->port);

	if (handover && what == HANDOVER_FRAGMENT) {
		handover->sport = p->tuple.sport;
		handover->dport = p->tuple.dport;
		handover->new_id = p->new_ip_id;
	}
	return copy_frame(w, handover, p->data, p->len, &p->offload);
}

enum drop_reason worker_hand_over_frame(struct worker *w, uint8_t owner, uint8_t port,
					const struct io_frame *frame)
{
	return copy_frame(w, new_handover(w, owner, HANDOVER_FRAME, port), frame->data, frame->len,
			  &frame->offload);
}

void worker_hand_over_first(struct worker *w, uint8_t owner, const struct packet *p,
			    enum drop_reason reason)
{
	uint8_t hops = w->hops;
	struct handover *handover;

	w->hops = 0; /* it is no frame that goes on */
	handover = new_handover(w, owner, HANDOVER_FIRST, p->port);
	w->hops = hops;
	if (!handover) /* then its later fragments wait in vain, and are counted as that */
		return;
	handover->reason = (uint8_t)reason;
	handover->proto = p->proto;
	handover->src = p->tuple.src;
	handover->dst = p->tuple.dst;
	handover->sport = p->tuple.sport;
	handover->dport = p->tuple.dport;
	handover->id = p->ip_id;
	handover->new_id = p->new_ip_id;
	handover->len = 0;
}

uint8_t worker_fragment_owner(const struct worker *w, const struct packet *p)
{
	const struct flow_tuple datagram = {
		.src = p->tuple.src, .dst = p->tuple.dst, .sport = p->ip_id};

	return (uint8_t)((flow_hash(&w->table, &datagram, p->proto, p->port) >> 32) %
			 w->crew->members);
}

uint8_t worker_home(const struct worker *w, const struct flow *flow)
{
	const struct flow_tuple *t = &flow->tuple[0];
	uint32_t choice = ntohl(t->src) ^ ntohs(t->sport);

	if (!w->crew)
		return 0;
	if (flow->flags & FLOW_SNAT)
		choice = ntohs(flow->tuple[1].dport);
	else if (flow->flags & FLOW_INBOUND)
		choice = ntohs(t->dport);
	return (uint8_t)(choice % w->crew->members);
}

void worker_tell(struct worker *w)
{
	while (w->told) {
		unsigned to = (unsigned)__builtin_ctz(w->told);

		w->told &= w->told - 1;
		if (!handover_tell(ring_to(w, (uint8_t)to)))
			continue;
		/* either it sees what was told before it sleeps, or this sees that it is asleep */
		atomic_thread_fence(memory_order_seq_cst);
		if (w->options.wake && atomic_exchange_explicit(&w->crew->member[to]->asleep, false,
								memory_order_relaxed))
			w->options.wake(w->options.context, to);
	}
}

bool worker_sleep(struct worker *w)
{
	if (!w->crew)
		return true;
	atomic_store_explicit(&w->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned from = 0; from < w->crew->members; from++)
		if (from != w->number && handover_waiting(&w->crew->ring[from][w->number]))
			return false;
	return true;
}

void worker_awake(struct worker *w)
{
	if (w->crew)
		atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
}

/* Whether what most likely is the frame's flow is another worker's; then it has been handed over.
 */
static bool hand_over(struct worker *w, uint8_t index, unsigned i)
{
	const struct worker_lane *lane = &w->lanes[i];
	struct packet dropped = {.port = index, .len = w->frames[i].len};
	uint8_t owner;

	if (lane->ref == FLOW_NONE || lane->way == LANE_DROPPED ||
	    (lane->way == LANE_COMPLETE && w->packets[i].kind != PACKET_TRANSPORT) ||
	    lane->hops >= HANDOVER_HOPS)
		return false;
	owner = atomic_load_explicit(&w->owner[FLOW_REF_INDEX(lane->ref)], memory_order_relaxed);
	/* its slot was read before: the flow may have ended since */
	if (owner == w->number || owner == OWNER_NOBODY)
		return false;
	worker_settle(w, &dropped, worker_hand_over_frame(w, owner, index, &w->frames[i]));
	return true;
}

void worker_burst(struct worker *w, uint8_t index, unsigned frames, const uint8_t *hops)
{
	struct port_counters counted_there = {0};
	struct flow_probe probe = {0};
	struct io_send send = {0};

	if (w->table.records)
		probe = flow_probe(&w->table);
	read_burst(w, &probe, index, frames, hops ? &counted_there : &w->counters->port[index]);
	if (w->table.records)
		look_up_burst(w, &probe, frames);
	for (unsigned i = 0; i < frames; i++) {
		struct worker_lane *lane = &w->lanes[i];

		lane->hops = w->hops = hops ? hops[i] : 0;
		if (w->table.records && hand_over(w, index, i))
			continue;
		if (lane->way != LANE_PLAIN || lane->ref == FLOW_NONE ||
		    !worker_owns(w, FLOW_REF_INDEX(lane->ref)) ||
		    !plain_pass(w, &w->frames[i], index, lane->ref, &send))
			worker_finish_complete(w, index, i);
	}
	w->hops = 0;
	worker_flush(w);
	worker_tell(w);
}

unsigned worker_receive_crew(struct worker *w, uint8_t index, uint64_t now_ns)
{
	struct io_port *io = index < COUNTERS_PORTS ? w->port[index].io : NULL;
	unsigned frames = io ? io->ops->rx(io, w->frames, IO_BURST) : 0;

	if (!frames)
		return 0;
	w->now_ns = now_ns;
	w->now_tick = FLOW_TICK(now_ns);
	w->counters->bursts++;
	w->lost_due = true;
	worker_burst(w, index, frames, NULL);
	io->ops->rx_release(io);
	return frames;
}

/* A fragment whose ports are known, or news of a first one. */
static void take_odd(struct worker *w, struct handover *handover)
{
	struct packet p = {.data = handover->data,
			   .len = handover->len,
			   .offload = handover->offload,
			   .headroom = true,
			   .port = handover->port};
	enum drop_reason reason;

	w->hops = handover->hops;
	if (handover->what == HANDOVER_FIRST) {
		w->hops = 0;
		worker_first_is_known(w, handover);
		return;
	}
	reason = packet_parse(&p);
	if (!reason)
		reason = worker_known_fragment(w, &p, handover);
	worker_settle(w, &p, reason);
	w->hops = 0;
}

static void lend(struct io_frame *frame, struct handover *handover)
{
	*frame = (struct io_frame){.data = handover->data,
				   .len = handover->len,
				   .wire_len = handover->len,
				   .offload = handover->offload,
				   .headroom = true};
}

/* Frames that follow one another and came in by one portgroup are one burst. */
static unsigned take_from(struct worker *w, struct handover_ring *ring)
{
	unsigned n = handover_waiting(ring), run = 0;
	uint8_t hops[IO_BURST], port = 0;

	if (n > IO_BURST)
		n = IO_BURST;
	for (unsigned i = 0; i < n; i++) {
		struct handover *handover = handover_take(ring);
		bool frame = handover->what == HANDOVER_FRAME;

		if (run && (!frame || handover->port != port)) {
			worker_burst(w, port, run, hops);
			run = 0;
		}
		if (!frame) {
			take_odd(w, handover);
			continue;
		}
		port = handover->port;
		hops[run] = handover->hops;
		lend(&w->frames[run++], handover);
	}
	if (run)
		worker_burst(w, port, run, hops);
	if (n) {
		worker_flush(w);
		worker_tell(w);
		handover_done(ring);
	}
	return n;
}

unsigned worker_take_over(struct worker *w, uint64_t now_ns)
{
	unsigned taken = 0;

	if (!w->crew)
		return 0;
	w->now_ns = now_ns;
	w->now_tick = FLOW_TICK(now_ns);
	for (unsigned from = 0; from < w->crew->members; from++)
		if (from != w->number)
			taken += take_from(w, &w->crew->ring[from][w->number]);
	return taken;
}
