/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>

#include "control/netlink/netlink.h"

#define RECEIVE_BYTES  (64 * 1024) /* the kernel fills dumps up to 32 KiB */
#define DUMP_TRIES     8
#define ARRAY_ROOM_MIN 16

int kernel_fail(struct kernel_error *error, int code, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		(void)vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return code;
}

void *netlink_grow(void *array, size_t n, size_t element_bytes)
{
	/* Room is implied by n: the array is doubled whenever n reaches a power of two. */
	if (n < ARRAY_ROOM_MIN)
		return array ? array : calloc(ARRAY_ROOM_MIN, element_bytes);
	if (n & (n - 1))
		return array;
	return reallocarray(array, n * 2, element_bytes);
}

ssize_t netlink_receive(int fd, void *buffer, size_t bytes, int flags)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = buffer, .iov_len = bytes};
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t got = recvmsg(fd, &msg, flags);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if (msg.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		return got;
	}
}

/* from_kernel() - skip a message whose sender is not the kernel */
static int from_kernel(struct nl_msg *msg, void *arg)
{
	const struct sockaddr_nl *source = nlmsg_get_src(msg);

	(void)arg;
	return source->nl_pid == 0 ? NL_OK : NL_SKIP;
}

/* keep_text() - copy the extended acknowledgement's message, where there is one */
static void keep_text(struct netlink *netlink, const struct nlmsgerr *refusal)
{
	/* libnl hands over the payload; its header stands right before it. */
	const struct nlmsghdr *header =
		(const struct nlmsghdr *)(const void *)((const char *)refusal - NLMSG_HDRLEN);
	size_t skip = sizeof(*refusal);
	const struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += refusal->msg.nlmsg_len - NLMSG_HDRLEN;
	if (header->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	attr = nla_find((const struct nlattr *)(const void *)((const char *)refusal + skip),
			(int)(header->nlmsg_len - NLMSG_HDRLEN - skip), NLMSGERR_ATTR_MSG);
	if (attr)
		(void)snprintf(netlink->text, sizeof(netlink->text), "%.*s", nla_len(attr),
			       (const char *)nla_data(attr));
}

static int on_refusal(struct sockaddr_nl *from, struct nlmsgerr *refusal, void *arg)
{
	struct netlink *netlink = arg;

	if (from->nl_pid != 0)
		return NL_SKIP;
	netlink->code = -refusal->error;
	keep_text(netlink, refusal);
	return NL_STOP;
}

/* to_errno() - the errno behind libnl's own error numbers, where no refusal told it */
static int to_errno(const struct netlink *netlink, int err)
{
	if (netlink->code)
		return -netlink->code;
	switch (-err) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_DUMP_INTR:
	case NLE_INTR:
		return -EINTR;
	case NLE_MSG_TRUNC:
	case NLE_MSGSIZE:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

/* ended() - the end of a call. What libnl itself could not do, for want of memory for one, leaves
 * the rest of the answer in the socket, and its count of sequences wrong: every later call would
 * fail.
 */
static int ended(struct netlink *netlink, int err)
{
	int code = err < 0 ? to_errno(netlink, err) : 0;

	if (err < 0 && !netlink->code)
		netlink_close(netlink);
	return code;
}

static int connect_socket(struct netlink *netlink)
{
	int on = 1, err;

	netlink->code = 0;
	netlink->text[0] = '\0';
	if (netlink->sock)
		return 0;
	netlink->sock = nl_socket_alloc();
	if (!netlink->sock)
		return -ENOMEM;
	err = nl_connect(netlink->sock, NETLINK_ROUTE);
	if (!err)
		err = nl_socket_set_msg_buf_size(netlink->sock, RECEIVE_BYTES);
	if (!err)
		err = nl_socket_modify_cb(netlink->sock, NL_CB_MSG_IN, NL_CB_CUSTOM, from_kernel,
					  NULL);
	if (!err)
		err = nl_socket_modify_err_cb(netlink->sock, NL_CB_CUSTOM, on_refusal, netlink);
	if (err)
		return ended(netlink, err);
	/* Without extended acknowledgements messages only lack the kernel's own words. */
	(void)setsockopt(nl_socket_get_fd(netlink->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on,
			 sizeof(on));
	return 0;
}

int netlink_open(struct netlink *netlink)
{
	memset(netlink, 0, sizeof(*netlink));
	return connect_socket(netlink);
}

void netlink_close(struct netlink *netlink)
{
	nl_socket_free(netlink->sock);
	netlink->sock = NULL;
}

int netlink_request(struct netlink *netlink, struct nl_msg *msg)
{
	int err = msg ? connect_socket(netlink) : -ENOMEM;

	if (err) {
		nlmsg_free(msg);
		return err;
	}
	err = nl_send_auto(netlink->sock, msg);
	nlmsg_free(msg);
	if (err >= 0)
		err = nl_wait_for_ack(netlink->sock);
	return ended(netlink, err);
}

struct dump {
	netlink_each each;
	void *arg;
	int err;
};

static int on_object(struct nl_msg *msg, void *arg)
{
	struct dump *dump = arg;

	/* After an error the rest is still read, or it would answer the next request. */
	if (!dump->err)
		dump->err = dump->each(nlmsg_hdr(msg), dump->arg);
	return NL_OK;
}

/* own_callbacks() - a copy of the socket's, to be changed. NULL without memory. */
static struct nl_cb *own_callbacks(const struct netlink *netlink)
{
	struct nl_cb *own = nl_socket_get_cb(netlink->sock);
	struct nl_cb *cb = nl_cb_clone(own);

	nl_cb_put(own);
	return cb;
}

int netlink_dump(struct netlink *netlink, int type, int family, size_t *n, netlink_each each,
		 void *arg)
{
	struct dump dump = {.each = each, .arg = arg};
	int tries, err = connect_socket(netlink);
	struct nl_cb *cb;

	if (err)
		return err;
	cb = own_callbacks(netlink);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_object, &dump);
	for (tries = 0; tries < DUMP_TRIES; tries++) {
		*n = 0;
		netlink->code = 0;
		netlink->text[0] = '\0';
		err = nl_rtgen_request(netlink->sock, type, family, NLM_F_DUMP);
		if (err >= 0)
			err = nl_recvmsgs(netlink->sock, cb);
		if (err != -NLE_DUMP_INTR || dump.err)
			break;
	}
	nl_cb_put(cb);
	err = ended(netlink, err);
	return dump.err ? dump.err : err;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(bool *)arg = true;
	return NL_STOP;
}

int netlink_get(struct netlink *netlink, struct nl_msg *msg, netlink_each each, void *arg)
{
	struct dump object = {.each = each, .arg = arg};
	int err = msg ? connect_socket(netlink) : -ENOMEM;
	struct nl_cb *cb = err ? NULL : own_callbacks(netlink);
	bool acked = false;

	if (!cb) {
		nlmsg_free(msg);
		return err ? err : -ENOMEM;
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_object, &object);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &acked);
	err = nl_send_auto(netlink->sock, msg);
	nlmsg_free(msg);
	while (err >= 0 && !acked) /* the object and its acknowledgement come one by one */
		err = nl_recvmsgs(netlink->sock, cb);
	nl_cb_put(cb);
	err = ended(netlink, err);
	return object.err ? object.err : err;
}
