/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfd - shared memory that pgwd handed over: checked, mapped, kept for the next pgwd. */
#ifndef PGW_PROCESS_MEMFD_H
#define PGW_PROCESS_MEMFD_H

#include <stddef.h>
#include <stdint.h>

struct memfd {
	void *memory; /* NULL: none */
	size_t bytes;
	int fd;
};
#define MEMFD_NONE ((struct memfd){.fd = -1})

/**
 * memfd_check() - whether @bytes of @fd can be mapped and stay so
 * @seals: F_SEAL_* that must be set. Without F_SEAL_SHRINK, whoever holds the descriptor could
 *         make the memory vanish under the worker, which would end it with SIGBUS.
 * Return: NULL, or what is wrong (static text).
 */
const char *memfd_check(int fd, uint64_t bytes, int seals);

/**
 * memfd_check_map() - the same for a BPF array: its size can never change, and mmap() refuses
 * what is beyond it
 * Return: NULL, or what is wrong (static text).
 */
const char *memfd_check_map(int fd, uint64_t bytes);

/* memfd_drop() - unmap and close; afterwards MEMFD_NONE. */
void memfd_drop(struct memfd *memfd);

#endif
