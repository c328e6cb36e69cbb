/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/hold.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int hold_init(struct hold *hold, uint16_t capacity)
{
	size_t bytes = (size_t)capacity * sizeof(struct hold_slot);
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	hold->slots = memory;
	hold->capacity = capacity;
	hold->used = 0;
	/* the free list is made as slots are used for the first time: see hold_put() */
	hold->free = HOLD_NONE;
	return 0;
}

void hold_fini(struct hold *hold)
{
	if (hold->slots)
		munmap(hold->slots, (size_t)hold->capacity * sizeof(struct hold_slot));
	hold->slots = NULL;
}

void hold_queue_init(struct hold_queue *queue)
{
	queue->first = queue->last = HOLD_NONE;
	queue->length = 0;
}

uint16_t hold_put(struct hold *hold, struct hold_queue *queue, const uint8_t *data, uint32_t len,
		  const struct io_offload *offload)
{
	struct hold_slot *slot;
	uint16_t index;

	if (len > IO_FRAME_BYTES)
		return HOLD_NONE;
	if (hold->free != HOLD_NONE) {
		index = hold->free;
		hold->free = hold->slots[index].next;
	} else if (hold->used < hold->capacity) {
		index = hold->used++;
	} else {
		return HOLD_NONE;
	}
	slot = &hold->slots[index];
	slot->next = HOLD_NONE;
	slot->len = len;
	slot->offload = *offload;
	memcpy(slot->data, data, len);
	if (queue->last == HOLD_NONE)
		queue->first = index;
	else
		hold->slots[queue->last].next = index;
	queue->last = index;
	queue->length++;
	return index;
}

struct hold_slot *hold_take(struct hold *hold, struct hold_queue *queue)
{
	struct hold_slot *slot;

	if (queue->first == HOLD_NONE)
		return NULL;
	slot = &hold->slots[queue->first];
	queue->first = slot->next;
	if (queue->first == HOLD_NONE)
		queue->last = HOLD_NONE;
	queue->length--;
	return slot;
}

void hold_free(struct hold *hold, struct hold_slot *slot)
{
	slot->next = hold->free;
	hold->free = (uint16_t)(slot - hold->slots);
}
