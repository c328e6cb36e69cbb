/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses are read from the raw answers and the mark is appended to the raw request,
 * because libnl 3.7 knows nothing of IFA_PROTO.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/route.h>

#include "control/netlink/kroute.h"

struct address_array {
	struct kaddress *list;
	size_t n;
};

struct route_array {
	uint32_t table;
	struct kroute *list;
	size_t n;
};

static int each_address(const struct nlmsghdr *header, void *arg)
{
	static const struct nla_policy policy[IFA_MAX + 1] = {
		[IFA_LOCAL] = {.type = NLA_U32},
		[IFA_ADDRESS] = {.type = NLA_U32},
		[IFA_PROTO] = {.type = NLA_U8},
	};
	struct address_array *array = arg;
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct kaddress *address, *grown;

	if (header->nlmsg_type != RTM_NEWADDR || info->ifa_family != AF_INET ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), tb, IFA_MAX, policy) <
		    0 ||
	    !tb[IFA_LOCAL])
		return 0;
	grown = netlink_grow(array->list, array->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	array->list = grown;
	address = &grown[array->n++];
	memset(address, 0, sizeof(*address));
	address->ifindex = info->ifa_index;
	address->prefix_len = info->ifa_prefixlen;
	address->addr = nla_get_u32(tb[IFA_LOCAL]);
	address->peer = tb[IFA_ADDRESS] && nla_get_u32(tb[IFA_ADDRESS]) != address->addr;
	if (tb[IFA_PROTO])
		address->protocol = nla_get_u8(tb[IFA_PROTO]);
	return 0;
}

int kaddress_list(struct netlink *netlink, struct kaddress **list, size_t *n)
{
	struct address_array array = {0};
	int err = netlink_dump(netlink, RTM_GETADDR, AF_INET, &array.n, each_address, &array);

	if (err) {
		free(array.list);
		array = (struct address_array){0};
	}
	*list = array.list;
	*n = array.n;
	return err;
}

static int each_route(const struct nlmsghdr *header, void *arg)
{
	static const struct nla_policy policy[RTA_MAX + 1] = {
		[RTA_DST] = {.type = NLA_U32},	    [RTA_GATEWAY] = {.type = NLA_U32},
		[RTA_OIF] = {.type = NLA_U32},	    [RTA_TABLE] = {.type = NLA_U32},
		[RTA_PRIORITY] = {.type = NLA_U32},
	};
	struct route_array *array = arg;
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *info = nlmsg_data(header);
	struct kroute *route, *grown;
	uint32_t table = info->rtm_table;

	if (header->nlmsg_type != RTM_NEWROUTE || info->rtm_family != AF_INET || info->rtm_tos ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), tb, RTA_MAX, policy) <
		    0)
		return 0;
	if (tb[RTA_TABLE])
		table = nla_get_u32(tb[RTA_TABLE]);
	if (table != array->table || (info->rtm_flags & RTM_F_CLONED))
		return 0;
	grown = netlink_grow(array->list, array->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	array->list = grown;
	route = &grown[array->n++];
	memset(route, 0, sizeof(*route));
	route->to.len = info->rtm_dst_len;
	if (tb[RTA_DST])
		route->to.addr = nla_get_u32(tb[RTA_DST]);
	if (tb[RTA_GATEWAY])
		route->via = nla_get_u32(tb[RTA_GATEWAY]);
	if (tb[RTA_OIF])
		route->oif = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_PRIORITY])
		route->metric = nla_get_u32(tb[RTA_PRIORITY]);
	route->protocol = info->rtm_protocol;
	route->plain = info->rtm_type == RTN_UNICAST && !tb[RTA_MULTIPATH] && !tb[RTA_VIA];
	return 0;
}

int kroute_list(struct netlink *netlink, uint32_t table, struct kroute **list, size_t *n)
{
	struct route_array array = {.table = table};
	int err = netlink_dump(netlink, RTM_GETROUTE, AF_INET, &array.n, each_route, &array);

	if (err) {
		free(array.list);
		array = (struct route_array){0};
	}
	*list = array.list;
	*n = array.n;
	return err;
}

struct nl_msg *kaddress_message(uint32_t ifindex, be32 addr, uint8_t prefix_len, bool add)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local = nl_addr_build(AF_INET, &addr, sizeof(addr));
	struct nl_msg *msg = NULL;
	int err = -1;

	if (!address || !local)
		goto out;
	nl_addr_set_prefixlen(local, prefix_len);
	rtnl_addr_set_ifindex(address, (int)ifindex);
	if (rtnl_addr_set_local(address, local) < 0)
		goto out;
	if (add) {
		err = rtnl_addr_build_add_request(address, NLM_F_CREATE | NLM_F_EXCL, &msg);
		if (!err && nla_put_u8(msg, IFA_PROTO, KERNEL_PROTOCOL) < 0) {
			nlmsg_free(msg);
			err = -1;
		}
	} else {
		err = rtnl_addr_build_delete_request(address, 0, &msg);
	}
out:
	nl_addr_put(local);
	rtnl_addr_put(address);
	return err ? NULL : msg;
}

/* As the kernel makes it by itself when @src comes, so that it goes with it. */
struct nl_msg *kroute_connected_message(struct prefix to, be32 src, uint32_t oif)
{
	const struct rtmsg header = {.rtm_family = AF_INET,
				     .rtm_dst_len = to.len,
				     .rtm_table = RT_TABLE_MAIN,
				     .rtm_protocol = RTPROT_KERNEL,
				     .rtm_scope = RT_SCOPE_LINK,
				     .rtm_type = RTN_UNICAST};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);

	if (msg &&
	    (nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	     nla_put_u32(msg, RTA_DST, to.addr) < 0 || nla_put_u32(msg, RTA_PREFSRC, src) < 0 ||
	     nla_put_u32(msg, RTA_OIF, oif) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

struct nl_msg *kroute_message(struct prefix to, be32 via, uint32_t oif, bool add, int flags)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *dst = nl_addr_build(AF_INET, &to.addr, sizeof(to.addr));
	struct nl_addr *gateway = nl_addr_build(AF_INET, &via, sizeof(via));
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_msg *msg = NULL;
	int err = -1;

	if (!route || !dst || !gateway || !hop)
		goto out;
	nl_addr_set_prefixlen(dst, to.len);
	rtnl_route_set_family(route, AF_INET);
	rtnl_route_set_table(route, RT_TABLE_MAIN);
	rtnl_route_set_protocol(route, KERNEL_PROTOCOL);
	rtnl_route_set_scope(route, via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	if (rtnl_route_set_type(route, RTN_UNICAST) < 0 || rtnl_route_set_dst(route, dst) < 0)
		goto out;
	if (via)
		rtnl_route_nh_set_gateway(hop, gateway);
	if (oif)
		rtnl_route_nh_set_ifindex(hop, (int)oif);
	rtnl_route_add_nexthop(route, hop);
	hop = NULL; /* the route's now */
	err = add ? rtnl_route_build_add_request(route, flags, &msg)
		  : rtnl_route_build_del_request(route, 0, &msg);
out:
	if (hop)
		rtnl_route_nh_free(hop);
	nl_addr_put(gateway);
	nl_addr_put(dst);
	rtnl_route_put(route);
	return err ? NULL : msg;
}
