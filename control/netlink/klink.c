/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VLAN link is marked twice: with the link group, because the kernel takes that in the very
 * request that makes the link, so no kill can leave an unmarked one; and with the alias, which
 * it takes only afterwards, because people read that one.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/vlan.h>

#include "control/netlink/klink.h"

#define KLINK_GROUP KERNEL_PROTOCOL

static void parse_info(struct klink *link, struct nlattr *linkinfo)
{
	struct nlattr *info[IFLA_INFO_MAX + 1], *vlan[IFLA_VLAN_MAX + 1];

	if (nla_parse_nested(info, IFLA_INFO_MAX, linkinfo, NULL) < 0)
		return;
	if (!info[IFLA_INFO_KIND])
		return;
	link->macvlan = !nla_strcmp(info[IFLA_INFO_KIND], "macvlan");
	if (nla_strcmp(info[IFLA_INFO_KIND], "vlan"))
		return;
	if (!info[IFLA_INFO_DATA] ||
	    nla_parse_nested(vlan, IFLA_VLAN_MAX, info[IFLA_INFO_DATA], NULL) < 0)
		return;
	/* 802.1ad links are somebody else's business. */
	if (vlan[IFLA_VLAN_PROTOCOL] && nla_get_u16(vlan[IFLA_VLAN_PROTOCOL]) != htons(ETH_P_8021Q))
		return;
	if (vlan[IFLA_VLAN_ID])
		link->vlan = nla_get_u16(vlan[IFLA_VLAN_ID]);
}

struct link_array {
	struct klink *list;
	size_t n;
};

static int each_link(const struct nlmsghdr *header, void *arg)
{
	static const struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = {.type = NLA_STRING, .maxlen = IFNAMSIZ},
		[IFLA_IFALIAS] = {.type = NLA_STRING},
		[IFLA_MTU] = {.type = NLA_U32},
		[IFLA_LINK] = {.type = NLA_U32},
		[IFLA_GROUP] = {.type = NLA_U32},
		[IFLA_MASTER] = {.type = NLA_U32},
		[IFLA_QDISC] = {.type = NLA_STRING},
	};
	struct link_array *array = arg;
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *info;
	struct klink *link, *grown;

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), tb, IFLA_MAX, policy) <
		    0 ||
	    !tb[IFLA_IFNAME])
		return 0;
	grown = netlink_grow(array->list, array->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	array->list = grown;
	link = &grown[array->n++];
	memset(link, 0, sizeof(*link));
	info = nlmsg_data(header);
	link->ifindex = (uint32_t)info->ifi_index;
	link->flags = info->ifi_flags;
	(void)nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	if (tb[IFLA_IFALIAS])
		(void)nla_strlcpy(link->alias, tb[IFLA_IFALIAS], sizeof(link->alias));
	if (tb[IFLA_MTU])
		link->mtu = nla_get_u32(tb[IFLA_MTU]);
	link->queueless = tb[IFLA_QDISC] && !nla_strcmp(tb[IFLA_QDISC], "noqueue");
	if (tb[IFLA_GROUP])
		link->group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_MASTER])
		link->master = nla_get_u32(tb[IFLA_MASTER]);
	/* An index of another namespace says nothing here. */
	if (tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID])
		link->parent = nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(link->mac.b))
		memcpy(link->mac.b, nla_data(tb[IFLA_ADDRESS]), sizeof(link->mac.b));
	if (tb[IFLA_LINKINFO])
		parse_info(link, tb[IFLA_LINKINFO]);
	return 0;
}

int klink_list(struct netlink *netlink, struct klink **list, size_t *n)
{
	struct link_array array = {0};
	int err = netlink_dump(netlink, RTM_GETLINK, AF_UNSPEC, &array.n, each_link, &array);

	if (err) {
		free(array.list);
		array = (struct link_array){0};
	}
	*list = array.list;
	*n = array.n;
	return err;
}

const struct klink *klink_by_name(const struct klink *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

const struct klink *klink_by_index(const struct klink *list, size_t n, uint32_t ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].ifindex == ifindex)
			return &list[i];
	return NULL;
}

const struct klink *klink_by_vlan(const struct klink *list, size_t n, uint32_t parent,
				  uint16_t vlan)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].parent == parent && list[i].vlan == vlan)
			return &list[i];
	return NULL;
}

const struct klink *klink_of(const struct klink *list, size_t n,
			     const struct config_portgroup *portgroup)
{
	const struct klink *link = klink_by_name(list, n, portgroup->dev);

	if (!link || !portgroup->vlan)
		return link;
	return klink_by_vlan(list, n, link->ifindex, portgroup->vlan);
}

bool klink_is_ours(const struct klink *link)
{
	if (!link->vlan)
		return false;
	return link->group == KLINK_GROUP ||
	       !strncmp(link->alias, KLINK_MARK, sizeof(KLINK_MARK) - 1);
}

bool klink_is_our_vmac(const struct klink *link)
{
	return link->macvlan &&
	       (link->group == KLINK_GROUP ||
		!strncmp(link->alias, KLINK_VMAC_MARK, sizeof(KLINK_VMAC_MARK) - 1));
}

const struct klink *klink_of_vmac(const struct klink *list, size_t n, uint32_t parent,
				  const struct mac *mac)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].parent == parent && klink_is_our_vmac(&list[i]) &&
		    mac_equal(&list[i].mac, mac))
			return &list[i];
	return NULL;
}

void klink_vlan_name(char name[CONFIG_DEV], const char *parent, uint32_t parent_index,
		     uint16_t vlan)
{
	char wanted[CONFIG_DEV + 8];

	(void)snprintf(wanted, sizeof(wanted), "%.15s.%u", parent, vlan);
	if (strlen(wanted) >= CONFIG_DEV) /* the index is as unique as the name */
		(void)snprintf(wanted, sizeof(wanted), "pgw%u.%u", parent_index % 10000000, vlan);
	(void)snprintf(name, CONFIG_DEV, "%.15s", wanted);
}

struct nl_msg *klink_vlan_message(const char *name, uint32_t parent_index, uint16_t vlan)
{
	struct rtnl_link *link = rtnl_link_vlan_alloc();
	struct nl_msg *msg = NULL;

	if (!link)
		return NULL;
	rtnl_link_set_name(link, name);
	rtnl_link_set_link(link, (int)parent_index);
	rtnl_link_set_group(link, KLINK_GROUP);
	if (rtnl_link_vlan_set_id(link, vlan) < 0 ||
	    rtnl_link_vlan_set_protocol(link, htons(ETH_P_8021Q)) < 0 ||
	    rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &msg) < 0)
		msg = NULL;
	rtnl_link_put(link);
	return msg;
}

/* Private mode: virtual MACs do not speak with each other, nor for each other. */
struct nl_msg *klink_vmac_message(const char *name, uint32_t parent_index, struct mac mac)
{
	struct rtnl_link *link = rtnl_link_macvlan_alloc();
	struct nl_addr *address = nl_addr_build(AF_LLC, mac.b, sizeof(mac.b));
	struct nl_msg *msg = NULL;

	if (!link || !address)
		goto out;
	rtnl_link_set_name(link, name);
	rtnl_link_set_link(link, (int)parent_index);
	rtnl_link_set_group(link, KLINK_GROUP);
	rtnl_link_set_addr(link, address);
	if (rtnl_link_macvlan_set_mode(link, MACVLAN_MODE_PRIVATE) < 0 ||
	    rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &msg) < 0)
		msg = NULL;
out:
	nl_addr_put(address);
	rtnl_link_put(link);
	return msg;
}

/* change_message() - the request that changes what is set in @change */
static struct nl_msg *change_message(uint32_t ifindex, struct rtnl_link *change)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	if (link && change) {
		rtnl_link_set_ifindex(link, (int)ifindex);
		if (rtnl_link_build_change_request(link, change, 0, &msg) < 0)
			msg = NULL;
	}
	rtnl_link_put(link);
	rtnl_link_put(change);
	return msg;
}

struct nl_msg *klink_alias_message(uint32_t ifindex, const char *alias)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (change)
		rtnl_link_set_ifalias(change, alias);
	return change_message(ifindex, change);
}

/* Of a master of 0 rtnl_link_build_change_request() makes no difference. */
struct nl_msg *klink_master_message(uint32_t ifindex, uint32_t master)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	if (msg &&
	    (nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	     nla_put_u32(msg, IFLA_MASTER, master) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

int klink_set_up(struct netlink *netlink, uint32_t ifindex, bool up)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (change && up)
		rtnl_link_set_flags(change, IFF_UP);
	else if (change)
		rtnl_link_unset_flags(change, IFF_UP);
	return netlink_request(netlink, change_message(ifindex, change));
}

int klink_del(struct netlink *netlink, uint32_t ifindex)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	if (!link)
		return -ENOMEM;
	rtnl_link_set_ifindex(link, (int)ifindex);
	if (rtnl_link_build_delete_request(link, &msg) < 0)
		msg = NULL;
	rtnl_link_put(link);
	return netlink_request(netlink, msg);
}
