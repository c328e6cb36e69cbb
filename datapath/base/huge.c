/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/huge.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* reserve() - addresses of @bytes from a huge page's boundary on, which nothing else will get */
static uint8_t *reserve(size_t bytes)
{
	uint8_t *all = mmap(NULL, bytes + HUGE_PAGE_BYTES, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = (HUGE_PAGE_BYTES - (uintptr_t)all % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
	if (before)
		munmap(all, before);
	munmap(all + before + bytes, HUGE_PAGE_BYTES - before);
	return all + before;
}

void *huge_map(size_t bytes, int prot, int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), length = (bytes + page - 1) / page * page;
	uint8_t *place = NULL;
	void *memory;
	int err;

	if (bytes < HUGE_WORTH_BYTES)
		return mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
	if (length <= SIZE_MAX / 2 && length >= bytes)
		place = reserve(length);
	memory = mmap(place, bytes, prot, MAP_SHARED | (place ? MAP_FIXED : 0), fd, 0);
	if (memory != MAP_FAILED) {
		(void)madvise(memory, bytes, MADV_HUGEPAGE); /* refused where there are none */
		return memory;
	}
	err = errno;
	if (place)
		munmap(place, length);
	errno = err;
	return MAP_FAILED;
}

void huge_fill(void *memory, size_t bytes)
{
	if (bytes >= HUGE_WORTH_BYTES)
		(void)madvise(memory, bytes, MADV_POPULATE_WRITE);
}
