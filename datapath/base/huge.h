/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * huge - shared memory mapped so that the kernel can give it huge pages: from a boundary of theirs
 * on, and asked for. What is left at the end has small ones. Whether it does is for shmem_enabled
 * in /sys/kernel/mm/transparent_hugepage to say (control/netlink/hugepages.h); without them all is
 * the same, but slower.
 *
 * Whoever maps the memory, if only for reading, has to do it in this way: where one process has
 * touched a piece of a huge page in small ones, nobody gets the huge one any more.
 */
#ifndef PGW_BASE_HUGE_H
#define PGW_BASE_HUGE_H

#include <stddef.h>

#define HUGE_PAGE_BYTES (2u << 20)
/* The second level of a processor's translation cache reaches some 6 MiB of small pages. */
#define HUGE_WORTH_BYTES (8u << 20)

/* huge_map() - map the first @bytes of @fd, shared. @prot: PROT_*. Return: MAP_FAILED with errno.
 */
void *huge_map(size_t bytes, int prot, int fd);

/* huge_fill() - have what huge_map() gave from the kernel now, all @bytes of it if they are worth
 * huge pages: else whoever is the first to write to such a page waits while it is cleared, for
 * milliseconds in a virtual machine whose host has yet to find the memory. What cannot be had is
 * left for later. */
void huge_fill(void *memory, size_t bytes);

#endif
