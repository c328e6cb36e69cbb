/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checksum - the Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Sums are kept in the byte order of memory: one's complement addition does not mind, as long
 * as every 16-bit word is read the same way.
 */
#ifndef PGW_BASE_CHECKSUM_H
#define PGW_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"

/* checksum_add() - add @bytes of @data to @sum; @data starts at an even offset of what is summed.
 */
uint64_t checksum_add(uint64_t sum, const void *data, size_t bytes);

/* checksum_fold() - 64-bit sum to 16 bits, not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What changing one field adds to a checksum's sum: ~m + m' (RFC 1624, equation 3). */
static inline uint64_t checksum_change32(uint64_t delta, uint32_t from, uint32_t to)
{
	return delta + (uint32_t)~from + to;
}

static inline uint64_t checksum_change16(uint64_t delta, uint16_t from, uint16_t to)
{
	return delta + (uint16_t)~from + to;
}

/* checksum_fold32() - the same of a sum that fits 32 bits. */
static inline uint16_t checksum_fold32(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* checksum_update() - HC' = ~(~HC + delta) for a complemented checksum field. */
static inline uint16_t checksum_update(uint16_t check, uint64_t delta)
{
	return (uint16_t)~checksum_fold((uint16_t)~check + delta);
}

/* checksum_update32() - the same for a @delta that is the sum of a few 16-bit words. */
static inline uint16_t checksum_update32(uint16_t check, uint32_t delta)
{
	return (uint16_t)~checksum_fold32((uint16_t)~check + delta);
}

/* checksum_pseudo() - the pseudo-header's sum of TCP and UDP. @l4_bytes: host order. */
uint64_t checksum_pseudo(be32 src, be32 dst, uint8_t proto, uint32_t l4_bytes);

#endif
