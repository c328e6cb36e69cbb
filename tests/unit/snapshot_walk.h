/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot_walk - use every look-up of an opened snapshot and follow every index it gives. */
#ifndef PGW_TESTS_SNAPSHOT_WALK_H
#define PGW_TESTS_SNAPSHOT_WALK_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/policy/snapshot.h"

/* What a forwarding path does with a source and a destination; sums up all it reads. */
static inline uint64_t snapshot_walk_pair(const struct snapshot *s, be32 src, be32 dst,
					  uint8_t proto, be16 port)
{
	const struct snapshot_address *address = snapshot_address(s, dst);
	const struct snapshot_route *route = snapshot_route(s, dst);
	const struct snapshot_allow *allow = snapshot_allowed(s, src);
	const struct snapshot_service *service = snapshot_service(s, dst, proto, port);
	const struct snapshot_rule *rule = snapshot_rule(s, src, dst, proto);
	uint64_t sum = 0;

	if (address)
		sum += strlen(snapshot_port(s, address->port)->name);
	if (route)
		sum += strlen(snapshot_port(s, route->port)->name) + route->via;
	if (allow)
		sum += allow->entry;
	if (service) {
		sum += strlen(service->name);
		for (uint32_t i = 0; i < service->backends; i++)
			sum += s->backends[service->first_backend + i].addr;
	}
	if (rule && rule->pool != SNAPSHOT_PASS) {
		const struct snapshot_pool *pool = snapshot_pool(s, rule->pool);

		if (!pool || pool->port_first > pool->port_last)
			abort();
		sum += strlen(pool->name);
		for (uint32_t i = 0; i < pool->addresses; i++)
			sum += s->pool_addresses[pool->first_address + i];
	}
	return sum;
}

static inline uint64_t snapshot_walk(const struct snapshot *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->n_ports; i++) {
		const struct snapshot_port *port = snapshot_port(s, s->ports[i].index);

		if (port != &s->ports[i] || port->realm >= REALM_COUNT)
			abort();
	}
	for (uint32_t i = 0; i < s->n_pools; i++)
		if (snapshot_pool(s, s->pools[i].index) != &s->pools[i])
			abort();
	for (uint32_t i = 0; i < s->n_addresses; i++) {
		if (snapshot_address(s, s->addresses[i].addr) != &s->addresses[i])
			abort();
		sum += snapshot_walk_pair(s, s->addresses[i].addr, s->addresses[i].addr, 6, 0);
	}
	for (uint32_t i = 0; i < s->n_routes; i++) {
		const struct snapshot_route *route = snapshot_route(s, s->routes[i].addr);

		if (!route || route->prefix_len < s->routes[i].prefix_len)
			abort();
	}
	for (uint32_t i = 0; i < s->n_allow; i++)
		if (snapshot_allowed(s, htonl(s->allow[i].first)) != &s->allow[i] ||
		    snapshot_allowed(s, htonl(s->allow[i].last)) != &s->allow[i])
			abort();
	for (uint32_t i = 0; i < s->n_services; i++) {
		const struct snapshot_service *service = &s->services[i];

		if (snapshot_service(s, service->addr, service->proto, service->port) != service)
			abort();
		sum += snapshot_walk_pair(s, 0, service->addr, service->proto, service->port);
	}
	for (uint32_t i = 0; i < s->n_rules; i++)
		sum += snapshot_walk_pair(s, s->rules[i].from.addr, s->rules[i].to.addr,
					  s->rules[i].proto, 0);
	for (uint32_t i = 0; i < s->n_reserved; i++)
		sum += s->reserved[i].port;
	for (uint32_t i = 0; i < s->n_vmacs; i++)
		sum += strlen(snapshot_port(s, s->vmacs[i].port)->name) + s->vmacs[i].index;
	return sum;
}

#endif
