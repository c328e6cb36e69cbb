/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings, which are nothing beside the flows that use them, against a model that counts members.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/policy/mapping.h"
#include "tests/unit/model.h"

#define OPERATIONS 200000u
#define CAPACITY   600u	 /* of flows, and of mappings: a flow may begin two */
#define MAPPINGS   2000u /* two external ports for each internal host and port */

static uint64_t seed = 7;

static uint32_t draw(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % bound;
}

/* What a mapping's number makes of it. */
static struct mapping numbered(uint32_t number)
{
	return (struct mapping){.internal = number / 64,
				.internal_port = (be16)(number / 2),
				.external = 9,
				.external_port = (be16)(number + 1),
				.proto = IPPROTO_TCP,
				.port = (uint8_t)(number / 2 % 3),
				.pool = (uint16_t)(number / 2 % 5)};
}

static struct {
	struct flow flow[CAPACITY];
	struct mappings mappings;
	uint32_t of[2 * CAPACITY]; /* by member: number of its mapping + 1 */
	struct {
		unsigned members;
		bool shared; /* found by the inside */
	} mapping[MAPPINGS];
	unsigned live;
} t;

static void write_side(uint32_t member, const struct mapping *m)
{
	struct flow *flow = &t.flow[FLOW_REF_INDEX(member)];
	unsigned inside = FLOW_REF_SIDE(member);

	flow->tuple[inside].src = m->internal;
	flow->tuple[inside].sport = m->internal_port;
	flow->tuple[!inside].dst = m->external;
	flow->tuple[!inside].dport = m->external_port;
	flow->proto = m->proto;
	flow->port[inside] = m->port;
	if (!inside)
		flow->pool = m->pool;
}

static uint32_t find_inside(const struct mapping *m)
{
	return mapping_find_internal(&t.mappings, m->internal, m->internal_port, m->proto, m->port,
				     m->pool);
}

static uint32_t find_outside(const struct mapping *m)
{
	return mapping_find_external(&t.mappings, m->external, m->external_port, m->proto);
}

static void check(uint32_t number)
{
	struct mapping m = numbered(number), found;
	uint32_t leader = find_outside(&m);
	bool shared[2] = {t.mapping[number & ~1u].shared, t.mapping[number | 1].shared};

	assert_int_equal(leader != MAPPING_NONE, t.mapping[number].members != 0);
	if (leader != MAPPING_NONE) {
		assert_int_equal(t.of[leader], number + 1);
		found = mapping_of(&t.mappings, leader);
		assert_memory_equal(&found, &m, sizeof(m));
	}
	assert_false(shared[0] && shared[1]);
	leader = find_inside(&m);
	assert_int_equal(leader != MAPPING_NONE, shared[0] || shared[1]);
	if (leader != MAPPING_NONE)
		assert_int_equal(t.of[leader], (shared[1] ? number | 1 : number & ~1u) + 1);
	m.proto = IPPROTO_UDP;
	assert_int_equal(find_inside(&m), MAPPING_NONE);
	assert_int_equal(find_outside(&m), MAPPING_NONE);
}

static void enter(uint32_t member, uint32_t number)
{
	struct mapping m = numbered(number);
	bool shared = find_inside(&m) == MAPPING_NONE, lead = draw(2);
	uint32_t leader = find_outside(&m);

	write_side(member, &m);
	if (leader != MAPPING_NONE) {
		mapping_join(&t.mappings, leader, member, lead);
		assert_int_equal(find_outside(&m), lead ? member : leader);
	} else if (mapping_begin(&t.mappings, member, m.pool, shared)) {
		t.mapping[number].shared = shared;
		t.live++;
	} else {
		assert_int_equal(t.live, CAPACITY);
		/* it found no room; its end must not end anything */
		assert_false(mapping_leave(&t.mappings, member));
		return;
	}
	t.of[member] = number + 1;
	t.mapping[number].members++;
}

static void leave(uint32_t member, uint32_t number)
{
	bool last = --t.mapping[number].members == 0;
	uint32_t other = member ^ 1;

	assert_int_equal(mapping_ends_with(&t.mappings, member),
			 t.mapping[number].members == (t.of[other] == number + 1));
	t.of[member] = 0;
	assert_int_equal(mapping_leave(&t.mappings, member), last);
	if (last) {
		t.mapping[number].shared = false;
		t.live--;
	}
}

static void test_model(void **state)
{
	const uint32_t key[2] = {0x12345678, 0x9abcdef1};

	(void)state;
	assert_int_equal(mappings_init(&t.mappings, t.flow, CAPACITY, key), 0);
	for (unsigned long left = model_operations(OPERATIONS); left > 0; left--) {
		uint32_t member = draw(2 * CAPACITY), number = draw(MAPPINGS);

		if (left / 32768 % 2) /* now many members each, now few */
			number %= 200;
		if (t.of[member]) {
			number = t.of[member] - 1;
			if (draw(4) == 0) /* so that at times it is full */
				leave(member, number);
		} else {
			enter(member, number);
		}
		check(number);
		assert_int_equal(t.mappings.used, t.live);
	}
	for (uint32_t member = 0; member < 2 * CAPACITY; member++)
		if (t.of[member])
			leave(member, t.of[member] - 1);
	assert_int_equal(t.live, 0);
	/* nothing is left behind in the indices */
	for (uint32_t i = 0; i < 2 * t.mappings.buckets; i++) {
		static const struct mapping_bucket empty;

		assert_memory_equal(&t.mappings.internal[i], &empty, sizeof(empty));
	}
	mappings_fini(&t.mappings);
}

static void test_permits(void **state)
{
	static unsigned flows[64][8]; /* model: by mapping and remote */
	const uint32_t key[2] = {0x12345678, 0x9abcdef1};
	struct mappings mappings;

	(void)state;
	assert_int_equal(mappings_init(&mappings, t.flow, CAPACITY, key), 0);
	for (unsigned long left = model_operations(OPERATIONS); left > 0; left--) {
		uint32_t number = draw(64), remote = draw(8);
		struct mapping m = numbered(number);

		assert_int_equal(permit_find(&mappings, &m, remote), flows[number][remote] != 0);
		if (draw(2)) {
			assert_true(permit_add(&mappings, &m, remote));
			flows[number][remote]++;
		} else {
			permit_drop(&mappings, &m, remote); /* also of one that is not there */
			flows[number][remote] -= flows[number][remote] != 0;
		}
	}
	mappings_fini(&mappings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
