/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mapping - endpoint-independent mappings, which several flows share (RFC 4787 REQ-1), and the
 * remotes that address-dependent filtering admits (REQ-8).
 *
 * A mapping lives as long as a flow uses it. All of this is private to the worker and is made
 * anew from the flows when a table is adopted. Fixed capacity, no allocation after start.
 */
#ifndef PGW_POLICY_MAPPING_H
#define PGW_POLICY_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define MAPPING_NONE UINT32_MAX

struct mapping {
	be32 internal, external;	   /* addresses */
	be16 internal_port, external_port; /* or ICMP identifiers */
	uint8_t proto;
	uint8_t port; /* portgroup of the internal host */
	uint16_t pool;
	uint32_t flows; /* that use it; 0 = free */
	struct mac mac; /* next hop towards the internal host, ... */
	uint16_t neigh; /* ... FLOW_NEIGH_LAST_HOP or FLOW_NEIGH_NONE; else it is at: */
	be32 hop;
	bool shared;			       /* found by its internal side (eim) */
	uint32_t next_internal, next_external; /* hash chains; next_internal also links free ones */
};

struct mappings {
	struct mapping *mapping;
	uint32_t *internal, *external; /* hash heads, entry + 1; 0 = empty */
	struct permit *permit;
	uint32_t *permitted; /* hash heads, entry + 1 */
	uint32_t capacity, head_mask;
	uint32_t free, high, used; /* free list, entries ever used, entries in use */
	uint32_t permit_free, permit_high;
	uint32_t key[2]; /* random: chains cannot be aimed at */
};

int mappings_init(struct mappings *mappings, uint32_t capacity, const uint32_t key[2]);
void mappings_fini(struct mappings *mappings);

uint32_t mapping_find_internal(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto, uint8_t port, uint16_t pool);
uint32_t mapping_find_external(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto);

/* mapping_add() - enter a copy of @model with no flows yet. Return: its index, MAPPING_NONE if
 * full. */
uint32_t mapping_add(struct mappings *mappings, const struct mapping *model);
/* mapping_remove() - take out a mapping that no flow uses. */
void mapping_remove(struct mappings *mappings, uint32_t index);

/* Permits count the flows between a mapping and a remote address. permit_add() returns false
 * if there is no room: then that remote's unsolicited packets stay filtered. */
bool permit_add(struct mappings *mappings, uint32_t mapping, be32 remote);
void permit_drop(struct mappings *mappings, uint32_t mapping, be32 remote);
bool permit_find(const struct mappings *mappings, uint32_t mapping, be32 remote);

#endif
