/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp_ring - a ring that an AF_XDP socket shares with the kernel: a producer and a consumer, each
 * moved by one side alone. @at is the one that is ours, which the kernel sees when it is stored.
 */
#ifndef PGW_IO_XDP_RING_H
#define PGW_IO_XDP_RING_H

#include <errno.h>
#include <linux/if_xdp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

struct xdp_ring {
	uint32_t *producer, *consumer, *flags;
	void *slots;
	uint32_t mask;
	uint32_t at; /* the index that is ours to move */
	void *map;
	size_t map_bytes;
};

static inline struct xdp_desc *xdp_ring_descriptor(const struct xdp_ring *ring, uint32_t at)
{
	return (struct xdp_desc *)ring->slots + (at & ring->mask);
}

static inline uint64_t *xdp_ring_address(const struct xdp_ring *ring, uint32_t at)
{
	return (uint64_t *)ring->slots + (at & ring->mask);
}

static inline uint32_t xdp_ring_load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static inline void xdp_ring_store(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* @page: XDP_PGOFF_* or XDP_UMEM_PGOFF_*. Return: 0 or -errno. */
static inline int xdp_ring_map(struct xdp_ring *ring, int fd, uint64_t page,
			       const struct xdp_ring_offset *offset, uint32_t slots,
			       size_t slot_bytes)
{
	size_t bytes = offset->desc + slots * slot_bytes;
	uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page);

	if (map == MAP_FAILED)
		return -errno;
	*ring = (struct xdp_ring){
		.producer = (uint32_t *)(void *)(map + offset->producer),
		.consumer = (uint32_t *)(void *)(map + offset->consumer),
		.flags = (uint32_t *)(void *)(map + offset->flags),
		.slots = map + offset->desc,
		.mask = slots - 1,
		.map = map,
		.map_bytes = bytes,
	};
	return 0;
}

#endif
