/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink - one rtnetlink socket: requests that are answered with an errno and the kernel's own
 * words, and dumps that are complete.
 */
#ifndef PGW_NETLINK_NETLINK_H
#define PGW_NETLINK_NETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/netlink/kernel.h"

struct nl_msg;
struct nl_sock;
struct nlmsghdr;

struct netlink {
	struct nl_sock *sock; /* NULL: given up, a new one is opened for the next call */
	int code;	      /* errno of the last refused request, positive */
	char text[96];	      /* what the kernel said about it; "" if nothing */
};

int netlink_open(struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/**
 * netlink_request() - send a request and wait for its acknowledgement
 * @msg: consumed; NULL stands for a message that could not be built (no memory)
 * Return: 0, or -errno with netlink->text set.
 */
int netlink_request(struct netlink *netlink, struct nl_msg *msg);

/* Called for each object of a dump. Return: 0 or -errno, which ends the dump. */
typedef int (*netlink_each)(const struct nlmsghdr *header, void *arg);

/**
 * netlink_dump() - read all objects of a kind
 * @type: RTM_GETLINK, …
 * @n: set to 0 at each start: a dump that the kernel changed under us is read again
 */
int netlink_dump(struct netlink *netlink, int type, int family, size_t *n, netlink_each each,
		 void *arg);

/**
 * netlink_get() - ask for one object and wait for it
 * @msg: consumed; NULL stands for a message that could not be built (no memory)
 * Return: 0, or -errno with netlink->text set; @each was not called then.
 */
int netlink_get(struct netlink *netlink, struct nl_msg *msg, netlink_each each, void *arg);

/* netlink_grow() - room for one more element in an array. Return: the array or NULL. */
void *netlink_grow(void *array, size_t n, size_t element_bytes);

/* netlink_receive() - recv() that drops whatever another process, not the kernel, has sent.
 * Return: bytes, or -errno. */
ssize_t netlink_receive(int fd, void *buffer, size_t bytes, int flags);

/* kernel_fail() - write a message for the operator. Return: @code. */
int kernel_fail(struct kernel_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
