/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses that a configuration wants, with the links that are to carry them as they are. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/vmac.h"
#include "control/netlink/plan.h"

struct running { /* what the kernel has */
	struct klink *links;
	size_t n_links;
	struct kaddress *addresses;
	size_t n_addresses;
};

static const struct klink *portgroup_link(const struct running *running,
					  const struct config *config, const char *portgroup)
{
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, portgroup))
			return klink_of(running->links, running->n_links, &config->portgroups[i]);
	return NULL;
}

/* find_link() - the link that carries a target's addresses; sets the portgroup too */
static const struct klink *find_link(const struct running *running, const struct config *config,
				     uint16_t target, char portgroup[CONFIG_NAME])
{
	const struct klink *parent;
	size_t i = 0;

	if (target < PLAN_VMACS) {
		memcpy(portgroup, config->portgroups[target].name, CONFIG_NAME);
		return portgroup_link(running, config, portgroup);
	}
	for (uint16_t at = PLAN_VMACS; at < target; at++)
		i = vmac_next(config, i);
	memcpy(portgroup, config->vmacs[i].portgroup, CONFIG_NAME);
	parent = portgroup_link(running, config, portgroup);
	return parent ? klink_of_vmac(running->links, running->n_links, parent->ifindex,
				      &config->vmacs[i].mac)
		      : NULL;
}

static int compare(const void *a, const void *b)
{
	const struct kaddress *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return 0;
}

static bool is_present(const struct running *running, be32 addr, uint32_t ifindex)
{
	const struct kaddress key = {.addr = addr, .ifindex = ifindex};

	return running->n_addresses &&
	       bsearch(&key, running->addresses, running->n_addresses, sizeof(key), compare);
}

static void fill(struct kernel_owned *owned, const struct plan_wanted *wanted,
		 const struct running *running, const struct config *config)
{
	const struct klink *link;

	*owned = (struct kernel_owned){.addr = wanted->addr,
				       .prefix_len = wanted->prefix_len,
				       .implied = wanted->implied,
				       .vmac = wanted->target >= PLAN_VMACS};
	link = find_link(running, config, wanted->target, owned->portgroup);
	if (!link)
		return;
	owned->link.ifindex = link->ifindex;
	owned->link.mtu = link->mtu;
	owned->link.up = (link->flags & IFF_UP) && (link->flags & IFF_RUNNING);
	owned->link.mac = link->mac;
	memcpy(owned->link.name, link->name, sizeof(owned->link.name));
	owned->present = is_present(running, wanted->addr, link->ifindex);
}

int kernel_owned(struct kernel *kernel, const struct config *config, struct kernel_owned **list,
		 size_t *n, struct kernel_error *error)
{
	struct plan_wanted *wanted = NULL;
	struct running running = {0};
	int err = plan_wanted(&wanted, n, config, error);

	*list = NULL;
	if (err)
		return err;
	err = klink_list(&kernel->netlink, &running.links, &running.n_links);
	if (!err)
		err = kaddress_list(&kernel->netlink, &running.addresses, &running.n_addresses);
	if (!err) {
		*list = calloc(*n ? *n : 1, sizeof(**list));
		err = *list ? 0 : -ENOMEM;
	}
	if (!err && running.n_addresses)
		qsort(running.addresses, running.n_addresses, sizeof(*running.addresses), compare);
	for (size_t i = 0; !err && i < *n; i++)
		fill(&(*list)[i], &wanted[i], &running, config);
	free(running.links);
	free(running.addresses);
	free(wanted);
	return err ? kernel_fail(error, err, "cannot read the addresses from the kernel: %s",
				 strerror(-err))
		   : 0;
}
