/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region - memory that pgwd shares with the datapath: the flow table, the counters page and
 * the compiled snapshot, each a memfd of fixed size, mapped here read-only. The flow table is a BPF
 * array instead where the kernel's programs use it too (offload/map.h).
 *
 * The size is sealed (F_SEAL_SHRINK), so that no holder of a descriptor can take the memory
 * away under a reader.
 */
#ifndef PGW_CONTROL_REGION_H
#define PGW_CONTROL_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ctl/client.h"

struct region {
	int fd; /* -1: none */
	const void *memory;
	size_t bytes;
	bool map; /* a BPF array */
};
#define REGION_NONE ((struct region){.fd = -1})

/* region_table() - an empty flow table with a fresh random key. Return: 0, -errno + @error. */
int region_table(struct region *region, uint32_t capacity, struct ctl_error *error);
/* region_table_map() - the same as a BPF array. -EPERM: BPF is not permitted. */
int region_table_map(struct region *region, uint32_t capacity, struct ctl_error *error);
/* region_copy_map() - a BPF array with what the table @from holds, of which nobody may be the
 * writer meanwhile. */
int region_copy_map(struct region *region, const struct region *from, struct ctl_error *error);
/* region_counters() - a counters page, all zero. */
int region_counters(struct region *region, struct ctl_error *error);
/* region_snapshot() - @block copied into a memfd that nobody can change any more. */
int region_snapshot(struct region *region, const void *block, size_t bytes,
		    struct ctl_error *error);

/* region_ring() - an empty ring for events (datapath/base/event_ring.h). */
int region_ring(struct region *region, struct ctl_error *error);
/* region_block() - @block copied into a memfd called @name that nobody can change any more. */
int region_block(struct region *region, const char *name, const void *block, size_t bytes,
		 struct ctl_error *error);

/**
 * region_adopt() - map a descriptor that came from elsewhere
 * @fd: the region's on success, the caller's otherwise
 * @what: for messages
 * Return: 0; -EINVAL if it is neither a memfd whose size is sealed nor a flow table that is a BPF
 * array, or not of 1..@limit bytes; other -errno.
 */
int region_adopt(struct region *region, int fd, const char *what, size_t limit,
		 struct ctl_error *error);

/* region_readonly() - a descriptor for reading, that of a memfd one that cannot be written through.
 * The kernel maps no BPF array through a descriptor that is for reading only; who gets it is root,
 * and may open any map by its number anyway. Return: descriptor or -errno. */
int region_readonly(const struct region *region);

/* region_drop() - unmap and close; afterwards REGION_NONE. */
void region_drop(struct region *region);

#endif
