/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table against a trivially simple model, its limits, and what a crash may leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/flow/probe.h"
#include "datapath/flow/table.h"
#include "tests/unit/model.h"

#define CAPACITY   4096u
#define OPERATIONS 2000000u

static uint64_t seed = 88172645463325252ull;

static uint32_t draw(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % bound;
}

static void *new_memory(uint32_t capacity, size_t *bytes)
{
	uint8_t key[32];
	void *memory;

	*bytes = flow_table_bytes(capacity);
	memory = aligned_alloc(4096, *bytes);
	assert_non_null(memory);
	memset(memory, 0, *bytes);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)draw(256);
	flow_table_format(memory, capacity, key, 7);
	return memory;
}

/* Keys from a small space, so that duplicates are tried. */
static void fill(struct flow *flow, uint32_t n)
{
	flow->tuple[0] =
		(struct flow_tuple){.src = n, .dst = 1, .sport = (be16)(n % 7), .dport = 80};
	flow->tuple[1] = (struct flow_tuple){.src = 2, .dst = 3, .sport = 80, .dport = (be16)n};
	flow->proto = 6;
	flow->port[0] = (uint8_t)(n % 3);
	flow->port[1] = 4;
}

static uint64_t hash_of(const struct flow_table *t, const struct flow *f, unsigned side)
{
	return flow_hash(t, &f->tuple[side], f->proto, f->port[side]);
}

static uint32_t find(const struct flow_table *t, const struct flow *f, unsigned side)
{
	return flow_find(t, &f->tuple[side], f->proto, f->port[side], hash_of(t, f, side));
}

/* A slot for flow @n that leads to record @index. */
static void damage(struct flow_table *t, uint32_t n, uint32_t index)
{
	struct flow wanted = {0};
	uint64_t hash;

	fill(&wanted, n);
	hash = hash_of(t, &wanted, 0);
	t->buckets[flow_bucket(hash, t->bucket_mask, 0)].slot[FLOW_BUCKET_SLOTS - 1] =
		(uint64_t)flow_tag(hash) << 32 | FLOW_REF(index, 0);
}

static void test_model(void **state)
{
	static uint32_t at[8192]; /* the model: record of each key, or FLOW_NONE */
	struct flow_table t;
	size_t bytes;
	void *memory = new_memory(CAPACITY, &bytes);
	unsigned long operations = model_operations(OPERATIONS);
	unsigned live = 0;

	(void)state;
	memset(at, 0xff, sizeof(at));
	assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
	for (unsigned long i = 0; i < operations; i++) {
		uint32_t n = draw(8192);
		struct flow wanted = {0};

		fill(&wanted, n);
		switch (draw(3)) {
		case 0: {
			uint32_t index = flow_alloc(&t, 0);

			if (live == CAPACITY) {
				assert_int_equal(index, FLOW_NONE);
				break;
			}
			assert_int_not_equal(index, FLOW_NONE);
			fill(&t.records[index], n);
			if (at[n] != FLOW_NONE) {
				assert_false(flow_publish(&t, index));
				flow_abandon(&t, index);
			} else {
				assert_true(flow_publish(&t, index));
				at[n] = index;
				live++;
			}
			break;
		}
		case 1:
			if (at[n] == FLOW_NONE)
				break;
			flow_remove(&t, at[n], 0);
			at[n] = FLOW_NONE;
			live--;
			break;
		default:
			for (unsigned side = 0; side < 2; side++) {
				uint32_t ref =
					at[n] == FLOW_NONE ? FLOW_NONE : FLOW_REF(at[n], side);

				assert_int_equal(find(&t, &wanted, side), ref);
			}
		}
		assert_int_equal(t.used, live);
		if (i % 500000 == 499999) { /* a new process takes it over as it is */
			flow_table_detach(&t);
			assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
			assert_int_equal(t.used, live);
		}
	}
	flow_table_detach(&t);
	free(memory);
}

/* The table must really hold what it says it holds. */
static void test_capacity(void **state)
{
	const uint32_t capacity = 65536;
	struct flow_table t;
	size_t bytes;
	void *memory = new_memory(capacity, &bytes);

	(void)state;
	assert_true(bytes / capacity <= 192);
	assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
	for (uint32_t i = 0; i < capacity; i++) {
		uint32_t index = flow_alloc(&t, 0);
		struct flow *f = &t.records[index];

		f->tuple[0] = (struct flow_tuple){
			.src = 10 + i / 60000, .sport = (be16)i, .dst = 9, .dport = 1};
		f->tuple[1] = (struct flow_tuple){
			.src = 9, .sport = 1, .dst = 10 + i / 60000, .dport = (be16)i};
		f->port[1] = 1;
		f->proto = 17;
		assert_true(flow_publish(&t, index));
	}
	assert_int_equal(flow_alloc(&t, 0), FLOW_NONE);
	flow_table_detach(&t);
	free(memory);
}

static void test_check(void **state)
{
	size_t bytes;
	uint8_t *memory = new_memory(FLOW_CAPACITY_MIN, &bytes);
	struct flow_header *header = (struct flow_header *)memory;
	struct flow_table t;

	(void)state;
	assert_null(flow_table_check(memory, bytes));
	assert_non_null(flow_table_check(memory, bytes - 1));
	assert_non_null(flow_table_check(memory, 10));
	for (unsigned i = 0; i < 32; i++) {
		memory[i] ^= 0x40;
		assert_non_null(flow_table_check(memory, bytes));
		memory[i] ^= 0x40;
	}
	header->record_high = FLOW_CAPACITY_MIN + 1;
	assert_true(flow_table_attach(&t, memory, bytes) < 0);
	free(memory);
}

/* Killed at any instruction: half-made flows, lost slots and torn records must not survive. */
static void test_mends(void **state)
{
	size_t bytes;
	void *memory = new_memory(CAPACITY, &bytes);
	struct flow_table t;
	uint32_t index[4];

	(void)state;
	assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
	for (uint32_t i = 0; i < 4; i++) {
		index[i] = flow_alloc(&t, 0);
		fill(&t.records[index[i]], i);
		assert_true(flow_publish(&t, index[i]));
	}
	/* 0: whole; 1: being removed; 2: one slot lost; 3: a field no flow can have */
	t.records[index[1]].word = FLOW_WORD(FLOW_TOMBSTONE, 9);
	for (uint32_t b = 0; b < t.header->buckets; b++)
		for (unsigned s = 0; s < FLOW_BUCKET_SLOTS; s++)
			if ((uint32_t)t.buckets[b].slot[s] == FLOW_REF(index[2], 1) &&
			    t.buckets[b].slot[s])
				t.buckets[b].slot[s] = 0;
	t.records[index[3]].port[0] = 200;
	damage(&t, 5, CAPACITY + 1000000u);
	damage(&t, 6, CAPACITY - 1);
	fill(&t.records[CAPACITY - 1], 6);
	t.records[CAPACITY - 1].word = FLOW_WORD(FLOW_ACTIVE, 1);
	t.records[CAPACITY - 1].port[1] = 200;
	flow_table_detach(&t);
	assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
	assert_int_equal(t.used, 1);
	for (uint32_t i = 0; i < 4; i++) {
		struct flow wanted = {0};

		fill(&wanted, i);
		assert_int_equal(find(&t, &wanted, 0), i == 0 ? FLOW_REF(index[0], 0) : FLOW_NONE);
		assert_int_equal(find(&t, &wanted, 1), i == 0 ? FLOW_REF(index[0], 1) : FLOW_NONE);
	}
	/* slots that lead beyond all records, and to one that was never used, are passed over */
	for (uint32_t i = 5; i < 7; i++) {
		struct flow wanted = {0};
		struct flow_probe probe = flow_probe(&t);

		fill(&wanted, i);
		assert_int_equal(find(&t, &wanted, 0), FLOW_NONE);
		assert_int_equal(flow_probe_candidate(&probe, hash_of(&t, &wanted, 0)), FLOW_NONE);
	}
	/* nothing leaked: all other slots and records are free again */
	for (uint32_t i = 1; i < CAPACITY; i++) {
		uint32_t n = flow_alloc(&t, 0);

		assert_int_not_equal(n, FLOW_NONE);
		fill(&t.records[n], i);
		assert_true(flow_publish(&t, n));
	}
	flow_table_detach(&t);
	free(memory);
}

static void test_copy(void **state)
{
	size_t bytes;
	void *memory = new_memory(CAPACITY, &bytes);
	struct flow_table t, view;
	struct flow copy;
	uint32_t index;

	(void)state;
	assert_int_equal(flow_table_attach(&t, memory, bytes), 0);
	index = flow_alloc(&t, 0);
	fill(&t.records[index], 5);
	assert_int_equal(flow_table_view(&view, memory, bytes), 0);
	assert_false(flow_copy(&view, index, &copy)); /* pending */
	assert_true(flow_publish(&t, index));
	assert_true(flow_copy(&view, index, &copy));
	assert_memory_equal(&copy, &t.records[index], sizeof(copy));
	assert_int_equal(flow_table_high(&view), 1);
	flow_remove(&t, index, 0);
	assert_false(flow_copy(&view, index, &copy));
	/* the same record again is another flow */
	assert_int_equal(flow_alloc(&t, 0), index);
	assert_int_not_equal(FLOW_WORD_GENERATION(copy.word),
			     FLOW_WORD_GENERATION(t.records[index].word));
	flow_table_detach(&t);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model), cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_check), cmocka_unit_test(test_mends),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
