/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout - the flow table as it lies in shared memory.
 *
 * One flat array of 128-byte elements with no pointers in it, so that it can be a memfd or a
 * mmapable BPF array map (value size 128) without a change:
 *
 *   element 0                    header
 *   elements 1 .. B/2            index: B buckets of 64 bytes (one cache line), two an element
 *   elements 1 + B/2 ..          records: one flow each
 *   behind them                  the ends (flow/ends.h), if ends_first says so
 *
 * A flow has two sides; each side's packets are found by an index slot of their own. A slot is
 * one 64-bit word {tag, record << 1 | side}; 0 is an empty slot. Each key may stand in either
 * of two buckets, so a look-up reads at most two cache lines of the index.
 *
 * Who may write: only the worker that owns the flow; of one that the kernel forwards, its programs
 * move the state, the windows, the counters and the time as well (flow/state.h). Readers (pgw, the
 * BPF programs) must take a record as theirs only if its key word says FLOW_ACTIVE before and after
 * they read it. The key word is stored last when a flow is made and first when it ends.
 *
 * Limits: 2^24 flows. Memory per flow: 128 (record) + 32 (four slots at load 1/2) = 160 bytes here.
 * What the datapath has of its own beside that: 8 (wheel), 11 for a mapping that the flow does not
 * share, 8 for its place in one that it does, 4 once its record has been free.
 */
#ifndef PGW_FLOW_LAYOUT_H
#define PGW_FLOW_LAYOUT_H

#ifdef __bpf__ /* the BPF programs: no C library; one plain load or store a word is what they need \
		*/
#include "datapath/offload/bpf_types.h"
#define FLOW_ATOMIC(type) type
#else
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#define FLOW_ATOMIC(type) _Atomic type
#endif

#define FLOW_TABLE_MAGIC      0x316c62742d776770ull /* "pgw-tbl1" */
#define FLOW_LAYOUT_VERSION   1u
#define FLOW_ELEMENT_BYTES    128u
#define FLOW_BUCKET_SLOTS     8u
#define FLOW_CAPACITY_MIN     64u
#define FLOW_CAPACITY_MAX     (1u << 24)
#define FLOW_CAPACITY_DEFAULT (1u << 20)

/* The key word: state in the low 8 bits, the record's generation above. */
enum flow_state {
	FLOW_EMPTY = 0,	    /* free; only the worker's allocator may take it */
	FLOW_PENDING = 1,   /* being written by the worker; nobody else reads it */
	FLOW_ACTIVE = 2,    /* both sides are in the index */
	FLOW_TOMBSTONE = 3, /* being removed; readers must not use it */
};
#define FLOW_WORD(state, generation) ((uint32_t)(state) | (uint32_t)(generation) << 8)
#define FLOW_WORD_STATE(word)	     ((enum flow_state)((word)&0xff))
#define FLOW_WORD_GENERATION(word)   ((word) >> 8)

/* What a packet shows on the wire of the side on which it arrives. ICMP echo: the identifier
 * is the requester's port, the other port is 0. */
struct flow_tuple {
	be32 src, dst;
	be16 sport, dport;
};
static_assert(sizeof(struct flow_tuple) == 12, "packed key");

enum flow_flags {
	FLOW_SNAT = 1 << 0,    /* the source of side 0's packets is translated */
	FLOW_DNAT = 1 << 1,    /* the destination of side 0's packets is translated by a service */
	FLOW_INBOUND = 1 << 2, /* side 0 is the external side: it came in through a mapping */
	FLOW_EIM = 1 << 3,     /* its external port belongs to a shared mapping */
	FLOW_REPLIED = 1 << 4, /* side 1 has sent a packet */
	FLOW_HAIRPIN = 1 << 5, /* in and out by mappings of our own */
	FLOW_OFFLOAD = 1 << 6, /* mac[] are both right: the kernel's programs may forward it */
};

enum flow_tcp_state {
	TCP_NONE = 0, /* not TCP */
	TCP_SYN_SENT, /* side 0 sent SYN */
	TCP_SYN_BOTH, /* SYN and SYN-ACK, or both SYN (simultaneous open) */
	TCP_ESTABLISHED,
	TCP_FIN_0,  /* side 0 sent FIN */
	TCP_FIN_1,  /* side 1 sent FIN */
	TCP_CLOSED, /* both FIN */
	TCP_RESET,  /* exact RST seen; packets pass until it expires, nothing revives it */
	TCP_STATE_COUNT
};

/* What a side has sent and may send, for the RST and window rules (RFC 5961, RFC 5382). */
struct flow_tcp_side {
	uint32_t end;	     /* highest sequence number sent, plus one */
	uint32_t max_end;    /* highest sequence number that the peer's window admits */
	uint16_t max_window; /* largest window advertised, in units of 1 << scale */
	uint8_t scale;	     /* window scale of this side's advertisements */
	uint8_t flags;	     /* FLOW_TCP_* */
};
#define FLOW_TCP_SEEN	     0x01 /* end and max_end are valid */
#define FLOW_TCP_SCALE	     0x02 /* this side offered window scaling */
#define FLOW_TCP_LOOSE	     0x04 /* picked up in the middle: no window is known */
#define FLOW_TCP_ASKED	     0x08 /* of side 0: it sent a SYN, though the connection has not ended */
#define FLOW_TCP_ASKED_SHIFT 4	  /* the window scale of that SYN above */
#define FLOW_TCP_ASKED_NONE  15	  /* it offered none */
static_assert(sizeof(struct flow_tcp_side) == 12, "two fit the second line");

#define FLOW_NONE	    UINT32_MAX /* no record, no reference */
#define FLOW_NEIGH_LAST_HOP 0xffff     /* mac[] is where the packets of that side came from */
#define FLOW_NEIGH_NONE	    0xfffe     /* mac[] is right, but no entry of the table backs it */

struct flow {
	/* first cache line: written when the flow is made, then only read */
	struct flow_tuple tuple[2]; /* as received on side 0 (the initiator's) and side 1 */
	uint8_t port[2];	    /* portgroup index of each side */
	uint8_t proto;		    /* IPPROTO_* */
	uint8_t flags;		    /* enum flow_flags */
	struct mac mac[2];	    /* next hop of packets that leave on side i */
	uint16_t neigh[2];	    /* its entry in the neighbour table, or FLOW_NEIGH_LAST_HOP */
	uint16_t l3_delta;  /* added to the IP checksum on the way 0 -> 1; complement for 1 -> 0 */
	uint16_t l4_delta;  /* the same for TCP and UDP (addresses and ports), ICMP (identifier) */
	uint32_t created_s; /* CLOCK_MONOTONIC seconds */
	uint16_t rule;	    /* number of the nat rule, 0 = none */
	uint16_t pool;	    /* index of the pool, 0xffff = none */
	union {
		struct {
			uint8_t tcp_state; /* enum flow_tcp_state; moved as flow/state.h says */
			uint8_t vmac[2];   /* index of the source MAC used on side i, 0 = the
					      interface's own */
			uint8_t untold;	   /* 1: the kernel's program closed it, and user space
					      has not counted that yet */
		};
		uint32_t state_word; /* the same, for who compares and swaps */
	};
	FLOW_ATOMIC(uint32_t) word; /* key word */

	/* second cache line: written by every packet */
	uint64_t packets[2];	     /* that arrived on side i and were sent on */
	uint64_t bytes[2];	     /* IP bytes of these */
	uint32_t seen_tick;	     /* last packet that refreshed the timer, FLOW_TICK_NS units */
	uint32_t asked;		     /* if FLOW_TCP_ASKED: what acknowledges the SYN */
	struct flow_tcp_side tcp[2]; /* what side i sends */
};
static_assert(sizeof(struct flow) == FLOW_ELEMENT_BYTES, "one element");
static_assert(offsetof(struct flow, word) == 60, "key word ends the first line");
static_assert(offsetof(struct flow, packets) == 64, "second line");

#define FLOW_TICK_SHIFT 20 /* a tick is 2^20 ns, about 1.05 ms; 32 bits wrap after 52 days */
#define FLOW_TICK(ns)	((uint32_t)((uint64_t)(ns) >> FLOW_TICK_SHIFT))

struct flow_header {
	uint64_t magic;
	uint32_t layout_version;
	uint32_t element_bytes;
	uint32_t capacity;     /* records */
	uint32_t buckets;      /* power of two */
	uint32_t index_first;  /* element */
	uint32_t record_first; /* element */
	uint32_t hash_key[8];  /* random, see flow/key.h */
	uint64_t epoch;	       /* CLOCK_REALTIME seconds when the table was made */
	FLOW_ATOMIC(uint32_t)
	record_high; /* records from here on were never used: nobody need look */
	FLOW_ATOMIC(uint32_t)
	ip_id;		     /* last identification given to a datagram, see worker/receive.c */
	uint32_t ends_first; /* element of the ends; 0: an older version's table, without */
	uint32_t ends_room;  /* so many may wait; 0: nobody reads them */
	uint32_t ends_head;  /* next to be written, by the programs */
	uint32_t ends_tail;  /* next to be read, by user space */
	uint8_t spare[32];
};
static_assert(sizeof(struct flow_header) == FLOW_ELEMENT_BYTES, "one element");

struct flow_bucket {
	FLOW_ATOMIC(uint64_t)
	slot[FLOW_BUCKET_SLOTS]; /* tag << 32 | record << 1 | side; 0 = empty */
};
static_assert(sizeof(struct flow_bucket) * 2 == FLOW_ELEMENT_BYTES, "two an element");

#endif
