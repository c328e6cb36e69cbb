/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frag - later fragments find the ports of their datagram's first (RFC 4787 REQ-14).
 *
 * Nothing is reassembled. A datagram is known from its first fragment, for fragment-min-timeout;
 * fragments that come before it wait. Bounded: entries, fragments a datagram, fragments in all; a
 * flood fills the table with its own and whole packets never come here.
 */
#ifndef PGW_FRAG_FRAG_H
#define PGW_FRAG_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/base/hold.h"
#include "datapath/proto/packet.h"

#define FRAG_ENTRIES	1024u
#define FRAG_WAIT_MAX	256u /* fragments that wait, in all */
#define FRAG_WAIT_ENTRY 48u  /* of one datagram: 64 KB at an MTU of 1400 */

enum frag_state {
	FRAG_FREE,
	FRAG_WAITING, /* later fragments came first; they wait in queue */
	FRAG_KNOWN,   /* ports are those of the first fragment */
	FRAG_DROPPED, /* the first fragment was dropped; so are the others, for the same reason */
};

struct frag {
	be32 src, dst;
	uint16_t id; /* wire order */
	uint8_t proto;
	uint8_t port;	   /* portgroup */
	uint8_t state;	   /* enum frag_state */
	uint8_t reason;	   /* FRAG_DROPPED: enum drop_reason, or DROP_COUNT: left to the kernel */
	be16 sport, dport; /* FRAG_KNOWN */
	uint16_t new_id;   /* FRAG_KNOWN: identification for the other side, wire order; 0 = keep */
	uint64_t born_ns;
	struct hold_queue queue;
	uint16_t next;	       /* hash chain: index + 1 */
	uint16_t older, newer; /* all entries by age: index + 1 */
};

struct frags {
	struct frag *entry;	     /* FRAG_ENTRIES */
	uint16_t head[FRAG_ENTRIES]; /* index + 1 */
	uint16_t oldest, newest;     /* index + 1 */
	uint16_t free, high;	     /* free list through next: index + 1; entries ever used */
	uint32_t waiting;	     /* fragments in all queues */
	uint32_t key[2];
};

int frags_init(struct frags *frags, const uint32_t key[2]); /* 0 or -ENOMEM */
void frags_fini(struct frags *frags);

/* frag_get() - the entry of @p's datagram, made if there is none; NULL if the table is full. */
struct frag *frag_get(struct frags *frags, const struct packet *p, uint64_t now_ns);
/* frag_oldest() - the entry that ends first, or NULL. */
struct frag *frag_oldest(const struct frags *frags);
/* frag_remove() - its queue must be empty. */
void frag_remove(struct frags *frags, struct frag *frag);

#endif
