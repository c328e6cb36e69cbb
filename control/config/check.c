/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - what needs the whole configuration: portgroups, addresses and routes here, pools and
 * services in their own files. The work is n log n at most, so that ten thousand services
 * are checked in milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"

static unsigned later(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

const char *check_edge(const struct snapshot_route *network, be32 addr)
{
	be32 mask = prefix_mask(network->prefix_len);

	if (network->prefix_len > 30) /* RFC 3021: both addresses of a /31 are hosts */
		return NULL;
	if ((addr & ~mask) == 0)
		return "network";
	return (addr | mask) == 0xffffffffu ? "broadcast" : NULL;
}

static int check_limits(const struct check *check)
{
	const struct config *config = check->config;

	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if (kind_count(config, kind) > kinds[kind].max)
			return error_set(check->error, 0, 0,
					 "too many: at most %zu %s statements are possible",
					 kinds[kind].max, kinds[kind].name);
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		uint32_t value = setting_get(config, i);
		char expected[SETTING_EXPECTED_BYTES];

		if (!setting_valid(i, value))
			return error_set(check->error, 0, 0, "%s is %u, expected %s",
					 settings[i].name, value, setting_expected(i, expected));
	}
	return 0;
}

static int check_portgroups(const struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_portgroups; i++)
		for (size_t j = 0; j < i; j++) {
			const struct config_portgroup *a = &config->portgroups[j];
			const struct config_portgroup *b = &config->portgroups[i];

			char vlan[16] = "untagged";

			if (strcmp(a->dev, b->dev) != 0 || a->vlan != b->vlan)
				continue;
			if (a->vlan)
				snprintf(vlan, sizeof(vlan), "vlan %u", a->vlan);
			return error_set(check->error, later(a->line, b->line), 0,
					 "portgroups \"%s\" and \"%s\" are both on %s, %s, "
					 "expected another dev or vlan",
					 a->name, b->name, a->dev, vlan);
		}
	return 0;
}

/* XDP sees what arrives at an interface before VLAN links and the tc program do. */
static int check_io(const struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_portgroups; i++) {
		const struct config_portgroup *a = &config->portgroups[i];

		if (a->io != IO_XDP)
			continue;
		if (a->vlan)
			return error_set(check->error, a->line, 0,
					 "portgroup \"%s\": io xdp does not work on a VLAN, "
					 "expected io packet, or an interface of its own",
					 a->name);
		if (a->offload == OFFLOAD_TC)
			return error_set(
				check->error, a->line, 0,
				"portgroup \"%s\": with io xdp the tc program would meet no "
				"packet, expected offload auto, xdp or off",
				a->name);
		for (size_t j = 0; j < config->n_portgroups; j++) {
			const struct config_portgroup *b = &config->portgroups[j];

			if (b->vlan && !strcmp(a->dev, b->dev))
				return error_set(check->error, later(a->line, b->line), 0,
						 "portgroup \"%s\": io xdp cannot tell its packets "
						 "from those of \"%s\", a VLAN of the same "
						 "interface, expected io packet",
						 a->name, b->name);
		}
	}
	return 0;
}

static int check_addresses(const struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *address = &config->addresses[i];
		char buf[ADDR_TEXT_BYTES];

		if (!kind_portgroup(config, address->portgroup))
			return error_set(check->error, address->line, 0,
					 "address %s/%u: portgroup \"%s\" does not exist, expected "
					 "one of a portgroup statement",
					 addr_text(address->addr, buf), address->prefix_len,
					 address->portgroup);
	}
	return 0;
}

static int compare_networks(const void *a, const void *b)
{
	const struct config_address *const *x = a, *const *y = b;
	be32 x_first = (*x)->addr & prefix_mask((*x)->prefix_len);
	be32 y_first = (*y)->addr & prefix_mask((*y)->prefix_len);

	if (x_first != y_first)
		return ntohl(x_first) < ntohl(y_first) ? -1 : 1;
	return (*x)->prefix_len - (*y)->prefix_len;
}

/*
 * Networks either nest or are apart. In the order of their first address, and of those the
 * widest first, all that overlap follow the widest of them, so each is compared with
 * that one alone.
 */
static int find_overlap(const struct check *check, const struct config_address **sorted, size_t n)
{
	const struct config_address *widest = sorted[0];

	for (size_t i = 1; i < n; i++) {
		const struct config_address *address = sorted[i];
		be32 mask = prefix_mask(widest->prefix_len);
		char a[ADDR_TEXT_BYTES], b[ADDR_TEXT_BYTES];

		if ((address->addr & mask) != (widest->addr & mask)) {
			widest = address;
			continue;
		}
		if (strcmp(address->portgroup, widest->portgroup) != 0)
			return error_set(check->error, later(address->line, widest->line), 0,
					 "the networks of %s/%u on portgroup \"%s\" and %s/%u on "
					 "portgroup \"%s\" overlap, expected networks of their own",
					 addr_text(widest->addr, a), widest->prefix_len,
					 widest->portgroup, addr_text(address->addr, b),
					 address->prefix_len, address->portgroup);
	}
	return 0;
}

static int check_networks(const struct check *check)
{
	const struct config *config = check->config;
	const struct config_address **sorted;
	size_t n = config->n_addresses;
	int result;

	if (n == 0)
		return 0;
	sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return error_memory(check->error);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &config->addresses[i];
	qsort(sorted, n, sizeof(*sorted), compare_networks);
	result = find_overlap(check, sorted, n);
	free(sorted);
	return result;
}

static int check_route(const struct check *check, const struct config_route *route)
{
	const struct snapshot_route *network = derived_connected(&check->derived, route->via);
	const struct snapshot_route *same = derived_connected(&check->derived, route->to.addr);
	char to[PREFIX_TEXT_BYTES], via[ADDR_TEXT_BYTES];
	const char *edge;

	prefix_text(route->to, to);
	addr_text(route->via, via);
	if (!network)
		return error_set(check->error, route->line, 0,
				 "route %s: %s is not in the network of any address statement, "
				 "expected a neighbour",
				 to, via);
	if (derived_own(&check->derived, route->via))
		return error_set(check->error, route->line, 0,
				 "route %s: %s is the gateway's own address, expected that of a "
				 "neighbour",
				 to, via);
	edge = check_edge(network, route->via);
	if (edge)
		return error_set(check->error, route->line, 0,
				 "route %s: %s is the %s address of its network, expected that of "
				 "a neighbour",
				 to, via, edge);
	if (same && same->addr == route->to.addr && same->prefix_len == route->to.len)
		return error_set(check->error, route->line, 0,
				 "route %s: the network is connected to portgroup \"%s\", it needs "
				 "no route",
				 to, check->config->portgroups[same->port].name);
	return 0;
}

static int check_routes(const struct check *check)
{
	for (size_t i = 0; i < check->config->n_routes; i++) {
		int wrong = check_route(check, &check->config->routes[i]);

		if (wrong)
			return wrong;
	}
	return 0;
}

/* What a service or a pool takes never reaches a server of this host. */
static int check_metrics(const struct check *check)
{
	const struct config *config = check->config;
	const struct config_metrics *m = &config->metrics;
	char buf[ADDR_TEXT_BYTES];

	for (size_t i = 0; m->port && i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		if (s->addr == m->addr && s->port == m->port && s->protocol == IPPROTO_TCP)
			return error_set(check->error, 0, 0,
					 "set metrics: %s:%u is that of service \"%s\", expected "
					 "another port",
					 addr_text(m->addr, buf), m->port, s->name);
	}
	for (size_t i = 0; m->port && i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (m->port < pool->port_first || m->port > pool->port_last)
			continue;
		for (size_t j = 0; j < pool->n_external; j++)
			if (pool->external[j] == m->addr)
				return error_set(check->error, 0, 0,
						 "set metrics: %s:%u is among the ports of pool "
						 "\"%s\", expected another port",
						 addr_text(m->addr, buf), m->port, pool->name);
	}
	return 0;
}

static int check_all(struct check *check)
{
	int wrong;

	if ((wrong = check_limits(check)) || (wrong = check_portgroups(check)) ||
	    (wrong = check_io(check)) || (wrong = check_addresses(check)) ||
	    (wrong = check_networks(check)))
		return wrong;
	if (derive(&check->derived, check->config))
		return error_memory(check->error);
	if (!(wrong = check_routes(check)) && !(wrong = check_pools(check)))
		wrong = check_services(check);
	if (!wrong)
		wrong = check_vmacs(check);
	if (!wrong)
		wrong = check_metrics(check);
	if (!wrong)
		wrong = check_datacenters(check);
	if (!wrong)
		wrong = check_apis(check);
	if (!wrong)
		wrong = check_tunnels(check);
	derived_free(&check->derived);
	return wrong;
}

int config_check(const struct config *config, struct config_error *error)
{
	struct check check = {.config = config, .error = error};
	int wrong = check_all(&check);

	if (wrong && error->line)
		error->column = 1; /* it concerns the whole statement */
	return wrong;
}
