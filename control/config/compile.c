/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile - the datapath's snapshot of a configuration that config_check() accepted.
 *
 * First every section's size is known, then the block is allocated, zeroed, and each section
 * filled in its turn. The allow list is flattened first, because its size shows only then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/allowed.h"
#include "control/config/derive.h"
#include "control/config/kind.h"
#include "control/config/vmac.h"

struct compile {
	const struct config *config;
	const struct config_runtime *runtime;
	struct derived derived;
	struct allowed *allowed; /* what may use the gateway, in the order of kind.c */
	size_t n_allowed;
	struct snapshot_allow *allow; /* room for 2 * n_allowed + 1 */
	size_t n_allow;
	struct snapshot_header *header;
};

/* One range, unless it is empty. */
static void add_range(struct compile *compile, uint64_t first, uint64_t last, uint32_t entry)
{
	if (first <= last)
		compile->allow[compile->n_allow++] = (struct snapshot_allow){
			.first = (uint32_t)first, .last = (uint32_t)last, .entry = entry};
}

static uint64_t allow_last(const struct allowed *allowed)
{
	return ntohl(allowed->network.addr | ~prefix_mask(allowed->network.len));
}

/*
 * Networks nest or are apart, and stand in the order of their first address, the wider first. The
 * ones that contain the place reached are on a stack (nested, so 33 at most); what lies between
 * two beginnings or ends belongs to the top of it, the most specific.
 */
static void flatten_allow(struct compile *compile)
{
	const struct allowed *stack[33], *end = compile->allowed + compile->n_allowed;
	unsigned depth = 0;
	uint64_t reached = 0; /* all before it is done */

	for (const struct allowed *at = compile->allowed; at < end; at++) {
		uint64_t first = ntohl(at->network.addr);

		while (depth && allow_last(stack[depth - 1]) < first) {
			uint64_t last = allow_last(stack[--depth]);

			add_range(compile, reached, last, stack[depth]->entry);
			reached = last + 1;
		}
		if (depth && first)
			add_range(compile, reached, first - 1, stack[depth - 1]->entry);
		reached = first;
		stack[depth++] = at;
	}
	while (depth) {
		uint64_t last = allow_last(stack[--depth]);

		add_range(compile, reached, last, stack[depth]->entry);
		reached = last + 1;
	}
}

static void *section(const struct compile *compile, enum snapshot_section which)
{
	return (char *)compile->header + compile->header->section[which].offset;
}

static uint8_t port_index(const struct compile *compile, size_t position)
{
	return compile->runtime->portgroup[position].index;
}

static void fill_ports(const struct compile *compile)
{
	struct snapshot_port *ports = section(compile, SECTION_PORT);

	for (size_t i = 0; i < compile->config->n_portgroups; i++) {
		const struct config_portgroup *portgroup = &compile->config->portgroups[i];

		strcpy(ports[i].name, portgroup->name);
		ports[i].ifindex = compile->runtime->portgroup[i].ifindex;
		ports[i].index = port_index(compile, i);
		ports[i].realm = (uint8_t)portgroup->realm;
		ports[i].flags = (uint8_t)((portgroup->last_hop ? SNAPSHOT_LAST_HOP : 0) |
					   (portgroup->reverse_path ? SNAPSHOT_REVERSE_PATH : 0));
	}
}

static void fill_network(const struct compile *compile)
{
	const struct derived *derived = &compile->derived;
	struct snapshot_address *addresses = section(compile, SECTION_ADDRESS);
	struct snapshot_route *routes = section(compile, SECTION_ROUTE);

	for (size_t i = 0; i < derived->n_own; i++) {
		addresses[i] = derived->own[i];
		addresses[i].port = port_index(compile, derived->own[i].port);
	}
	for (size_t i = 0; i < derived->n_routes; i++) {
		routes[i] = derived->routes[i];
		routes[i].port = port_index(compile, derived->routes[i].port);
	}
}

/* The MACs, and which addresses are reached by them. */
static void fill_vmacs(const struct compile *compile)
{
	const struct config *config = compile->config;
	const uint8_t *index = compile->runtime->vmac_index;
	struct snapshot_address *addresses = section(compile, SECTION_ADDRESS);
	struct snapshot_vmac *vmacs = section(compile, SECTION_VMAC);
	uint8_t macs = 0;

	for (size_t i = 0, next; i < config->n_vmacs; i = next, macs++) {
		next = vmac_next(config, i);
		vmacs[macs].mac = config->vmacs[i].mac;
		vmacs[macs].index = index ? index[i] : (uint8_t)(macs + 1);
		for (size_t j = i; j < next; j++) {
			const struct snapshot_address *own =
				derived_own(&compile->derived, config->vmacs[j].addr);

			addresses[own - compile->derived.own].vmac = vmacs[macs].index;
			vmacs[macs].port = port_index(compile, own->port);
		}
	}
}

static int compare_services(const void *a, const void *b)
{
	const struct snapshot_service *x = a, *y = b;

	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return x->proto != y->proto ? x->proto - y->proto : ntohs(x->port) - ntohs(y->port);
}

static void fill_services(const struct compile *compile)
{
	const struct config *config = compile->config;
	struct snapshot_service *services = section(compile, SECTION_SERVICE);
	struct snapshot_backend *backends = section(compile, SECTION_BACKEND);
	const uint8_t *up = compile->runtime->backend_up;
	uint32_t n = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		strcpy(services[i].name, service->name);
		services[i].addr = service->addr;
		services[i].port = htons(service->port);
		services[i].proto = service->protocol;
		services[i].balance = (uint8_t)service->balance;
		services[i].first_backend = n;
		services[i].backends = (uint32_t)service->n_backends;
		services[i].dead = (uint8_t)service->dead;
		services[i].down = (uint8_t)service->down;
		for (size_t j = 0; j < service->n_backends; j++, n++)
			backends[n] = (struct snapshot_backend){
				.addr = service->backends[j].addr,
				.port = htons(service->backends[j].port),
				.up = up ? up[n] : 1,
			};
	}
	if (config->n_services)
		qsort(services, config->n_services, sizeof(*services), compare_services);
}

static void fill_pools(const struct compile *compile)
{
	const struct config *config = compile->config;
	struct snapshot_pool *pools = section(compile, SECTION_POOL);
	be32 *addresses = section(compile, SECTION_POOL_ADDRESS);
	uint32_t n = 0;

	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		strcpy(pools[i].name, pool->name);
		pools[i].first_address = n;
		pools[i].addresses = (uint32_t)pool->n_external;
		pools[i].port_first = pool->port_first;
		pools[i].port_last = pool->port_last;
		pools[i].mapping_type = (uint8_t)pool->mapping;
		pools[i].filtering_type = (uint8_t)pool->filtering;
		pools[i].index = compile->runtime->pool_index[i];
		pools[i].port_quota = pool->port_quota;
		for (size_t j = 0; j < pool->n_external; j++)
			addresses[n++] = pool->external[j];
	}
}

/* Members one by one: assigning a whole struct prefix could copy its padding. */
static void fill_prefix(struct prefix *to, const struct prefix *from)
{
	to->addr = from->addr;
	to->len = from->len;
}

static void fill_rules(const struct compile *compile)
{
	const struct config *config = compile->config;
	struct snapshot_rule *rules = section(compile, SECTION_RULE);

	for (size_t i = 0; i < config->n_nats; i++) {
		const struct config_nat *nat = &config->nats[i];

		fill_prefix(&rules[i].from, &nat->from);
		fill_prefix(&rules[i].to, &nat->to);
		rules[i].number = nat->number;
		rules[i].proto = nat->protocol;
		rules[i].pool = SNAPSHOT_PASS;
		if (!nat->pass) {
			const struct config_pool *pool = kind_pool(config, nat->pool);

			rules[i].pool = compile->runtime->pool_index[pool - config->pools];
		}
	}
}

/* Place every section. Return: bytes of the block. */
static size_t lay_out(const struct compile *compile, struct snapshot_header *header)
{
	const struct config *config = compile->config;
	size_t backends = 0, pool_addresses = 0, macs = 0, bytes = sizeof(*header);

	for (size_t i = 0; i < config->n_services; i++)
		backends += config->services[i].n_backends;
	for (size_t i = 0; i < config->n_pools; i++)
		pool_addresses += config->pools[i].n_external;
	for (size_t i = 0; i < config->n_vmacs; i = vmac_next(config, i))
		macs++;
	const struct {
		size_t count, element_bytes;
	} sections[SECTION_COUNT] = {
		[SECTION_PORT] = {config->n_portgroups, sizeof(struct snapshot_port)},
		[SECTION_ADDRESS] = {compile->derived.n_own, sizeof(struct snapshot_address)},
		[SECTION_ROUTE] = {compile->derived.n_routes, sizeof(struct snapshot_route)},
		[SECTION_ALLOW] = {compile->n_allow, sizeof(struct snapshot_allow)},
		[SECTION_SERVICE] = {config->n_services, sizeof(struct snapshot_service)},
		[SECTION_BACKEND] = {backends, sizeof(struct snapshot_backend)},
		[SECTION_RULE] = {config->n_nats, sizeof(struct snapshot_rule)},
		[SECTION_POOL] = {config->n_pools, sizeof(struct snapshot_pool)},
		[SECTION_POOL_ADDRESS] = {pool_addresses, sizeof(be32)},
		[SECTION_RESERVED] = {compile->runtime->n_reserved,
				      sizeof(struct snapshot_reserved)},
		[SECTION_VMAC] = {macs, sizeof(struct snapshot_vmac)},
	};
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		bytes = (bytes + 7) & ~(size_t)7;
		header->section[i].offset = (uint32_t)bytes;
		header->section[i].count = (uint32_t)sections[i].count;
		bytes += sections[i].count * sections[i].element_bytes;
	}
	return (bytes + 7) & ~(size_t)7;
}

static uint32_t options(const struct config *config)
{
	uint32_t options = 0;

	if (config->dead_flow == DEAD_FLOW_RST)
		options |= SNAPSHOT_DEAD_FLOW_RST;
	if (config->access_policy == ACCESS_OPEN)
		options |= SNAPSHOT_ACCESS_OPEN;
	if (config->n_datacenters)
		options |= SNAPSHOT_PUBLISHED_ONLY;
	return options;
}

static void fill(const struct compile *compile)
{
	const struct config_runtime *runtime = compile->runtime;
	struct snapshot_header *header = compile->header;

	header->magic = SNAPSHOT_MAGIC;
	header->version = SNAPSHOT_VERSION;
	header->revision = runtime->revision;
	memcpy(header->timer_s, compile->config->timer_s, sizeof(header->timer_s));
	header->icmp_rate = compile->config->icmp_rate;
	header->connection_limit = compile->config->connection_limit;
	header->mapping_limit = compile->config->mapping_limit;
	header->creation_rate = compile->config->creation_rate;
	header->mss_clamp = compile->config->mss_clamp;
	header->options = options(compile->config);
	fill_ports(compile);
	fill_network(compile);
	fill_vmacs(compile);
	memcpy(section(compile, SECTION_ALLOW), compile->allow,
	       compile->n_allow * sizeof(*compile->allow));
	fill_services(compile);
	fill_pools(compile);
	fill_rules(compile);
	if (runtime->n_reserved)
		memcpy(section(compile, SECTION_RESERVED), runtime->reserved,
		       runtime->n_reserved * sizeof(*runtime->reserved));
}

void *config_compile(const struct config *config, const struct config_runtime *runtime,
		     size_t *bytes)
{
	struct compile compile = {.config = config, .runtime = runtime};
	struct snapshot_header layout = {0};

	if (derive(&compile.derived, config))
		return NULL;
	compile.allowed = allowed_networks(config, &compile.n_allowed);
	if (!compile.allowed)
		goto out;
	compile.allow = calloc(2 * compile.n_allowed + 1, sizeof(*compile.allow));
	if (!compile.allow)
		goto out;
	flatten_allow(&compile);
	*bytes = lay_out(&compile, &layout);
	compile.header = calloc(1, *bytes);
	if (!compile.header)
		goto out;
	*compile.header = layout;
	compile.header->bytes = (uint32_t)*bytes;
	fill(&compile);
out:
	free(compile.allow);
	free(compile.allowed);
	derived_free(&compile.derived);
	return compile.header;
}
