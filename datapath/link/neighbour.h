/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * neighbour - next hops by address, mirrored from the kernel's table.
 *
 * An entry is made when a flow first needs it, and then follows what the kernel says. It is never
 * taken away from a flow: flows count as users, and only entries without users are reused.
 */
#ifndef PGW_LINK_NEIGHBOUR_H
#define PGW_LINK_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/base/hold.h"

#define NEIGHBOURS_MAX	     4096u
#define NEIGHBOUR_NONE	     0xfffeu	    /* = FLOW_NEIGH_NONE, see flow/layout.h */
#define NEIGHBOUR_QUEUE_MAX  16u	    /* packets that wait for one address */
#define NEIGHBOUR_WAIT_MAX   128u	    /* packets that wait for any */
#define NEIGHBOUR_WAIT_NS    3000000000ull  /* then they are dropped: the kernel tries for 3 s */
#define NEIGHBOUR_ASK_NS     500000000ull   /* between two requests for the same address */
#define NEIGHBOUR_CONFIRM_NS 30000000000ull /* how often a stale entry in use is confirmed */

enum neighbour_state {
	NEIGHBOUR_FREE,	   /* not in use */
	NEIGHBOUR_UNKNOWN, /* asked for; packets wait */
	NEIGHBOUR_USABLE,  /* mac is right as far as anybody knows */
	NEIGHBOUR_STALE,   /* usable, but the kernel has not confirmed it lately */
	NEIGHBOUR_FAILED,  /* the kernel gave up; asked again when it is next needed */
};

struct neighbour {
	be32 addr;
	uint8_t port;  /* portgroup */
	uint8_t state; /* enum neighbour_state */
	bool adopted;  /* flows that use it came from an earlier process, and the kernel has not
			  spoken yet */
	bool confirm;  /* to be asked for again, whenever that was done last */
	struct mac mac;
	uint32_t users;	     /* flow sides and mappings */
	uint64_t asked_ns;   /* last request to the kernel */
	uint64_t waiting_ns; /* when the first of the queue began to wait */
	struct hold_queue queue;
	uint16_t next; /* hash chain: index + 1 */
};

struct neighbours {
	struct neighbour *entry;       /* NEIGHBOURS_MAX */
	uint16_t head[NEIGHBOURS_MAX]; /* index + 1 */
	uint16_t high, reuse;	       /* entries ever used; where to look next for one to reuse */
	uint32_t waiting;	       /* packets in all queues */
	uint32_t key;
};

int neighbours_init(struct neighbours *neighbours, uint32_t key); /* 0 or -ENOMEM */
void neighbours_fini(struct neighbours *neighbours);

/* neighbour_find() - index or NEIGHBOUR_NONE. */
uint16_t neighbour_find(const struct neighbours *neighbours, uint8_t port, be32 addr);
/* neighbour_get() - find or make. NEIGHBOUR_NONE if all entries have users. */
uint16_t neighbour_get(struct neighbours *neighbours, uint8_t port, be32 addr);

static inline struct neighbour *neighbour_at(const struct neighbours *neighbours, uint16_t index)
{
	return &neighbours->entry[index];
}

static inline bool neighbour_usable(const struct neighbour *n)
{
	return n->state == NEIGHBOUR_USABLE || n->state == NEIGHBOUR_STALE;
}

#endif
