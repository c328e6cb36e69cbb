/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_seqpacket(int fd)
{
	int type = -1;
	socklen_t bytes = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) && type == SOCK_SEQPACKET;
}

const char *log_open(struct log_end *end, int ring_fd, uint64_t bytes, int wake_fd)
{
	const char *why;
	void *memory;

	if (!bytes || bytes > event_ring_bytes(EVENT_RING_CAPACITY_MAX))
		return "wrong size";
	if (!is_seqpacket(wake_fd))
		return "the second descriptor is no wake-up socket";
	why = memfd_check(ring_fd, bytes, F_SEAL_SHRINK);
	if (why)
		return why;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	if (memory == MAP_FAILED)
		return "cannot be mapped: is it writable?";
	*end = LOG_END_NONE;
	why = event_ring_writer(&end->ring, memory, bytes);
	if (why) {
		munmap(memory, bytes);
		return why;
	}
	end->memory = (struct memfd){.memory = memory, .bytes = bytes, .fd = ring_fd};
	end->wake_fd = wake_fd;
	/* what a predecessor left there has perhaps not been told */
	end->woken_head = end->ring.other;
	return NULL;
}

void log_close(struct log_end *end)
{
	memfd_drop(&end->memory);
	if (end->wake_fd >= 0)
		close(end->wake_fd);
	*end = LOG_END_NONE;
}

uint64_t log_wake(struct log_end *end, uint64_t now_ns)
{
	uint64_t due_ns = end->woken_ns + LOG_WAKE_NS;
	uint64_t head = event_ring_own(&end->ring);

	if (!end->memory.memory || head == end->woken_head)
		return UINT64_MAX;
	if (now_ns < due_ns && head - end->woken_head < end->ring.capacity / 4)
		return due_ns;
	/* If there is no room, as many bytes as fit wait for the reader already. */
	(void)send(end->wake_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	end->woken_head = head;
	end->woken_ns = now_ns;
	return UINT64_MAX;
}
