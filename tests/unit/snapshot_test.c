/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot_open() against blocks that are wrong in one known way, and in random ones: whatever
 * it accepts, every look-up must be safe (the sanitizers watch) and consistent (snapshot_walk).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/config_random.h"
#include "tests/unit/snapshot_walk.h"

/* A block with two or three elements of everything. */
struct block {
	struct snapshot_header header;
	struct snapshot_port ports[2];
	struct snapshot_address addresses[3];
	struct snapshot_route routes[4];
	struct snapshot_allow allow[2];
	struct snapshot_service services[3];
	struct snapshot_backend backends[3];
	struct snapshot_rule rules[3];
	struct snapshot_pool pools[2];
	be32 pool_addresses[4];
	struct snapshot_reserved reserved[2];
	struct snapshot_vmac vmacs[2];
};
static_assert(sizeof(struct block) % 8 == 0, "sections follow each other without gaps");

#define PLACE(to, which, member)                                                                   \
	do {                                                                                       \
		(to)->header.section[which].offset = offsetof(struct block, member);               \
		(to)->header.section[which].count =                                                \
			sizeof((to)->member) / sizeof((to)->member[0]);                            \
	} while (0)

static void make_header(struct block *b)
{
	b->header.magic = SNAPSHOT_MAGIC;
	b->header.version = SNAPSHOT_VERSION;
	b->header.bytes = sizeof(*b);
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		b->header.timer_s[i] = 60;
	PLACE(b, SECTION_PORT, ports);
	PLACE(b, SECTION_ADDRESS, addresses);
	PLACE(b, SECTION_ROUTE, routes);
	PLACE(b, SECTION_ALLOW, allow);
	PLACE(b, SECTION_SERVICE, services);
	PLACE(b, SECTION_BACKEND, backends);
	PLACE(b, SECTION_RULE, rules);
	PLACE(b, SECTION_POOL, pools);
	PLACE(b, SECTION_POOL_ADDRESS, pool_addresses);
	PLACE(b, SECTION_RESERVED, reserved);
	PLACE(b, SECTION_VMAC, vmacs);
}

static void make(struct block *b)
{
	const be32 a1 = htonl(0x0a000001), a2 = htonl(0x0a000102), a3 = htonl(0xac100001);

	memset(b, 0, sizeof(*b));
	make_header(b);
	b->ports[0] = (struct snapshot_port){"inside", 3, 7, REALM_PRIVATE, SNAPSHOT_LAST_HOP, 0};
	b->ports[1] = (struct snapshot_port){"outside", 0, 31, REALM_VSPHERE, 0, 0};
	b->addresses[0] = (struct snapshot_address){a1, 24, 7, ADDRESS_INTERFACE, 0};
	b->addresses[1] = (struct snapshot_address){a2, 32, 7, ADDRESS_SERVICE, 9};
	b->addresses[2] = (struct snapshot_address){a3, 16, 31, ADDRESS_POOL, 0};
	b->routes[0] = (struct snapshot_route){htonl(0x0a000000), 0, a1, 24, 7, 0};
	b->routes[1] = (struct snapshot_route){htonl(0x0a000100), a1, a1, 24, 7, 0};
	b->routes[2] = (struct snapshot_route){htonl(0xac100000), 0, a3, 16, 31, 0};
	b->routes[3] = (struct snapshot_route){0, a3, a3, 0, 31, 0};
	b->allow[0] = (struct snapshot_allow){0x0a000000, 0x0affffff, 5};
	b->allow[1] = (struct snapshot_allow){0x0b000000, 0x0b000000, 6};
	b->services[0] = (struct snapshot_service){"one", a1, htons(443), IPPROTO_TCP, 0,
						   0,	  2,  DEAD_MOVE,  DOWN_ICMP,   {0}};
	b->services[1] =
		(struct snapshot_service){"two", a1, htons(53), IPPROTO_UDP, 1, 2, 1, 0, 0, {0}};
	b->services[2] =
		(struct snapshot_service){"three", a2, htons(1), IPPROTO_TCP, 0, 0, 3, 0, 0, {0}};
	for (uint8_t i = 0; i < 3; i++)
		b->backends[i] =
			(struct snapshot_backend){htonl(0xac100010u + i), htons(80), i % 2, 0};
	b->rules[0] = (struct snapshot_rule){
		.number = 10, .pool = SNAPSHOT_PASS, .proto = 17, .from = {htonl(0x0a000000), 8}};
	b->rules[1] =
		(struct snapshot_rule){.number = 11, .pool = 4, .to = {htonl(0xac100000), 12}};
	b->rules[2] = (struct snapshot_rule){.number = 500, .pool = 900, .proto = 6};
	b->pools[0] = (struct snapshot_pool){.name = "small",
					     .addresses = 1,
					     .port_first = 1024,
					     .port_last = 1024,
					     .filtering_type = FILTERING_EDF,
					     .index = 900};
	b->pools[1] = (struct snapshot_pool){.name = "big",
					     .first_address = 1,
					     .addresses = 3,
					     .port_first = 1,
					     .port_last = 65535,
					     .mapping_type = MAPPING_EDM,
					     .index = 4};
	for (unsigned i = 0; i < 4; i++)
		b->pool_addresses[i] = htonl(0xac100001u + i);
	b->vmacs[0] = (struct snapshot_vmac){{{2, 0, 0, 0, 0, 1}}, 7, 9};
	b->vmacs[1] = (struct snapshot_vmac){{{2, 0, 0, 0, 0, 2}}, 31, 255};
	b->reserved[0] = (struct snapshot_reserved){0, htons(22), IPPROTO_TCP, 0};
	b->reserved[1] = (struct snapshot_reserved){a1, htons(53), IPPROTO_UDP, 0};
}

static void test_good(void **state)
{
	struct block b;
	struct snapshot s;
	(void)state;

	make(&b);
	assert_null(snapshot_open(&s, &b, sizeof(b)));
	snapshot_walk(&s);
	assert_ptr_equal(snapshot_route(&s, htonl(0x0a000005)), &b.routes[0]);
	assert_ptr_equal(snapshot_route(&s, htonl(0x0a000105)), &b.routes[1]);
	assert_ptr_equal(snapshot_route(&s, htonl(0xac10ffff)), &b.routes[2]);
	assert_ptr_equal(snapshot_route(&s, htonl(0x08080808)), &b.routes[3]);
	assert_ptr_equal(snapshot_allowed(&s, htonl(0x0b000000)), &b.allow[1]);
	assert_null(snapshot_allowed(&s, htonl(0x0b000001)));
	assert_ptr_equal(snapshot_pool(&s, 4), &b.pools[1]);
	assert_null(snapshot_pool(&s, 0));
	assert_ptr_equal(snapshot_rule(&s, htonl(0x0a000001), htonl(0xac100001), 17), &b.rules[0]);
	assert_ptr_equal(snapshot_rule(&s, htonl(0x0b000001), htonl(0xac100001), 17), &b.rules[1]);
	assert_ptr_equal(snapshot_rule(&s, htonl(0x0b000001), htonl(0x01010101), 6), &b.rules[2]);
	assert_null(snapshot_rule(&s, htonl(0x0b000001), htonl(0x01010101), 1));
}

/* Each breaks one thing. */
static const struct {
	const char *message;
	size_t offset, bytes;
	uint32_t value;
} broken[] = {
#define BREAK(member, value, message)                                                              \
	{                                                                                          \
		message, offsetof(struct block, member), sizeof(((struct block *)0)->member),      \
			value                                                                      \
	}
	BREAK(header.version, SNAPSHOT_VERSION + 1, "version"),
	BREAK(header.bytes, sizeof(struct block) + 1, "size"),
	BREAK(header.bytes, 8, "size"),
	BREAK(header.bytes, sizeof(struct block) - 1, "virtual MAC section"),
	BREAK(header.timer_s[3], 0xffffffff, "timer"),
	BREAK(header.mss_clamp, 65536, "segment size"),
	BREAK(header.options, 0x80000000, "option"),
	BREAK(header.section[SECTION_ROUTE].offset, 4, "route section"),
	BREAK(header.section[SECTION_ROUTE].offset, 8, "route section"),
	BREAK(header.section[SECTION_ROUTE].offset, 0xfffffff8, "route section"),
	BREAK(header.section[SECTION_ROUTE].offset, offsetof(struct block, routes) + 4,
	      "route section"),
	BREAK(header.section[SECTION_PORT].count, 0x10000000, "portgroup section"),
	BREAK(header.section[SECTION_SERVICE].count, 0xffffffff, "service section"),
	BREAK(header.section[SECTION_POOL_ADDRESS].count, 3, "pool's addresses"),
	BREAK(header.section[SECTION_BACKEND].count, 2, "service's backends"),
	BREAK(header.section[SECTION_POOL].count, 0, "unknown pool"),
	BREAK(header.section[SECTION_PORT].count, 1, "unknown portgroup"),
	BREAK(ports[0].index, 32, "index of a portgroup"),
	BREAK(ports[0].index, 31, "two portgroups"),
	BREAK(ports[1].realm, REALM_COUNT, "realm"),
	BREAK(ports[1].flags, 4, "flags"),
	BREAK(addresses[1].prefix_len, 33, "address is malformed"),
	BREAK(addresses[1].kind, ADDRESS_KIND_COUNT, "address is malformed"),
	BREAK(addresses[1].port, 6, "address is on an unknown portgroup"),
	BREAK(addresses[1].port, 200, "address is on an unknown portgroup"),
	BREAK(addresses[1].addr, 0, "addresses are not sorted"),
	BREAK(addresses[1].vmac, 8, "unknown virtual MAC"),
	BREAK(addresses[1].vmac, 255, "unknown virtual MAC"), /* of the other portgroup */
	BREAK(header.section[SECTION_VMAC].count, 0, "unknown virtual MAC"),
	BREAK(vmacs[0].index, 0, "virtual MAC is malformed"),
	BREAK(vmacs[0].mac.b[0], 3, "virtual MAC is malformed"),
	BREAK(vmacs[1].port, 6, "virtual MAC is on an unknown portgroup"),
	BREAK(vmacs[1].index, 9, "two virtual MACs"),
	BREAK(routes[3].prefix_len, 33, "route's prefix"),
	BREAK(routes[0].addr, 0x0100000a, "route's prefix"),
	BREAK(routes[0].port, 0, "route leads"),
	BREAK(routes[0].prefix_len, 23, "routes are not sorted"),
	BREAK(routes[2].prefix_len, 25, "routes are not sorted"),
	BREAK(routes[1].addr, 0x0000000a, "routes are not sorted"),
	BREAK(allow[1].last, 0x0a000000, "allow range ends"),
	BREAK(allow[0].last, 0x0b000000, "allow ranges are not sorted"),
	BREAK(services[0].proto, IPPROTO_ICMP, "service is malformed"),
	BREAK(services[0].port, 0, "service is malformed"),
	BREAK(services[0].balance, BALANCE_COUNT, "service is malformed"),
	BREAK(services[0].dead, DEAD_COUNT, "service is malformed"),
	BREAK(services[0].down, DOWN_COUNT, "service is malformed"),
	BREAK(services[0].backends, 0, "service's backends"),
	BREAK(services[0].backends, 4, "service's backends"),
	BREAK(services[0].first_backend, 0xffffffff, "service's backends"),
	BREAK(services[2].first_backend, 1, "service's backends"),
	BREAK(services[0].addr, 0xffffffff, "services are not sorted"),
	BREAK(services[1].proto, IPPROTO_TCP, "services are not sorted"),
	BREAK(backends[2].port, 0, "backend is malformed"),
	BREAK(backends[2].up, 2, "backend is malformed"),
	BREAK(rules[0].from.len, 33, "rule's prefix"),
	BREAK(rules[0].to.addr, 1, "rule's prefix"),
	BREAK(rules[0].proto, 47, "rule's protocol"),
	BREAK(rules[1].pool, 5, "unknown pool"),
	BREAK(rules[1].number, 10, "rules are not sorted"),
	BREAK(pools[0].index, 4, "two pools"),
	BREAK(pools[0].index, SNAPSHOT_PASS, "pool is malformed"),
	BREAK(pools[0].port_first, 0, "pool is malformed"),
	BREAK(pools[0].port_first, 1025, "pool is malformed"),
	BREAK(pools[0].mapping_type, MAPPING_TYPE_COUNT, "pool is malformed"),
	BREAK(pools[0].filtering_type, FILTERING_TYPE_COUNT, "pool is malformed"),
	BREAK(pools[1].addresses, 4, "pool's addresses"),
	BREAK(pools[1].addresses, 0, "pool's addresses"),
	BREAK(pools[1].first_address, 5, "pool's addresses"),
};

static void test_broken(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct block b;
		struct snapshot s;
		const char *wrong;

		make(&b);
		/* Little-endian: the low bytes come first. */
		memcpy((char *)&b + broken[i].offset, &broken[i].value, broken[i].bytes);
		wrong = snapshot_open(&s, &b, sizeof(b));
		if (!wrong || !strstr(wrong, broken[i].message))
			fail_msg("case %zu: expected \"%s\", is \"%s\"", i, broken[i].message,
				 wrong ? wrong : "accepted");
	}
}

static void test_names(void **state)
{
	struct block b;
	struct snapshot s;
	(void)state;

	make(&b);
	memset(b.ports[1].name, 'x', SNAPSHOT_NAME);
	assert_non_null(snapshot_open(&s, &b, sizeof(b)));
	make(&b);
	memset(b.services[1].name, 'x', SNAPSHOT_NAME);
	assert_non_null(snapshot_open(&s, &b, sizeof(b)));
	make(&b);
	memset(b.pools[1].name, 'x', SNAPSHOT_NAME);
	assert_non_null(snapshot_open(&s, &b, sizeof(b)));
}

static void test_shape(void **state)
{
	struct block b[2];
	struct snapshot s;
	(void)state;

	make(&b[0]);
	b[0].header.magic++;
	assert_non_null(snapshot_open(&s, &b[0], sizeof(b[0])));
	make(&b[0]);
	assert_non_null(snapshot_open(&s, NULL, 0));
	assert_non_null(snapshot_open(&s, &b[0], 0));
	assert_non_null(snapshot_open(&s, &b[0], sizeof(b[0].header) - 1));
	assert_non_null(snapshot_open(&s, &b[0], sizeof(b[0]) - 1));
	assert_null(snapshot_open(&s, &b[0], sizeof(b[0]) + 1)); /* a file may be longer */
	memmove((char *)b + 4, b, sizeof(b[0]));
	assert_non_null(snapshot_open(&s, (char *)b + 4, sizeof(b[0])));
}

static void mutate(struct random *random, uint8_t *block)
{
	static const uint32_t edges[] = {
		0,	1,	 2,	     7,		 31,	     32,	 33,	    0xff,
		0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff, 0x01000000};

	for (unsigned n = 1 + random_below(random, 4); n; n--) {
		size_t at = random_below(random, sizeof(struct block));
		uint32_t edge = edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];

		switch (random_below(random, 3)) {
		case 0:
			block[at] ^= (uint8_t)(1u << random_below(random, 8));
			break;
		case 1:
			block[at] = (uint8_t)random_next(random);
			break;
		default:
			memcpy(block + (at & ~(size_t)3), &edge, sizeof(edge));
			break;
		}
	}
}

static void test_mutations(void **state)
{
	enum { ROUNDS = 100000 };
	struct random random = {2024};
	unsigned accepted = 0;
	(void)state;

	for (unsigned i = 0; i < ROUNDS; i++) {
		/* On the heap and no longer than said, so that a read beyond is seen. */
		struct block *b = malloc(sizeof(*b));
		struct snapshot s;

		assert_non_null(b);
		make(b);
		mutate(&random, (uint8_t *)b);
		if (!snapshot_open(&s, b, sizeof(*b))) {
			accepted++;
			snapshot_walk(&s);
		}
		free(b);
	}
	/* Both ways must have been taken often. */
	assert_in_range(accepted, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_shape),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
