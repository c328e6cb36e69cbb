/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of keys that collide when the hash has no secret (all of its key is zero) is worth nothing
 * against a table with one: looking these up costs less than twice what random keys cost. Counted
 * in slots and chain entries looked at, not in time.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/flow/hash.h"
#include "datapath/flow/table.h"
#include "datapath/frag/frag.h"
#include "datapath/policy/client.h"
#include "datapath/policy/mapping.h"

#define KEYS	 192u /* in a set */
#define BATCH	 32u  /* tried in one table, to find them */
#define CAPACITY 256u
#define ROUNDS	 16u /* random secrets that a set is tried against */

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

static struct flow_tuple random_tuple(void)
{
	return (struct flow_tuple){
		.src = draw(), .dst = draw(), .sport = (be16)draw(), .dport = 443};
}

/* --- the flow table: buckets of eight slots ----------------------------------------------------
 */

static void *open_table(struct flow_table *table, const uint8_t secret[32])
{
	size_t bytes = flow_table_bytes(CAPACITY);
	void *memory = aligned_alloc(4096, bytes);

	assert_non_null(memory);
	memset(memory, 0, bytes);
	flow_table_format(memory, CAPACITY, secret, 0);
	assert_int_equal(flow_table_attach(table, memory, bytes), 0);
	return memory;
}

/* Enter flows whose first sides are @set. Return: how many there was room for. */
static unsigned enter(struct flow_table *table, const struct flow_tuple *set)
{
	unsigned entered = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		uint32_t index = flow_alloc(table, 0);
		struct flow *flow;

		if (index == FLOW_NONE)
			break;
		flow = &table->records[index];
		flow->tuple[0] = set[i];
		flow->tuple[1] = random_tuple();
		flow->proto = IPPROTO_UDP;
		flow->port[1] = 1;
		if (flow_publish(table, index))
			entered++;
		else
			flow_abandon(table, index);
	}
	return entered;
}

/* Slots that stand in the two buckets of each key: what a look-up may have to compare. */
static unsigned long table_work(const struct flow_table *table, const struct flow_tuple *set)
{
	unsigned long work = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		uint64_t hash = flow_hash(table, &set[i], IPPROTO_UDP, 0);

		for (unsigned choice = 0; choice < 2; choice++) {
			const struct flow_bucket *bucket =
				&table->buckets[flow_bucket(hash, table->bucket_mask, choice)];

			for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS; slot++)
				work += atomic_load(&bucket->slot[slot]) != 0;
		}
	}
	return work;
}

static void test_flow_table(void **state)
{
	static struct flow_tuple aimed[KEYS], random[KEYS];
	static const uint8_t none[32];
	unsigned long aimed_work = 0, random_work = 0;
	struct flow_table table;
	void *memory = open_table(&table, none);

	(void)state;
	for (unsigned i = 0; i < KEYS;) {
		uint64_t hash;

		aimed[i] = random_tuple();
		hash = flow_hash(&table, &aimed[i], IPPROTO_UDP, 0);
		if (flow_bucket(hash, table.bucket_mask, 0) == 3 &&
		    flow_bucket(hash, table.bucket_mask, 1) == 8)
			i++;
	}
	/* without a secret they fill their two buckets, and then no more of them can be made */
	assert_in_range(enter(&table, aimed), FLOW_BUCKET_SLOTS, 2 * FLOW_BUCKET_SLOTS);
	flow_table_detach(&table);
	free(memory);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned set = 0; set < 2; set++) {
			const struct flow_tuple *keys = set ? random : aimed;
			uint8_t secret[32];

			for (unsigned i = 0; i < sizeof(secret); i++)
				secret[i] = (uint8_t)draw();
			for (unsigned i = 0; i < KEYS; i++)
				random[i] = random_tuple();
			memory = open_table(&table, secret);
			assert_int_equal(enter(&table, keys), KEYS);
			*(set ? &random_work : &aimed_work) += table_work(&table, keys);
			flow_table_detach(&table);
			free(memory);
		}
	}
	assert_true(aimed_work < 2 * random_work);
}

/* --- chained tables: mappings, clients, fragments -----------------------------------------------
 */

struct pair {
	be32 addr;
	be16 port;
};

/* A table of one kind with a secret; add() enters a key, and returns its chain's length
 * then. */
struct chained {
	void *(*open)(const uint32_t secret[2]);
	unsigned (*add)(void *table, struct pair key);
	void (*close)(void *table);
	unsigned usual; /* length that is not reached on average, without an attack */
};

struct mapped {
	struct mappings mappings;
	struct flow flow[CAPACITY];
	uint32_t flows;
};

static void *mappings_open(const uint32_t secret[2])
{
	struct mapped *mapped = calloc(1, sizeof(*mapped));

	assert_non_null(mapped);
	assert_int_equal(mappings_init(&mapped->mappings, mapped->flow, CAPACITY, secret), 0);
	return mapped;
}

/* Of the index by the inside: entries of the bucket where it stands, and of those on the way. */
static unsigned mappings_add(void *table, struct pair key)
{
	struct mapped *mapped = table;
	const struct mappings *m = &mapped->mappings;
	struct mapping_bucket before[CAPACITY];
	struct flow *flow = &mapped->flow[mapped->flows];
	unsigned length = 0;

	flow->tuple[0] = (struct flow_tuple){.src = key.addr, .sport = key.port};
	flow->tuple[1] = (struct flow_tuple){.dst = key.addr, .dport = key.port};
	flow->proto = IPPROTO_UDP;
	memcpy(before, m->internal, m->buckets * sizeof(before[0]));
	assert_true(mapping_begin(&mapped->mappings, FLOW_REF(mapped->flows, 0), 0, true));
	for (uint32_t i = 0; i < m->buckets; i++) {
		if (!memcmp(&before[i], &m->internal[i], sizeof(before[i])))
			continue;
		for (unsigned entry = 0; entry < MAPPING_BUCKET_ENTRIES; entry++)
			length += m->internal[i].entry[entry] != 0;
	}
	mapped->flows++;
	return length;
}

static void mappings_close(void *table)
{
	mappings_fini(&((struct mapped *)table)->mappings);
	free(table);
}

static void *clients_open(const uint32_t secret[2])
{
	struct clients *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_int_equal(clients_init(c, CAPACITY, secret), 0);
	return c;
}

static unsigned clients_add(void *table, struct pair key)
{
	struct clients *c = table;
	uint32_t index = client_get(c, key.addr, CLIENT_SCOPE_PORTGROUP(0), 1);
	unsigned length = 0;

	assert_int_not_equal(index, CLIENT_NONE);
	for (uint32_t at = index + 1; at; at = c->client[at - 1].next)
		length++;
	return length;
}

static void clients_close(void *table)
{
	clients_fini(table);
	free(table);
}

static void *frags_open(const uint32_t secret[2])
{
	struct frags *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(frags_init(f, secret), 0);
	return f;
}

static unsigned frags_add(void *table, struct pair key)
{
	struct packet p = {.ip_id = key.port, .proto = IPPROTO_UDP};
	struct frags *f = table;
	const struct frag *frag;
	unsigned length = 0;

	p.tuple.src = key.addr;
	p.tuple.dst = 0x0a0a000a;
	frag = frag_get(f, &p, 1);
	assert_non_null(frag);
	for (uint16_t at = (uint16_t)(frag - f->entry + 1); at; at = f->entry[at - 1].next)
		length++;
	return length;
}

static void frags_close(void *table)
{
	frags_fini(table);
	free(table);
}

static struct pair random_pair(void)
{
	return (struct pair){.addr = draw(), .port = (be16)draw()};
}

/* Whether the table without a secret chains the two together, with nothing else in it. */
static bool meet(const struct chained *kind, struct pair one, struct pair other)
{
	static const uint32_t none[2];
	void *table = kind->open(none);
	unsigned length;

	kind->add(table, one);
	length = kind->add(table, other);
	kind->close(table);
	return length == 2;
}

/* Keys that the table without a secret chains together with the first of them. */
static void aim(const struct chained *kind, struct pair set[KEYS])
{
	static const uint32_t none[2];
	unsigned found = 1;

	set[0] = random_pair();
	while (found < KEYS) {
		void *table = kind->open(none);

		kind->add(table, set[0]);
		/* what meets another one may have met the first */
		for (unsigned i = 0; i < BATCH && found < KEYS; i++) {
			struct pair tried = random_pair();

			if (kind->add(table, tried) > 1 && meet(kind, set[0], tried))
				set[found++] = tried;
		}
		kind->close(table);
	}
}

static unsigned long chain_work(const struct chained *kind, const struct pair *set,
				const uint32_t secret[2])
{
	void *table = kind->open(secret);
	unsigned long work = 0;

	for (unsigned i = 0; i < KEYS; i++)
		work += kind->add(table, set[i]);
	kind->close(table);
	return work;
}

static void try_chained(const struct chained *kind)
{
	static struct pair aimed[KEYS], scan[KEYS], random[KEYS];
	static const uint32_t none[2];
	unsigned long aimed_work = 0, scan_work = 0, random_work = 0;

	aim(kind, aimed);
	for (unsigned i = 0; i < KEYS; i++) /* one after the other: also not worse */
		scan[i] = (struct pair){.addr = htonl(0x0a000000 + i),
					.port = htons((uint16_t)(1024 + i))};
	/* without a secret: one chain of them all */
	assert_int_equal(chain_work(kind, aimed, none), KEYS * (KEYS + 1) / 2);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const uint32_t secret[2] = {draw(), draw()};

		for (unsigned i = 0; i < KEYS; i++)
			random[i] = random_pair();
		aimed_work += chain_work(kind, aimed, secret);
		scan_work += chain_work(kind, scan, secret);
		random_work += chain_work(kind, random, secret);
	}
	assert_true(random_work < (unsigned long)kind->usual * KEYS * ROUNDS);
	assert_true(aimed_work < 2 * random_work);
	assert_true(scan_work < 2 * random_work);
}

static void test_mappings(void **state)
{
	(void)state;
	try_chained(&(struct chained){mappings_open, mappings_add, mappings_close, 8});
}

static void test_clients(void **state)
{
	(void)state;
	try_chained(&(struct chained){clients_open, clients_add, clients_close, 3});
}

static void test_fragments(void **state)
{
	(void)state;
	try_chained(&(struct chained){frags_open, frags_add, frags_close, 3});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_table),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
