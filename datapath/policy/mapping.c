/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two indices of leaders, each of cache lines of 15 entries and a count. An entry has its place in
 * the line of its hash; where that is full, in the first line after it that is not, and each line
 * passed over counts one more that has gone on from it. A search ends at a line from which none
 * has. So an entry is taken out without another one being moved, and there is no load at which one
 * finds no place. At the greatest load, 0.8, a look-up reads 1.3 lines.
 *
 * An entry is the member and seven bits of its hash; 0 is no entry.
 */
#include "datapath/policy/mapping.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES  64u
#define MEMBER_BITS 25u
#define MEMBER_MASK ((1u << MEMBER_BITS) - 1)
static_assert(FLOW_CAPACITY_MAX <= 1u << (MEMBER_BITS - 1), "a member and its tag fit an entry");

static_assert(sizeof(struct mapping_bucket) == LINE_BYTES, "a cache line");

struct permit {
	be32 external;
	be16 external_port;
	uint8_t proto;
	be32 remote;
	uint32_t flows;
	uint32_t next;
};

int mappings_init(struct mappings *mappings, const struct flow *records, uint32_t capacity,
		  const uint32_t key[2])
{
	uint32_t heads = 64;
	uintptr_t lines;

	while (heads < capacity)
		heads *= 2;
	memset(mappings, 0, sizeof(*mappings));
	mappings->records = records;
	mappings->capacity = capacity;
	mappings->buckets = capacity / 4 * 5 / MAPPING_BUCKET_ENTRIES + 1;
	mappings->head_mask = heads - 1;
	mappings->permit_free = MAPPING_NONE;
	memcpy(mappings->key, key, sizeof(mappings->key));
	/* calloc of this size maps zero pages: what is not used is not resident */
	mappings->memory = calloc(2 * (size_t)mappings->buckets + 1, sizeof(struct mapping_bucket));
	mappings->next = calloc(2 * (size_t)capacity, sizeof(uint32_t));
	mappings->prev = calloc(2 * (size_t)capacity, sizeof(uint32_t));
	mappings->pool = calloc(capacity, sizeof(uint16_t));
	mappings->permit = calloc(capacity, sizeof(*mappings->permit));
	mappings->permitted = calloc(heads, sizeof(uint32_t));
	if (!mappings->memory || !mappings->next || !mappings->prev || !mappings->pool ||
	    !mappings->permit || !mappings->permitted) {
		mappings_fini(mappings);
		return -ENOMEM;
	}
	lines = ((uintptr_t)mappings->memory + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	mappings->internal = (struct mapping_bucket *)lines;
	mappings->external = mappings->internal + mappings->buckets;
	return 0;
}

void mappings_fini(struct mappings *mappings)
{
	free(mappings->memory);
	free(mappings->next);
	free(mappings->prev);
	free(mappings->pool);
	free(mappings->permit);
	free(mappings->permitted);
	memset(mappings, 0, sizeof(*mappings));
}

/* NH over two words with the workers' key, see flow/hash.h */
static uint64_t hash_of(const struct mappings *mappings, uint32_t a, uint32_t b)
{
	uint64_t hash = (uint64_t)(a + mappings->key[0]) * (uint32_t)(b + mappings->key[1]);

	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ull;
}

static uint64_t internal_hash(const struct mappings *mappings, const struct mapping *m)
{
	return hash_of(mappings, m->internal,
		       (uint32_t)m->internal_port << 16 | (uint32_t)m->port << 8 | m->proto);
}

static uint64_t external_hash(const struct mappings *mappings, const struct mapping *m)
{
	return hash_of(mappings, m->external, (uint32_t)m->external_port << 16 | m->proto);
}

static uint32_t entry_of(uint64_t hash, uint32_t member)
{
	uint32_t tag = (uint32_t)hash >> MEMBER_BITS;

	return (tag ? tag : 1) << MEMBER_BITS | member;
}

static uint32_t home_of(const struct mappings *mappings, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * mappings->buckets >> 32);
}

static uint32_t after(const struct mappings *mappings, uint32_t bucket)
{
	return bucket + 1 == mappings->buckets ? 0 : bucket + 1;
}

/* The entry's place; NULL if it has none. */
static uint32_t *find_entry(const struct mappings *mappings, struct mapping_bucket *buckets,
			    uint64_t hash, uint32_t entry)
{
	uint32_t at = home_of(mappings, hash);

	for (uint32_t n = 0; n < mappings->buckets; n++, at = after(mappings, at)) {
		for (unsigned i = 0; i < MAPPING_BUCKET_ENTRIES; i++)
			if (buckets[at].entry[i] == entry)
				return &buckets[at].entry[i];
		if (!buckets[at].gone_on)
			break;
	}
	return NULL;
}

/* There is room: fewer are in use than the capacity, which is less than there are places. */
static void put_entry(const struct mappings *mappings, struct mapping_bucket *buckets,
		      uint64_t hash, uint32_t member)
{
	uint32_t at = home_of(mappings, hash), *place;

	for (;;) {
		for (place = buckets[at].entry; place < buckets[at].entry + MAPPING_BUCKET_ENTRIES;
		     place++)
			if (!*place) {
				*place = entry_of(hash, member);
				return;
			}
		buckets[at].gone_on++;
		at = after(mappings, at);
	}
}

/* Return: false if it was not there. */
static bool remove_entry(const struct mappings *mappings, struct mapping_bucket *buckets,
			 uint64_t hash, uint32_t member)
{
	uint32_t *place = find_entry(mappings, buckets, hash, entry_of(hash, member));
	uint32_t at = home_of(mappings, hash);

	if (!place)
		return false;
	*place = 0;
	for (; place < buckets[at].entry || place >= buckets[at].entry + MAPPING_BUCKET_ENTRIES;
	     at = after(mappings, at))
		buckets[at].gone_on--;
	return true;
}

static bool same_internal(const struct mapping *a, const struct mapping *b)
{
	return a->internal == b->internal && a->internal_port == b->internal_port &&
	       a->proto == b->proto && a->port == b->port && a->pool == b->pool;
}

static bool same_external(const struct mapping *a, const struct mapping *b)
{
	return a->external == b->external && a->external_port == b->external_port &&
	       a->proto == b->proto;
}

static uint32_t find(const struct mappings *mappings, const struct mapping_bucket *buckets,
		     uint64_t hash, const struct mapping *wanted,
		     bool same(const struct mapping *, const struct mapping *))
{
	uint32_t at = home_of(mappings, hash), tag = entry_of(hash, 0);

	for (uint32_t n = 0; n < mappings->buckets; n++, at = after(mappings, at)) {
		for (unsigned i = 0; i < MAPPING_BUCKET_ENTRIES; i++) {
			uint32_t member = buckets[at].entry[i] ^ tag;
			struct mapping m;

			if (member > MEMBER_MASK)
				continue;
			m = mapping_of(mappings, member);
			if (same(&m, wanted))
				return member;
		}
		if (!buckets[at].gone_on)
			break;
	}
	return MAPPING_NONE;
}

uint32_t mapping_find_internal(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto, uint8_t port, uint16_t pool)
{
	const struct mapping wanted = {.internal = addr,
				       .internal_port = l4_port,
				       .proto = proto,
				       .port = port,
				       .pool = pool};

	return find(mappings, mappings->internal, internal_hash(mappings, &wanted), &wanted,
		    same_internal);
}

uint32_t mapping_find_external(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto)
{
	const struct mapping wanted = {.external = addr, .external_port = l4_port, .proto = proto};

	return find(mappings, mappings->external, external_hash(mappings, &wanted), &wanted,
		    same_external);
}

struct mapping mapping_of(const struct mappings *mappings, uint32_t member)
{
	const struct flow *flow = &mappings->records[FLOW_REF_INDEX(member)];
	unsigned inside = FLOW_REF_SIDE(member);

	return (struct mapping){
		.internal = flow->tuple[inside].src,
		.external = flow->tuple[!inside].dst,
		.internal_port = flow->tuple[inside].sport,
		.external_port = flow->tuple[!inside].dport,
		.proto = flow->proto,
		.port = flow->port[inside],
		.pool = inside ? mappings->pool[FLOW_REF_INDEX(member)] : flow->pool,
	};
}

static bool is_alone(const struct mappings *mappings, uint32_t member)
{
	return !mappings->next[member];
}

bool mapping_ends_with(const struct mappings *mappings, uint32_t member)
{
	uint32_t next = mappings->next[member];

	/* a host may be at both ends of a hairpin by one mapping */
	return is_alone(mappings, member) || (next == mappings->prev[member] &&
					      FLOW_REF_INDEX(next - 1) == FLOW_REF_INDEX(member));
}

static void set_pool(struct mappings *mappings, uint32_t member, uint16_t pool)
{
	if (FLOW_REF_SIDE(member))
		mappings->pool[FLOW_REF_INDEX(member)] = pool;
}

bool mapping_begin(struct mappings *mappings, uint32_t member, uint16_t pool, bool shared)
{
	struct mapping m;

	if (mappings->used == mappings->capacity)
		return false;
	set_pool(mappings, member, pool);
	m = mapping_of(mappings, member);
	put_entry(mappings, mappings->external, external_hash(mappings, &m), member);
	if (shared)
		put_entry(mappings, mappings->internal, internal_hash(mappings, &m), member);
	mappings->used++;
	return true;
}

/* Where @member leads its mapping, @heir does so from now on. */
static void replace(struct mappings *mappings, uint32_t member, uint32_t heir)
{
	struct mapping m = mapping_of(mappings, member);
	uint64_t inside = internal_hash(mappings, &m), outside = external_hash(mappings, &m);
	uint32_t *place =
		find_entry(mappings, mappings->external, outside, entry_of(outside, member));

	if (!place)
		return;
	*place = entry_of(outside, heir);
	place = find_entry(mappings, mappings->internal, inside, entry_of(inside, member));
	if (place)
		*place = entry_of(inside, heir);
}

static void link_members(struct mappings *mappings, uint32_t first, uint32_t second)
{
	mappings->next[first] = second + 1;
	mappings->prev[second] = first + 1;
}

void mapping_join(struct mappings *mappings, uint32_t leader, uint32_t member, bool lead)
{
	uint32_t next = is_alone(mappings, leader) ? leader : mappings->next[leader] - 1;

	set_pool(mappings, member, mapping_of(mappings, leader).pool);
	link_members(mappings, member, next);
	link_members(mappings, leader, member);
	if (lead)
		replace(mappings, leader, member);
}

bool mapping_leave(struct mappings *mappings, uint32_t member)
{
	uint32_t next, prev;
	struct mapping m;

	if (is_alone(mappings, member)) {
		m = mapping_of(mappings, member);
		if (!remove_entry(mappings, mappings->external, external_hash(mappings, &m),
				  member))
			return false;
		remove_entry(mappings, mappings->internal, internal_hash(mappings, &m), member);
		mappings->used--;
		return true;
	}
	next = mappings->next[member] - 1;
	prev = mappings->prev[member] - 1;
	mappings->next[member] = mappings->prev[member] = 0;
	if (next == prev)
		mappings->next[next] = mappings->prev[next] = 0;
	else
		link_members(mappings, prev, next);
	replace(mappings, member, next);
	return false;
}

void mapping_prefetch(const struct mappings *mappings, uint32_t member)
{
	struct mapping m = mapping_of(mappings, member);

	__builtin_prefetch(&mappings->internal[home_of(mappings, internal_hash(mappings, &m))], 1);
	__builtin_prefetch(&mappings->external[home_of(mappings, external_hash(mappings, &m))], 1);
	PREFETCHES();
}

static uint32_t *find_permit(const struct mappings *mappings, const struct mapping *m, be32 remote)
{
	uint32_t outside = (uint32_t)(external_hash(mappings, m) >> 32);
	uint32_t *at = &mappings->permitted[(uint32_t)(hash_of(mappings, outside, remote) >> 32) &
					    mappings->head_mask];

	while (*at) {
		struct permit *permit = &mappings->permit[*at - 1];

		if (permit->external == m->external && permit->external_port == m->external_port &&
		    permit->proto == m->proto && permit->remote == remote)
			break;
		at = &permit->next;
	}
	return at;
}

bool permit_add(struct mappings *mappings, const struct mapping *mapping, be32 remote)
{
	uint32_t *at = find_permit(mappings, mapping, remote);
	uint32_t index;

	if (*at) {
		mappings->permit[*at - 1].flows++;
		return true;
	}
	if (mappings->permit_free != MAPPING_NONE) {
		index = mappings->permit_free;
		mappings->permit_free = mappings->permit[index].next;
	} else if (mappings->permit_high < mappings->capacity) {
		index = mappings->permit_high++;
	} else {
		return false;
	}
	mappings->permit[index] = (struct permit){.external = mapping->external,
						  .external_port = mapping->external_port,
						  .proto = mapping->proto,
						  .remote = remote,
						  .flows = 1};
	*at = index + 1; /* the end of its chain */
	return true;
}

void permit_drop(struct mappings *mappings, const struct mapping *mapping, be32 remote)
{
	uint32_t *at, index;

	if (!mappings->permit_high) /* there never was one: its memory is not looked at for nothing
				     */
		return;
	at = find_permit(mappings, mapping, remote);
	index = *at - 1;
	if (!*at || --mappings->permit[index].flows)
		return;
	*at = mappings->permit[index].next;
	mappings->permit[index].next = mappings->permit_free;
	mappings->permit_free = index;
}

bool permit_find(const struct mappings *mappings, const struct mapping *mapping, be32 remote)
{
	return *find_permit(mappings, mapping, remote) != 0;
}
