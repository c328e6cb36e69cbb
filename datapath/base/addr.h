/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addr - IPv4 and link-layer addresses, and their text forms.
 *
 * be32 and be16 hold network byte order; plain integers hold host order.
 */
#ifndef PGW_BASE_ADDR_H
#define PGW_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t be32;
typedef uint16_t be16;

struct mac {
	uint8_t b[6];
};

struct prefix {
	be32 addr;   /* host bits are zero */
	uint8_t len; /* 0..32 */
};

#define ADDR_TEXT_BYTES	  16 /* "255.255.255.255" and NUL */
#define PREFIX_TEXT_BYTES 19
#define MAC_TEXT_BYTES	  18

/* Each writes text into @buf (of the size above) and returns @buf. */
const char *addr_text(be32 addr, char buf[ADDR_TEXT_BYTES]);
const char *prefix_text(struct prefix prefix, char buf[PREFIX_TEXT_BYTES]);
const char *mac_text(struct mac mac, char buf[MAC_TEXT_BYTES]);

/* Each parses the whole string. Return: true if it was well formed. */
bool addr_parse(const char *text, be32 *addr);
bool prefix_parse(const char *text,
		  struct prefix *prefix); /* "A" means A/32; host bits are refused */
bool mac_parse(const char *text, struct mac *mac);

be32 prefix_mask(uint8_t len);
bool prefix_covers(struct prefix prefix, be32 addr);

static inline bool mac_equal(const struct mac *a, const struct mac *b)
{
	uint32_t high[2];
	uint16_t low[2];

	__builtin_memcpy(&high[0], a->b, 4);
	__builtin_memcpy(&high[1], b->b, 4);
	__builtin_memcpy(&low[0], a->b + 4, 2);
	__builtin_memcpy(&low[1], b->b + 4, 2);
	/* without a branch between both: one is taken for every packet */
	return !((high[0] ^ high[1]) | (uint32_t)(low[0] ^ low[1]));
}

#endif
