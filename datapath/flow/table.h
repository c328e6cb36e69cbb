/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - look-up, insertion and removal in the shared flow table (flow/layout.h).
 *
 * Records and index are shared; the free list is private and made anew on attach.
 */
#ifndef PGW_FLOW_TABLE_H
#define PGW_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/flow/layout.h"

/* PREFETCHES() - in a function that does nothing but prefetch: gcc takes it for one without any
 * effect, and leaves out the calls. */
#define PREFETCHES() __asm__ volatile("")

struct flow_table {
	struct flow_header *header;
	struct flow_bucket *buckets;
	struct flow *records;
	uint32_t bucket_mask;
	uint32_t capacity;
	uint32_t *free_next; /* private: links of the free list, oldest first, FLOW_NONE ends it */
	uint32_t free_first, free_last;
	uint32_t used; /* active flows */
};

#define FLOW_REF(index, side) ((index) << 1 | (uint32_t)(side))
#define FLOW_REF_INDEX(ref)   ((ref) >> 1)
#define FLOW_REF_SIDE(ref)    ((ref)&1u)

/* flow_table_bytes() - memory that a table of @capacity flows needs, whole pages. */
size_t flow_table_bytes(uint32_t capacity);

/* flow_table_format() - make an empty table in zeroed @memory. @key: 32 random bytes. */
void flow_table_format(void *memory, uint32_t capacity, const uint8_t key[32], uint64_t epoch_s);

/**
 * flow_table_check() - whether @memory holds a table of this layout, for readers too
 * Return: NULL, or what does not fit (static text).
 */
const char *flow_table_check(const void *memory, size_t bytes);

/**
 * flow_table_attach() - use formatted memory; every record that is not a whole active flow is
 * cleared, and its slots (a predecessor may have been killed at any instruction)
 * Return: 0, -EINVAL, -ENOMEM
 */
int flow_table_attach(struct flow_table *table, void *memory, size_t bytes);
void flow_table_detach(struct flow_table *table); /* frees what is private */

/* flow_table_view() - read-only access for listings: no free list, nothing is changed. */
int flow_table_view(struct flow_table *table, const void *memory, size_t bytes);

/* flow_hash() - of a key as it arrives on portgroup @port. flow_find() - its FLOW_REF or FLOW_NONE.
 * A burst takes the steps of flow/probe.h. */
uint64_t flow_hash(const struct flow_table *table, const struct flow_tuple *tuple, uint8_t proto,
		   uint8_t port);
uint32_t flow_find(const struct flow_table *table, const struct flow_tuple *tuple, uint8_t proto,
		   uint8_t port, uint64_t hash);

/* flow_prefetch() - fetch where the index has, or will have, a side of @flow. */
void flow_prefetch(const struct flow_table *table, const struct flow *flow, unsigned side);

/* flow_paired() - which of @n external addresses the host @src has: always the same, without
 * anything being remembered (RFC 4787 REQ-2). */
uint32_t flow_paired(const struct flow_table *table, be32 src, uint32_t n);

/**
 * flow_alloc() - a zeroed record in state FLOW_PENDING
 * @rested_tick: records that ended after this are left as long as others are to be had, so that
 *               a successor still finds in them which external ports must rest
 * The caller fills it, then calls flow_publish(); flow_abandon() gives it back instead.
 * Return: the record, or FLOW_NONE when all are in use.
 */
uint32_t flow_alloc(struct flow_table *table, uint32_t rested_tick);
void flow_abandon(struct flow_table *table, uint32_t index);
/* flow_publish() - enter both sides into the index and make the record active.
 * Return: true; false if either key exists already or no slot is free (nothing is changed). */
bool flow_publish(struct flow_table *table, uint32_t index);
/* flow_remove() - take an active flow out of the index and free its record, whose seen_tick
 * becomes the time of its end. */
void flow_remove(struct flow_table *table, uint32_t index, uint32_t now_tick);

/* flow_table_high() - records from this index on were never used. */
uint32_t flow_table_high(const struct flow_table *table);

/* flow_copy() - a consistent copy of an active record for readers in other processes.
 * Return: false if it is not active or kept changing. */
bool flow_copy(const struct flow_table *table, uint32_t index, struct flow *copy);

#endif
