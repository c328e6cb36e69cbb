/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index is a two-choice table of cache-line buckets. A key goes to its first bucket while that
 * has room to spare, else to the emptier of both; at the load that flow_table_bytes() provides for
 * (at most 1/2) a bucket of eight overflows so rarely that a flow is then simply refused.
 *
 * Order of stores when a flow is made: record, key word, both slots (release). When it ends:
 * key word to tombstone, both slots to 0, key word to empty. So a reader that finds a slot
 * and sees FLOW_ACTIVE before and after copying has a whole record.
 *
 * So whoever was killed in between has left slots only of records whose key word is not empty, and
 * a table is taken over record by record, in a time that depends on its flows and not on its size.
 * A slot that leads anywhere else, which only damage can bring about, is passed over by every
 * look-up: beyond the records that were ever used, or to one that is not active.
 */
#include "datapath/flow/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/counters.h"
#include "datapath/flow/ends.h"
#include "datapath/flow/probe.h"
#include "datapath/flow/window.h"

#define PAGE_BYTES 4096u
/* Simulated at full load: 5 % of keys stand in their second bucket, after churn 16 %; all
 * find a place. */
#define FLOW_BUCKET_SPARE 2u
#define ATTACH_AHEAD	  32u /* records */

static uint32_t buckets_for(uint32_t capacity)
{
	/* two slots a flow at load 1/2: four slots a flow, eight a bucket */
	uint32_t buckets = 2;

	while (buckets < capacity / 2)
		buckets *= 2;
	return buckets;
}

/* What is there for certain, whatever version made the table. */
static size_t records_end(uint32_t capacity)
{
	return (1 + (size_t)buckets_for(capacity) / 2 + capacity) * FLOW_ELEMENT_BYTES;
}

size_t flow_table_bytes(uint32_t capacity)
{
	size_t bytes = records_end(capacity) + (size_t)ENDS_ELEMENTS * FLOW_ELEMENT_BYTES;

	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void flow_table_format(void *memory, uint32_t capacity, const uint8_t key[32], uint64_t epoch_s)
{
	struct flow_header *header = memory;

	header->layout_version = FLOW_LAYOUT_VERSION;
	header->element_bytes = FLOW_ELEMENT_BYTES;
	header->capacity = capacity;
	header->buckets = buckets_for(capacity);
	header->index_first = 1;
	header->record_first = 1 + header->buckets / 2;
	header->ends_first = header->record_first + capacity;
	memcpy(header->hash_key, key, sizeof(header->hash_key));
	header->epoch = epoch_s;
	header->magic = FLOW_TABLE_MAGIC;
}

const char *flow_table_check(const void *memory, size_t bytes)
{
	const struct flow_header *header = memory;

	if (bytes < sizeof(*header) || header->magic != FLOW_TABLE_MAGIC)
		return "not a flow table";
	if (header->layout_version != FLOW_LAYOUT_VERSION ||
	    header->element_bytes != FLOW_ELEMENT_BYTES)
		return "a flow table of another layout version";
	if (header->capacity < FLOW_CAPACITY_MIN || header->capacity > FLOW_CAPACITY_MAX ||
	    header->buckets != buckets_for(header->capacity) || header->index_first != 1 ||
	    header->record_first != 1 + header->buckets / 2 ||
	    (header->ends_first && header->ends_first != header->record_first + header->capacity))
		return "a flow table whose header contradicts itself";
	if (bytes < (header->ends_first ? flow_table_bytes(header->capacity)
					: records_end(header->capacity)))
		return "a flow table that is cut short";
	return NULL;
}

int flow_table_view(struct flow_table *table, const void *memory, size_t bytes)
{
	/* a view is only read; the cast spares a second set of types */
	uint8_t *base = (uint8_t *)(uintptr_t)memory;
	struct flow_header *header = (struct flow_header *)base;

	if (flow_table_check(memory, bytes))
		return -EINVAL;
	*table = (struct flow_table){
		.header = header,
		.buckets = (struct flow_bucket *)(base + FLOW_ELEMENT_BYTES),
		.records =
			(struct flow *)(base + (size_t)header->record_first * FLOW_ELEMENT_BYTES),
		.bucket_mask = header->buckets - 1,
		.capacity = header->capacity,
		.free_first = FLOW_NONE,
		.free_last = FLOW_NONE,
	};
	return 0;
}

static bool record_is_whole(const struct flow *flow)
{
	uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

	return FLOW_WORD_STATE(word) == FLOW_ACTIVE && flow->port[0] < COUNTERS_PORTS &&
	       flow->port[1] < COUNTERS_PORTS && flow->tcp_state < TCP_STATE_COUNT &&
	       flow->tcp[0].scale <= TCP_SCALE_MAX && flow->tcp[1].scale <= TCP_SCALE_MAX;
}

static _Atomic uint64_t *find_slot(const struct flow_table *table, const struct flow_tuple *tuple,
				   uint8_t proto, uint8_t port, uint32_t ref);

static void free_record(struct flow_table *table, uint32_t index)
{
	table->free_next[index] = FLOW_NONE;
	if (table->free_last == FLOW_NONE)
		table->free_first = index;
	else
		table->free_next[table->free_last] = index;
	table->free_last = index;
}

void flow_prefetch(const struct flow_table *table, const struct flow *flow, unsigned side)
{
	uint64_t hash = flow_hash(table, &flow->tuple[side], flow->proto, flow->port[side]);

	__builtin_prefetch(&table->buckets[flow_bucket(hash, table->bucket_mask, 0)], 1);
	PREFETCHES();
}

/* Before a record is looked at, it is fetched, and then its slots. */
static void attach_ahead(const struct flow_table *table, uint32_t index, uint32_t high)
{
	const struct flow *flow = &table->records[index];

	if (index + ATTACH_AHEAD < high) {
		__builtin_prefetch(flow + ATTACH_AHEAD);
		__builtin_prefetch(flow[ATTACH_AHEAD].packets);
	}
	if (index + ATTACH_AHEAD / 2 >= high)
		return;
	flow += ATTACH_AHEAD / 2;
	if (FLOW_WORD_STATE(atomic_load_explicit(&flow->word, memory_order_relaxed)) == FLOW_EMPTY)
		return;
	for (unsigned side = 0; side < 2; side++)
		flow_prefetch(table, flow, side);
	PREFETCHES();
}

int flow_table_attach(struct flow_table *table, void *memory, size_t bytes)
{
	int result = flow_table_view(table, memory, bytes);
	uint32_t generation, high;

	if (result)
		return result;
	high = atomic_load_explicit(&table->header->record_high, memory_order_relaxed);
	if (high > table->capacity)
		return -EINVAL;
	table->free_next = calloc(table->capacity, sizeof(*table->free_next));
	if (!table->free_next)
		return -ENOMEM;
	for (uint32_t i = 0; i < high; i++) {
		struct flow *flow = &table->records[i];
		uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);
		_Atomic uint64_t *slot[2] = {NULL, NULL};

		attach_ahead(table, i, high);
		if (FLOW_WORD_STATE(word) != FLOW_EMPTY)
			for (unsigned side = 0; side < 2; side++)
				slot[side] = find_slot(table, &flow->tuple[side], flow->proto,
						       flow->port[side], FLOW_REF(i, side));
		if (slot[0] && slot[1] && record_is_whole(flow)) {
			table->used++;
			continue;
		}
		for (unsigned side = 0; side < 2; side++)
			if (slot[side])
				atomic_store_explicit(slot[side], 0, memory_order_relaxed);
		generation = FLOW_WORD_GENERATION(word);
		atomic_store_explicit(&flow->word, FLOW_WORD(FLOW_EMPTY, generation),
				      memory_order_relaxed);
		free_record(table, i);
	}
	return 0;
}

void flow_table_detach(struct flow_table *table)
{
	free(table->free_next);
	table->free_next = NULL;
}

uint64_t flow_hash(const struct flow_table *table, const struct flow_tuple *tuple, uint8_t proto,
		   uint8_t port)
{
	return flow_hash_keyed(table->header->hash_key, tuple, proto, port);
}

uint32_t flow_paired(const struct flow_table *table, be32 src, uint32_t n)
{
	const struct flow_tuple host = {.src = src};

	return n > 1 ? (uint32_t)(flow_hash(table, &host, 0, 0) >> 32) % n : 0;
}

static inline uint32_t bucket_of(const struct flow_table *table, uint64_t hash, unsigned choice)
{
	return flow_bucket(hash, table->bucket_mask, choice);
}

static inline bool tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b)
{
	return a->src == b->src && a->dst == b->dst && a->sport == b->sport && a->dport == b->dport;
}

uint32_t flow_find(const struct flow_table *table, const struct flow_tuple *tuple, uint8_t proto,
		   uint8_t port, uint64_t hash)
{
	uint32_t tag = flow_tag(hash), high = flow_table_high(table);

	for (unsigned choice = 0; choice < 2; choice++) {
		const struct flow_bucket *bucket = &table->buckets[bucket_of(table, hash, choice)];
		unsigned bits = flow_match_tag(bucket, tag);

		for (; bits; bits &= bits - 1) {
			uint64_t slot = atomic_load_explicit(&bucket->slot[__builtin_ctz(bits)],
							     memory_order_relaxed);
			uint32_t ref = (uint32_t)slot;
			const struct flow *flow;
			unsigned side = FLOW_REF_SIDE(ref);

			if (slot >> 32 != tag || FLOW_REF_INDEX(ref) >= high)
				continue;
			flow = &table->records[FLOW_REF_INDEX(ref)];
			if (FLOW_WORD_STATE(atomic_load_explicit(
				    &flow->word, memory_order_relaxed)) == FLOW_ACTIVE &&
			    tuple_equal(&flow->tuple[side], tuple) && flow->proto == proto &&
			    flow->port[side] == port)
				return ref;
		}
	}
	return FLOW_NONE;
}

uint32_t flow_alloc(struct flow_table *table, uint32_t rested_tick)
{
	uint32_t index = table->free_first;
	uint32_t high = atomic_load_explicit(&table->header->record_high, memory_order_relaxed);
	struct flow *flow;
	uint32_t word;

	if (index != FLOW_NONE && (high == table->capacity ||
				   (int32_t)(table->records[index].seen_tick - rested_tick) <= 0)) {
		table->free_first = table->free_next[index];
		if (table->free_first == FLOW_NONE)
			table->free_last = FLOW_NONE;
	} else if (high < table->capacity) {
		index = high;
		atomic_store_explicit(&table->header->record_high, high + 1, memory_order_relaxed);
	} else {
		return FLOW_NONE;
	}
	flow = &table->records[index];
	word = atomic_load_explicit(&flow->word, memory_order_relaxed);
	memset(flow, 0, sizeof(*flow));
	atomic_store_explicit(&flow->word, FLOW_WORD(FLOW_PENDING, FLOW_WORD_GENERATION(word) + 1),
			      memory_order_release);
	return index;
}

static void set_state(struct flow *flow, enum flow_state state)
{
	uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

	atomic_store_explicit(&flow->word, FLOW_WORD(state, FLOW_WORD_GENERATION(word)),
			      memory_order_release);
}

void flow_abandon(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->records[index];

	flow->flags = 0; /* it held no port */
	set_state(flow, FLOW_EMPTY);
	free_record(table, index);
}

/* An empty slot other than @taken; NULL if both buckets are full. The first bucket gets all but
 * its last FLOW_BUCKET_SPARE slots for keys of which it is the first choice, so that look-ups
 * seldom need the second; these go to whichever bucket is emptier. */
static _Atomic uint64_t *empty_slot(const struct flow_table *table, uint64_t hash,
				    const _Atomic uint64_t *taken)
{
	_Atomic uint64_t *found[2] = {NULL, NULL};
	unsigned empty[2] = {0, 0};

	for (unsigned choice = 0; choice < 2; choice++) {
		struct flow_bucket *bucket = &table->buckets[bucket_of(table, hash, choice)];
		unsigned bits = flow_match_tag(bucket, 0); /* that no slot in use has */

		if (taken >= bucket->slot && taken < bucket->slot + FLOW_BUCKET_SLOTS)
			bits &= ~(1u << (taken - bucket->slot));
		empty[choice] = (unsigned)__builtin_popcount(bits);
		if (bits)
			found[choice] = &bucket->slot[__builtin_ctz(bits)];
	}
	if (empty[0] > FLOW_BUCKET_SPARE)
		return found[0];
	return empty[1] > empty[0] ? found[1] : found[0];
}

bool flow_publish(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->records[index];
	_Atomic uint64_t *slot[2] = {NULL, NULL};
	uint64_t hash[2];

	if (flow->port[0] == flow->port[1] && tuple_equal(&flow->tuple[0], &flow->tuple[1]))
		return false; /* a flow from itself to itself would answer itself for ever */
	for (unsigned side = 0; side < 2; side++) {
		hash[side] = flow_hash(table, &flow->tuple[side], flow->proto, flow->port[side]);
		for (unsigned choice = 0; choice < 2; choice++)
			__builtin_prefetch(&table->buckets[bucket_of(table, hash[side], choice)]);
	}
	for (unsigned side = 0; side < 2; side++) {
		if (flow_find(table, &flow->tuple[side], flow->proto, flow->port[side],
			      hash[side]) != FLOW_NONE)
			return false;
		slot[side] = empty_slot(table, hash[side], slot[0]);
		if (!slot[side])
			return false;
	}
	set_state(flow, FLOW_ACTIVE);
	for (unsigned side = 0; side < 2; side++)
		atomic_store_explicit(slot[side],
				      (uint64_t)flow_tag(hash[side]) << 32 | FLOW_REF(index, side),
				      memory_order_release);
	table->used++;
	return true;
}

static _Atomic uint64_t *find_slot(const struct flow_table *table, const struct flow_tuple *tuple,
				   uint8_t proto, uint8_t port, uint32_t ref)
{
	uint64_t hash = flow_hash(table, tuple, proto, port);
	uint64_t wanted = (uint64_t)flow_tag(hash) << 32 | ref;

	for (unsigned choice = 0; choice < 2; choice++) {
		struct flow_bucket *bucket = &table->buckets[bucket_of(table, hash, choice)];

		for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++)
			if (atomic_load_explicit(&bucket->slot[i], memory_order_relaxed) == wanted)
				return &bucket->slot[i];
	}
	return NULL;
}

void flow_remove(struct flow_table *table, uint32_t index, uint32_t now_tick)
{
	struct flow *flow = &table->records[index];

	set_state(flow, FLOW_TOMBSTONE);
	for (unsigned side = 0; side < 2; side++) {
		_Atomic uint64_t *slot = find_slot(table, &flow->tuple[side], flow->proto,
						   flow->port[side], FLOW_REF(index, side));

		if (slot)
			atomic_store_explicit(slot, 0, memory_order_release);
	}
	flow->seen_tick = now_tick;
	set_state(flow, FLOW_EMPTY);
	free_record(table, index);
	table->used--;
}

uint32_t flow_table_high(const struct flow_table *table)
{
	uint32_t high = atomic_load_explicit(&table->header->record_high, memory_order_acquire);

	return high < table->capacity ? high : table->capacity;
}

bool flow_copy(const struct flow_table *table, uint32_t index, struct flow *copy)
{
	const struct flow *flow = &table->records[index];

	for (unsigned attempt = 0; attempt < 4; attempt++) {
		uint32_t before = atomic_load_explicit(&flow->word, memory_order_acquire);

		if (FLOW_WORD_STATE(before) != FLOW_ACTIVE)
			return false;
		memcpy(copy, flow, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&flow->word, memory_order_relaxed) == before)
			return true;
	}
	return false;
}
