/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/derive.h"
#include "control/config/kind.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* The order of a snapshot's routes; of equal networks the lowest of our addresses first. */
static int compare_routes(const void *a, const void *b)
{
	const struct snapshot_route *x = a, *y = b;
	int order = compare_numbers(y->prefix_len, x->prefix_len);

	if (order == 0)
		order = compare_numbers(ntohl(x->addr), ntohl(y->addr));
	return order ? order : compare_numbers(ntohl(x->source), ntohl(y->source));
}

/* By address, and of one address that first which says most about it. */
static int compare_own(const void *a, const void *b)
{
	const struct snapshot_address *x = a, *y = b;
	int order = compare_numbers(ntohl(x->addr), ntohl(y->addr));

	return order ? order : compare_numbers(x->kind, y->kind);
}

static uint8_t position(const struct config *config, const struct config_portgroup *portgroup)
{
	return (uint8_t)(portgroup - config->portgroups);
}

/* Several addresses of one network make one connected network. */
static void derive_connected(struct derived *derived, const struct config *config)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *address = &config->addresses[i];
		const struct config_portgroup *portgroup =
			kind_portgroup(config, address->portgroup);

		if (portgroup)
			derived->connected[n++] = (struct snapshot_route){
				.addr = address->addr & prefix_mask(address->prefix_len),
				.source = address->addr,
				.prefix_len = address->prefix_len,
				.port = position(config, portgroup),
			};
	}
	if (n)
		qsort(derived->connected, n, sizeof(*derived->connected), compare_routes);
	for (size_t i = 0; i < n; i++) {
		const struct snapshot_route *route = &derived->connected[i];

		if (kept && derived->connected[kept - 1].addr == route->addr &&
		    derived->connected[kept - 1].prefix_len == route->prefix_len)
			continue;
		derived->connected[kept++] = *route;
	}
	derived->n_connected = kept;
}

static void derive_routes(struct derived *derived, const struct config *config)
{
	size_t n = derived->n_connected;

	if (n)
		memcpy(derived->routes, derived->connected, n * sizeof(*derived->routes));
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		const struct snapshot_route *network = derived_connected(derived, route->via);

		if (network)
			derived->routes[n++] = (struct snapshot_route){
				.addr = route->to.addr,
				.via = route->via,
				.source = network->source,
				.prefix_len = route->to.len,
				.port = network->port,
			};
	}
	if (n)
		qsort(derived->routes, n, sizeof(*derived->routes), compare_routes);
	derived->n_routes = n;
}

static void add_own(struct derived *derived, be32 addr, enum snapshot_address_kind kind)
{
	const struct snapshot_route *network = derived_connected(derived, addr);

	derived->own[derived->n_own++] = (struct snapshot_address){
		.addr = addr,
		.prefix_len = 32,
		.port = network ? network->port : DERIVED_NOWHERE,
		.kind = (uint8_t)kind,
	};
}

static void derive_own(struct derived *derived, const struct config *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->n_addresses; i++) {
		add_own(derived, config->addresses[i].addr, ADDRESS_INTERFACE);
		derived->own[i].prefix_len = config->addresses[i].prefix_len;
	}
	for (size_t i = 0; i < config->n_services; i++)
		add_own(derived, config->services[i].addr, ADDRESS_SERVICE);
	for (size_t i = 0; i < config->n_pools; i++)
		for (size_t j = 0; j < config->pools[i].n_external; j++)
			add_own(derived, config->pools[i].external[j], ADDRESS_POOL);
	for (size_t i = 0; i < config->n_vmacs; i++)
		add_own(derived, config->vmacs[i].addr, ADDRESS_VMAC);
	if (derived->n_own)
		qsort(derived->own, derived->n_own, sizeof(*derived->own), compare_own);
	for (size_t i = 0; i < derived->n_own; i++)
		if (kept == 0 || derived->own[kept - 1].addr != derived->own[i].addr)
			derived->own[kept++] = derived->own[i];
	derived->n_own = kept;
}

int derive(struct derived *derived, const struct config *config)
{
	size_t n_own = config->n_addresses + config->n_services + config->n_vmacs;

	for (size_t i = 0; i < config->n_pools; i++)
		n_own += config->pools[i].n_external;
	*derived = (struct derived){0};
	/* One more than needed: calloc() of nothing may return NULL. */
	derived->connected = calloc(config->n_addresses + 1, sizeof(*derived->connected));
	derived->routes =
		calloc(config->n_addresses + config->n_routes + 1, sizeof(*derived->routes));
	derived->own = calloc(n_own + 1, sizeof(*derived->own));
	if (!derived->connected || !derived->routes || !derived->own) {
		derived_free(derived);
		return -ENOMEM;
	}
	derive_connected(derived, config);
	derive_routes(derived, config);
	derive_own(derived, config);
	return 0;
}

void derived_free(struct derived *derived)
{
	free(derived->connected);
	free(derived->routes);
	free(derived->own);
	*derived = (struct derived){0};
}

const struct snapshot_route *derived_connected(const struct derived *derived, be32 addr)
{
	struct snapshot view = {.routes = derived->connected,
				.n_routes = (uint32_t)derived->n_connected};

	return snapshot_route(&view, addr);
}

const struct snapshot_route *derived_route(const struct derived *derived, be32 addr)
{
	struct snapshot view = {.routes = derived->routes, .n_routes = (uint32_t)derived->n_routes};

	return snapshot_route(&view, addr);
}

const struct snapshot_address *derived_own(const struct derived *derived, be32 addr)
{
	struct snapshot view = {.addresses = derived->own, .n_addresses = (uint32_t)derived->n_own};

	return snapshot_address(&view, addr);
}
