/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hash - the keyed hash of a flow's key, and where in the index it leads. One definition for user
 * space and the BPF programs.
 *
 * NH (RFC 4418, UMAC) over four 32-bit words, then two keyed multiplications that spread it. For
 * random keys two different inputs meet with probability 2^-32, whoever chose them: a set of
 * colliding packets cannot be prepared without the key. Two multiplications also suit BPF.
 */
#ifndef PGW_FLOW_HASH_H
#define PGW_FLOW_HASH_H

#include "datapath/flow/layout.h"

/* flow_hash_factor() - the multiplier of the first (0) or second (1) step that spreads. */
static inline uint64_t flow_hash_factor(const uint32_t key[8], unsigned step)
{
	return ((uint64_t)key[4 + 2 * step] << 32 | key[5 + 2 * step]) | 1;
}

/* flow_hash_by() - for who has made the factors before. */
static inline uint64_t flow_hash_by(const uint32_t key[4], uint64_t factor0, uint64_t factor1,
				    const struct flow_tuple *tuple, uint8_t proto, uint8_t port)
{
	uint32_t ports = (uint32_t)tuple->sport << 16 | tuple->dport;
	uint32_t meta = (uint32_t)port << 8 | proto;
	uint64_t hash;

	hash = (uint64_t)(tuple->src + key[0]) * (uint32_t)(tuple->dst + key[1]);
	hash += (uint64_t)(ports + key[2]) * (uint32_t)(meta + key[3]);
	hash ^= hash >> 32;
	hash *= factor0;
	hash ^= hash >> 29;
	hash *= factor1;
	return hash ^ hash >> 32;
}

static inline uint64_t flow_hash_keyed(const uint32_t key[8], const struct flow_tuple *tuple,
				       uint8_t proto, uint8_t port)
{
	return flow_hash_by(key, flow_hash_factor(key, 0), flow_hash_factor(key, 1), tuple, proto,
			    port);
}

/* The upper half of an index slot; never 0, so that no slot in use is. */
static inline uint32_t flow_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

/* The bucket of a key's first (0) or second (1) choice. The tag moves the second one; by an odd
 * number, so that it differs from the first. */
static inline uint32_t flow_bucket(uint64_t hash, uint32_t mask, unsigned choice)
{
	uint32_t first = (uint32_t)hash & mask;

	return choice == 0 ? first : (first ^ (flow_tag(hash) * 0x9e3779b1u | 1)) & mask;
}

#endif
