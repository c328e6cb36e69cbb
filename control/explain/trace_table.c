/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the flow table shows of mappings, clients and ports. Each function looks at all flows once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/explain/trace.h"

/* next() - the next live flow from record *@at on. Return: false: there is none. */
static bool next(const struct trace_world *world, uint32_t *at, struct flow *flow)
{
	uint32_t high;

	if (!world->table)
		return false;
	high = flow_table_high(world->table);
	if (high > world->table->capacity)
		high = world->table->capacity;
	while (*at < high)
		if (flow_copy(world->table, (*at)++, flow))
			return true;
	return false;
}

/* A mapping that a flow uses, from either side; a hairpin uses two. */
struct use {
	be32 internal, external, remote;
	be16 internal_port, external_port;
	uint8_t port;
	struct mac mac; /* next hop towards internal */
};

static unsigned uses(const struct flow *f, struct use use[2])
{
	unsigned n = 0;

	if (f->flags & FLOW_SNAT && f->flags & FLOW_EIM)
		use[n++] = (struct use){.internal = f->tuple[0].src,
					.internal_port = f->tuple[0].sport,
					.external = f->tuple[1].dst,
					.external_port = f->tuple[1].dport,
					.remote = f->tuple[1].src,
					.port = f->port[0],
					.mac = f->mac[0]};
	if (f->flags & FLOW_INBOUND)
		use[n++] = (struct use){.internal = f->tuple[1].src,
					.internal_port = f->tuple[1].sport,
					.external = f->tuple[0].dst,
					.external_port = f->tuple[0].dport,
					.remote = f->flags & FLOW_HAIRPIN ? f->tuple[1].dst
									  : f->tuple[0].src,
					.port = f->port[1],
					.mac = f->mac[1]};
	return n;
}

bool trace_mapping_external(const struct trace_world *world, be32 addr, be16 l4_port, uint8_t proto,
			    be32 remote, struct trace_mapping *mapping)
{
	bool found = false;
	struct flow flow;
	struct use use[2];

	*mapping = (struct trace_mapping){.internal = 0};
	for (uint32_t at = 0; next(world, &at, &flow);) {
		unsigned n = uses(&flow, use);

		for (unsigned i = 0; flow.proto == proto && i < n; i++) {
			if (use[i].external != addr || use[i].external_port != l4_port)
				continue;
			mapping->internal = use[i].internal;
			mapping->internal_port = use[i].internal_port;
			mapping->port = use[i].port;
			mapping->mac = use[i].mac;
			mapping->pool = flow.pool;
			mapping->permitted |= use[i].remote == remote;
			found = true;
		}
	}
	return found;
}

bool trace_mapping_internal(const struct trace_world *world, const struct flow_tuple *tuple,
			    uint8_t proto, uint8_t port, uint16_t pool, be32 *external,
			    be16 *external_port)
{
	struct flow flow;
	struct use use[2];

	for (uint32_t at = 0; next(world, &at, &flow);) {
		unsigned n = uses(&flow, use);

		for (unsigned i = 0; flow.proto == proto && flow.pool == pool && i < n; i++) {
			if (use[i].internal != tuple->src || use[i].internal_port != tuple->sport ||
			    use[i].port != port)
				continue;
			*external = use[i].external;
			*external_port = use[i].external_port;
			return true;
		}
	}
	return false;
}

/* External addresses and ports that were counted already: a mapping counts once. */
struct seen {
	uint64_t *list;
	size_t n, room;
};

static bool is_new(struct seen *seen, uint64_t key)
{
	for (size_t i = seen->n; i-- > 0;)
		if (seen->list[i] == key)
			return false;
	if (seen->n == seen->room) {
		size_t room = seen->room ? 2 * seen->room : 64;
		uint64_t *grown = realloc(seen->list, room * sizeof(*grown));

		if (!grown)
			return true; /* counted too often: said to be more than it is */
		seen->list = grown;
		seen->room = room;
	}
	seen->list[seen->n++] = key;
	return true;
}

void trace_usage(const struct trace_world *world, be32 addr, uint8_t port, uint16_t pool,
		 struct trace_usage *usage)
{
	struct seen seen = {.n = 0};
	struct flow flow;
	struct use use[2];

	*usage = (struct trace_usage){.flows = 0};
	for (uint32_t at = 0; next(world, &at, &flow);) {
		unsigned side = policy_client_side(&flow), n = uses(&flow, use);
		bool is = flow.tuple[side].src == addr && flow.port[side] == port;

		if (is && flow.tcp_state != TCP_CLOSED && flow.tcp_state != TCP_RESET)
			usage->flows++;
		if (is && flow.flags & FLOW_SNAT && !(flow.flags & FLOW_EIM))
			usage->pool_ports += flow.pool == pool;
		for (unsigned i = 0; i < n; i++) {
			if (use[i].internal != addr || use[i].port != port ||
			    !is_new(&seen, (uint64_t)use[i].external << 32 |
						   (uint64_t)use[i].external_port << 8 |
						   flow.proto))
				continue;
			usage->mappings++;
			usage->pool_ports += flow.pool == pool;
		}
	}
	free(seen.list);
}

uint32_t trace_ports_used(const struct trace_world *world, be32 addr, uint8_t proto,
			  const struct snapshot_pool *pool)
{
	uint8_t *used = calloc(1, 65536 / 8);
	uint32_t count = 0;
	struct flow flow;
	struct use use[2];

	for (uint32_t at = 0; used && next(world, &at, &flow);) {
		unsigned n = uses(&flow, use);

		for (unsigned i = 0; flow.proto == proto && i < n; i++) {
			unsigned l4_port = ntohs(use[i].external_port);

			if (use[i].external != addr || l4_port < pool->port_first ||
			    l4_port > pool->port_last || used[l4_port / 8] & 1u << l4_port % 8)
				continue;
			used[l4_port / 8] |= (uint8_t)(1u << l4_port % 8);
			count++;
		}
	}
	free(used);
	return count;
}
