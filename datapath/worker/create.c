/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create - the slow path: a packet of no flow is judged and, if it may pass, becomes a flow.
 *
 * Nothing is kept of a packet that is refused: records, ports and mappings taken on the way are
 * given back. A live flow is never ended to make room; one that is closed for good may be.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "datapath/flow/tcp.h"
#include "datapath/policy/admit.h"
#include "datapath/worker/state.h"

#define RECLAIM_FOR_PORT 16u /* closed connections ended to find one a port */
#define PORT_TRIES	 64u /* random ports tried for a flow of its own (edm) before giving up */

/* A flow in the making. */
struct plan {
	struct flow flow;		  /* tuples, ports, flags, next hops so far */
	const struct snapshot_pool *pool; /* source NAT; NULL = the source stays */
	uint32_t target; /* leader of the mapping that the destination is, or MAPPING_NONE */
};

/* Where side 1 is: portgroup and next hop of the destination as it leaves. */
static enum drop_reason plan_route(struct worker *w, struct plan *plan, const struct packet *p)
{
	struct flow *f = &plan->flow;
	const struct snapshot_route *route = snapshot_route(&w->snapshot, f->tuple[1].src);
	enum drop_reason reason = admit_route(route, f->tuple[1].src);

	if (reason == DROP_NO_ROUTE)
		worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_NET, 0);
	if (reason)
		return reason;
	/* untranslated and back where it came from: its sender should not have sent it here */
	if (!plan->pool && !(f->flags & FLOW_DNAT) && route->port == p->port)
		return DROP_LOOP;
	f->port[1] = route->port;
	f->neigh[1] = neighbour_get(&w->neighbours, route->port,
				    route->via ? route->via : f->tuple[1].src);
	worker_use_neighbour(w, f->neigh[1]);
	return f->neigh[1] == NEIGHBOUR_NONE ? DROP_NEIGH_FULL : DROP_NONE;
}

/* Where side 0 is: back to whoever sent the packet, or where the route says. */
static enum drop_reason plan_return(struct worker *w, struct plan *plan, const struct packet *p)
{
	struct flow *f = &plan->flow;
	const struct snapshot_route *route;

	if (w->port[p->port].last_hop) {
		f->mac[0] = packet_ethernet(p)->src;
		f->neigh[0] = FLOW_NEIGH_LAST_HOP;
		return DROP_NONE;
	}
	route = snapshot_route(&w->snapshot, p->tuple.src);
	if (!route || route->port != p->port)
		return DROP_NO_ROUTE;
	f->neigh[0] =
		neighbour_get(&w->neighbours, route->port, route->via ? route->via : p->tuple.src);
	worker_use_neighbour(w, f->neigh[0]);
	return f->neigh[0] == NEIGHBOUR_NONE ? DROP_NEIGH_FULL : DROP_NONE;
}

/* Rule for the source, towards @dst. */
static enum drop_reason plan_rule(struct worker *w, struct plan *plan,
				  const struct snapshot_rule *rule)
{
	if (!rule)
		return DROP_NO_RULE;
	plan->flow.rule = rule->number;
	plan->flow.pool = rule->pool;
	if (rule->pool != SNAPSHOT_PASS)
		plan->pool = snapshot_pool(&w->snapshot, rule->pool);
	return DROP_NONE;
}

static be32 paired_address(const struct worker *w, const struct snapshot_pool *pool, be32 src)
{
	uint32_t choice = flow_paired(&w->table, src, pool->addresses);

	return w->snapshot.pool_addresses[pool->first_address + choice];
}

/* Where side 1 is: where the flow of @leader has its internal host. What belongs to another worker
 * is read only where nobody changes it, or under the lock. */
static enum drop_reason plan_hop(struct worker *w, struct flow *f, uint32_t leader)
{
	const struct flow *known = worker_flow(w, FLOW_REF_INDEX(leader));
	unsigned inside = FLOW_REF_SIDE(leader);
	const struct worker *owner = w;

	f->neigh[1] = known->neigh[inside];
	if (f->neigh[1] >= NEIGHBOURS_MAX) {
		f->mac[1] = known->mac[inside];
		return DROP_NONE;
	}
	if (w->owner)
		owner = worker_member(w, w->owner[FLOW_REF_INDEX(leader)]);
	f->neigh[1] = neighbour_get(&w->neighbours, f->port[1],
				    neighbour_at(&owner->neighbours, f->neigh[1])->addr);
	worker_use_neighbour(w, f->neigh[1]);
	return f->neigh[1] == NEIGHBOUR_NONE ? DROP_NEIGH_FULL : DROP_NONE;
}

/* A packet to an external address and port of ours: its mapping and the pool's filtering decide. */
static enum drop_reason plan_external(struct worker *w, struct plan *plan, const struct packet *p,
				      const struct snapshot_pool *pool)
{
	struct flow *f = &plan->flow;
	const struct snapshot_rule *rule;
	struct mapping m;
	be32 remote = p->tuple.src;
	enum drop_reason reason;

	plan->target =
		mapping_find_external(&w->lead->mappings, p->tuple.dst, p->tuple.dport, p->proto);
	if (plan->target == MAPPING_NONE)
		return DROP_NO_MAPPING;
	m = mapping_of(&w->lead->mappings, plan->target);
	reason = admit_external(&w->snapshot, &p->tuple, p->proto, p->port, m.internal, m.port,
				&rule);
	if (reason)
		return reason;
	if (rule) {
		f->flags |= FLOW_HAIRPIN;
		plan_rule(w, plan, rule);
		remote = paired_address(w, plan->pool, p->tuple.src);
	}
	if (pool->filtering_type == FILTERING_EDF ||
	    (pool->filtering_type == FILTERING_ADF && !permit_find(&w->lead->mappings, &m, remote)))
		return DROP_FILTERED;
	f->flags |= FLOW_INBOUND;
	if (!plan->pool)
		f->pool = m.pool;
	f->tuple[1].src = m.internal;
	f->tuple[1].sport = m.internal_port;
	f->port[1] = m.port;
	return plan_hop(w, f, plan->target);
}

/* The destination side: what the packet is for, and where that is. */
static enum drop_reason plan_destination(struct worker *w, struct plan *plan,
					 const struct packet *p)
{
	struct admit admit = admit_first(&w->snapshot, &p->tuple, p->proto, p->port);
	struct flow *f = &plan->flow;
	const struct snapshot_backend *backend;
	enum drop_reason reason;

	if (admit.kind == ADMIT_KERNEL)
		return DROP_TO_KERNEL;
	if (admit.kind == ADMIT_DROP)
		return admit.reason;
	if (p->proto == IPPROTO_TCP && (p->tcp.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN) {
		if (w->snapshot.header->options & SNAPSHOT_DEAD_FLOW_RST &&
		    admit.kind != ADMIT_EXTERNAL)
			worker_send_reset(w, p);
		return DROP_TCP_NOT_SYN;
	}
	f->tuple[1] = (struct flow_tuple){.src = p->tuple.dst,
					  .dst = p->tuple.src,
					  .sport = p->tuple.dport,
					  .dport = p->tuple.sport};
	if (admit.kind == ADMIT_EXTERNAL)
		return plan_external(w, plan, p, admit.pool);
	if (admit.kind == ADMIT_SERVICE) {
		backend = worker_choose_backend(w, admit.service, &p->tuple, p->proto);
		if (!backend) {
			worker_refuse_service(w, p, admit.service);
			return DROP_NO_BACKEND;
		}
		f->flags |= FLOW_DNAT;
		f->tuple[1].src = backend->addr;
		f->tuple[1].sport = backend->port;
		admit.rule = snapshot_rule(&w->snapshot, p->tuple.src, backend->addr, p->proto);
	}
	reason = plan_rule(w, plan, admit.rule);
	return reason ? reason : plan_route(w, plan, p);
}

static const struct client *find_client(const struct worker *w, be32 addr, uint32_t scope)
{
	uint32_t index = client_find(&w->lead->clients, addr, scope);

	return index == CLIENT_NONE ? NULL : &w->lead->clients.client[index];
}

/* Whether the flow's host may have one more external port of @pool. */
static enum drop_reason check_port_limits(const struct worker *w, const struct flow *f,
					  const struct snapshot_pool *pool, bool mapped)
{
	struct client_key key = worker_client(f);
	uint32_t limit = w->snapshot.header->mapping_limit;
	const struct client *client;

	if (mapped && limit) {
		client = find_client(w, key.addr, CLIENT_SCOPE_PORTGROUP(key.port));
		if (client && client->mappings >= limit)
			return DROP_MAPPING_LIMIT;
	}
	if (pool->port_quota) {
		client = find_client(w, key.addr, CLIENT_SCOPE_POOL(pool->index));
		if (client && client->mappings >= pool->port_quota)
			return DROP_PORT_QUOTA;
	}
	return DROP_NONE;
}

/* Whether the flow's host may have one more flow, and have it now. */
static enum drop_reason check_flow_limits(struct worker *w, const struct flow *f)
{
	const struct snapshot_header *limits = w->snapshot.header;
	struct client_key key = worker_client(f);
	struct client *client;
	uint32_t index;

	if (!limits->connection_limit && !limits->creation_rate)
		return DROP_NONE;
	index = client_get(&w->lead->clients, key.addr, CLIENT_SCOPE_PORTGROUP(key.port),
			   w->now_ns);
	if (index == CLIENT_NONE)
		return DROP_FLOWS_FULL;
	client = &w->lead->clients.client[index];
	if (limits->connection_limit && client->flows >= limits->connection_limit)
		return DROP_CONNECTION_LIMIT;
	if (limits->creation_rate && !client_may_create(client, limits->creation_rate, w->now_ns))
		return DROP_CREATION_RATE;
	return DROP_NONE;
}

/* A port of the pool; where there are several workers, if @own, one whose answers the kernel brings
 * to this one. */
static uint16_t random_port(struct worker *w, const struct snapshot_pool *pool, bool own)
{
	uint32_t ports = (uint32_t)(pool->port_last - pool->port_first) + 1;
	uint32_t port = pool->port_first + random_below(&w->random, ports), steered;

	if (!w->crew || !own)
		return (uint16_t)port;
	steered = port / w->crew->members * w->crew->members + w->number;
	return (uint16_t)(steered < pool->port_first || steered > pool->port_last ? port : steered);
}

/* A port of this flow's own that no other flow to the same remote uses (edm, edf). */
static bool publish_with_any_port(struct worker *w, struct plan *plan, uint32_t index)
{
	struct flow *f = worker_flow(w, index);
	const struct snapshot_pool *pool = plan->pool;

	for (unsigned i = 0; i < PORT_TRIES; i++) {
		uint16_t port = random_port(w, pool, i < PORT_TRIES / 2);

		if (ports_blocked(w->lead->ports, f->tuple[1].dst, f->proto, port))
			continue;
		f->tuple[1].dport = htons(port);
		rewrite_deltas(f);
		if (flow_publish(&w->lead->table, index))
			return true;
	}
	return false;
}

static bool publish_as(struct worker *w, uint32_t index, be32 external, be16 external_port)
{
	struct flow *f = worker_flow(w, index);

	f->tuple[1].dst = external;
	f->tuple[1].dport = external_port;
	rewrite_deltas(f);
	return flow_publish(&w->lead->table, index);
}

/* A mapping of the flow's source, with a port that nobody has. */
static enum drop_reason publish_with_new_mapping(struct worker *w, struct plan *plan,
						 uint32_t index, bool shared)
{
	const struct snapshot_pool *pool = plan->pool;
	struct flow *f = worker_flow(w, index);
	enum drop_reason reason = check_port_limits(w, f, pool, true);
	be32 external = f->tuple[1].dst;
	struct mapping m;
	uint16_t port;

	if (reason)
		return reason;
	if (w->lead->mappings.used == w->lead->mappings.capacity)
		return DROP_MAPPINGS_FULL;
	port = ports_take_of(w->lead->ports, external, f->proto, pool->port_first, pool->port_last,
			     &w->random, w->number, w->crew ? w->crew->members : 1);
	if (!port)
		return DROP_PORTS_EXHAUSTED;
	if (!publish_as(w, index, external, htons(port))) {
		ports_release(w->lead->ports, external, f->proto, port, w->now_tick, w->now_tick);
		return DROP_FLOWS_FULL;
	}
	worker_begin_mapping(w, FLOW_REF(index, 0), f->pool, shared);
	m = mapping_of(&w->lead->mappings, FLOW_REF(index, 0));
	w->counters->mappings_created++;
	worker_log_mapping(w, &m, 1);
	return DROP_NONE;
}

/* Source translation with a port that is the mapping's alone. */
static enum drop_reason publish_with_mapping(struct worker *w, struct plan *plan, uint32_t index)
{
	struct flow *f = worker_flow(w, index);
	bool shared = plan->pool->mapping_type == MAPPING_EIM;
	uint32_t leader = MAPPING_NONE;
	struct mapping m;

	if (shared)
		leader = mapping_find_internal(&w->lead->mappings, f->tuple[0].src,
					       f->tuple[0].sport, f->proto, f->port[0], f->pool);
	if (leader != MAPPING_NONE) {
		m = mapping_of(&w->lead->mappings, leader);
		if (publish_as(w, index, m.external, m.external_port)) {
			/* it leads, because it knows best where the host is now */
			worker_share_mapping(w, FLOW_REF(index, 0), true);
			return DROP_NONE;
		}
		f->tuple[1].dst = plan->flow.tuple[1].dst;
	}
	/* none yet; or the same host and port reach one backend under two service addresses, and
	 * only a second external port can keep these two flows apart */
	return publish_with_new_mapping(w, plan, index, shared && leader == MAPPING_NONE);
}

static enum drop_reason publish(struct worker *w, struct plan *plan, uint32_t index)
{
	struct flow *f = worker_flow(w, index);
	enum drop_reason reason;

	if (!plan->pool) {
		rewrite_deltas(f);
		return flow_publish(&w->lead->table, index) ? DROP_NONE : DROP_FLOWS_FULL;
	}
	f->flags |= FLOW_SNAT;
	f->tuple[1].dst = plan->flow.tuple[1].dst = paired_address(w, plan->pool, f->tuple[0].src);
	if (plan->pool->mapping_type == MAPPING_EDM &&
	    plan->pool->filtering_type == FILTERING_EDF) {
		reason = check_port_limits(w, f, plan->pool, false);
		if (reason)
			return reason;
		if (!publish_with_any_port(w, plan, index))
			return DROP_PORTS_EXHAUSTED;
		worker_count_port(w, worker_client(f), f->pool, false, 1);
		return DROP_NONE;
	}
	f->flags |= FLOW_EIM;
	return publish_with_mapping(w, plan, index);
}

/* End the connection that was closed longest ago. Return: false if there is none, or if the mapping
 * for which the plan's packet is would end with it. */
static bool reclaim_closed(struct worker *w, const struct plan *plan)
{
	uint32_t oldest = wheel_oldest_closed(&w->wheel), leader;

	if (oldest == WHEEL_NONE)
		return false;
	if (plan->target != MAPPING_NONE) {
		leader = mapping_find_external(&w->lead->mappings, plan->flow.tuple[0].dst,
					       plan->flow.tuple[0].dport, plan->flow.proto);
		if (FLOW_REF_INDEX(leader) == oldest &&
		    mapping_ends_with(&w->lead->mappings, leader))
			return false;
	}
	worker_end_locked(w, oldest);
	w->counters->flows_expired++;
	return true;
}

/* A free record; when there is none, that of the connection that ended longest ago. */
static uint32_t take_record(struct worker *w, const struct plan *plan)
{
	uint32_t rested_tick = w->now_tick - w->timeout_tick[TIMER_HOLD_DOWN];
	uint32_t index = flow_alloc(&w->lead->table, rested_tick);

	if (index == FLOW_NONE && reclaim_closed(w, plan))
		index = flow_alloc(&w->lead->table, rested_tick);
	return index;
}

/* Publish; when no port is left, with those of connections that ended longest ago. */
static enum drop_reason publish_reclaiming(struct worker *w, struct plan *plan, uint32_t index)
{
	enum drop_reason reason = publish(w, plan, index);

	for (unsigned i = 0; i < RECLAIM_FOR_PORT && reason == DROP_PORTS_EXHAUSTED; i++) {
		if (!reclaim_closed(w, plan))
			break;
		reason = publish(w, plan, index);
	}
	return reason;
}

static enum drop_reason make_record(struct worker *w, struct plan *plan, const struct packet *p,
				    uint32_t *index)
{
	enum drop_reason reason;
	struct flow *f;
	uint32_t word;

	*index = take_record(w, plan);
	if (*index == FLOW_NONE) {
		if (worker_with_closed(w) != OWNER_NOBODY)
			return DROP_HANDED_OVER;
		worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_HOST, 0);
		return DROP_FLOWS_FULL;
	}
	f = worker_flow(w, *index);
	word = atomic_load_explicit(&f->word, memory_order_relaxed);
	*f = plan->flow;
	atomic_store_explicit(&f->word, word, memory_order_relaxed);
	if (w->owner)
		atomic_store_explicit(&w->owner[*index], w->number, memory_order_relaxed);
	f->created_s = (uint32_t)(w->now_ns / 1000000000u);
	f->seen_tick = w->now_tick;
	if (f->proto == IPPROTO_TCP)
		tcp_open(f, &p->tcp);
	reason = publish_reclaiming(w, plan, *index);
	if (reason) {
		if (w->owner)
			atomic_store_explicit(&w->owner[*index], OWNER_NOBODY,
					      memory_order_relaxed);
		flow_abandon(&w->lead->table, *index);
		if (reason == DROP_PORTS_EXHAUSTED && worker_with_closed(w) != OWNER_NOBODY)
			return DROP_HANDED_OVER;
		if (reason == DROP_PORTS_EXHAUSTED)
			worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_HOST, 0);
	}
	return reason;
}

static enum drop_reason create(struct worker *w, struct packet *p, uint32_t *index)
{
	struct plan plan = {.target = MAPPING_NONE};
	struct flow *f = &plan.flow;
	enum drop_reason reason;

	f->tuple[0] = p->tuple;
	f->proto = p->proto;
	f->port[0] = p->port;
	f->pool = SNAPSHOT_PASS;
	f->neigh[0] = f->neigh[1] = FLOW_NEIGH_NONE;
	/* next hops count the plan as their user until the flow takes its place, or nobody does */
	reason = plan_destination(w, &plan, p);
	if (!reason)
		reason = plan_return(w, &plan, p);
	if (!reason && p->ttl <= 1) {
		worker_send_error(w, p, ICMP_TIME_EXCEEDED, 0, 0);
		reason = DROP_TTL;
	}
	if (!reason)
		reason = check_flow_limits(w, f);
	if (!reason)
		reason = make_record(w, &plan, p, index);
	if (reason) {
		for (unsigned side = 0; side < 2; side++)
			worker_leave_neighbour(w, f->neigh[side]);
		if (reason == DROP_HANDED_OVER)
			return reason;
		if (f->rule)
			w->lead->counters->rule[f->rule].flows_refused++;
		worker_log_refused(w, f, reason);
		return reason;
	}
	f = worker_flow(w, *index);
	worker_choose_vmac(w, f);
	if (plan.target != MAPPING_NONE)
		worker_share_mapping(w, FLOW_REF(*index, 1), false);
	worker_count_flow(w, f, 1);
	wheel_add(&w->wheel, *index, w->now_tick + worker_timeout(w, f));
	w->counters->flows_created++;
	w->lead->counters->rule[f->rule].flows_created++;
	w->lead->counters->flows = w->lead->table.used;
	worker_log_flow(w, f, EVENT_SESSION_CREATE);
	return DROP_NONE;
}

enum drop_reason worker_create_flow(struct worker *w, struct packet *p, uint32_t *index)
{
	uint8_t owner = OWNER_NOBODY;
	enum drop_reason reason;
	uint32_t ref;

	if (!w->has_snapshot || !w->table.records)
		return DROP_TO_KERNEL;
	worker_lock(w);
	/* another worker may have made it since this one looked; here nobody can */
	if (w->owner) {
		ref = flow_find(&w->table, &p->tuple, p->proto, p->port, p->hash);
		if (ref != FLOW_NONE)
			owner = atomic_load_explicit(&w->owner[FLOW_REF_INDEX(ref)],
						     memory_order_relaxed);
	}
	reason = owner == OWNER_NOBODY ? create(w, p, index) : DROP_HANDED_OVER;
	worker_unlock(w);
	if (reason != DROP_HANDED_OVER)
		return reason;
	if (owner == OWNER_NOBODY) /* there is no room but with another worker */
		owner = worker_with_closed(w);
	return worker_hand_over(w, owner, p, HANDOVER_FRAME);
}
