/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * descriptors - file descriptors that go with a message of a Unix socket (SCM_RIGHTS, unix(7)).
 */
#ifndef PGW_BASE_DESCRIPTORS_H
#define PGW_BASE_DESCRIPTORS_H

#include <sys/socket.h>

/* Ancillary data with room for @max descriptors. */
#define DESCRIPTORS_ROOM(max)                                                                      \
	union {                                                                                    \
		struct cmsghdr header; /* for its alignment */                                     \
		char bytes[CMSG_SPACE((max) * sizeof(int))];                                       \
	}

/**
 * descriptors_put() - let @fds go with the message; they stay the caller's
 * @room: a DESCRIPTORS_ROOM of at least @n, to live until the message is sent. With @n = 0 the
 * message is left as it is.
 */
void descriptors_put(struct msghdr *msg, void *room, const int *fds, unsigned n);

/**
 * descriptors_take() - take what came with a message
 * @fds: @max places, filled from the first; what finds no place is closed
 * Return: how many came, those that were closed included.
 */
unsigned descriptors_take(struct msghdr *msg, int *fds, unsigned max);

#endif
