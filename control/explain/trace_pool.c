/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace_pool - what a session needs besides a way: room within its client's limits, and an external
 * address and port. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "control/explain/tracing.h"

/* Return: whether the client may have one more session, and one more external port of @pool (NULL:
 * it needs none). */
bool tracing_limits(struct tracing *t, be32 client, uint8_t port, const struct snapshot_pool *pool,
		    bool mapped)
{
	const struct snapshot_header *limits = t->s->header;
	struct trace_usage usage;
	enum drop_reason reason = DROP_NONE;

	if (!limits->connection_limit && !limits->mapping_limit && !limits->creation_rate &&
	    !(pool && pool->port_quota))
		return true;
	trace_usage(t->world, client, port, pool ? pool->index : SNAPSHOT_PASS, &usage);
	if (limits->connection_limit && usage.flows >= limits->connection_limit) {
		tracing_of_name(trace_add(t->trace, "limits", TRACE_STOPS,
					  "the client has %" PRIu32 " sessions, as many as it may",
					  usage.flows),
				TRACE_OF_SETTING, "connection-limits");
		reason = DROP_CONNECTION_LIMIT;
	} else if (pool && mapped && limits->mapping_limit &&
		   usage.mappings >= limits->mapping_limit) {
		tracing_of_name(trace_add(t->trace, "limits", TRACE_STOPS,
					  "the client has %" PRIu32 " mappings, as many as it may",
					  usage.mappings),
				TRACE_OF_SETTING, "mapping-limits");
		reason = DROP_MAPPING_LIMIT;
	} else if (pool && pool->port_quota && usage.pool_ports >= pool->port_quota) {
		tracing_of_name(trace_add(t->trace, "limits", TRACE_STOPS,
					  "the client has %" PRIu32
					  " ports of the pool, as many as it may",
					  usage.pool_ports),
				TRACE_OF_POOL, pool->name);
		reason = DROP_PORT_QUOTA;
	}
	if (reason) {
		tracing_drop(t, reason);
		return false;
	}
	trace_add(t->trace, "limits", TRACE_PASSES,
		  "the client has %" PRIu32 " sessions and %" PRIu32 " mappings%s", usage.flows,
		  usage.mappings,
		  limits->creation_rate ? "; whether it has spent its creation-rate cannot be seen"
					: "");
	return true;
}

/* The external address that the packet's sender has of @pool. */
be32 tracing_paired(const struct tracing *t, const struct snapshot_pool *pool)
{
	return t->s->pool_addresses[pool->first_address +
				    flow_paired(t->world->table, t->tuple.src, pool->addresses)];
}

/* Whether a session has the external side that a packet to the traced destination, out on @port,
 * would have with this source: then it needs a port of its own. */
static bool is_taken(const struct tracing *t, uint8_t port, be32 external, be16 external_port)
{
	const struct flow_tuple back = {.src = t->trace->dst,
					.dst = external,
					.sport = t->trace->dport,
					.dport = external_port};

	/* A host that reaches its own mapping: both sides would look alike. */
	if (port == t->port && !memcmp(&back, &t->tuple, sizeof(back)))
		return true;
	return flow_find(t->world->table, &back, t->proto, port,
			 flow_hash(t->world->table, &back, t->proto, port)) != FLOW_NONE;
}

/* The source's translation, of what leaves on @port. Return: whether it can be had. */
bool tracing_pool(struct tracing *t, const struct snapshot_pool *pool, uint8_t port)
{
	bool mapped = pool->mapping_type == MAPPING_EIM || pool->filtering_type != FILTERING_EDF;
	uint32_t range = (uint32_t)(pool->port_last - pool->port_first) + 1, used = 0;
	char addr[ADDR_TEXT_BYTES];
	be32 external;
	be16 external_port;

	if (pool->mapping_type == MAPPING_EIM &&
	    trace_mapping_internal(t->world, &t->tuple, t->proto, t->port, pool->index, &external,
				   &external_port) &&
	    !is_taken(t, port, external, external_port)) {
		if (!tracing_limits(t, t->tuple.src, t->port, NULL, false))
			return false;
		t->trace->src = external;
		t->trace->sport = external_port;
		tracing_of_name(trace_add(t->trace, "pool", TRACE_PASSES,
					  "source %s:%u has the mapping %s:%u of pool %s already",
					  t->src, ntohs(t->tuple.sport), addr_text(external, addr),
					  ntohs(external_port), pool->name),
				TRACE_OF_POOL, pool->name);
		return true;
	}
	if (!tracing_limits(t, t->tuple.src, t->port, pool, mapped))
		return false;
	external = tracing_paired(t, pool);
	addr_text(external, addr);
	if (mapped)
		used = trace_ports_used(t->world, external, t->proto, pool);
	if (used >= range) {
		tracing_of_name(trace_add(t->trace, "pool", TRACE_STOPS,
					  "all %" PRIu32 " ports that pool %s has on %s are in use",
					  range, pool->name, addr),
				TRACE_OF_POOL, pool->name);
		tracing_drop(t, DROP_PORTS_EXHAUSTED);
		return false;
	}
	t->trace->src = external;
	tracing_of_name(trace_add(t->trace, "pool", TRACE_PASSES,
				  "the source becomes %s, with a port of %u-%u (%" PRIu32
				  " in use)",
				  addr, pool->port_first, pool->port_last, used),
			TRACE_OF_POOL, pool->name);
	return true;
}
