/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/worker/log.h"

#include <netinet/in.h>
#include <string.h>

#include "datapath/worker/state.h"

#define SECOND_NS 1000000000ull

static unsigned protocol_index(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 0 : proto == IPPROTO_UDP ? 1 : 2;
}

static void put(struct worker *w, struct event *event, enum event_type type)
{
	event->type = (uint8_t)type;
	event->time_ns = w->now_ns;
	if (event_ring_put(w->lead->log.ring, event))
		w->counters->log_written++;
	else
		w->counters->log_lost++;
}

/* Whether a fill is to be told now; keeps @alarmed. */
static bool reaches(const struct worker_log *log, bool *alarmed, uint64_t used, uint64_t of)
{
	uint32_t clear = log->percent > LOG_HYSTERESIS ? log->percent - LOG_HYSTERESIS : 0;

	if (*alarmed) {
		*alarmed = used * 100 > clear * of;
		return false;
	}
	*alarmed = log->percent && used && used * 100 >= log->percent * of;
	return *alarmed;
}

static void tell_table(struct worker *w)
{
	struct event event = {.pool = EVENT_NO_POOL, .cause = EVENT_CAUSE_SESSIONS};

	if (!reaches(&w->lead->log, &w->lead->log.table_alarmed, w->lead->table.used,
		     w->table.capacity))
		return;
	event.limit = (uint32_t)((uint64_t)w->table.capacity * w->lead->log.percent / 100);
	put(w, &event, EVENT_THRESHOLD);
}

/* The inside host is the flow's first side, unless a mapping let the flow in. A hairpin's first
 * side is inside as well. */
void worker_log_flow(struct worker *w, const struct flow *f, enum event_type type)
{
	unsigned inside = f->flags & FLOW_INBOUND && !(f->flags & FLOW_HAIRPIN);
	const struct flow_tuple *in = &f->tuple[inside], *out = &f->tuple[!inside];
	struct event event = {
		.proto = f->proto,
		.port = {f->port[inside], f->port[!inside]},
		.rule = f->rule,
		.pool = f->pool,
		.src = in->src,
		.post_src = out->dst,
		.dst = in->dst,
		.post_dst = out->src,
		.sport = in->sport,
		.post_sport = out->dport,
		.dport = in->dport,
		.post_dport = out->sport,
	};

	if (__builtin_expect(!w->lead->log.ring, 1))
		return;
	if (type == EVENT_SESSION_DELETE) {
		event.packets = f->packets[0] + f->packets[1];
		event.bytes = f->bytes[0] + f->bytes[1];
	}
	put(w, &event, type);
	tell_table(w);
}

static void tell_pool(struct worker *w, const struct mapping *m, uint32_t used)
{
	const struct snapshot_pool *pool = snapshot_pool(&w->snapshot, m->pool);
	uint8_t *bits = &w->lead->log.pool_alarmed[m->pool];
	uint8_t bit = (uint8_t)(1u << protocol_index(m->proto));
	struct event event = {.pool = m->pool,
			      .proto = m->proto,
			      .cause = EVENT_CAUSE_PORTS,
			      .post_src = m->external};
	bool alarmed = *bits & bit, told;
	uint64_t of;

	/* one whose pool has gone meanwhile */
	if (!pool)
		return;
	of = (uint64_t)pool->addresses * ((uint32_t)(pool->port_last - pool->port_first) + 1);
	told = reaches(&w->lead->log, &alarmed, used, of);
	*bits = (uint8_t)(alarmed ? *bits | bit : *bits & ~bit);
	if (!told)
		return;
	event.limit = (uint32_t)(of * w->lead->log.percent / 100);
	put(w, &event, EVENT_THRESHOLD);
}

/* Return: ports of the pool in use, after the change. */
static uint32_t count_port(struct worker *w, const struct mapping *m, int by)
{
	uint64_t *ports;

	if (m->pool >= COUNTERS_POOLS)
		return 0;
	ports = &w->lead->counters->pool_ports[m->pool][protocol_index(m->proto)];
	*ports += (uint64_t)by;
	return (uint32_t)*ports;
}

void worker_log_mapping(struct worker *w, const struct mapping *m, int by)
{
	uint32_t used = count_port(w, m, by);
	struct event event = {
		.proto = m->proto,
		.port = {m->port, m->port},
		.pool = m->pool,
		.src = m->internal,
		.post_src = m->external,
		.sport = m->internal_port,
		.post_sport = m->external_port,
	};

	if (__builtin_expect(!w->lead->log.ring, 1))
		return;
	put(w, &event, by > 0 ? EVENT_BIB_CREATE : EVENT_BIB_DELETE);
	if (m->pool < COUNTERS_POOLS)
		tell_pool(w, m, used);
}

void worker_log_adopted(struct worker *w, const struct mapping *m)
{
	count_port(w, m, 1);
}

/* What ran out, and the limit that was reached. Packets refused for other reasons are no matter
 * of this log. */
static enum event_cause cause_of(const struct worker *w, enum drop_reason reason,
				 uint16_t pool_index, uint32_t *limit)
{
	const struct snapshot_header *limits = w->snapshot.header;
	const struct snapshot_pool *pool;

	switch (reason) {
	case DROP_PORTS_EXHAUSTED:
		return EVENT_CAUSE_PORTS;
	case DROP_FLOWS_FULL:
		*limit = w->table.capacity;
		return EVENT_CAUSE_SESSIONS;
	case DROP_MAPPINGS_FULL:
		*limit = w->lead->mappings.capacity;
		return EVENT_CAUSE_MAPPINGS;
	case DROP_CONNECTION_LIMIT:
		*limit = limits->connection_limit;
		return EVENT_CAUSE_CLIENT_SESSIONS;
	case DROP_MAPPING_LIMIT:
		*limit = limits->mapping_limit;
		return EVENT_CAUSE_CLIENT_MAPPINGS;
	case DROP_CREATION_RATE:
		*limit = limits->creation_rate;
		return EVENT_CAUSE_CLIENT_RATE;
	case DROP_PORT_QUOTA:
		pool = snapshot_pool(&w->snapshot, pool_index);
		*limit = pool ? pool->port_quota : 0;
		return EVENT_CAUSE_CLIENT_PORTS;
	default:
		return EVENT_CAUSE_NONE;
	}
}

/* Return: whether this refusal is to be told. */
static bool admit_refusal(struct worker *w, struct log_refused *refused)
{
	if (w->now_ns - refused->since_ns >= SECOND_NS) {
		refused->since_ns = w->now_ns;
		refused->told = 0;
	}
	if (refused->told < LOG_REFUSALS_PER_S) {
		refused->told++;
		return true;
	}
	refused->kept_back++;
	return false;
}

void worker_log_refused(struct worker *w, const struct flow *f, enum drop_reason reason)
{
	struct client_key client;
	struct log_refused *refused;
	struct event event = {.proto = f->proto, .rule = f->rule, .pool = f->pool};
	enum event_cause cause;

	if (__builtin_expect(!w->lead->log.ring, 1))
		return;
	cause = cause_of(w, reason, f->pool, &event.limit);
	refused = &w->lead->log.refused[cause];
	if (cause == EVENT_CAUSE_NONE || !admit_refusal(w, refused))
		return;
	client = worker_client(f);
	event.cause = (uint8_t)cause;
	event.port[0] = event.port[1] = client.port;
	event.src = client.addr;
	if (cause == EVENT_CAUSE_PORTS)
		event.post_src = f->tuple[1].dst;
	event.count =
		refused->kept_back >= UINT16_MAX ? UINT16_MAX : (uint16_t)(refused->kept_back + 1);
	refused->kept_back = 0;
	put(w, &event, EVENT_REFUSED);
}

void worker_log_forget(struct worker *w)
{
	memset(w->lead->counters->pool_ports, 0, sizeof(w->lead->counters->pool_ports));
}

void worker_log(struct worker *w, struct event_ring *ring, uint32_t percent)
{
	w->lead->log.ring = ring;
	w->lead->log.percent = percent;
	/* who has just begun to listen has heard nothing yet */
	memset(w->lead->log.pool_alarmed, 0, sizeof(w->lead->log.pool_alarmed));
	w->lead->log.table_alarmed = false;
	memset(w->lead->log.refused, 0, sizeof(w->lead->log.refused));
}
