/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What config_compile() makes, read back through snapshot_open() and its look-ups. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/config/kind.h"
#include "control/config/model.h"
#include "tests/unit/config_random.h"
#include "tests/unit/snapshot_walk.h"

struct compiled {
	struct config config;
	struct config_runtime runtime;
	uint16_t pool_index[CONFIG_POOLS_MAX];
	struct snapshot snapshot;
	void *block;
};

static void compile(struct compiled *c, const char *text)
{
	struct config_error error;
	const char *wrong;
	size_t bytes;

	memset(c, 0, sizeof(*c));
	config_init(&c->config);
	if (config_parse(&c->config, text, strlen(text), &error) ||
	    config_check(&c->config, &error))
		fail_msg("line %u: %s", error.line, error.text);
	/* Indices that are not positions. */
	for (uint8_t i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		c->runtime.portgroup[i].index = (uint8_t)(31 - i);
		c->runtime.portgroup[i].ifindex = i % 3 ? i * 10u : 0;
	}
	for (uint16_t i = 0; i < CONFIG_POOLS_MAX; i++)
		c->pool_index[i] = (uint16_t)(1000 - i);
	c->runtime.pool_index = c->pool_index;
	c->runtime.revision = 42;
	c->block = config_compile(&c->config, &c->runtime, &bytes);
	assert_non_null(c->block);
	wrong = snapshot_open(&c->snapshot, c->block, bytes);
	if (wrong)
		fail_msg("%s", wrong);
}

static void release(struct compiled *c)
{
	free(c->block);
	config_free(&c->config);
}

static const char example[] =
	"portgroup add vrack dev eth1 realm private reverse-path off\n"
	"portgroup add vsphere dev eth2 vlan 7 realm vsphere last-hop off\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 172.16.0.9/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"route add 192.168.0.0/16 via 172.16.0.254\n"
	"route add default via 10.10.0.254\n"
	"pool add default external-ip-address 10.10.0.2,10.10.0.3 ports 16384-65535\n"
	"pool add other external-ip-address 172.16.0.11 ports 2000-2999 mapping-type edm "
	"filtering-type eif port-quota 77\n"
	"nat add 20 from any to 10.10.0.0/24 pool default\n"
	"nat add 10 from 172.16.0.0/24 to 10.10.0.0/28 protocol udp nat-pass-through\n"
	"nat add 30 from any to any protocol tcp pool other\n"
	"service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:8443\n"
	"service add esx1 address 172.16.0.11 protocol tcp port 902 backend 10.10.0.21:902 "
	"backend 10.10.0.22:903 balance source-hash\n"
	"service add dns address 172.16.0.11 protocol udp port 53 backend 10.10.0.53:53\n"
	"allow add 192.168.50.0/24\nallow add 192.168.0.0/16\nallow add 172.16.0.0/24\n"
	"set icmp-rate 55\nset timer icmp-timeout 61\nset connection-limits 901\n"
	"set mapping-limits 902\nset creation-rate 903\nset mss-clamp 904\nset dead-flow rst\n";

static be32 addr(const char *text)
{
	be32 value;

	assert_true(addr_parse(text, &value));
	return value;
}

static void test_header_and_ports(void **state)
{
	struct compiled c;
	const struct snapshot_port *port;
	(void)state;

	compile(&c, example);
	assert_int_equal(c.snapshot.header->revision, 42);
	assert_int_equal(c.snapshot.header->icmp_rate, 55);
	assert_int_equal(c.snapshot.header->connection_limit, 901);
	assert_int_equal(c.snapshot.header->mapping_limit, 902);
	assert_int_equal(c.snapshot.header->creation_rate, 903);
	assert_int_equal(c.snapshot.header->mss_clamp, 904);
	assert_int_equal(c.snapshot.header->options, SNAPSHOT_DEAD_FLOW_RST);
	assert_int_equal(c.snapshot.header->timer_s[TIMER_ICMP], 61);
	assert_int_equal(c.snapshot.header->timer_s[TIMER_UDP], 300);
	assert_int_equal(c.snapshot.n_ports, 2);
	port = snapshot_port(&c.snapshot, 31);
	assert_string_equal(port->name, "vrack");
	assert_int_equal(port->ifindex, 0); /* absent, but known */
	assert_int_equal(port->realm, REALM_PRIVATE);
	assert_int_equal(port->flags, SNAPSHOT_LAST_HOP);
	port = snapshot_port(&c.snapshot, 30);
	assert_string_equal(port->name, "vsphere");
	assert_int_equal(port->ifindex, 10);
	assert_int_equal(port->realm, REALM_VSPHERE);
	assert_int_equal(port->flags, SNAPSHOT_REVERSE_PATH);
	assert_null(snapshot_port(&c.snapshot, 0));
	release(&c);

	compile(&c, "set icmp-rate 1\n"); /* no limits unless they are set */
	assert_int_equal(c.snapshot.header->connection_limit, 0);
	assert_int_equal(c.snapshot.header->mapping_limit, 0);
	assert_int_equal(c.snapshot.header->creation_rate, 0);
	assert_int_equal(c.snapshot.header->mss_clamp, SNAPSHOT_MSS_OFF);
	assert_int_equal(c.snapshot.header->options, 0);
	release(&c);
	compile(&c, "set mss-clamp path\n");
	assert_int_equal(c.snapshot.header->mss_clamp, SNAPSHOT_MSS_PATH);
	release(&c);
}

static void assert_address(const struct snapshot *s, const char *text, unsigned kind, unsigned len,
			   unsigned port)
{
	const struct snapshot_address *address = snapshot_address(s, addr(text));

	assert_non_null(address);
	assert_int_equal(address->kind, kind);
	assert_int_equal(address->prefix_len, len);
	assert_int_equal(address->port, port);
}

static void assert_route(const struct snapshot *s, const char *to, const char *via,
			 const char *source, unsigned port)
{
	const struct snapshot_route *route = snapshot_route(s, addr(to));

	assert_non_null(route);
	assert_int_equal(route->via, addr(via));
	assert_int_equal(route->source, addr(source));
	assert_int_equal(route->port, port);
}

static void test_addresses_and_routes(void **state)
{
	struct compiled c;
	(void)state;

	compile(&c, example);
	assert_int_equal(c.snapshot.n_addresses, 5);
	assert_address(&c.snapshot, "172.16.0.1", ADDRESS_INTERFACE, 24, 31);
	assert_address(&c.snapshot, "172.16.0.9", ADDRESS_INTERFACE, 24, 31);
	assert_address(&c.snapshot, "10.10.0.2", ADDRESS_INTERFACE, 24, 30);
	assert_address(&c.snapshot, "10.10.0.3", ADDRESS_POOL, 32, 30);
	/* A service's and a pool's: one entry. */
	assert_address(&c.snapshot, "172.16.0.11", ADDRESS_SERVICE, 32, 31);
	assert_null(snapshot_address(&c.snapshot, addr("10.10.0.10")));
	assert_int_equal(c.snapshot.n_routes, 4);
	assert_route(&c.snapshot, "172.16.0.77", "0.0.0.0", "172.16.0.1", 31);
	assert_route(&c.snapshot, "10.10.0.77", "0.0.0.0", "10.10.0.2", 30);
	assert_route(&c.snapshot, "192.168.9.9", "172.16.0.254", "172.16.0.1", 31);
	assert_route(&c.snapshot, "8.8.8.8", "10.10.0.254", "10.10.0.2", 30);
	release(&c);
}

static void test_services_and_pools(void **state)
{
	struct compiled c;
	const struct snapshot_service *service;
	const struct snapshot_pool *pool;
	(void)state;

	compile(&c, example);
	service = snapshot_service(&c.snapshot, addr("172.16.0.11"), IPPROTO_TCP, htons(902));
	assert_string_equal(service->name, "esx1");
	assert_int_equal(service->balance, BALANCE_SOURCE_HASH);
	assert_int_equal(service->backends, 2);
	assert_int_equal(c.snapshot.backends[service->first_backend + 1].addr, addr("10.10.0.22"));
	assert_int_equal(c.snapshot.backends[service->first_backend + 1].port, htons(903));
	assert_int_equal(c.snapshot.backends[service->first_backend + 1].up, 1);
	service = snapshot_service(&c.snapshot, addr("172.16.0.11"), IPPROTO_UDP, htons(53));
	assert_string_equal(service->name, "dns");
	assert_null(snapshot_service(&c.snapshot, addr("172.16.0.11"), IPPROTO_UDP, htons(902)));
	pool = snapshot_pool(&c.snapshot, 1000);
	assert_string_equal(pool->name, "default");
	assert_int_equal(pool->addresses, 2);
	assert_int_equal(c.snapshot.pool_addresses[pool->first_address + 1], addr("10.10.0.3"));
	assert_int_equal(pool->port_first, 16384);
	assert_int_equal(pool->filtering_type, FILTERING_EDF);
	assert_int_equal(pool->port_quota, 0);
	pool = snapshot_pool(&c.snapshot, 999);
	assert_string_equal(pool->name, "other");
	assert_int_equal(pool->mapping_type, MAPPING_EDM);
	assert_int_equal(pool->filtering_type, FILTERING_EIF);
	assert_int_equal(pool->port_quota, 77);
	assert_int_equal(c.snapshot.pool_addresses[pool->first_address], addr("172.16.0.11"));
	assert_null(snapshot_pool(&c.snapshot, 0));
	release(&c);
}

static void test_rules_and_allow(void **state)
{
	struct compiled c;
	const struct snapshot_rule *rule;
	(void)state;

	compile(&c, example);
	rule = snapshot_rule(&c.snapshot, addr("172.16.0.5"), addr("10.10.0.10"), IPPROTO_UDP);
	assert_int_equal(rule->number, 10);
	assert_int_equal(rule->pool, SNAPSHOT_PASS);
	rule = snapshot_rule(&c.snapshot, addr("172.16.0.5"), addr("10.10.0.10"), IPPROTO_TCP);
	assert_int_equal(rule->number, 20);
	assert_int_equal(rule->pool, 1000);
	rule = snapshot_rule(&c.snapshot, addr("172.16.0.5"), addr("8.8.8.8"), IPPROTO_TCP);
	assert_int_equal(rule->number, 30);
	assert_int_equal(rule->pool, 999);
	assert_null(snapshot_rule(&c.snapshot, addr("172.16.0.5"), addr("8.8.8.8"), IPPROTO_UDP));
	/* Entries are those of the sorted configuration. */
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("172.16.0.255"))->entry, 0);
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("192.168.49.255"))->entry, 1);
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("192.168.50.0"))->entry, 2);
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("192.168.50.255"))->entry, 2);
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("192.168.51.0"))->entry, 1);
	assert_null(snapshot_allowed(&c.snapshot, addr("192.167.255.255")));
	assert_null(snapshot_allowed(&c.snapshot, addr("192.169.0.0")));
	release(&c);
}

/* The ends of the address space, where a range's end plus one does not fit 32 bits. */
static void test_allow_everything(void **state)
{
	struct compiled c;
	(void)state;

	compile(&c, "allow add any\nallow add 128.0.0.0/1\nallow add 0.0.0.0/1\n");
	assert_int_equal(c.snapshot.n_allow, 2); /* nothing is left of the widest */
	assert_int_equal(snapshot_allowed(&c.snapshot, 0)->entry, 1);
	assert_int_equal(snapshot_allowed(&c.snapshot, 0xffffffff)->entry, 2);
	release(&c);
	compile(&c, "allow add any\nallow add 10.0.0.0/8\n");
	assert_int_equal(c.snapshot.n_allow, 3);
	assert_int_equal(snapshot_allowed(&c.snapshot, 0)->entry, 0);
	assert_int_equal(snapshot_allowed(&c.snapshot, addr("10.0.0.0"))->entry, 1);
	assert_int_equal(snapshot_allowed(&c.snapshot, 0xffffffff)->entry, 0);
	release(&c);
}

static void test_reserved_and_empty(void **state)
{
	struct snapshot_reserved reserved[] = {{0, htons(22), IPPROTO_TCP, 0},
					       {htonl(0x0a000001), htons(53), IPPROTO_UDP, 0}};
	struct config config;
	struct config_runtime runtime = {.reserved = reserved, .n_reserved = 2};
	struct snapshot s;
	size_t bytes;
	void *block;
	(void)state;

	config_init(&config);
	block = config_compile(&config, &runtime, &bytes);
	assert_non_null(block);
	assert_null(snapshot_open(&s, block, bytes));
	assert_int_equal(s.n_reserved, 2);
	assert_memory_equal(s.reserved, reserved, sizeof(reserved));
	assert_null(snapshot_route(&s, 1));
	assert_null(snapshot_allowed(&s, 1));
	assert_null(snapshot_address(&s, 1));
	assert_null(snapshot_service(&s, 1, IPPROTO_TCP, 1));
	assert_null(snapshot_rule(&s, 1, 1, 1));
	assert_null(snapshot_pool(&s, 0));
	free(block);
	config_free(&config);
}

/* Every look-up against the configuration, gone through item by item. */
static void compare_allow(const struct compiled *c, be32 src)
{
	const struct snapshot_allow *found = snapshot_allowed(&c->snapshot, src);
	const struct config_allow *best = NULL;

	for (size_t i = 0; i < c->config.n_allows; i++) {
		const struct config_allow *allow = &c->config.allows[i];

		if (prefix_covers(allow->network, src) &&
		    (!best || allow->network.len > best->network.len))
			best = allow;
	}
	assert_int_equal(found != NULL, best != NULL);
	if (found)
		assert_ptr_equal(&c->config.allows[found->entry], best);
}

static void compare_route(const struct compiled *c, be32 dst)
{
	const struct snapshot_route *found = snapshot_route(&c->snapshot, dst);
	int len = -1;
	be32 via = 0;

	for (size_t i = 0; i < c->config.n_addresses; i++) {
		const struct config_address *address = &c->config.addresses[i];
		be32 mask = prefix_mask(address->prefix_len);

		if (((address->addr ^ dst) & mask) == 0 && address->prefix_len > len)
			len = address->prefix_len;
	}
	for (size_t i = 0; i < c->config.n_routes; i++) {
		const struct config_route *route = &c->config.routes[i];

		if (prefix_covers(route->to, dst) && route->to.len > len) {
			len = route->to.len;
			via = route->via;
		}
	}
	assert_int_equal(found ? found->prefix_len : -1, len);
	if (found)
		assert_int_equal(found->via, via);
}

static void compare_rule(const struct compiled *c, be32 src, be32 dst, uint8_t proto)
{
	const struct snapshot_rule *found = snapshot_rule(&c->snapshot, src, dst, proto);
	const struct config_nat *first = NULL;

	for (size_t i = 0; i < c->config.n_nats; i++) {
		const struct config_nat *nat = &c->config.nats[i];

		if ((nat->protocol == 0 || nat->protocol == proto) &&
		    prefix_covers(nat->from, src) && prefix_covers(nat->to, dst) &&
		    (!first || nat->number < first->number))
			first = nat;
	}
	assert_int_equal(found ? found->number : 0, first ? first->number : 0);
}

static void compare_service(const struct compiled *c, be32 dst, uint8_t proto, uint16_t port)
{
	const struct snapshot_service *found =
		snapshot_service(&c->snapshot, dst, proto, htons(port));
	const struct config_service *expected = NULL;

	for (size_t i = 0; i < c->config.n_services; i++) {
		const struct config_service *service = &c->config.services[i];

		if (service->addr == dst && service->protocol == proto && service->port == port)
			expected = service;
	}
	assert_int_equal(found != NULL, expected != NULL);
	if (found)
		assert_string_equal(found->name, expected->name);
}

/* Near what the random configurations hold. */
static be32 some_address(struct random *random)
{
	switch (random_below(random, 3)) {
	case 0:
		return htonl(0x0a000000 | random_below(random, 7) << 16 |
			     random_below(random, 4) << 8 | random_below(random, 4));
	case 1:
		return htonl(0x0a030000 | random_below(random, 1 << 16));
	default:
		return htonl(0xc0a80000 | random_below(random, 1 << 16));
	}
}

static void test_random(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	(void)state;

	for (uint64_t seed = 1000; seed < 1200; seed++) {
		struct random random = {seed};
		struct compiled c;
		char *text = random_config(seed);

		compile(&c, text);
		snapshot_walk(&c.snapshot);
		for (unsigned i = 0; i < 300; i++) {
			be32 src = some_address(&random), dst = some_address(&random);
			uint8_t proto = protocols[i % 3];

			compare_allow(&c, src);
			compare_route(&c, dst);
			compare_rule(&c, src, dst, proto);
			compare_service(&c, dst, proto, (uint16_t)random_below(&random, 45));
		}
		for (size_t i = 0; i < c.config.n_services; i++)
			compare_service(&c, c.config.services[i].addr,
					c.config.services[i].protocol, c.config.services[i].port);
		free(text);
		release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_and_ports),
		cmocka_unit_test(test_addresses_and_routes),
		cmocka_unit_test(test_services_and_pools),
		cmocka_unit_test(test_rules_and_allow),
		cmocka_unit_test(test_allow_everything),
		cmocka_unit_test(test_reserved_and_empty),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("config_compile", tests, NULL, NULL);
}
