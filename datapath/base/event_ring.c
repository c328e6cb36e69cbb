/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/event_ring.h"

#include <string.h>

size_t event_ring_bytes(uint32_t capacity)
{
	return EVENT_RING_HEADER_BYTES + (size_t)capacity * sizeof(struct event);
}

void event_ring_format(void *memory, uint32_t capacity)
{
	struct event_ring_header *header = memory;

	header->version = EVENT_RING_VERSION;
	header->record_bytes = sizeof(struct event);
	header->capacity = capacity;
	header->magic = EVENT_RING_MAGIC;
}

static const char *open_end(struct event_ring *ring, void *memory, size_t bytes)
{
	struct event_ring_header *header = memory;
	uint32_t capacity;

	if (bytes < sizeof(*header) || header->magic != EVENT_RING_MAGIC)
		return "not an event ring";
	if (header->version != EVENT_RING_VERSION || header->record_bytes != sizeof(struct event))
		return "an event ring of another version";
	/* read once: the other end may change it while it is looked at */
	capacity = *(volatile const uint32_t *)&header->capacity;
	if (!capacity || capacity & (capacity - 1) || capacity > EVENT_RING_CAPACITY_MAX)
		return "an event ring whose capacity is no power of two within the limit";
	if (bytes < event_ring_bytes(capacity))
		return "an event ring that is cut short";
	*ring = (struct event_ring){
		.header = header,
		.records = (struct event *)((uint8_t *)memory + EVENT_RING_HEADER_BYTES),
		.capacity = capacity,
	};
	return NULL;
}

const char *event_ring_writer(struct event_ring *ring, void *memory, size_t bytes)
{
	const char *why = open_end(ring, memory, bytes);

	if (why)
		return why;
	ring->own = atomic_load_explicit(&ring->header->head, memory_order_acquire);
	ring->other = atomic_load_explicit(&ring->header->tail, memory_order_acquire);
	return NULL;
}

const char *event_ring_reader(struct event_ring *ring, void *memory, size_t bytes)
{
	const char *why = open_end(ring, memory, bytes);

	if (!why)
		ring->own = atomic_load_explicit(&ring->header->tail, memory_order_acquire);
	return why;
}

uint32_t event_ring_used(struct event_ring *ring)
{
	uint64_t used;

	ring->other = atomic_load_explicit(&ring->header->tail, memory_order_acquire);
	used = ring->own - ring->other;
	return used > ring->capacity ? ring->capacity : (uint32_t)used;
}

bool event_ring_put(struct event_ring *ring, const struct event *event)
{
	/* the other's line is read only when the ring looks full by what was last seen of it */
	if (ring->own - ring->other >= ring->capacity && event_ring_used(ring) >= ring->capacity)
		return false;
	ring->records[ring->own & (ring->capacity - 1)] = *event;
	__atomic_store_n(&ring->own, ring->own + 1, __ATOMIC_RELAXED); /* event_ring_own() */
	atomic_store_explicit(&ring->header->head, ring->own, memory_order_release);
	return true;
}

unsigned event_ring_take(struct event_ring *ring, struct event *events, unsigned n)
{
	uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_acquire);
	unsigned taken = 0;

	if (head - ring->own > ring->capacity)
		ring->own = head;
	for (; taken < n && ring->own != head; taken++, ring->own++)
		events[taken] = ring->records[ring->own & (ring->capacity - 1)];
	return taken;
}

void event_ring_done(struct event_ring *ring, uint64_t exported, uint64_t failed)
{
	atomic_fetch_add_explicit(&ring->header->exported, exported, memory_order_relaxed);
	atomic_fetch_add_explicit(&ring->header->failed, failed, memory_order_relaxed);
	atomic_store_explicit(&ring->header->tail, ring->own, memory_order_release);
}
