/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - the steps of a look-up one by one, for a burst of them: what the next step needs is
 * fetched from memory meanwhile. flow_find() in table.h does all at once.
 *
 * A struct flow_probe is a copy of what the steps need of the table. Nothing that a caller writes
 * to can be part of it, so that the compiler may keep it in registers.
 */
#ifndef PGW_FLOW_PROBE_H
#define PGW_FLOW_PROBE_H

#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "datapath/flow/hash.h"
#include "datapath/flow/table.h"

struct flow_probe {
	const struct flow_bucket *buckets;
	struct flow *records;
	uint32_t bucket_mask;
	uint32_t high; /* records from this index on were never used */
	uint32_t key[4];
	uint64_t factor[2];
};

/* flow_probe() - @table: one is attached */
static inline struct flow_probe flow_probe(const struct flow_table *table)
{
	struct flow_probe probe = {
		.buckets = table->buckets,
		.records = table->records,
		.bucket_mask = table->bucket_mask,
		.high = flow_table_high(table),
		.factor = {flow_hash_factor(table->header->hash_key, 0),
			   flow_hash_factor(table->header->hash_key, 1)},
	};

	memcpy(probe.key, table->header->hash_key, sizeof(probe.key));
	return probe;
}

static inline uint64_t flow_probe_hash(const struct flow_probe *probe,
				       const struct flow_tuple *tuple, uint8_t proto, uint8_t port)
{
	return flow_hash_by(probe->key, probe->factor[0], probe->factor[1], tuple, proto, port);
}

/* flow_probe_prefetch() - of both buckets only the first: few keys stand in the second one. */
static inline void flow_probe_prefetch(const struct flow_probe *probe, uint64_t hash)
{
	__builtin_prefetch(&probe->buckets[flow_bucket(hash, probe->bucket_mask, 0)]);
}

/* flow_match_tag() - the slots of a bucket whose tag is @tag, as bits. */
static inline unsigned flow_match_tag(const struct flow_bucket *bucket, uint32_t tag)
{
	unsigned bits = 0;

	/* two aligned words at once, each whole, as another worker may write them meanwhile; a
	 * sanitizer cannot know that */
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
	/* four slots at a time: their upper halves side by side, compared; then a byte each */
	const __m128i wanted = _mm_set1_epi32((int)tag);
	const __m128 *pair = (const __m128 *)(const void *)bucket->slot;
	__m128i equal[FLOW_BUCKET_SLOTS / 4];

	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS / 4; i++) {
		__m128 tags = _mm_shuffle_ps(pair[2 * i], pair[2 * i + 1], _MM_SHUFFLE(3, 1, 3, 1));

		equal[i] = _mm_cmpeq_epi32(_mm_castps_si128(tags), wanted);
	}
	static_assert(FLOW_BUCKET_SLOTS == 8, "two of them are packed");
	bits = (unsigned)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(equal[0], equal[1]), _mm_setzero_si128()));
#else
	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		uint64_t slot = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		bits |= (unsigned)(slot >> 32 == tag) << i;
	}
#endif
	return bits;
}

/* flow_probe_candidate() - what most likely is the key's FLOW_REF, by its tag alone, or FLOW_NONE;
 * its record is being fetched meanwhile. flow_probe_is() tells whether it is the key's. */
static inline uint32_t flow_probe_candidate(const struct flow_probe *probe, uint64_t hash)
{
	uint32_t tag = flow_tag(hash);

	for (unsigned choice = 0; choice < 2; choice++) {
		const struct flow_bucket *bucket =
			&probe->buckets[flow_bucket(hash, probe->bucket_mask, choice)];
		unsigned bits = flow_match_tag(bucket, tag);
		const struct flow *flow;
		uint32_t ref;

		if (!bits)
			continue;
		ref = (uint32_t)atomic_load_explicit(&bucket->slot[__builtin_ctz(bits)],
						     memory_order_relaxed);
		/* of a damaged table, or of a flow that is younger than the probe */
		if (FLOW_REF_INDEX(ref) >= probe->high)
			return FLOW_NONE;
		flow = &probe->records[FLOW_REF_INDEX(ref)];
		__builtin_prefetch(flow, 0);
		__builtin_prefetch(&flow->packets, 1);
		return ref;
	}
	return FLOW_NONE;
}

/* flow_probe_is() - whether @flow is active and @key, 12 bytes in network order as in struct
 * flow_tuple of which 16 can be read, is what arrives on its @side. */
static inline bool flow_probe_is(const struct flow *flow, unsigned side, const void *key,
				 uint8_t proto, uint8_t port)
{
	/* a slot was there: the record may have ended since, then its key word says so */
	if (FLOW_WORD_STATE(atomic_load_explicit(&flow->word, memory_order_relaxed)) !=
		    FLOW_ACTIVE ||
	    flow->proto != proto || flow->port[side] != port)
		return false;
#ifdef __SSE2__
	/* both sides' keys are followed by more of the record */
	return (_mm_movemask_epi8(_mm_cmpeq_epi8(
			_mm_loadu_si128((const __m128i *)(const void *)&flow->tuple[side]),
			_mm_loadu_si128((const __m128i *)key))) &
		0xfff) == 0xfff;
#else
	return !memcmp(&flow->tuple[side], key, sizeof(flow->tuple[side]));
#endif
}

#endif
