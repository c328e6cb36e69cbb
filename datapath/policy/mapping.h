/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mapping - endpoint-independent mappings, which several flows share (RFC 4787 REQ-1), and the
 * remotes that address-dependent filtering admits (REQ-8).
 *
 * A mapping lives as long as a flow uses it, and is nothing beside these flows: what it
 * translates stands in each of their records. It is named by one of its members, its leader; a
 * member is a FLOW_REF whose side is the one where the mapping's internal host is: 0 for a flow
 * that the host began, 1 for one that came in through the mapping. A hairpin may be a member of two
 * mappings, one with each side.
 *
 * Of a member's record this reads only what never changes while the flow is active, so any worker
 * may read under the lock. All of this is private to the workers and is made anew from the flows
 * when a table is adopted. Fixed capacity, no allocation after start; memory is touched as it is
 * used: 11 bytes a mapping at full load, and 8 for each member of one that is shared.
 */
#ifndef PGW_POLICY_MAPPING_H
#define PGW_POLICY_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/flow/table.h"

#define MAPPING_NONE FLOW_NONE

/* What a mapping says, copied from a member. */
struct mapping {
	be32 internal, external;	   /* addresses */
	be16 internal_port, external_port; /* or ICMP identifiers */
	uint8_t proto;
	uint8_t port; /* portgroup of the internal host */
	uint16_t pool;
};

/* A cache line of an index, see mapping.c. */
#define MAPPING_BUCKET_ENTRIES 15u
struct mapping_bucket {
	uint32_t entry[MAPPING_BUCKET_ENTRIES];
	uint32_t gone_on; /* entries whose search passes here that stand in a later bucket */
};

struct permit;

struct mappings {
	const struct flow *records;
	struct mapping_bucket *internal, *external; /* leaders by what is seen inside, outside */
	uint32_t buckets;
	void *memory;	       /* of both */
	uint32_t *next, *prev; /* rings of members, by member: member + 1; 0 = alone, or none */
	uint16_t *pool;	       /* by flow: of the mapping of which its side 1 is a member */
	struct permit *permit;
	uint32_t *permitted; /* hash heads, entry + 1 */
	uint32_t capacity, head_mask;
	uint32_t used;
	uint32_t permit_free, permit_high;
	uint32_t key[2]; /* random: buckets and chains cannot be aimed at */
};

/* mappings_init() - for flows that stand in @records. Return: 0 or -ENOMEM */
int mappings_init(struct mappings *mappings, const struct flow *records, uint32_t capacity,
		  const uint32_t key[2]);
void mappings_fini(struct mappings *mappings);

/* Leader of the mapping of this host and port, of this external address and port; or
 * MAPPING_NONE. */
uint32_t mapping_find_internal(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto, uint8_t port, uint16_t pool);
uint32_t mapping_find_external(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto);
struct mapping mapping_of(const struct mappings *mappings, uint32_t member);
/* mapping_ends_with() - whether no other flow than @member's is in its mapping. */
bool mapping_ends_with(const struct mappings *mappings, uint32_t member);

/**
 * mapping_begin() - a mapping of which @member is the only member
 * @pool: its pool; that of the flow, if the member's side is 0
 * @shared: whether it is found by its internal side (eim); the external one must be free
 * Return: false if there is no room.
 */
bool mapping_begin(struct mappings *mappings, uint32_t member, uint16_t pool, bool shared);
/* mapping_join() - @member becomes one of @leader's mapping; with @lead, its leader. */
void mapping_join(struct mappings *mappings, uint32_t leader, uint32_t member, bool lead);
/* mapping_leave() - @member's flow ends; it may have found no room when it began. Return: whether
 * the mapping ends with it. */
bool mapping_leave(struct mappings *mappings, uint32_t member);

/* mapping_prefetch() - fetch what mapping_begin(), mapping_leave() and the look-ups of @member's
 * mapping need. */
void mapping_prefetch(const struct mappings *mappings, uint32_t member);

/* Permits count the flows between a mapping and a remote address. permit_add() returns false
 * if there is no room: then that remote's unsolicited packets stay filtered. */
bool permit_add(struct mappings *mappings, const struct mapping *mapping, be32 remote);
void permit_drop(struct mappings *mappings, const struct mapping *mapping, be32 remote);
bool permit_find(const struct mappings *mappings, const struct mapping *mapping, be32 remote);

#endif
