/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_ring - events for the session log, from one writer to one reader through shared memory.
 *
 * Flat and without pointers: a header of four cache lines, then a power of two of 64-byte
 * records. Head and tail count records since the ring was made; a record's place is its number
 * modulo the capacity. The writer (pgw-datapath) never waits: event_ring_put() says that there
 * is no room, and the caller counts the loss. The reader (pgw-log) gives places back with
 * event_ring_done() once it has done with what it took, so that a reader which dies in between
 * leaves them to its successor.
 *
 * Neither end trusts the other: each follows the capacity that it has checked and keeps its own
 * position to itself, so that whatever the other writes, an index stays within the ring.
 */
#ifndef PGW_BASE_EVENT_RING_H
#define PGW_BASE_EVENT_RING_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define EVENT_RING_MAGIC	0x3176652d776770ull /* "pgw-ev1" */
#define EVENT_RING_VERSION	1u
#define EVENT_RING_CAPACITY_MAX (1u << 20)
#define EVENT_RING_CAPACITY	(1u << 16) /* 4 MiB; pages are touched only as they are used */
#define EVENT_RING_HEADER_BYTES 256u

enum event_type {
	EVENT_SESSION_CREATE = 1,
	EVENT_SESSION_DELETE,
	EVENT_BIB_CREATE, /* an external address and port was given to an inside host's */
	EVENT_BIB_DELETE,
	EVENT_REFUSED,	 /* a session that something ran out for, see enum event_cause */
	EVENT_THRESHOLD, /* a fill has reached the configured mark */
	EVENT_TYPE_COUNT
};

/* What was exhausted, respectively is nearly so. */
enum event_cause {
	EVENT_CAUSE_NONE,
	EVENT_CAUSE_PORTS,	     /* the pool's ports */
	EVENT_CAUSE_SESSIONS,	     /* the flow table */
	EVENT_CAUSE_MAPPINGS,	     /* the mapping table */
	EVENT_CAUSE_CLIENT_SESSIONS, /* connection-limits */
	EVENT_CAUSE_CLIENT_MAPPINGS, /* mapping-limits */
	EVENT_CAUSE_CLIENT_RATE,     /* creation-rate */
	EVENT_CAUSE_CLIENT_PORTS,    /* port-quota */
	EVENT_CAUSE_COUNT
};

#define EVENT_NO_POOL 0xffff

/* Fields that an event does not have are 0. */
struct event {
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	uint8_t type;		/* enum event_type */
	uint8_t proto;		/* IPPROTO_* */
	uint8_t port[2];	/* portgroup indexes: of the inside host, of the other side */
	uint16_t rule;		/* number of the nat rule, 0 = none */
	uint16_t pool;		/* index, EVENT_NO_POOL = none */
	be32 src, post_src;	/* the inside host, and what stands for it outside */
	be32 dst, post_dst;	/* where it went, and where that is in truth (services) */
	be16 sport, post_sport; /* ICMP: identifiers */
	be16 dport, post_dport;
	uint64_t packets, bytes; /* of a session that ended, both directions */
	uint32_t limit;		 /* the limit or mark that was reached */
	uint16_t count;		 /* REFUSED: how many this one stands for, the rest was kept back */
	uint8_t cause;		 /* enum event_cause */
	uint8_t spare;
};
static_assert(sizeof(struct event) == 64, "one cache line");

struct event_ring_header {
	uint64_t magic;
	uint32_t version;
	uint32_t record_bytes;
	uint32_t capacity; /* records, power of two */
	uint8_t spare[44];
	_Atomic uint64_t head; /* the writer's: records ever put */
	uint8_t spare1[56];
	_Atomic uint64_t tail; /* the reader's: records done with; then what became of them */
	_Atomic uint64_t exported, failed;
	uint8_t spare2[40];
	uint8_t spare3[64];
};
static_assert(sizeof(struct event_ring_header) == EVENT_RING_HEADER_BYTES, "layout");
static_assert(offsetof(struct event_ring_header, head) == 64, "a line of the writer's");
static_assert(offsetof(struct event_ring_header, tail) == 128, "a line of the reader's");

/* One end's view. */
struct event_ring {
	struct event_ring_header *header;
	struct event *records;
	uint32_t capacity;
	uint64_t own;	/* this end's position: the writer's head, the reader's tail */
	uint64_t other; /* the other end's, as last seen */
};

/* event_ring_bytes() - memory for @capacity records. */
size_t event_ring_bytes(uint32_t capacity);

/* event_ring_format() - make an empty ring in zeroed @memory; @capacity: a power of two. */
void event_ring_format(void *memory, uint32_t capacity);

/* Each goes on where a predecessor stopped.
 * Return: NULL, or why @memory holds no ring of this build (static text). */
const char *event_ring_writer(struct event_ring *ring, void *memory, size_t bytes);
const char *event_ring_reader(struct event_ring *ring, void *memory, size_t bytes);

/* event_ring_put() - Return: false if there is no room. */
bool event_ring_put(struct event_ring *ring, const struct event *event);

/* event_ring_own() - this end's position, also for another thread than the one that moves it. */
static inline uint64_t event_ring_own(const struct event_ring *ring)
{
	return __atomic_load_n(&ring->own, __ATOMIC_RELAXED);
}

/* event_ring_used() - records that the reader has not given back; an odd reader's word is not
 * believed beyond the capacity. */
uint32_t event_ring_used(struct event_ring *ring);

/**
 * event_ring_take() - copy up to @n records, oldest first, and move on
 * A writer whose head makes no sense is believed to have just begun: the reader goes to where it
 * claims to be.
 * Return: how many were copied.
 */
unsigned event_ring_take(struct event_ring *ring, struct event *events, unsigned n);

/* event_ring_done() - give back what was taken, of which @failed could not be exported. */
void event_ring_done(struct event_ring *ring, uint64_t exported, uint64_t failed);

#endif
