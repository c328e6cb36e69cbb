/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/offload/qdisc.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

static int note_filter(const struct nlmsghdr *header, void *found)
{
	if (header->nlmsg_type == RTM_NEWTFILTER)
		*(bool *)found = true;
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *socket, uint32_t ifindex, uint32_t parent, bool *found)
{
	char buffer[32768] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	unsigned sequence = (unsigned)time(NULL);
	struct tcmsg *message;
	int more = MNL_CB_OK;

	header->nlmsg_type = RTM_GETTFILTER;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = sequence;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = (int)ifindex;
	message->tcm_parent = parent;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (got < 0)
			return -errno;
		more = mnl_cb_run(buffer, (size_t)got, sequence, mnl_socket_get_portid(socket),
				  note_filter, found);
	}
	return more < 0 ? -errno : 0;
}

int qdisc_filters(uint32_t ifindex)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	bool found = false;
	int code;

	if (!socket)
		return -errno;
	code = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!code)
		code = dump(socket, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &found);
	if (!code)
		code = dump(socket, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &found);
	mnl_socket_close(socket);
	return code ? code : found;
}
