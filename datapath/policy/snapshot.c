/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot - the validating reader of the configuration block, and its look-ups.
 *
 * A struct snapshot is either refused by snapshot_open() or sound: every section lies inside
 * the block, every index that a look-up or its caller follows is in range, and everything that
 * is searched by halving is strictly sorted. Look-ups therefore check nothing, allocate nothing
 * and touch only the block.
 *
 * Limits: SNAPSHOT_BYTES_MAX a block; the work of snapshot_open() is linear in the block, with
 * 8 KiB of stack for the table of pool indices.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "datapath/policy/snapshot.h"

/* Flow timers count ticks in 32 bits, which wrap after 52 days. */
#define TIMER_MAX_S (31u * 86400u)

static const struct {
	uint32_t element_bytes;
	const char *outside; /* the message if it does not lie inside the block */
} sections[SECTION_COUNT] = {
	[SECTION_PORT] = {sizeof(struct snapshot_port), "the portgroup section is out of bounds"},
	[SECTION_ADDRESS] = {sizeof(struct snapshot_address),
			     "the address section is out of bounds"},
	[SECTION_ROUTE] = {sizeof(struct snapshot_route), "the route section is out of bounds"},
	[SECTION_ALLOW] = {sizeof(struct snapshot_allow), "the allow section is out of bounds"},
	[SECTION_SERVICE] = {sizeof(struct snapshot_service),
			     "the service section is out of bounds"},
	[SECTION_BACKEND] = {sizeof(struct snapshot_backend),
			     "the backend section is out of bounds"},
	[SECTION_RULE] = {sizeof(struct snapshot_rule), "the rule section is out of bounds"},
	[SECTION_POOL] = {sizeof(struct snapshot_pool), "the pool section is out of bounds"},
	[SECTION_POOL_ADDRESS] = {sizeof(be32), "the pool address section is out of bounds"},
	[SECTION_RESERVED] = {sizeof(struct snapshot_reserved),
			      "the reserved port section is out of bounds"},
	[SECTION_VMAC] = {sizeof(struct snapshot_vmac), "the virtual MAC section is out of bounds"},
};

/* The indices that other sections may name. */
struct known {
	uint32_t ports; /* bit i: there is a portgroup of index i */
	uint8_t vmac_port[SNAPSHOT_VMACS_MAX +
			  1];	  /* portgroup of each virtual MAC, plus 1; 0: none */
	uint8_t pools[65536 / 8]; /* the same for pools */
};

static bool known_port(const struct known *known, uint8_t index)
{
	return index < SNAPSHOT_PORTS_MAX && (known->ports >> index & 1);
}

static bool known_pool(const struct known *known, uint16_t index)
{
	return known->pools[index / 8] >> (index % 8) & 1;
}

static bool terminated(const char name[SNAPSHOT_NAME])
{
	return memchr(name, '\0', SNAPSHOT_NAME) != NULL;
}

static bool prefix_sound(be32 addr, uint8_t len)
{
	return len <= 32 && !(addr & ~prefix_mask(len));
}

/* True if @count elements from @first lie within @n. */
static bool range_sound(uint32_t first, uint32_t count, uint32_t n)
{
	return count >= 1 && first <= n && count <= n - first;
}

static const char *open_header(const struct snapshot_header *header, size_t bytes)
{
	if (header->magic != SNAPSHOT_MAGIC)
		return "it is not a snapshot";
	if (header->version != SNAPSHOT_VERSION)
		return "it is of another version";
	if (header->bytes < sizeof(*header) || header->bytes > bytes ||
	    header->bytes > SNAPSHOT_BYTES_MAX)
		return "its size is wrong";
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		if (header->timer_s[i] > TIMER_MAX_S)
			return "a timer is out of range";
	if (header->mss_clamp > UINT16_MAX) /* it goes into a 16-bit field of TCP */
		return "the largest segment size is out of range";
	if (header->options & ~(uint32_t)SNAPSHOT_OPTIONS)
		return "an option is unknown";
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		uint64_t offset = header->section[i].offset, count = header->section[i].count;

		if (count == 0)
			continue; /* its offset is never used */
		if (offset % 8 || offset < sizeof(*header) ||
		    offset + count * sections[i].element_bytes > header->bytes)
			return sections[i].outside;
	}
	return NULL;
}

static const char *open_ports(const struct snapshot *s, struct known *known)
{
	if (s->n_ports > SNAPSHOT_PORTS_MAX)
		return "there are too many portgroups";
	for (uint32_t i = 0; i < s->n_ports; i++) {
		const struct snapshot_port *port = &s->ports[i];

		if (!terminated(port->name))
			return "the name of a portgroup does not end";
		if (port->index >= SNAPSHOT_PORTS_MAX)
			return "the index of a portgroup is out of range";
		if (known->ports >> port->index & 1)
			return "two portgroups have the same index";
		if (port->realm >= REALM_COUNT)
			return "a portgroup's realm is unknown";
		if (port->flags & ~(SNAPSHOT_LAST_HOP | SNAPSHOT_REVERSE_PATH))
			return "a portgroup's flags are unknown";
		known->ports |= 1u << port->index;
	}
	return NULL;
}

static const char *open_vmacs(const struct snapshot *s, struct known *known)
{
	for (uint32_t i = 0; i < s->n_vmacs; i++) {
		const struct snapshot_vmac *vmac = &s->vmacs[i];

		if (vmac->index == 0 || vmac->mac.b[0] & 1)
			return "a virtual MAC is malformed";
		if (!known_port(known, vmac->port))
			return "a virtual MAC is on an unknown portgroup";
		if (known->vmac_port[vmac->index])
			return "two virtual MACs have the same index";
		known->vmac_port[vmac->index] = (uint8_t)(vmac->port + 1);
	}
	return NULL;
}

static const char *open_addresses(const struct snapshot *s, const struct known *known)
{
	for (uint32_t i = 0; i < s->n_addresses; i++) {
		const struct snapshot_address *address = &s->addresses[i];

		if (address->prefix_len > 32 || address->kind >= ADDRESS_KIND_COUNT)
			return "an address is malformed";
		if (!known_port(known, address->port))
			return "an address is on an unknown portgroup";
		if (address->vmac && known->vmac_port[address->vmac] != address->port + 1)
			return "an address has an unknown virtual MAC";
		if (i && ntohl(address[-1].addr) >= ntohl(address->addr))
			return "the addresses are not sorted";
	}
	return NULL;
}

static bool route_before(const struct snapshot_route *a, const struct snapshot_route *b)
{
	if (a->prefix_len != b->prefix_len)
		return a->prefix_len > b->prefix_len;
	return ntohl(a->addr) < ntohl(b->addr);
}

static const char *open_routes(const struct snapshot *s, const struct known *known)
{
	for (uint32_t i = 0; i < s->n_routes; i++) {
		const struct snapshot_route *route = &s->routes[i];

		if (!prefix_sound(route->addr, route->prefix_len))
			return "a route's prefix is malformed";
		if (!known_port(known, route->port))
			return "a route leads to an unknown portgroup";
		if (i && !route_before(&route[-1], route))
			return "the routes are not sorted";
	}
	return NULL;
}

static const char *open_allow(const struct snapshot *s)
{
	for (uint32_t i = 0; i < s->n_allow; i++) {
		const struct snapshot_allow *allow = &s->allow[i];

		if (allow->first > allow->last)
			return "an allow range ends before it begins";
		if (i && allow[-1].last >= allow->first)
			return "the allow ranges are not sorted";
	}
	return NULL;
}

static uint64_t service_key(be32 addr, uint8_t proto, be16 port)
{
	return (uint64_t)ntohl(addr) << 24 | (uint64_t)proto << 16 | ntohs(port);
}

static uint64_t service_key_of(const struct snapshot_service *service)
{
	return service_key(service->addr, service->proto, service->port);
}

static const char *open_services(const struct snapshot *s)
{
	if (s->n_backends > SNAPSHOT_BACKENDS_MAX)
		return "there are too many backends";
	for (uint32_t i = 0; i < s->n_services; i++) {
		const struct snapshot_service *service = &s->services[i];

		if (!terminated(service->name))
			return "the name of a service does not end";
		if ((service->proto != IPPROTO_TCP && service->proto != IPPROTO_UDP) ||
		    service->port == 0 || service->balance >= BALANCE_COUNT ||
		    service->dead >= DEAD_COUNT || service->down >= DOWN_COUNT)
			return "a service is malformed";
		if (!range_sound(service->first_backend, service->backends, s->n_backends))
			return "a service's backends are out of range";
		if (i && service_key_of(&service[-1]) >= service_key_of(service))
			return "the services are not sorted";
	}
	for (uint32_t i = 0; i < s->n_backends; i++)
		if (s->backends[i].port == 0 || s->backends[i].up > 1)
			return "a backend is malformed";
	return NULL;
}

static const char *open_pools(const struct snapshot *s, struct known *known)
{
	for (uint32_t i = 0; i < s->n_pools; i++) {
		const struct snapshot_pool *pool = &s->pools[i];

		if (!terminated(pool->name))
			return "the name of a pool does not end";
		if (pool->port_first == 0 || pool->port_first > pool->port_last ||
		    pool->mapping_type >= MAPPING_TYPE_COUNT ||
		    pool->filtering_type >= FILTERING_TYPE_COUNT || pool->index == SNAPSHOT_PASS)
			return "a pool is malformed";
		if (!range_sound(pool->first_address, pool->addresses, s->n_pool_addresses))
			return "a pool's addresses are out of range";
		if (known_pool(known, pool->index))
			return "two pools have the same index";
		known->pools[pool->index / 8] |= (uint8_t)(1u << (pool->index % 8));
	}
	return NULL;
}

static const char *open_rules(const struct snapshot *s, const struct known *known)
{
	for (uint32_t i = 0; i < s->n_rules; i++) {
		const struct snapshot_rule *rule = &s->rules[i];

		if (!prefix_sound(rule->from.addr, rule->from.len) ||
		    !prefix_sound(rule->to.addr, rule->to.len))
			return "a rule's prefix is malformed";
		if (rule->proto != 0 && rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP &&
		    rule->proto != IPPROTO_ICMP)
			return "a rule's protocol is unknown";
		if (rule->pool != SNAPSHOT_PASS && !known_pool(known, rule->pool))
			return "a rule names an unknown pool";
		if (i && rule[-1].number >= rule->number)
			return "the rules are not sorted";
	}
	return NULL;
}

static const void *section(const struct snapshot_header *header, enum snapshot_section which)
{
	if (header->section[which].count == 0)
		return NULL;
	return (const char *)header + header->section[which].offset;
}

const char *snapshot_open(struct snapshot *snapshot, const void *block, size_t bytes)
{
	const struct snapshot_header *header = block;
	struct known known = {0};
	struct snapshot s;
	const char *wrong;

	if (!block || (uintptr_t)block % 8)
		return "the block is not aligned";
	if (bytes < sizeof(*header))
		return "it is shorter than a header";
	wrong = open_header(header, bytes);
	if (wrong)
		return wrong;
	s = (struct snapshot){
		.header = header,
		.ports = section(header, SECTION_PORT),
		.addresses = section(header, SECTION_ADDRESS),
		.routes = section(header, SECTION_ROUTE),
		.allow = section(header, SECTION_ALLOW),
		.services = section(header, SECTION_SERVICE),
		.backends = section(header, SECTION_BACKEND),
		.rules = section(header, SECTION_RULE),
		.pools = section(header, SECTION_POOL),
		.pool_addresses = section(header, SECTION_POOL_ADDRESS),
		.reserved = section(header, SECTION_RESERVED),
		.vmacs = section(header, SECTION_VMAC),
		.n_ports = header->section[SECTION_PORT].count,
		.n_addresses = header->section[SECTION_ADDRESS].count,
		.n_routes = header->section[SECTION_ROUTE].count,
		.n_allow = header->section[SECTION_ALLOW].count,
		.n_services = header->section[SECTION_SERVICE].count,
		.n_backends = header->section[SECTION_BACKEND].count,
		.n_rules = header->section[SECTION_RULE].count,
		.n_pools = header->section[SECTION_POOL].count,
		.n_pool_addresses = header->section[SECTION_POOL_ADDRESS].count,
		.n_reserved = header->section[SECTION_RESERVED].count,
		.n_vmacs = header->section[SECTION_VMAC].count,
	};
	/* Portgroups, pools and virtual MACs first: the others name them. */
	if ((wrong = open_ports(&s, &known)) || (wrong = open_pools(&s, &known)) ||
	    (wrong = open_vmacs(&s, &known)) || (wrong = open_addresses(&s, &known)) ||
	    (wrong = open_routes(&s, &known)) || (wrong = open_allow(&s)) ||
	    (wrong = open_services(&s)) || (wrong = open_rules(&s, &known)))
		return wrong;
	*snapshot = s;
	return NULL;
}

const struct snapshot_address *snapshot_address(const struct snapshot *s, be32 addr)
{
	uint32_t low = 0, high = s->n_addresses, wanted = ntohl(addr);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2, here = ntohl(s->addresses[middle].addr);

		if (here == wanted)
			return &s->addresses[middle];
		if (here < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The first route from @first on whose prefix is shorter than @len. */
static uint32_t route_run_end(const struct snapshot *s, uint32_t first, uint8_t len)
{
	uint32_t low = first, high = s->n_routes;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->routes[middle].prefix_len == len)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Routes of one length stand together, so each length in use costs one search by halving. */
const struct snapshot_route *snapshot_route(const struct snapshot *s, be32 addr)
{
	uint32_t first = 0;

	while (first < s->n_routes) {
		uint8_t len = s->routes[first].prefix_len;
		uint32_t end = route_run_end(s, first, len);
		uint32_t low = first, high = end, wanted = ntohl(addr & prefix_mask(len));

		while (low < high) {
			uint32_t middle = low + (high - low) / 2;
			uint32_t here = ntohl(s->routes[middle].addr);

			if (here == wanted)
				return &s->routes[middle];
			if (here < wanted)
				low = middle + 1;
			else
				high = middle;
		}
		first = end;
	}
	return NULL;
}

const struct snapshot_allow *snapshot_allowed(const struct snapshot *s, be32 src)
{
	uint32_t low = 0, high = s->n_allow, wanted = ntohl(src);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct snapshot_allow *allow = &s->allow[middle];

		if (wanted < allow->first)
			high = middle;
		else if (wanted > allow->last)
			low = middle + 1;
		else
			return allow;
	}
	return NULL;
}

const struct snapshot_service *snapshot_service(const struct snapshot *s, be32 addr, uint8_t proto,
						be16 port)
{
	uint64_t wanted = service_key(addr, proto, port);
	uint32_t low = 0, high = s->n_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t here = service_key_of(&s->services[middle]);

		if (here == wanted)
			return &s->services[middle];
		if (here < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct snapshot_rule *snapshot_rule(const struct snapshot *s, be32 src, be32 dst,
					  uint8_t proto)
{
	for (uint32_t i = 0; i < s->n_rules; i++) {
		const struct snapshot_rule *rule = &s->rules[i];

		if ((rule->proto == 0 || rule->proto == proto) && prefix_covers(rule->from, src) &&
		    prefix_covers(rule->to, dst))
			return rule;
	}
	return NULL;
}

const struct snapshot_pool *snapshot_pool(const struct snapshot *s, uint16_t index)
{
	/* Where no pool was ever deleted, index and position are the same. */
	if (index < s->n_pools && s->pools[index].index == index)
		return &s->pools[index];
	for (uint32_t i = 0; i < s->n_pools; i++)
		if (s->pools[i].index == index)
			return &s->pools[i];
	return NULL;
}

const struct snapshot_port *snapshot_port(const struct snapshot *s, uint8_t index)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].index == index)
			return &s->ports[i];
	return NULL;
}
