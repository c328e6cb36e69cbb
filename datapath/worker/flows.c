/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flows - the life of a flow's private companions: its place on the wheel, its mappings, ports
 * and next hops; and making these anew for flows that an earlier process left in the table.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "datapath/flow/state.h"
#include "datapath/policy/admit.h"
#include "datapath/worker/state.h"

#define ADOPT_AHEAD 32u /* records */

uint32_t worker_timeout(const struct worker *w, const struct flow *flow)
{
	return w->timeout_tick[policy_timer(flow)];
}

static_assert(NEIGHBOUR_NONE == FLOW_NEIGH_NONE, "the same in records and in the table");

void worker_use_neighbour(struct worker *w, uint16_t index)
{
	if (index < NEIGHBOURS_MAX)
		neighbour_at(&w->neighbours, index)->users++;
}

void worker_leave_neighbour(struct worker *w, uint16_t index)
{
	if (index < NEIGHBOURS_MAX)
		neighbour_at(&w->neighbours, index)->users--;
}

struct client_key worker_client(const struct flow *flow)
{
	unsigned side = policy_client_side(flow);

	return (struct client_key){.addr = flow->tuple[side].src, .port = flow->port[side]};
}

static void count(struct worker *w, be32 addr, uint32_t scope, int flows, int mappings)
{
	uint32_t index = flows > 0 || mappings > 0
				 ? client_get(&w->lead->clients, addr, scope, w->now_ns)
				 : client_find(&w->lead->clients, addr, scope);
	struct client *client;

	if (index == CLIENT_NONE)
		return;
	client = &w->lead->clients.client[index];
	/* what found no room when it began must not be taken from those that did */
	if (flows > 0 || client->flows)
		client->flows += (uint32_t)flows;
	if (mappings > 0 || client->mappings)
		client->mappings += (uint32_t)mappings;
	if (flows < 0 || mappings < 0)
		client_release(&w->lead->clients, index, w->now_ns);
}

void worker_count_flow(struct worker *w, const struct flow *flow, int by)
{
	struct client_key key = worker_client(flow);

	count(w, key.addr, CLIENT_SCOPE_PORTGROUP(key.port), by, 0);
	if (flow->flags & FLOW_DNAT)
		worker_count_backend(w, flow, by);
}

void worker_count_port(struct worker *w, struct client_key key, uint16_t pool, bool mapped, int by)
{
	if (mapped)
		count(w, key.addr, CLIENT_SCOPE_PORTGROUP(key.port), 0, by);
	count(w, key.addr, CLIENT_SCOPE_POOL(pool), 0, by);
}

bool worker_next_hops_known(const struct worker *w, const struct flow *flow)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct neighbour *n;

		if (flow->neigh[side] == FLOW_NEIGH_LAST_HOP)
			continue;
		if (flow->neigh[side] >= NEIGHBOURS_MAX)
			return false;
		n = neighbour_at(&w->neighbours, flow->neigh[side]);
		if (n->adopted) /* right as far as the predecessor knew */
			continue;
		if (!neighbour_usable(n) || !mac_equal(&n->mac, &flow->mac[side]))
			return false;
	}
	return true;
}

/* Who writes to the mapping of @member, from outside or by a mapping of its own. */
static be32 remote_of(const struct flow *flow, uint32_t member)
{
	if (FLOW_REF_SIDE(member) == 0)
		return flow->tuple[1].src;
	return flow->flags & FLOW_HAIRPIN ? flow->tuple[1].dst : flow->tuple[0].src;
}

static void leave_mapping(struct worker *w, uint32_t member, bool tracked_end)
{
	struct mappings *mappings = &w->lead->mappings;
	struct mapping m = mapping_of(mappings, member);

	permit_drop(mappings, &m, remote_of(worker_flow(w, FLOW_REF_INDEX(member)), member));
	if (!mapping_leave(mappings, member))
		return;
	worker_log_mapping(w, &m, -1);
	/* a TCP connection whose end was seen has waited already (RFC 6888 REQ-8 C) */
	ports_release(w->lead->ports, m.external, m.proto, ntohs(m.external_port),
		      w->now_tick + (tracked_end ? 0 : w->timeout_tick[TIMER_HOLD_DOWN]),
		      w->now_tick);
	worker_count_port(w, (struct client_key){.addr = m.internal, .port = m.port}, m.pool, true,
			  -1);
	w->lead->counters->mappings = mappings->used;
}

/* A port of the flow's own, without a mapping (edm). */
static bool has_own_port(const struct flow *flow)
{
	return flow->flags & FLOW_SNAT && !(flow->flags & FLOW_EIM);
}

void worker_end(struct worker *w, uint32_t index)
{
	worker_lock(w);
	worker_end_locked(w, index);
	worker_unlock(w);
}

void worker_end_prefetch(const struct worker *w, uint32_t index)
{
	const struct flow *flow = &w->table.records[index];

	for (unsigned side = 0; side < 2; side++)
		flow_prefetch(&w->table, flow, side);
	wheel_prefetch(&w->wheel, index);
	if (flow->flags & FLOW_EIM)
		mapping_prefetch(&w->lead->mappings, FLOW_REF(index, 0));
	PREFETCHES();
}

void worker_end_locked(struct worker *w, uint32_t index)
{
	struct flow *flow = worker_flow(w, index);
	bool tracked_end = flow->tcp_state == TCP_CLOSED || flow->tcp_state == TCP_RESET;
	struct rule_counters *rule = &w->lead->counters->rule[flow->rule];

	rule->packets += flow->packets[0] + flow->packets[1];
	rule->bytes += flow->bytes[0] + flow->bytes[1];
	worker_log_flow(w, flow, EVENT_SESSION_DELETE);
	wheel_remove(&w->wheel, index);
	if (flow->flags & FLOW_EIM)
		leave_mapping(w, FLOW_REF(index, 0), tracked_end);
	if (flow->flags & FLOW_INBOUND)
		leave_mapping(w, FLOW_REF(index, 1), tracked_end);
	if (has_own_port(flow))
		worker_count_port(w, worker_client(flow), flow->pool, false, -1);
	if (tcp_counts(tcp_word(flow))) /* a closed connection does not any more */
		worker_count_flow(w, flow, -1);
	else
		worker_count_closed(w, -1);
	for (unsigned side = 0; side < 2; side++)
		worker_leave_neighbour(w, flow->neigh[side]);
	if (w->owner)
		atomic_store_explicit(&w->owner[index], OWNER_NOBODY, memory_order_relaxed);
	flow_remove(&w->lead->table, index, w->now_tick);
	w->lead->counters->flows = w->lead->table.used;
}

/* Only address-dependent filtering asks who was written to. A pool that is changed to it later
 * begins with the flows that are made from then on. */
void worker_permit(struct worker *w, uint32_t member)
{
	struct mapping m = mapping_of(&w->lead->mappings, member);
	const struct snapshot_pool *pool = snapshot_pool(&w->snapshot, m.pool);

	if (pool && pool->filtering_type == FILTERING_ADF)
		permit_add(&w->lead->mappings, &m,
			   remote_of(worker_flow(w, FLOW_REF_INDEX(member)), member));
}

bool worker_share_mapping(struct worker *w, uint32_t member, bool lead)
{
	struct mapping m = mapping_of(&w->lead->mappings, member);
	uint32_t leader =
		mapping_find_external(&w->lead->mappings, m.external, m.external_port, m.proto);

	if (leader == MAPPING_NONE)
		return false;
	mapping_join(&w->lead->mappings, leader, member, lead);
	worker_permit(w, member);
	return true;
}

bool worker_begin_mapping(struct worker *w, uint32_t member, uint16_t pool, bool shared)
{
	struct mapping m;

	if (!mapping_begin(&w->lead->mappings, member, pool, shared))
		return false;
	m = mapping_of(&w->lead->mappings, member);
	worker_count_port(w, (struct client_key){.addr = m.internal, .port = m.port}, m.pool, true,
			  1);
	worker_permit(w, member);
	w->lead->counters->mappings = w->lead->mappings.used;
	return true;
}

/* The record has the pool of the flow's source; a hairpin's destination may be another pool's. */
static uint16_t pool_of_mapping(const struct worker *w, const struct flow *flow, unsigned inside)
{
	const struct snapshot_pool *pool = NULL;

	if (inside && flow->flags & FLOW_HAIRPIN)
		pool = admit_external_pool(&w->snapshot, flow->tuple[0].dst, flow->proto,
					   ntohs(flow->tuple[0].dport));
	return pool ? pool->index : flow->pool;
}

/* Enter an adopted flow into its mapping, which is made if need be. */
static void adopt_mapping(struct worker *w, const struct flow *flow, uint32_t member)
{
	uint16_t pool = pool_of_mapping(w, flow, FLOW_REF_SIDE(member));
	struct mapping m;
	bool shared;

	if (worker_share_mapping(w, member, false))
		return;
	m = mapping_of(&w->lead->mappings, member);
	shared = mapping_find_internal(&w->lead->mappings, m.internal, m.internal_port, m.proto,
				       m.port, pool) == MAPPING_NONE;
	if (!worker_begin_mapping(w, member, pool, shared))
		return;
	m.pool = pool;
	worker_log_adopted(w, &m);
	if (!ports_add(w->lead->ports, m.external))
		ports_take_this(w->lead->ports, m.external, m.proto, ntohs(m.external_port));
}

static void adopt_next_hop(struct worker *w, struct flow *flow, unsigned side)
{
	const struct snapshot_route *route;
	be32 to = flow->tuple[side].src;

	if (flow->neigh[side] == FLOW_NEIGH_LAST_HOP)
		return;
	flow->neigh[side] = FLOW_NEIGH_NONE;
	route = snapshot_route(&w->snapshot, to);
	if (route && route->port == flow->port[side])
		flow->neigh[side] =
			neighbour_get(&w->neighbours, route->port, route->via ? route->via : to);
	if (flow->neigh[side] < NEIGHBOURS_MAX && flow->flags & FLOW_OFFLOAD) {
		struct neighbour *n = neighbour_at(&w->neighbours, flow->neigh[side]);

		n->adopted = !neighbour_usable(n);
	}
	worker_use_neighbour(w, flow->neigh[side]);
}

/* A flow that ended under the predecessor: its external port goes on resting. */
static void adopt_rest(struct worker *w, const struct flow *flow)
{
	uint32_t until = flow->seen_tick + w->timeout_tick[TIMER_HOLD_DOWN];
	be16 port = flow->tuple[1].dport;

	if (!(flow->flags & FLOW_EIM) || flow->tcp_state == TCP_CLOSED ||
	    flow->tcp_state == TCP_RESET || (int32_t)(until - w->now_tick) <= 0 ||
	    ports_add(w->lead->ports, flow->tuple[1].dst))
		return;
	/* taken: another flow of the same mapping lives, or the port rests already */
	if (ports_take_this(w->lead->ports, flow->tuple[1].dst, flow->proto, ntohs(port)))
		ports_release(w->lead->ports, flow->tuple[1].dst, flow->proto, ntohs(port), until,
			      w->now_tick);
}

static void adopt_flow(struct worker *w, struct flow *flow, uint32_t index)
{
	for (unsigned side = 0; side < 2; side++)
		adopt_next_hop(w, flow, side);
	if (flow->flags & FLOW_EIM)
		adopt_mapping(w, flow, FLOW_REF(index, 0));
	if (flow->flags & FLOW_INBOUND)
		adopt_mapping(w, flow, FLOW_REF(index, 1));
	if (has_own_port(flow))
		worker_count_port(w, worker_client(flow), flow->pool, false, 1);
	if (tcp_counts(tcp_word(flow)))
		worker_count_flow(w, flow, 1);
}

/* Before a flow is adopted, its record is fetched, and then its places in the mappings. */
static void adopt_ahead(const struct worker *w, uint32_t index, uint32_t high)
{
	const struct flow *flow = &w->table.records[index];

	if (index + ADOPT_AHEAD < high)
		__builtin_prefetch(flow + ADOPT_AHEAD, 1);
	if (index + ADOPT_AHEAD / 2 < high && flow[ADOPT_AHEAD / 2].flags & FLOW_EIM)
		mapping_prefetch(&w->mappings, FLOW_REF(index + ADOPT_AHEAD / 2, 0));
	PREFETCHES();
}

/* Needs a snapshot, for routes. Flows were put on the wheel when the table was attached. */
void worker_adopt(struct worker *w)
{
	uint32_t high = flow_table_high(&w->table);

	for (uint32_t i = 0; i < high; i++) {
		struct flow *flow = worker_flow(w, i);
		uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

		adopt_ahead(w, i, high);
		if (FLOW_WORD_STATE(word) != FLOW_ACTIVE)
			continue;
		adopt_flow(w->owner ? w->crew->member[w->owner[i]] : w, flow, i);
	}
	for (uint32_t i = 0; i < high; i++) {
		const struct flow *flow = worker_flow(w, i);
		uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

		if (FLOW_WORD_STATE(word) == FLOW_EMPTY)
			adopt_rest(w, flow);
	}
	w->lead->counters->mappings = w->lead->mappings.used;
	w->unadopted = false;
}
