/* SPDX-License-Identifier: GPL-2.0-or-later */
/* klink - links as the kernel has them, and the VLAN links that we make. */
#ifndef PGW_NETLINK_KLINK_H
#define PGW_NETLINK_KLINK_H

#include <stdbool.h>

#include "control/netlink/netlink.h"

#define KLINK_MARK	"pgw:" /* an alias that begins so is ours */
#define KLINK_ALIAS	64
#define KLINK_VMAC_MARK KLINK_MARK "vmac " /* and the MAC */
#define KLINK_VMAC_NAME "pgwvm"		   /* and a number */

struct klink {
	uint32_t ifindex;
	uint32_t parent; /* ifindex of IFLA_LINK, 0 if none */
	uint32_t master; /* ifindex of the bridge, bond, … whose port it is, 0 if none */
	uint32_t mtu;
	uint32_t flags; /* IFF_* */
	uint32_t group;
	uint16_t vlan; /* 802.1Q ID, 0 if it is no VLAN link */
	bool macvlan;
	bool queueless; /* it has no queueing discipline */
	struct mac mac;
	char name[CONFIG_DEV];
	char alias[KLINK_ALIAS];
};

/* klink_list() - all links. @list: malloc'ed, the caller's. */
int klink_list(struct netlink *netlink, struct klink **list, size_t *n);
const struct klink *klink_by_name(const struct klink *list, size_t n, const char *name);
const struct klink *klink_by_index(const struct klink *list, size_t n, uint32_t ifindex);
const struct klink *klink_by_vlan(const struct klink *list, size_t n, uint32_t parent,
				  uint16_t vlan);

/* klink_of() - the link of a portgroup: its interface, or its VLAN link. NULL if absent. */
const struct klink *klink_of(const struct klink *list, size_t n,
			     const struct config_portgroup *portgroup);

/* klink_is_ours() - whether we made this VLAN link */
bool klink_is_ours(const struct klink *link);

/* klink_is_our_vmac() - whether it is the link that we made for a virtual MAC */
bool klink_is_our_vmac(const struct klink *link);
/* klink_of_vmac() - the one for @mac on @parent, NULL if there is none */
const struct klink *klink_of_vmac(const struct klink *list, size_t n, uint32_t parent,
				  const struct mac *mac);

/* klink_vlan_name() - PARENT.ID, or pgwINDEX.ID where that is too long for a name */
void klink_vlan_name(char name[CONFIG_DEV], const char *parent, uint32_t parent_index,
		     uint16_t vlan);

/* Messages, apart from their sending so that tests can read them. NULL without memory. */
struct nl_msg *klink_vlan_message(const char *name, uint32_t parent_index, uint16_t vlan);
struct nl_msg *klink_vmac_message(const char *name, uint32_t parent_index, struct mac mac);
struct nl_msg *klink_alias_message(uint32_t ifindex, const char *alias);
/* klink_master_message() - make it a port of @master; 0: of none */
struct nl_msg *klink_master_message(uint32_t ifindex, uint32_t master);

int klink_set_up(struct netlink *netlink, uint32_t ifindex, bool up);
int klink_del(struct netlink *netlink, uint32_t ifindex);

#endif
