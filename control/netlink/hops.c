/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The next hops that are watched: the datapath follows their MACs by itself; here changes are
 * found that people should know of, such as a backend or a router that was replaced.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "control/netlink/monitor.h"

static int compare(const void *a, const void *b)
{
	const struct kernel_hop *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return 0;
}

static struct kernel_hop *find(const struct kernel *kernel, be32 addr, uint32_t ifindex)
{
	const struct kernel_hop key = {.addr = addr, .ifindex = ifindex};

	return kernel->n_hops ? bsearch(&key, kernel->hops, kernel->n_hops, sizeof(key), compare)
			      : NULL;
}

static bool is_known(const struct mac *mac)
{
	return !mac_equal(mac, &(const struct mac){{0}});
}

void kernel_watch(struct kernel *kernel, const struct kernel_hop *hops, size_t n)
{
	struct kernel_hop *fresh;

	if (n > KERNEL_HOPS_MAX)
		n = KERNEL_HOPS_MAX;
	fresh = calloc(n ? n : 1, sizeof(*fresh));
	if (!fresh)
		return; /* those that were watched go on to be */
	for (size_t i = 0; i < n; i++) {
		const struct kernel_hop *known = find(kernel, hops[i].addr, hops[i].ifindex);

		fresh[i] = hops[i];
		if (known && is_known(&known->mac))
			fresh[i].mac = known->mac;
	}
	qsort(fresh, n, sizeof(*fresh), compare);
	free(kernel->hops);
	kernel->hops = fresh;
	kernel->n_hops = n;
}

bool kernel_hop_changed(struct kernel *kernel, struct kernel_hop *hop, struct mac *former)
{
	if (!kernel->n_hop_changes)
		return false;
	*hop = kernel->hop_change[0].hop;
	*former = kernel->hop_change[0].former;
	kernel->n_hop_changes--;
	memmove(&kernel->hop_change[0], &kernel->hop_change[1],
		kernel->n_hop_changes * sizeof(kernel->hop_change[0]));
	return true;
}

static void heard(struct kernel *kernel, struct kernel_hop *hop, const struct mac *mac)
{
	struct mac former = hop->mac;

	if (mac_equal(&hop->mac, mac))
		return;
	hop->mac = *mac;
	if (!is_known(&former) || kernel->n_hop_changes == KERNEL_HOP_CHANGES)
		return;
	kernel->hop_change[kernel->n_hop_changes].hop = *hop;
	kernel->hop_change[kernel->n_hop_changes++].former = former;
}

struct entry {
	be32 addr;
	struct mac mac;
	bool has_addr, has_mac;
};

static int on_attribute(const struct nlattr *attr, void *arg)
{
	struct entry *entry = arg;

	if (mnl_attr_get_type(attr) == NDA_DST &&
	    mnl_attr_get_payload_len(attr) == sizeof(entry->addr)) {
		memcpy(&entry->addr, mnl_attr_get_payload(attr), sizeof(entry->addr));
		entry->has_addr = true;
	} else if (mnl_attr_get_type(attr) == NDA_LLADDR &&
		   mnl_attr_get_payload_len(attr) == sizeof(entry->mac)) {
		memcpy(&entry->mac, mnl_attr_get_payload(attr), sizeof(entry->mac));
		entry->has_mac = true;
	}
	return MNL_CB_OK;
}

bool monitor_hop(struct kernel *kernel, const struct nlmsghdr *header)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(header);
	struct entry entry = {.addr = 0};
	struct kernel_hop *hop;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*info) || info->ndm_family != AF_INET)
		return false;
	for (unsigned end = 0; end < 2; end++)
		kernel->inside_touched |= info->ndm_ifindex && (uint32_t)info->ndm_ifindex ==
								       kernel->inside_ifindex[end];
	if (header->nlmsg_type != RTM_NEWNEIGH ||
	    info->ndm_state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP))
		return false;
	(void)mnl_attr_parse(header, sizeof(*info), on_attribute, &entry);
	hop = entry.has_addr && entry.has_mac
		      ? find(kernel, entry.addr, (uint32_t)info->ndm_ifindex)
		      : NULL;
	if (hop)
		heard(kernel, hop, &entry.mac);
	return false;
}
