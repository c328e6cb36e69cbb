/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region - memory that pgwd shares with the datapath: the flow table, the counters page and
 * the compiled snapshot, each a memfd of fixed size, mapped here read-only.
 *
 * The size is sealed (F_SEAL_SHRINK), so that no holder of a descriptor can take the memory
 * away under a reader.
 */
#ifndef PGW_CONTROL_REGION_H
#define PGW_CONTROL_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "control/ctl/client.h"

struct region {
	int fd; /* -1: none */
	const void *memory;
	size_t bytes;
};
#define REGION_NONE ((struct region){.fd = -1})

/* region_table() - an empty flow table with a fresh random key. Return: 0, -errno + @error. */
int region_table(struct region *region, uint32_t capacity, struct ctl_error *error);
/* region_counters() - a counters page, all zero. */
int region_counters(struct region *region, struct ctl_error *error);
/* region_snapshot() - @block copied into a memfd that nobody can change any more. */
int region_snapshot(struct region *region, const void *block, size_t bytes,
		    struct ctl_error *error);

/**
 * region_adopt() - map a descriptor that came from elsewhere
 * @fd: the region's on success, the caller's otherwise
 * @what: for messages
 * Return: 0; -EINVAL if its size is not sealed or not within 1..@limit; other -errno.
 */
int region_adopt(struct region *region, int fd, const char *what, size_t limit,
		 struct ctl_error *error);

/* region_readonly() - a descriptor that can only be read. Return: descriptor or -errno. */
int region_readonly(const struct region *region);

/* region_drop() - unmap and close; afterwards REGION_NONE. */
void region_drop(struct region *region);

#endif
