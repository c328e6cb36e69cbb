/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/config/tunnel.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_prefixes(struct prefix a, struct prefix b)
{
	int order = compare_numbers(ntohl(a.addr), ntohl(b.addr));

	return order ? order : compare_numbers(a.len, b.len);
}

static bool prefixes_equal(struct prefix a, struct prefix b)
{
	return a.addr == b.addr && a.len == b.len;
}

static int portgroup_compare(const void *a, const void *b)
{
	const struct config_portgroup *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool portgroup_equal(const void *a, const void *b)
{
	const struct config_portgroup *x = a, *y = b;

	return strcmp(x->name, y->name) == 0 && strcmp(x->dev, y->dev) == 0 && x->vlan == y->vlan &&
	       x->realm == y->realm && x->last_hop == y->last_hop &&
	       x->reverse_path == y->reverse_path && x->offload == y->offload && x->io == y->io;
}

/* By address alone: no address can be configured twice, whatever its length and portgroup. */
static int address_compare(const void *a, const void *b)
{
	const struct config_address *x = a, *y = b;

	return compare_numbers(ntohl(x->addr), ntohl(y->addr));
}

static bool address_equal(const void *a, const void *b)
{
	const struct config_address *x = a, *y = b;

	return x->addr == y->addr && x->prefix_len == y->prefix_len &&
	       strcmp(x->portgroup, y->portgroup) == 0 && x->datacenter == y->datacenter;
}

static int route_compare(const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;

	return compare_prefixes(x->to, y->to);
}

static bool route_equal(const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;

	return prefixes_equal(x->to, y->to) && x->via == y->via;
}

static int pool_compare(const void *a, const void *b)
{
	const struct config_pool *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool pool_equal(const void *a, const void *b)
{
	const struct config_pool *x = a, *y = b;

	return strcmp(x->name, y->name) == 0 && x->port_first == y->port_first &&
	       x->port_last == y->port_last && x->mapping == y->mapping &&
	       x->filtering == y->filtering && x->port_quota == y->port_quota &&
	       x->n_external == y->n_external &&
	       memcmp(x->external, y->external, x->n_external * sizeof(*x->external)) == 0;
}

/* Replace *@array by a copy of its own. */
static int clone_array(void **array, size_t bytes)
{
	void *copy = malloc(bytes);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, *array, bytes);
	*array = copy;
	return 0;
}

static int pool_clone(void *item)
{
	struct config_pool *pool = item;
	void *array = pool->external;
	int error = clone_array(&array, pool->n_external * sizeof(*pool->external));

	if (!error)
		pool->external = array;
	return error;
}

static void pool_release(void *item)
{
	struct config_pool *pool = item;

	free(pool->external);
	pool->external = NULL;
	pool->n_external = 0;
}

static int nat_compare(const void *a, const void *b)
{
	const struct config_nat *x = a, *y = b;

	return compare_numbers(x->number, y->number);
}

static bool nat_equal(const void *a, const void *b)
{
	const struct config_nat *x = a, *y = b;

	return x->number == y->number && prefixes_equal(x->from, y->from) &&
	       prefixes_equal(x->to, y->to) && x->protocol == y->protocol && x->pass == y->pass &&
	       strcmp(x->pool, y->pool) == 0;
}

static bool texts_equal(const char (*x)[CONFIG_SNI], size_t n_x, const char (*y)[CONFIG_SNI],
			size_t n_y)
{
	return n_x == n_y && (!n_x || memcmp(x, y, n_x * sizeof(*x)) == 0);
}

static int service_compare(const void *a, const void *b)
{
	const struct config_service *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool checks_equal(const struct config_check *x, const struct config_check *y)
{
	return x->kind == y->kind && x->interval_ms == y->interval_ms &&
	       x->timeout_ms == y->timeout_ms && x->rise == y->rise && x->fall == y->fall &&
	       strcmp(x->path, y->path) == 0;
}

static bool service_equal(const void *a, const void *b)
{
	const struct config_service *x = a, *y = b;

	if (strcmp(x->name, y->name) != 0 || x->addr != y->addr || x->protocol != y->protocol ||
	    x->port != y->port || x->balance != y->balance || x->n_backends != y->n_backends ||
	    !checks_equal(&x->check, &y->check) || x->dead != y->dead || x->down != y->down ||
	    x->datacenter != y->datacenter || x->internet_address != y->internet_address ||
	    x->private_address != y->private_address || strcmp(x->host_names, y->host_names) != 0)
		return false;
	for (size_t i = 0; i < x->n_backends; i++)
		if (x->backends[i].addr != y->backends[i].addr ||
		    x->backends[i].port != y->backends[i].port)
			return false;
	return x->proxy == y->proxy && texts_equal(x->sni, x->n_sni, y->sni, y->n_sni);
}

static int service_clone(void *item)
{
	struct config_service *service = item;
	void *array = service->backends, *names = service->sni;
	int error = clone_array(&array, service->n_backends * sizeof(*service->backends));

	if (error)
		return error;
	if (service->n_sni)
		error = clone_array(&names, service->n_sni * sizeof(*service->sni));
	if (error) {
		free(array);
		return error;
	}
	service->backends = array;
	service->sni = names;
	return 0;
}

static void service_release(void *item)
{
	struct config_service *service = item;

	free(service->backends);
	free(service->sni);
	service->backends = NULL;
	service->sni = NULL;
	service->n_backends = service->n_sni = 0;
}

static int ntp_compare(const void *a, const void *b)
{
	const struct config_ntp *x = a, *y = b;

	return compare_numbers(ntohl(x->addr), ntohl(y->addr));
}

static bool ntp_equal(const void *a, const void *b)
{
	const struct config_ntp *x = a, *y = b;

	return x->addr == y->addr &&
	       texts_equal(x->servers, x->n_servers, y->servers, y->n_servers);
}

static int ntp_clone(void *item)
{
	struct config_ntp *ntp = item;
	void *array = ntp->servers;
	int error = clone_array(&array, ntp->n_servers * sizeof(*ntp->servers));

	if (!error)
		ntp->servers = array;
	return error;
}

static void ntp_release(void *item)
{
	struct config_ntp *ntp = item;

	free(ntp->servers);
	ntp->servers = NULL;
	ntp->n_servers = 0;
}

static int allow_compare(const void *a, const void *b)
{
	const struct config_allow *x = a, *y = b;

	return compare_prefixes(x->network, y->network);
}

static bool allow_equal(const void *a, const void *b)
{
	const struct config_allow *x = a, *y = b;

	return prefixes_equal(x->network, y->network) &&
	       strcmp(x->description, y->description) == 0;
}

static int vmac_compare(const void *a, const void *b)
{
	const struct config_vmac *x = a, *y = b;
	int order = memcmp(x->mac.b, y->mac.b, sizeof(x->mac.b));

	return order ? order : compare_numbers(ntohl(x->addr), ntohl(y->addr));
}

static bool vmac_equal(const void *a, const void *b)
{
	const struct config_vmac *x = a, *y = b;

	return vmac_compare(x, y) == 0 && x->type == y->type &&
	       strcmp(x->portgroup, y->portgroup) == 0 && strcmp(x->name, y->name) == 0;
}

static int datacenter_compare(const void *a, const void *b)
{
	const struct config_datacenter *x = a, *y = b;

	return compare_numbers(x->id, y->id);
}

static bool datacenter_equal(const void *a, const void *b)
{
	const struct config_datacenter *x = a, *y = b;

	return x->id == y->id && x->gateway == y->gateway &&
	       strcmp(x->service_name, y->service_name) == 0 && strcmp(x->name, y->name) == 0 &&
	       strcmp(x->description, y->description) == 0;
}

static int server_compare(const void *a, const void *b)
{
	const struct config_server *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool server_equal(const void *a, const void *b)
{
	const struct config_server *x = a, *y = b;

	return strcmp(x->name, y->name) == 0 && strcmp(x->portgroup, y->portgroup) == 0;
}

static int vrack_block_compare(const void *a, const void *b)
{
	const struct config_vrack_block *x = a, *y = b;

	return compare_prefixes(x->network, y->network);
}

static bool vrack_block_equal(const void *a, const void *b)
{
	return vrack_block_compare(a, b) == 0;
}

static int api_compare(const void *a, const void *b)
{
	const struct config_api *x = a, *y = b;

	return strcmp(x->listen, y->listen);
}

static bool api_equal(const void *a, const void *b)
{
	const struct config_api *x = a, *y = b;

	return api_compare(x, y) == 0 && x->tls == y->tls &&
	       strcmp(x->certificate, y->certificate) == 0 && strcmp(x->key, y->key) == 0 &&
	       strcmp(x->host_name, y->host_name) == 0;
}

static int clone_nothing(void *item)
{
	(void)item;
	return 0;
}

static void release_nothing(void *item)
{
	(void)item;
}

#define ARRAY(array, struct_name)                                                                  \
	.item_bytes = sizeof(struct struct_name), .items_offset = offsetof(struct config, array),  \
	.count_offset = offsetof(struct config, n_##array),                                        \
	.line_offset = offsetof(struct struct_name, line)

const struct kind kinds[KIND_COUNT] = {
	[KIND_PORTGROUP] = {"portgroup", ARRAY(portgroups, config_portgroup),
			    .max = CONFIG_PORTGROUPS_MAX, .compare = portgroup_compare,
			    .equal = portgroup_equal, .clone = clone_nothing,
			    .release = release_nothing},
	[KIND_ADDRESS] = {"address", ARRAY(addresses, config_address), .max = CONFIG_ADDRESSES_MAX,
			  .compare = address_compare, .equal = address_equal,
			  .clone = clone_nothing, .release = release_nothing},
	[KIND_ROUTE] = {"route", ARRAY(routes, config_route), .max = CONFIG_ROUTES_MAX,
			.compare = route_compare, .equal = route_equal, .clone = clone_nothing,
			.release = release_nothing},
	[KIND_POOL] = {"pool", ARRAY(pools, config_pool), .max = CONFIG_POOLS_MAX,
		       .compare = pool_compare, .equal = pool_equal, .clone = pool_clone,
		       .release = pool_release},
	[KIND_NAT] = {"nat", ARRAY(nats, config_nat), .max = CONFIG_RULES_MAX,
		      .compare = nat_compare, .equal = nat_equal, .clone = clone_nothing,
		      .release = release_nothing},
	[KIND_SERVICE] = {"service", ARRAY(services, config_service), .max = CONFIG_SERVICES_MAX,
			  .compare = service_compare, .equal = service_equal,
			  .clone = service_clone, .release = service_release},
	[KIND_ALLOW] = {"allow", ARRAY(allows, config_allow), .max = CONFIG_ALLOW_MAX,
			.compare = allow_compare, .equal = allow_equal, .clone = clone_nothing,
			.release = release_nothing},
	[KIND_VMAC] = {"vmac", ARRAY(vmacs, config_vmac), .max = CONFIG_VMAC_ADDRESSES_MAX,
		       .compare = vmac_compare, .equal = vmac_equal, .clone = clone_nothing,
		       .release = release_nothing},
	[KIND_DATACENTER] = {"datacenter", ARRAY(datacenters, config_datacenter),
			     .max = CONFIG_DATACENTERS_MAX, .compare = datacenter_compare,
			     .equal = datacenter_equal, .clone = clone_nothing,
			     .release = release_nothing},
	[KIND_SERVER] = {"server", ARRAY(servers, config_server), .max = CONFIG_SERVERS_MAX,
			 .compare = server_compare, .equal = server_equal, .clone = clone_nothing,
			 .release = release_nothing},
	[KIND_VRACK_BLOCK] = {"vrack-block", ARRAY(vrack_blocks, config_vrack_block),
			      .max = CONFIG_VRACK_BLOCKS_MAX, .compare = vrack_block_compare,
			      .equal = vrack_block_equal, .clone = clone_nothing,
			      .release = release_nothing},
	[KIND_API] = {"api", ARRAY(apis, config_api), .max = CONFIG_APIS_MAX,
		      .compare = api_compare, .equal = api_equal, .clone = clone_nothing,
		      .release = release_nothing},
	[KIND_NTP] = {"ntp", ARRAY(ntps, config_ntp), .max = CONFIG_NTP_MAX, .compare = ntp_compare,
		      .equal = ntp_equal, .clone = ntp_clone, .release = ntp_release},
	[KIND_TUNNEL_GATEWAY] = {"tunnel-gateway", ARRAY(tunnel_gateways, config_tunnel_gateway),
				 .max = CONFIG_TUNNEL_GATEWAYS_MAX,
				 .compare = tunnel_gateway_compare, .equal = tunnel_gateway_equal,
				 .clone = clone_nothing, .release = release_nothing},
	[KIND_TUNNEL_KEY] = {"tunnel-key", ARRAY(tunnel_keys, config_tunnel_key),
			     .max = CONFIG_TUNNEL_KEYS_MAX, .compare = tunnel_key_compare,
			     .equal = tunnel_key_equal, .clone = clone_nothing,
			     .release = release_nothing},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == KIND_COUNT, "one description per kind");

/* The arrays have different pointer types: their pointers are moved as bytes. */
void *kind_items(const struct config *config, enum config_kind kind)
{
	void *items;

	memcpy(&items, (const char *)config + kinds[kind].items_offset, sizeof(items));
	return items;
}

void kind_set_items(struct config *config, enum config_kind kind, void *items)
{
	memcpy((char *)config + kinds[kind].items_offset, &items, sizeof(items));
}

size_t kind_count(const struct config *config, enum config_kind kind)
{
	size_t n;

	memcpy(&n, (const char *)config + kinds[kind].count_offset, sizeof(n));
	return n;
}

void kind_set_count(struct config *config, enum config_kind kind, size_t n)
{
	memcpy((char *)config + kinds[kind].count_offset, &n, sizeof(n));
}

void *kind_item(const struct config *config, enum config_kind kind, size_t i)
{
	return (char *)kind_items(config, kind) + i * kinds[kind].item_bytes;
}

unsigned kind_line(enum config_kind kind, const void *item)
{
	unsigned line;

	memcpy(&line, (const char *)item + kinds[kind].line_offset, sizeof(line));
	return line;
}

static const void *find(const struct config *config, enum config_kind kind, const void *wanted)
{
	size_t n = kind_count(config, kind);

	if (n == 0) /* the array may be NULL, which bsearch() need not take */
		return NULL;
	return bsearch(wanted, kind_items(config, kind), n, kinds[kind].item_bytes,
		       kinds[kind].compare);
}

const struct config_portgroup *kind_portgroup(const struct config *config, const char *name)
{
	struct config_portgroup wanted;

	if (strlen(name) >= sizeof(wanted.name))
		return NULL;
	strcpy(wanted.name, name);
	return find(config, KIND_PORTGROUP, &wanted);
}

const struct config_pool *kind_pool(const struct config *config, const char *name)
{
	struct config_pool wanted;

	if (strlen(name) >= sizeof(wanted.name))
		return NULL;
	strcpy(wanted.name, name);
	return find(config, KIND_POOL, &wanted);
}

const struct config_datacenter *kind_datacenter(const struct config *config, uint32_t id)
{
	return find(config, KIND_DATACENTER, &(struct config_datacenter){.id = id});
}

const struct config_server *kind_server(const struct config *config, const char *name)
{
	struct config_server wanted;

	if (strlen(name) >= sizeof(wanted.name))
		return NULL;
	strcpy(wanted.name, name);
	return find(config, KIND_SERVER, &wanted);
}

const struct config_tunnel_gateway *kind_tunnel_gateway(const struct config *config,
							const char *name)
{
	struct config_tunnel_gateway wanted;

	if (strlen(name) >= sizeof(wanted.name))
		return NULL;
	strcpy(wanted.name, name);
	return find(config, KIND_TUNNEL_GATEWAY, &wanted);
}

const struct config_address *kind_address(const struct config *config, be32 addr)
{
	return find(config, KIND_ADDRESS, &(struct config_address){.addr = addr});
}

const struct config_address *kind_network(const struct config *config, be32 addr)
{
	const struct config_address *best = NULL;

	for (size_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *a = &config->addresses[i];
		be32 mask = prefix_mask(a->prefix_len);

		if ((a->addr & mask) == (addr & mask) &&
		    (!best || a->prefix_len > best->prefix_len))
			best = a;
	}
	return best;
}

const struct config_allow *kind_allow(const struct config *config, struct prefix network)
{
	return find(config, KIND_ALLOW, &(struct config_allow){.network = network});
}
