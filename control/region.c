/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/fault.h"
#include "control/offload/map.h"
#include "datapath/base/counters.h"
#include "datapath/base/event_ring.h"
#include "datapath/base/huge.h"
#include "datapath/flow/table.h"

#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Return: @bytes of zeroed memory, mapped for writing; NULL with @error set. */
static void *region_create(struct region *region, const char *name, size_t bytes,
			   struct ctl_error *error)
{
	void *memory = MAP_FAILED;

	*region = REGION_NONE;
	region->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (region->fd >= 0 && !ftruncate(region->fd, (off_t)bytes))
		memory = huge_map(bytes, PROT_READ | PROT_WRITE, region->fd);
	if (memory != MAP_FAILED)
		return memory;
	fault(error, -ENOMEM, "%s: cannot get %zu bytes of shared memory: %s", name, bytes,
	      strerror(errno));
	region_drop(region);
	return NULL;
}

/* Ends the writing: sizes or all is sealed, and the region mapped read-only. */
static int region_finish(struct region *region, const char *name, void *writable, size_t bytes,
			 int seals, struct ctl_error *error)
{
	int fd = region->fd, code;

	munmap(writable, bytes);
	if (fcntl(fd, F_ADD_SEALS, seals)) {
		code = fault(error, -errno, "%s: cannot seal shared memory: %s", name,
			     strerror(errno));
		region_drop(region);
		return code;
	}
	code = region_adopt(region, fd, name, bytes, error);
	if (code)
		close(fd);
	return code;
}

static int random_bytes(void *buffer, size_t bytes)
{
	ssize_t got = getrandom(buffer, bytes, 0);

	return got == (ssize_t)bytes ? 0 : -EIO;
}

int region_table(struct region *region, uint32_t capacity, struct ctl_error *error)
{
	size_t bytes = flow_table_bytes(capacity);
	uint8_t key[32];
	void *memory;

	*region = REGION_NONE;
	if (random_bytes(key, sizeof(key)))
		return fault(error, -EIO, "flow table: the kernel gives no random bytes");
	memory = region_create(region, "pgw-flow-table", bytes, error);
	if (!memory)
		return -ENOMEM;
	flow_table_format(memory, capacity, key, (uint64_t)time(NULL));
	explicit_bzero(key, sizeof(key));
	huge_fill(memory, bytes);
	return region_finish(region, "pgw-flow-table", memory, bytes, SEALS_SIZE, error);
}

/* Return: a new array mapped for writing, NULL with @error set. */
static void *map_region(struct region *region, size_t bytes, struct ctl_error *error, int *code)
{
	void *memory = MAP_FAILED;

	*region = REGION_NONE;
	region->fd = map_create(bytes);
	*code = region->fd < 0 ? region->fd : 0;
	if (!*code)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	if (!*code && memory == MAP_FAILED)
		*code = -errno;
	if (!*code)
		return memory;
	if (*code == -EPERM)
		fault(error, *code, "flow table: BPF maps are not permitted here (CAP_BPF)");
	else
		fault(error, *code, "flow table: cannot get a BPF map of %zu bytes: %s", bytes,
		      strerror(-*code));
	if (region->fd >= 0)
		close(region->fd);
	*region = REGION_NONE;
	return NULL;
}

static int finish_map(struct region *region, void *writable, size_t bytes, struct ctl_error *error)
{
	int fd = region->fd, code;

	munmap(writable, bytes);
	code = region_adopt(region, fd, "flow table", bytes, error);
	if (code)
		close(fd);
	return code;
}

int region_table_map(struct region *region, uint32_t capacity, struct ctl_error *error)
{
	size_t bytes = flow_table_bytes(capacity);
	uint8_t key[32];
	void *memory;
	int code;

	*region = REGION_NONE;
	if (random_bytes(key, sizeof(key)))
		return fault(error, -EIO, "flow table: the kernel gives no random bytes");
	memory = map_region(region, bytes, error, &code);
	if (!memory)
		return code;
	flow_table_format(memory, capacity, key, (uint64_t)time(NULL));
	explicit_bzero(key, sizeof(key));
	return finish_map(region, memory, bytes, error);
}

int region_copy_map(struct region *region, const struct region *from, struct ctl_error *error)
{
	int code;
	void *memory = map_region(region, from->bytes, error, &code);

	if (!memory)
		return code;
	memcpy(memory, from->memory, from->bytes);
	return finish_map(region, memory, from->bytes, error);
}

int region_counters(struct region *region, struct ctl_error *error)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t bytes = (sizeof(struct counters_page) + page - 1) / page * page;
	struct counters_page *counters;
	void *memory;

	memory = region_create(region, "pgw-counters", bytes, error);
	if (!memory)
		return -ENOMEM;
	counters = memory;
	counters->magic = COUNTERS_MAGIC;
	counters->version = COUNTERS_VERSION;
	counters->bytes = sizeof(*counters);
	counters->workers = counters->blocks = 1;
	return region_finish(region, "pgw-counters", memory, bytes, SEALS_SIZE, error);
}

int region_ring(struct region *region, struct ctl_error *error)
{
	size_t bytes = event_ring_bytes(EVENT_RING_CAPACITY);
	void *memory;

	memory = region_create(region, "pgw-events", bytes, error);
	if (!memory)
		return -ENOMEM;
	event_ring_format(memory, EVENT_RING_CAPACITY);
	return region_finish(region, "pgw-events", memory, bytes, SEALS_SIZE, error);
}

int region_block(struct region *region, const char *name, const void *block, size_t bytes,
		 struct ctl_error *error)
{
	void *memory;

	memory = region_create(region, name, bytes, error);
	if (!memory)
		return -ENOMEM;
	memcpy(memory, block, bytes);
	return region_finish(region, name, memory, bytes, SEALS_SIZE | F_SEAL_WRITE, error);
}

int region_snapshot(struct region *region, const void *block, size_t bytes, struct ctl_error *error)
{
	return region_block(region, "pgw-snapshot", block, bytes, error);
}

int region_adopt(struct region *region, int fd, const char *what, size_t limit,
		 struct ctl_error *error)
{
	int seals = fcntl(fd, F_GET_SEALS);
	size_t bytes = map_bytes(fd);
	bool map = bytes > 0;
	struct stat status;
	void *memory;

	*region = REGION_NONE;
	if (!map && seals >= 0 && seals & F_SEAL_SHRINK && !fstat(fd, &status) &&
	    status.st_size > 0)
		bytes = (size_t)status.st_size;
	if (!bytes || bytes > limit)
		return fault(error, -EINVAL, "%s: not a sealed memfd of 1 to %zu bytes", what,
			     limit);
	memory = huge_map(bytes, PROT_READ, fd);
	if (memory == MAP_FAILED)
		return fault(error, -errno, "%s: cannot map it: %s", what, strerror(errno));
	region->fd = fd;
	region->memory = memory;
	region->bytes = bytes;
	region->map = map;
	return 0;
}

int region_readonly(const struct region *region)
{
	char path[40];
	int fd;

	if (region->map) {
		fd = fcntl(region->fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", region->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void region_drop(struct region *region)
{
	if (region->memory)
		munmap((void *)region->memory, region->bytes);
	if (region->fd >= 0)
		close(region->fd);
	*region = REGION_NONE;
}
