/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/auth/nonce.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC	     "pgw nonces 1\n"
#define HEADER_BYTES 4096u
#define BOOT_BYTES   36u
#define FILE_BYTES   (HEADER_BYTES + (size_t)NONCE_PLACES * sizeof(struct nonce_place))
static_assert(sizeof(struct nonce_place) == 32, "two places a cache line");

struct header {
	char magic[16];
	char boot[BOOT_BYTES];
	int64_t floor_s; /* what was signed before it may have been seen and lost */
};

static void boot_id(char boot[BOOT_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(boot, 0, BOOT_BYTES);
	if (fd < 0)
		return;
	if (read(fd, boot, BOOT_BYTES) != (ssize_t)BOOT_BYTES)
		memset(boot, 0, BOOT_BYTES);
	close(fd);
}

/* All of its blocks are there from the start: a full disk must not be met by a store to memory. */
static void *map_file(const char *directory, bool *fresh)
{
	char path[PATH_MAX];
	void *memory = MAP_FAILED;
	struct stat status;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, NONCE_FILE_NAME);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return NULL;
	*fresh = !fstat(fd, &status) && !status.st_size;
	if (!posix_fallocate(fd, 0, (off_t)FILE_BYTES))
		memory = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	else
		unlink(path); /* what was allocated of it would only keep the disk full */
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

int nonce_open(struct nonce *nonce, const char *directory, int64_t now_ms)
{
	struct header *header, wanted = {.magic = MAGIC};
	bool fresh = false;

	memset(nonce, 0, sizeof(*nonce));
	boot_id(wanted.boot);
	nonce->memory = directory ? map_file(directory, &fresh) : NULL;
	nonce->kept = nonce->memory;
	if (!nonce->memory)
		nonce->memory = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nonce->memory == MAP_FAILED) {
		nonce->memory = NULL;
		return -ENOMEM;
	}
	header = nonce->memory;
	nonce->places = (struct nonce_place *)((char *)nonce->memory + HEADER_BYTES);
	if (!nonce->kept) {
		nonce->floor_s = now_ms / 1000;
		return 0;
	}
	if (memcmp(header->magic, wanted.magic, sizeof(wanted.magic)) != 0) {
		memset(nonce->memory, 0, FILE_BYTES);
		/* Where there was no table, nothing has ever been accepted. */
		wanted.floor_s = fresh ? 0 : now_ms / 1000;
		*header = wanted;
	} else if (memcmp(header->boot, wanted.boot, BOOT_BYTES) != 0) {
		wanted.floor_s = now_ms / 1000;
		*header = wanted;
	}
	nonce->floor_s = header->floor_s;
	return 0;
}

void nonce_close(struct nonce *nonce)
{
	if (nonce->memory)
		munmap(nonce->memory, FILE_BYTES);
	memset(nonce, 0, sizeof(*nonce));
}

static uint32_t source_of(const char *from)
{
	uint32_t hash = 2166136261u;

	while (*from)
		hash = (hash ^ (unsigned char)*from++) * 16777619u;
	return hash;
}

/* Return: 0 it may be accepted again, else -EALREADY. */
static int seen(const struct nonce_place *place, uint32_t source, bool repeatable, int64_t now_ms)
{
	uint32_t age_ms = (uint32_t)now_ms - place->seen_ms;

	return repeatable && place->source == source && age_ms <= NONCE_REPEAT_MS ? 0 : -EALREADY;
}

/* The clock was set back since the start: what was signed before this moment is as old as ever. */
static void lower_floor(struct nonce *nonce, int64_t now_s)
{
	nonce->floor_s = now_s;
	if (nonce->kept)
		((struct header *)nonce->memory)->floor_s = now_s;
}

int nonce_take(struct nonce *nonce, const uint8_t signature[NONCE_SIGNATURE_BYTES],
	       int64_t timestamp_s, const char *from, bool repeatable, int64_t now_ms)
{
	int64_t now_s = now_ms / 1000;
	uint32_t source = source_of(from), at;
	struct nonce_place *room = NULL;

	if (nonce->floor_s > now_s)
		lower_floor(nonce, now_s);
	if (timestamp_s < now_s - NONCE_WINDOW_S || timestamp_s > now_s + NONCE_WINDOW_S ||
	    timestamp_s < nonce->floor_s)
		return -ESTALE;
	memcpy(&at, signature, sizeof(at)); /* as good as random, and known only to who signs */
	for (uint32_t i = 0; i < NONCE_PROBES; i++) {
		struct nonce_place *place = &nonce->places[(at + i) % NONCE_PLACES];

		if (place->expires_s >= now_s) {
			if (memcmp(place->signature, signature, NONCE_SIGNATURE_BYTES) == 0)
				return seen(place, source, repeatable, now_ms);
		} else if (!room) {
			room = place;
		}
	}
	if (!room)
		return -ENOSPC;
	memcpy(room->signature, signature, NONCE_SIGNATURE_BYTES);
	room->source = source;
	room->seen_ms = (uint32_t)now_ms;
	room->expires_s = (uint32_t)(timestamp_s + NONCE_WINDOW_S);
	return 0;
}
