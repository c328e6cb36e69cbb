/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of interest is what kernel_apply() would mend: links and addresses of any kind, routes to where
 * ours go (one that replaces ours is told as new, the loss of ours is not told then), a parameter
 * of IPv4 forwarding (writing ip_forward sets it on all links), rules and routes of inside.c, any
 * part of the nft table, which "flush ruleset" takes away with all others, and the loss of a tc
 * filter or qdisc, which the program of offload/ may have been.
 * Neighbours have a socket of their own: in a flood of ARP it may overrun without anything else
 * being looked at anew. Only next hops that are watched count (hops.c), and those of inside.c.
 * Our own changes are told too; the apply that follows finds no difference, and that is that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include "control/netlink/monitor.h"
#include "control/netlink/private.h"
#include "control/netlink/suppress.h"

#define RECEIVE_BYTES	(32 * 1024)
#define EVENT_ROOM	(1 << 20) /* of the datapath's socket: a storm of neighbour changes */
#define READS_PER_EVENT 256	  /* then the caller's loop comes first again */

/* subscribe() - a non-blocking netlink socket with its groups. Return: descriptor or -errno. */
static int subscribe(int protocol, const int *groups, size_t n)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)))
		err = -errno;
	for (size_t i = 0; i < n && !err; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])))
			err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int kernel_events(void)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH};
	int room = EVENT_ROOM, fd = subscribe(NETLINK_ROUTE, groups, 2);

	/* Best effort: a socket that overruns says so, and its reader asks for all of it again. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

int monitor_open(struct kernel *kernel)
{
	static const int route_groups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR,
					   RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_NETCONF,
					   RTNLGRP_TC,	       RTNLGRP_IPV4_RULE};
	static const int nft_groups[] = {NFNLGRP_NFTABLES};
	static const int neighbour_groups[] = {RTNLGRP_NEIGH};
	struct epoll_event event = {.events = EPOLLIN};
	int err;

	kernel->monitor_nft_fd = kernel->monitor_neighbour_fd = -1;
	kernel->monitor_fd = -1;
	kernel->monitor_route_fd = subscribe(NETLINK_ROUTE, route_groups,
					     sizeof(route_groups) / sizeof(route_groups[0]));
	if (kernel->monitor_route_fd < 0)
		return kernel->monitor_route_fd;
	/* Without nf_tables kernel_apply() fails with a better message than this could give. */
	kernel->monitor_nft_fd = subscribe(NETLINK_NETFILTER, nft_groups, 1);
	kernel->monitor_neighbour_fd = subscribe(NETLINK_ROUTE, neighbour_groups, 1);
	kernel->monitor_fd = epoll_create1(EPOLL_CLOEXEC);
	if (kernel->monitor_fd < 0)
		goto fail;
	if (epoll_ctl(kernel->monitor_fd, EPOLL_CTL_ADD, kernel->monitor_route_fd, &event))
		goto fail;
	if (kernel->monitor_nft_fd >= 0 &&
	    epoll_ctl(kernel->monitor_fd, EPOLL_CTL_ADD, kernel->monitor_nft_fd, &event))
		goto fail;
	if (kernel->monitor_neighbour_fd >= 0 &&
	    epoll_ctl(kernel->monitor_fd, EPOLL_CTL_ADD, kernel->monitor_neighbour_fd, &event))
		goto fail;
	return 0;
fail:
	err = -errno;
	monitor_close(kernel);
	return err;
}

void monitor_close(struct kernel *kernel)
{
	if (kernel->monitor_fd >= 0)
		close(kernel->monitor_fd);
	if (kernel->monitor_nft_fd >= 0)
		close(kernel->monitor_nft_fd);
	if (kernel->monitor_neighbour_fd >= 0)
		close(kernel->monitor_neighbour_fd);
	if (kernel->monitor_route_fd >= 0)
		close(kernel->monitor_route_fd);
}

int kernel_monitor_fd(const struct kernel *kernel)
{
	return kernel->monitor_fd;
}

static int on_route_attribute(const struct nlattr *attr, void *arg)
{
	be32 *addr = arg;

	if (mnl_attr_get_type(attr) == RTA_DST && mnl_attr_get_payload_len(attr) == sizeof(*addr))
		memcpy(addr, mnl_attr_get_payload(attr), sizeof(*addr));
	return MNL_CB_OK;
}

/* our_way() - whether a route that came or went is ours, or in the place of ours */
static bool our_way(const struct kernel *kernel, const struct nlmsghdr *header)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct prefix to = {.addr = 0};

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*route))
		return false;
	if (route->rtm_table == KERNEL_INSIDE_TABLE)
		return true;
	if (route->rtm_protocol == KERNEL_PROTOCOL)
		return header->nlmsg_type == RTM_DELROUTE;
	if (route->rtm_table != RT_TABLE_MAIN || !kernel->n_routes)
		return false;
	to.len = route->rtm_dst_len;
	(void)mnl_attr_parse(header, sizeof(*route), on_route_attribute, &to.addr);
	return bsearch(&to, kernel->routes, kernel->n_routes, sizeof(to), kernel_prefix_order);
}

static bool route_of_interest(struct kernel *kernel, const struct nlmsghdr *header)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWNETCONF:
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return our_way(kernel, header);
	case RTM_DELRULE: /* struct fib_rule_hdr, which is laid out as this one */
		return mnl_nlmsg_get_payload_len(header) >= sizeof(*route) &&
		       route->rtm_table == KERNEL_INSIDE_TABLE;
	default:
		return false;
	}
}

/* on_attribute() - note whether the object is in our table, whose name is the first attribute
 * of tables, chains, rules, sets and elements alike */
static int on_attribute(const struct nlattr *attr, void *arg)
{
	bool *ours = arg;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*ours = !strcmp(mnl_attr_get_str(attr), SUPPRESS_TABLE);
	return MNL_CB_OK;
}

static bool nft_of_interest(struct kernel *kernel, const struct nlmsghdr *header)
{
	bool ours = false;

	(void)kernel;
	if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return false;
	switch (NFNL_MSG_TYPE(header->nlmsg_type)) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_NEWSET:
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		(void)mnl_attr_parse(header, sizeof(struct nfgenmsg), on_attribute, &ours);
		return ours;
	default:
		return false;
	}
}

/* drain() - read what there is. Return: 1 if something was of interest, 0, or -errno. */
static int drain(struct kernel *kernel, int fd,
		 bool (*of_interest)(struct kernel *kernel, const struct nlmsghdr *header))
{
	char buffer[RECEIVE_BYTES] __attribute__((aligned(MNL_ALIGNTO)));
	int changed = 0;

	for (int reads = 0; fd >= 0 && reads < READS_PER_EVENT; reads++) {
		ssize_t got = netlink_receive(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
		int left = (int)got;

		if (got == -EAGAIN)
			break;
		/* Events were lost, so anything may have happened. */
		if (got == -ENOBUFS || got == -EMSGSIZE) {
			changed = 1;
			continue;
		}
		if (got < 0)
			return (int)got;
		for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
			changed |= of_interest(kernel, header);
	}
	return changed;
}

int kernel_monitor_read(struct kernel *kernel)
{
	int route = drain(kernel, kernel->monitor_route_fd, route_of_interest);
	int nft = drain(kernel, kernel->monitor_nft_fd, nft_of_interest);

	/* Changes wait for kernel_hop_changed(); one that was lost is seen with the next. */
	kernel->inside_touched = false;
	(void)drain(kernel, kernel->monitor_neighbour_fd, monitor_hop);
	if (route < 0)
		return route;
	if (nft < 0)
		return nft;
	return route | nft | kernel->inside_touched;
}
