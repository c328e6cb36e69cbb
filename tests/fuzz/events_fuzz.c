/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events_fuzz - bytes as what a netlink socket yields, read by datapath/process/events.c.
 *
 * Input: reads of {flags, length (two bytes, low first), bytes}. getsockopt(), sendto() and
 * recvmsg() are replaced by the linker. What must hold, besides no crash: the worker is told only
 * of links with an index and an MTU that a packet can have, and of neighbours that have a MAC
 * address if they are usable; and never on the word of another process.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "datapath/process/events.h"
#include "datapath/worker/worker.h"

#define READS_MAX 32u
#define USABLE	  (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP | NUD_STALE | NUD_DELAY | NUD_PROBE)

enum read_flags {
	FIX_LENGTH = 1,	  /* of the first message: that of the bytes */
	FIX_SEQUENCE = 2, /* of the first message: that of the last request */
	OTHER_SENDER = 4,
	OVERFLOW = 8, /* ENOBUFS instead of bytes */
	TRUNCATED = 16,
	SEND_FAILS = 32, /* from now on, until a read without it */
	REFRESH = 64,
	LATER = 128,
};

static struct {
	const uint8_t *data;
	size_t size;
	unsigned reads;
	uint32_t sequence;
	bool send_fails, forged, refresh;
	uint64_t now_ns;
} fuzz;

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *bytes);
ssize_t __wrap_sendto(int fd, const void *buffer, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t to_bytes);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
	(void)fd;
	assert(level == SOL_SOCKET && *bytes == sizeof(int));
	*(int *)value = option == SO_DOMAIN ? AF_NETLINK : NETLINK_ROUTE;
	return 0;
}

ssize_t __wrap_sendto(int fd, const void *buffer, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t to_bytes)
{
	const struct nlmsghdr *request = buffer;

	(void)fd;
	(void)flags;
	assert(to->sa_family == AF_NETLINK && to_bytes == sizeof(struct sockaddr_nl));
	assert(bytes == request->nlmsg_len);
	if (fuzz.send_fails) {
		errno = EAGAIN;
		return -1;
	}
	fuzz.sequence = request->nlmsg_seq;
	return (ssize_t)bytes;
}

/* Lay out the bytes of one read. Return: how many there are. */
static size_t fill(struct msghdr *msg, uint8_t flags, const uint8_t *data, size_t bytes)
{
	struct nlmsghdr *first = msg->msg_iov[0].iov_base;

	assert(msg->msg_iovlen == 1 && bytes <= msg->msg_iov[0].iov_len);
	memcpy(first, data, bytes);
	if (bytes >= sizeof(*first) && flags & FIX_LENGTH)
		first->nlmsg_len = (uint32_t)bytes;
	if (bytes >= sizeof(*first) && flags & FIX_SEQUENCE)
		first->nlmsg_seq = fuzz.sequence;
	return bytes;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int unused)
{
	uint8_t flags;
	size_t bytes;

	(void)fd;
	(void)unused;
	if (fuzz.size < 3 || fuzz.reads++ == READS_MAX) {
		errno = EAGAIN;
		return -1;
	}
	flags = fuzz.data[0];
	bytes = fuzz.data[1] | (size_t)fuzz.data[2] << 8;
	if (bytes > fuzz.size - 3)
		bytes = fuzz.size - 3;
	if (bytes > msg->msg_iov[0].iov_len)
		bytes = msg->msg_iov[0].iov_len;
	fuzz.forged = flags & OTHER_SENDER;
	fuzz.send_fails = flags & SEND_FAILS;
	fuzz.refresh |= flags & REFRESH;
	if (flags & LATER)
		fuzz.now_ns += 6000000000u;
	msg->msg_flags = flags & TRUNCATED ? MSG_TRUNC : 0;
	msg->msg_namelen = sizeof(struct sockaddr_nl);
	*(struct sockaddr_nl *)msg->msg_name =
		(struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = fuzz.forged ? 4711 : 0};
	bytes = fill(msg, flags, fuzz.data + 3, bytes);
	fuzz.data += 3 + bytes;
	fuzz.size -= 3 + bytes;
	if (!(flags & OVERFLOW))
		return (ssize_t)bytes;
	errno = ENOBUFS;
	return -1;
}

void worker_link(struct worker *w, const struct worker_link *link)
{
	assert(!w && !fuzz.forged);
	assert(link->ifindex && link->ifindex <= INT32_MAX && link->mtu <= UINT16_MAX);
}

void worker_neighbour(struct worker *w, uint32_t ifindex, be32 addr, const struct mac *mac,
		      uint16_t state, uint64_t now_ns)
{
	static volatile uint8_t sink;

	(void)addr;
	/* the end of a dump may also report what was told before */
	assert(!w && !(fuzz.forged && state != NUD_NONE));
	assert(ifindex && ifindex <= INT32_MAX && now_ns <= fuzz.now_ns);
	assert(mac || !(state & USABLE));
	for (unsigned i = 0; mac && i < sizeof(*mac); i++)
		sink = (uint8_t)(sink + mac->b[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct events *events;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.data = data;
	fuzz.size = size;
	fuzz.now_ns = 1;
	if (fd < 0 || events_create(&events, NULL) || events_use(events, fd))
		abort();
	do {
		events_read(events, fuzz.now_ns);
		if (fuzz.refresh)
			events_refresh(events);
		fuzz.refresh = false;
	} while (fuzz.size >= 3 && fuzz.reads < READS_MAX);
	assert(events_fd(events) == fd);
	events_destroy(events);
	return 0;
}
