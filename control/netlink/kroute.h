/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kroute - IPv4 addresses and routes, as the kernel has them. */
#ifndef PGW_NETLINK_KROUTE_H
#define PGW_NETLINK_KROUTE_H

#include <stdbool.h>

#include "control/netlink/netlink.h"

struct kaddress {
	uint32_t ifindex;
	be32 addr; /* IFA_LOCAL */
	uint8_t prefix_len;
	uint8_t protocol; /* IFA_PROTO: KERNEL_PROTOCOL is ours */
	bool peer;	  /* point to point: its network is not that of addr */
};

struct kroute {
	struct prefix to;
	be32 via; /* 0: on link */
	uint32_t oif;
	uint32_t metric;
	uint8_t protocol; /* KERNEL_PROTOCOL is ours */
	bool plain;	  /* unicast with one next hop */
};

/* Lists are malloc'ed, the caller's. Return: 0 or -errno. */
int kaddress_list(struct netlink *netlink, struct kaddress **list, size_t *n);
/* @table: of routes, RT_TABLE_MAIN for one */
int kroute_list(struct netlink *netlink, uint32_t table, struct kroute **list, size_t *n);

/* Messages, apart from their sending so that tests can read them. NULL without memory.
 * @flags: NLM_F_CREATE | NLM_F_EXCL, or NLM_F_CREATE | NLM_F_REPLACE */
struct nl_msg *kaddress_message(uint32_t ifindex, be32 addr, uint8_t prefix_len, bool add);
struct nl_msg *kroute_connected_message(struct prefix to, be32 src, uint32_t oif);
struct nl_msg *kroute_message(struct prefix to, be32 via, uint32_t oif, bool add, int flags);

#endif
