/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMFD_PAGE 4096u /* the least that any kernel maps */

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

/*
 * What kind of map it is cannot be asked here: bpf() is not permitted. That it is no file of any
 * kind (it has no type), that as many bytes can be mapped and not a page more, is true of nothing
 * else that pgwd could hold by mistake.
 */
const char *memfd_check_map(int fd, uint64_t bytes)
{
	struct stat stat;
	void *memory;

	if (fstat(fd, &stat) || stat.st_mode & S_IFMT || fcntl(fd, F_GET_SEALS) >= 0)
		return "the descriptor is no BPF map";
	memory = mmap(NULL, bytes + MEMFD_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	munmap(memory, bytes + MEMFD_PAGE);
	return "the map is larger than the message says";
}

void memfd_drop(struct memfd *memfd)
{
	if (memfd->memory) {
		munmap(memfd->memory, memfd->bytes);
		close(memfd->fd);
	}
	*memfd = MEMFD_NONE;
}
