/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold - copies of frames that have to wait: for a neighbour's address, or for the first
 * fragment of their datagram. A fixed number of slots, taken once at start; a slot is either
 * free or belongs to exactly one queue.
 */
#ifndef PGW_BASE_HOLD_H
#define PGW_BASE_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/io/io.h"

#define HOLD_NONE	UINT16_MAX
#define HOLD_SLOT_BYTES (IO_FRAME_BYTES + 3u) /* keeps slots 4-byte aligned */

struct hold_slot {
	uint16_t next; /* in its queue, or in the free list */
	uint16_t spare;
	uint32_t len;
	struct io_offload offload;
	uint8_t data[HOLD_SLOT_BYTES];
};

struct hold_queue { /* first in, first out */
	uint16_t first, last;
	uint16_t length;
};

struct hold {
	struct hold_slot *slots; /* untouched pages of unused slots cost no memory */
	uint16_t capacity, free, used;
};

int hold_init(struct hold *hold, uint16_t capacity); /* 0 or -ENOMEM */
void hold_fini(struct hold *hold);

void hold_queue_init(struct hold_queue *queue);

/* hold_put() - copy a frame to the end of @queue. Return: the slot's number, or HOLD_NONE if all
 * are in use. */
uint16_t hold_put(struct hold *hold, struct hold_queue *queue, const uint8_t *data, uint32_t len,
		  const struct io_offload *offload);

/* hold_take() - unlink the first slot of @queue; NULL when empty. hold_free() it afterwards. */
struct hold_slot *hold_take(struct hold *hold, struct hold_queue *queue);
void hold_free(struct hold *hold, struct hold_slot *slot);

#endif
