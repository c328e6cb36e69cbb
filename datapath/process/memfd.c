/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *memfd_check(int fd, uint64_t bytes, int seals)
{
	struct stat stat;
	int set = fcntl(fd, F_GET_SEALS);

	if (set < 0)
		return "the descriptor is no memfd";
	if ((set & seals) != seals)
		return "the memfd is not sealed";
	if (fstat(fd, &stat) || stat.st_size < 0 || (uint64_t)stat.st_size < bytes)
		return "the memfd is smaller than the message says";
	return NULL;
}

void memfd_drop(struct memfd *memfd)
{
	if (memfd->memory) {
		munmap(memfd->memory, memfd->bytes);
		close(memfd->fd);
	}
	*memfd = MEMFD_NONE;
}
