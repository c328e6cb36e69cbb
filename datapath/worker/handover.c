/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/worker/handover.h"

#include <errno.h>
#include <sys/mman.h>

#define RING_BYTES (HANDOVER_SLOTS * sizeof(struct handover))

static_assert((HANDOVER_SLOTS & (HANDOVER_SLOTS - 1)) == 0, "numbers wrap");

int handover_init(struct handover_ring *ring)
{
	void *memory =
		mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ring->slots = memory == MAP_FAILED ? NULL : memory;
	return ring->slots ? 0 : -ENOMEM;
}

void handover_fini(struct handover_ring *ring)
{
	if (ring->slots)
		munmap(ring->slots, RING_BYTES);
	ring->slots = NULL;
}

struct handover *handover_put(struct handover_ring *ring)
{
	if (ring->next - ring->done_seen == HANDOVER_SLOTS)
		ring->done_seen = atomic_load_explicit(&ring->done, memory_order_acquire);
	if (ring->next - ring->done_seen == HANDOVER_SLOTS)
		return NULL;
	return &ring->slots[ring->next++ % HANDOVER_SLOTS];
}

bool handover_tell(struct handover_ring *ring)
{
	if (atomic_load_explicit(&ring->told, memory_order_relaxed) == ring->next)
		return false;
	atomic_store_explicit(&ring->told, ring->next, memory_order_release);
	return true;
}

uint32_t handover_waiting(const struct handover_ring *ring)
{
	return atomic_load_explicit(&ring->told, memory_order_acquire) - ring->taken;
}

struct handover *handover_take(struct handover_ring *ring)
{
	return &ring->slots[ring->taken++ % HANDOVER_SLOTS];
}

void handover_done(struct handover_ring *ring)
{
	atomic_store_explicit(&ring->done, ring->taken, memory_order_release);
}
