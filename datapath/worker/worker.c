/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker - start, end, the configuration, and the work that time brings. Ports, links and
 * neighbours: links.c.
 *
 * Bounds of one worker_work(): EXPIRE_BATCH flows ended, a piece of the sweep (sweep.c). What is
 * left is due at once, so packets are served in between.
 */
#include "datapath/worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/flow/state.h"
#include "datapath/policy/admit.h"
#include "datapath/worker/state.h"

#define EXPIRE_BATCH	   512u
#define NEIGHBOUR_CHECK_NS (100 * MS_NS) /* how often packets that wait are looked at */
#define LOST_CHECK_NS	   (100 * MS_NS) /* how often ports are asked what they lost */
#define NEVER		   UINT64_MAX

int worker_create(struct worker **worker, const struct worker_options *options)
{
	struct worker *w = calloc(1, sizeof(*w));
	uint32_t key[2];

	if (!w)
		return -ENOMEM;
	w->lead = w;
	w->options = *options;
	w->counters = options->counters;
	w->random.fill = options->random;
	w->random.context = options->context;
	key[0] = random_u32(&w->random);
	key[1] = random_u32(&w->random);
	if (ports_create(&w->ports))
		goto no_ports;
	if (neighbours_init(&w->neighbours, random_u32(&w->random)))
		goto no_neighbours;
	if (frags_init(&w->frags, key))
		goto no_frags;
	if (hold_init(&w->hold, WORKER_HOLD))
		goto no_hold;
	if (worker_backends_init(w))
		goto no_backends;
	*worker = w;
	return 0;

no_backends:
	hold_fini(&w->hold);
no_hold:
	frags_fini(&w->frags);
no_frags:
	neighbours_fini(&w->neighbours);
no_neighbours:
	ports_destroy(w->ports);
no_ports:
	free(w);
	return -ENOMEM;
}

static void detach_member(struct worker *w)
{
	memset(&w->wheel, 0, sizeof(w->wheel));
	memset(&w->table, 0, sizeof(w->table));
	w->owner = NULL;
	atomic_store_explicit(&w->closed, 0, memory_order_relaxed);
	worker_backends_forget(w);
}

static void detach_table(struct worker *w)
{
	for (unsigned i = 1; i < worker_members(w); i++)
		detach_member(worker_member(w, i));
	free((void *)w->owner);
	w->owner = NULL;
	flow_table_detach(&w->table);
	wheel_fini(&w->wheel);
	mappings_fini(&w->mappings);
	clients_fini(&w->clients);
	atomic_store_explicit(&w->closed, 0, memory_order_relaxed);
	memset(&w->table, 0, sizeof(w->table));
	worker_log_forget(w);
	worker_backends_forget(w);
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	for (uint8_t i = 0; i < COUNTERS_PORTS; i++)
		worker_port_gone(w, i);
	if (w->lead == w)
		detach_table(w);
	for (unsigned i = 1; w->lead == w && i < worker_members(w); i++)
		worker_destroy(worker_member(w, i));
	if (w->lead == w && w->crew)
		worker_end_crew(w);
	worker_backends_fini(w);
	hold_fini(&w->hold);
	frags_fini(&w->frags);
	neighbours_fini(&w->neighbours);
	ports_destroy(w->ports);
	free(w);
}

void worker_set_time(struct worker *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->now_tick = FLOW_TICK(now_ns);
}

/* Give what was found in the table to its owners, and put it on their wheels. An end that would
 * have come meanwhile comes now. */
static void schedule_adopted(struct worker *lead)
{
	uint32_t high = flow_table_high(&lead->table);

	for (uint32_t i = 0; i < high; i++) {
		struct flow *flow = worker_flow(lead, i);
		struct worker *w = lead;
		bool counts;
		uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

		if (FLOW_WORD_STATE(word) != FLOW_ACTIVE)
			continue;
		counts = tcp_counts(tcp_take_untold(flow));
		for (unsigned side = 0; side < 2; side++)
			if (flow->neigh[side] != FLOW_NEIGH_LAST_HOP)
				flow->neigh[side] = FLOW_NEIGH_NONE;
		if (lead->owner) {
			w = worker_member(lead, worker_home(lead, flow));
			atomic_store_explicit(&lead->owner[i], w->number, memory_order_relaxed);
		}
		if (counts) {
			wheel_add(&w->wheel, i, w->now_tick);
		} else {
			wheel_add_closed(&w->wheel, i);
			worker_count_closed(w, 1);
		}
	}
}

/* Flows of an earlier process: next hops are compared with what the kernel says now. */
static void adopt(struct worker *w)
{
	worker_adopt(w);
	for (unsigned i = 0; i < worker_members(w); i++) {
		worker_sweep_begin(worker_member(w, i), &(struct worker_sweep){.next_hops = true});
		worker_member(w, i)->confirm_ns = w->now_ns + CONFIRM_CHECK_NS;
	}
}

int64_t worker_attach_table(struct worker *w, void *memory, size_t bytes, uint64_t now_ns)
{
	uint32_t key[2] = {random_u32(&w->random), random_u32(&w->random)};
	int result;

	detach_table(w);
	worker_set_time(w, now_ns);
	result = flow_table_attach(&w->table, memory, bytes);
	if (result) {
		detach_table(w);
		return result;
	}
	if (wheel_init(&w->wheel, w->table.capacity, w->now_tick) ||
	    mappings_init(&w->mappings, w->table.records, w->table.capacity, key) ||
	    clients_init(&w->clients, WORKER_CLIENTS(w->table.capacity), key) ||
	    worker_share_table(w)) {
		detach_table(w);
		return -ENOMEM;
	}
	if (!atomic_load_explicit(&w->table.header->ip_id, memory_order_relaxed))
		atomic_store_explicit(&w->table.header->ip_id, random_u32(&w->random),
				      memory_order_relaxed);
	worker_begin_ends(w);
	schedule_adopted(w);
	w->unadopted = flow_table_high(&w->table) > 0;
	w->counters->flows = w->table.used;
	if (w->unadopted && w->has_snapshot)
		adopt(w);
	return w->table.used;
}

struct io_counters worker_counters_of(struct worker *w, uint8_t index)
{
	return (struct io_counters){.port = &w->counters->port[index],
				    .dropped = w->counters->dropped};
}

/* The address that speaks for us on each portgroup: its first interface address. */
static void find_own_addresses(struct worker *w)
{
	const struct snapshot *s = &w->snapshot;

	for (uint8_t i = 0; i < COUNTERS_PORTS; i++) {
		const struct snapshot_port *port = snapshot_port(s, i);

		w->port[i].own = 0;
		w->port[i].last_hop = port && port->flags & SNAPSHOT_LAST_HOP;
	}
	for (uint32_t i = s->n_addresses; i-- > 0;)
		if (s->addresses[i].kind == ADDRESS_INTERFACE || !w->port[s->addresses[i].port].own)
			w->port[s->addresses[i].port].own = s->addresses[i].addr;
}

/* What of a snapshot each worker has for itself. */
static void take_snapshot(struct worker *w, const struct snapshot *snapshot, uint64_t now_ns)
{
	worker_set_time(w, now_ns);
	worker_backends_snapshot(w, snapshot);
	w->snapshot = *snapshot;
	w->has_snapshot = true;
	for (unsigned i = 0; i < TIMER_COUNT; i++) {
		uint64_t ns = snapshot->header->timer_s[i] * 1000000000ull;

		/* rounded up: a timer never ends early; a tick's worth late is within its
		 * resolution */
		w->timeout_tick[i] =
			(uint32_t)((ns + (1u << FLOW_TICK_SHIFT) - 1) >> FLOW_TICK_SHIFT);
	}
	find_own_addresses(w);
	worker_vmacs(w);
}

void worker_snapshot(struct worker *w, const struct snapshot *snapshot, uint64_t now_ns)
{
	for (unsigned i = 0; i < worker_members(w); i++)
		take_snapshot(worker_member(w, i), snapshot, now_ns);
	for (uint32_t i = 0; i < snapshot->n_pool_addresses; i++)
		ports_add(w->ports, snapshot->pool_addresses[i]);
	ports_unblock_all(w->ports);
	for (uint32_t i = 0; i < snapshot->n_reserved; i++)
		ports_block(w->ports, snapshot->reserved[i].addr, snapshot->reserved[i].proto,
			    __builtin_bswap16(snapshot->reserved[i].port));
	if (w->unadopted)
		adopt(w);
	w->swept.running = worker_members(w);
	w->swept.due = false; /* one that was not told yet is told with this one */
	for (unsigned i = 0; i < worker_members(w); i++)
		worker_sweep_begin(worker_member(w, i), &(struct worker_sweep){.snapshot = true});
}

/* Return: true if there is more to do at once. */
static bool expire(struct worker *w)
{
	uint32_t index;

	for (unsigned i = 0; i < EXPIRE_BATCH; i++) {
		struct flow *flow;
		uint32_t timeout;

		index = wheel_oldest_closed(&w->wheel);
		if (index == WHEEL_NONE || worker_idle(w, worker_flow(w, index)) <
						   worker_timeout(w, worker_flow(w, index)))
			index = wheel_pop(&w->wheel, w->now_tick);
		if (index == WHEEL_NONE)
			return false;
		flow = worker_flow(w, index);
		timeout = worker_timeout(w, flow);
		if (worker_idle(w, flow) < timeout) {
			wheel_add(&w->wheel, index, flow->seen_tick + timeout);
			continue;
		}
		worker_end(w, index);
		w->counters->flows_expired++;
	}
	return true;
}

/* To ask costs a system call with some backends, so not at every burst. */
static void count_lost(struct worker *w)
{
	if (w->now_ns - w->lost_asked_ns < LOST_CHECK_NS)
		return;
	w->lost_asked_ns = w->now_ns;
	w->lost_due = false;
	for (unsigned i = 0; i < COUNTERS_PORTS; i++)
		if (w->port[i].io)
			w->counters->port[i].ring_lost_packets +=
				w->port[i].io->ops->lost(w->port[i].io);
}

static void expire_waiting(struct worker *w)
{
	for (uint16_t i = 0; w->neighbours.waiting && i < w->neighbours.high; i++) {
		struct neighbour *n = neighbour_at(&w->neighbours, i);

		if (n->queue.length && w->now_ns - n->waiting_ns >= NEIGHBOUR_WAIT_NS)
			worker_neighbour_lost(w, n, DROP_NEIGH_FAILED);
	}
}

/* Packets that the kernel's programs forward do not pass by here: without this, nobody would notice
 * that a next hop has moved to another address without saying so. */
static void confirm_neighbours(struct worker *w)
{
	bool again = false;

	if (!w->confirm_ns || w->now_ns < w->confirm_ns)
		return;
	for (uint16_t i = 0; i < w->neighbours.high; i++) {
		struct neighbour *n = neighbour_at(&w->neighbours, i);

		if (!n->users || (n->state != NEIGHBOUR_STALE && !n->adopted && !n->confirm))
			continue;
		if (n->confirm)
			n->asked_ns = 0;
		n->confirm = false;
		worker_confirm(w, n);
		again = true;
	}
	w->confirm_ns = again ? w->now_ns + CONFIRM_CHECK_NS : 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_work(const struct worker *w, bool at_once)
{
	const struct frag *frag = frag_oldest(&w->frags);
	uint64_t next;
	uint32_t ticks, oldest;

	if (at_once || worker_sweep_due(w) <= w->now_ns)
		return w->now_ns;
	next = worker_sweep_due(w);
	if (w->table.records && wheel_next(&w->wheel, w->now_tick, &ticks))
		next = earlier(next, w->now_ns + ((uint64_t)ticks << FLOW_TICK_SHIFT));
	oldest = w->table.records ? wheel_oldest_closed(&w->wheel) : WHEEL_NONE;
	if (oldest != WHEEL_NONE) {
		const struct flow *flow = &w->table.records[oldest];
		uint32_t age = worker_idle(w, flow), timeout = worker_timeout(w, flow);

		ticks = age < timeout ? timeout - age : 0;
		next = earlier(next, w->now_ns + ((uint64_t)ticks << FLOW_TICK_SHIFT));
	}
	if (frag)
		next = earlier(next, frag->born_ns + ((uint64_t)w->timeout_tick[TIMER_FRAGMENT_MIN]
						      << FLOW_TICK_SHIFT));
	if (w->neighbours.waiting)
		next = earlier(next, w->now_ns + NEIGHBOUR_CHECK_NS);
	if (w->confirm_ns)
		next = earlier(next, w->confirm_ns);
	if (w->lost_due)
		next = earlier(next, w->lost_asked_ns + LOST_CHECK_NS);
	return next;
}

void worker_work(struct worker *w, uint64_t now_ns, struct worker_status *status)
{
	bool more = false;

	*status = (struct worker_status){.next_ns = NEVER};
	worker_set_time(w, now_ns);
	if (!w->has_snapshot)
		return;
	worker_take_ends(w);
	if (w->table.records)
		more = expire(w);
	if (w == w->lead) {
		worker_lock(w);
		ports_rest(w->ports, w->now_tick);
		worker_unlock(w);
	}
	worker_expire_fragments(w);
	expire_waiting(w);
	confirm_neighbours(w);
	count_lost(w);
	worker_sweep(w);
	worker_sweep_report(w, status);
	worker_flush(w);
	if (w->crew)
		worker_tell(w);
	status->next_ns = next_work(w, more);
}
