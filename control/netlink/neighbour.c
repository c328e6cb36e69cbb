/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "control/netlink/private.h"

static struct nl_msg *message(int type, int flags, uint32_t ifindex, be32 addr, uint8_t use)
{
	struct ndmsg neighbour = {
		.ndm_family = AF_INET,
		.ndm_ifindex = (int)ifindex,
		.ndm_flags = use,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && (nlmsg_append(msg, &neighbour, sizeof(neighbour), NLMSG_ALIGNTO) < 0 ||
		    nla_put_u32(msg, NDA_DST, addr) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

struct entry {
	bool permanent;
	struct mac mac;
};

static int take_entry(const struct nlmsghdr *header, void *arg)
{
	const struct ndmsg *info = nlmsg_data(header);
	struct entry *entry = arg;
	struct nlattr *mac;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*info)))
		return 0;
	entry->permanent = info->ndm_state & (NUD_PERMANENT | NUD_NOARP);
	mac = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), NDA_LLADDR);
	if (mac && nla_len(mac) == sizeof(entry->mac.b))
		memcpy(entry->mac.b, nla_data(mac), sizeof(entry->mac.b));
	return 0;
}

bool neighbour_permanent(struct netlink *netlink, uint32_t ifindex, be32 addr,
			 const struct mac *mac)
{
	struct entry entry = {.permanent = false};

	return !netlink_get(netlink, message(RTM_GETNEIGH, 0, ifindex, addr, 0), take_entry,
			    &entry) &&
	       entry.permanent && (!mac || mac_equal(mac, &entry.mac));
}

int kernel_resolve(struct kernel *kernel, uint32_t ifindex, be32 addr)
{
	struct netlink *netlink = &kernel->netlink;
	int err = netlink_request(
		netlink, message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr, NTF_USE));

	if (err != -EEXIST)
		return err;
	/* Since Linux 5.16 NTF_USE takes a permanent entry's state, and with it its address. */
	if (neighbour_permanent(netlink, ifindex, addr, NULL))
		return 0;
	return netlink_request(netlink,
			       message(RTM_NEWNEIGH, NLM_F_CREATE, ifindex, addr, NTF_USE));
}

struct reader {
	const struct kernel *kernel;
	struct kernel_neighbour *list;
	size_t n;
};

static bool of_portgroup(const struct kernel *kernel, uint32_t ifindex)
{
	for (size_t i = 0; i < kernel->n_ifindex; i++)
		if (kernel->ifindex[i] == ifindex)
			return true;
	return false;
}

static int each_neighbour(const struct nlmsghdr *header, void *arg)
{
	static const struct nla_policy policy[NDA_MAX + 1] = {
		[NDA_DST] = {.type = NLA_U32},
	};
	struct reader *reader = arg;
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *info = nlmsg_data(header);
	struct kernel_neighbour *neighbour, *grown;

	if (header->nlmsg_type != RTM_NEWNEIGH ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), tb, NDA_MAX, policy) <
		    0 ||
	    info->ndm_family != AF_INET || !tb[NDA_DST])
		return 0;
	/* NOARP: the kernel's own entries for multicast and broadcast */
	if ((info->ndm_state & NUD_NOARP) ||
	    !of_portgroup(reader->kernel, (uint32_t)info->ndm_ifindex))
		return 0;
	grown = netlink_grow(reader->list, reader->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reader->list = grown;
	neighbour = &grown[reader->n++];
	memset(neighbour, 0, sizeof(*neighbour));
	neighbour->ifindex = (uint32_t)info->ndm_ifindex;
	neighbour->addr = nla_get_u32(tb[NDA_DST]);
	neighbour->state = info->ndm_state;
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof(neighbour->mac.b))
		memcpy(neighbour->mac.b, nla_data(tb[NDA_LLADDR]), sizeof(neighbour->mac.b));
	return 0;
}

int kernel_neighbours(struct kernel *kernel, struct kernel_neighbour **list, size_t *n)
{
	struct reader reader = {.kernel = kernel};
	int err = netlink_dump(&kernel->netlink, RTM_GETNEIGH, AF_INET, &reader.n, each_neighbour,
			       &reader);

	if (err) {
		free(reader.list);
		reader.list = NULL;
		reader.n = 0;
	}
	*list = reader.list;
	*n = reader.n;
	return err;
}
