/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counters - what workers count, laid out for shared memory.
 *
 * A block for each worker, which is its only writer, any number of readers that map the page
 * read-only and add the blocks up (counters_total()). Each value is a single aligned 64-bit word,
 * so a reader never sees half of one. What belongs to all workers together (flows, mappings,
 * pool_ports, rule) is counted in the first one's block, whichever worker brings it about, under
 * their lock.
 */
#ifndef PGW_BASE_COUNTERS_H
#define PGW_BASE_COUNTERS_H

#include <stdint.h>

enum drop_reason {
	DROP_NONE = 0, /* not dropped */
#define DROP(symbol, name, text) DROP_##symbol,
#include "datapath/base/drop.def"
#undef DROP
	DROP_COUNT
};

/* drop_name() - the counter's name; drop_text() - what it means. NULL beyond the last. */
const char *drop_name(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);

#define COUNTERS_PORTS	 32 /* portgroups a gateway can have */
#define COUNTERS_MAGIC	 0x70677773746174ull
#define COUNTERS_VERSION 6u
#define COUNTERS_WORKERS 8u /* that a process can have */

struct port_counters {
	uint64_t rcvd_packets, rcvd_bytes;	 /* taken from the interface */
	uint64_t sent_packets, sent_bytes;	 /* accepted by the interface */
	uint64_t dropped_packets, dropped_bytes; /* arrived here, dropped (any reason) */
	uint64_t kernel_packets;		 /* arrived here, left to the kernel's own stack */
	uint64_t ring_lost_packets;		 /* lost before us: the receive ring was full */
};

#define COUNTERS_RULES                                                                             \
	65536u /* by number of the nat rule; pages of unused numbers are never touched */

struct rule_counters {
	uint64_t flows_created;	 /* admitted by this rule */
	uint64_t flows_refused;	 /* matched it, but no port, record or limit was left for them */
	uint64_t packets, bytes; /* both directions, of flows that have ended */
};

#define COUNTERS_POOLS	   512u /* pools by index; the ports of a higher one are not counted */
#define COUNTERS_PROTOCOLS 3u	/* TCP, UDP, ICMP: each has ports of its own */

/*
 * How long the worker's loop left its rings alone, each time: bucket i counts the pauses of
 * 2^(COUNTERS_PAUSE_SHIFT + i) ns and more, the last one also all longer ones. Shorter than the
 * first are not pauses. Sleeping with nothing to do is none.
 */
#define COUNTERS_PAUSE_SHIFT 10u /* 1 us */
#define COUNTERS_PAUSES	     24u /* up to 8.6 s */

struct worker_counters {
	uint64_t dropped[DROP_COUNT];
	struct port_counters port[COUNTERS_PORTS];
	uint64_t flows, flows_created, flows_expired, flows_ended; /* gauge; then totals */
	uint64_t mappings, mappings_created; /* endpoint-independent mappings: gauge; total */
	uint64_t fragments_waiting;	     /* gauge */
	uint64_t neigh_waiting;		     /* gauge: packets that wait for a neighbour */
	uint64_t icmp_sent, icmp_limited; /* ICMP errors of our own; not sent for the rate limit */
	uint64_t handed_over;		  /* frames that another worker got to forward */
	uint64_t wakeups, bursts;	  /* of the worker's loop */
	uint64_t pauses[COUNTERS_PAUSES]; /* of the worker's loop, by length */
	uint64_t longest_pause_ns;
	uint64_t log_written, log_lost; /* session log: events told; not told for want of room */
	uint64_t pool_ports[COUNTERS_POOLS]
			   [COUNTERS_PROTOCOLS]; /* gauge: ports that mappings hold */
	struct rule_counters rule[COUNTERS_RULES];
};

/* counters_pause() - the worker's loop has not looked at its rings for @ns. */
static inline void counters_pause(struct worker_counters *counters, uint64_t ns)
{
	unsigned bucket;

	if (!(ns >> COUNTERS_PAUSE_SHIFT))
		return;
	bucket = 63u - COUNTERS_PAUSE_SHIFT - (unsigned)__builtin_clzll(ns);
	counters->pauses[bucket < COUNTERS_PAUSES ? bucket : COUNTERS_PAUSES - 1]++;
	if (ns > counters->longest_pause_ns)
		counters->longest_pause_ns = ns;
}

struct counters_page {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes;	  /* of this page as the writer knew it */
	uint32_t workers; /* that count at present, in the first blocks */
	uint32_t blocks; /* the first ones, that some worker has ever counted in: their totals go on
			  */
	struct worker_counters worker[COUNTERS_WORKERS];
};

/* counters_of() - what @first is of the first block, of another. */
static inline uint64_t counters_of(const uint64_t *first, unsigned worker)
{
	const char *block = (const char *)first + worker * sizeof(struct worker_counters);

	return __atomic_load_n((const uint64_t *)(const void *)block, __ATOMIC_RELAXED);
}

static inline unsigned counters_blocks(const struct counters_page *page)
{
	uint32_t blocks = __atomic_load_n(&page->blocks, __ATOMIC_RELAXED);

	return blocks < COUNTERS_WORKERS ? blocks : COUNTERS_WORKERS;
}

/* counters_total() - of all blocks, the sum of what @first is of the first one. */
static inline uint64_t counters_total(const struct counters_page *page, const uint64_t *first)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < counters_blocks(page); i++)
		total += counters_of(first, i);
	return total;
}

/* counters_most() - the largest instead. */
static inline uint64_t counters_most(const struct counters_page *page, const uint64_t *first)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < counters_blocks(page); i++)
		if (counters_of(first, i) > most)
			most = counters_of(first, i);
	return most;
}

/* Room for the page's rounding, 64 KiB at most; a larger block is something else. */
#define COUNTERS_BYTES_MAX (sizeof(struct counters_page) + 65536u)

#endif
