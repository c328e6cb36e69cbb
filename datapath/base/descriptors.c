/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/descriptors.h"

#include <string.h>
#include <unistd.h>

void descriptors_put(struct msghdr *msg, void *room, const int *fds, unsigned n)
{
	struct cmsghdr *header;

	if (!n)
		return;
	memset(room, 0, CMSG_SPACE(n * sizeof(int)));
	msg->msg_control = room;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	header = CMSG_FIRSTHDR(msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
}

unsigned descriptors_take(struct msghdr *msg, int *fds, unsigned max)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < max)
				fds[n] = fd;
			else
				close(fd);
			n++;
		}
	}
	return n;
}
