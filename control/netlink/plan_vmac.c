/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The links of virtual MACs: one macvlan for each, on its portgroup's link, with the addresses on
 * it. So the kernel itself answers ARP for them with that MAC, and takes frames to it. A link is
 * found again by its mark, its parent and its MAC; its name is of no meaning.
 *
 * Making one is a single change that leaves it complete and up. Where that was cut short (a kill)
 * or undone by others, the next plan mends by the ordinary changes of parameters, alias and state.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/vmac.h"
#include "control/netlink/plan.h"

static int no_memory(struct kernel_error *error)
{
	return kernel_fail(error, -ENOMEM, "not enough memory to plan the virtual MACs");
}

static bool name_used(const struct plan_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_vmacs; i++)
		if (!strcmp(state->target[PLAN_VMACS + i].dev, name))
			return true;
	return klink_by_name(state->links, state->n_links, name);
}

static void free_name(const struct plan_state *state, char name[CONFIG_DEV])
{
	for (unsigned i = 0;; i++) {
		(void)snprintf(name, CONFIG_DEV, KLINK_VMAC_NAME "%u", i);
		if (!name_used(state, name))
			return;
	}
}

/* check_unique() - no interface of the system may have the MAC by itself */
static int check_unique(const struct plan_state *state, const struct config_vmac *vmac,
			struct kernel_error *error)
{
	char mac[MAC_TEXT_BYTES];

	for (size_t i = 0; i < state->n_links; i++)
		if (mac_equal(&state->links[i].mac, &vmac->mac) &&
		    !klink_is_our_vmac(&state->links[i]))
			return kernel_fail(error, -EADDRINUSE,
					   "vmac %s: interface \"%s\" has this MAC address itself; "
					   "choose another (pgw vmac add " VMAC_AUTO ")",
					   mac_text(vmac->mac, mac), state->links[i].name);
	return 0;
}

int plan_vmac_targets(struct plan_state *state, struct kernel_error *error)
{
	const struct config *config = state->config;

	for (size_t i = 0; i < config->n_vmacs; i = vmac_next(config, i)) {
		const struct config_vmac *vmac = &config->vmacs[i];
		struct plan_target *target = &state->target[PLAN_VMACS + state->n_vmacs];
		const struct klink *link;
		int err = check_unique(state, vmac, error);
		size_t p = 0;

		if (err)
			return err;
		while (p < config->n_portgroups &&
		       strcmp(config->portgroups[p].name, vmac->portgroup))
			p++;
		if (p == config->n_portgroups || state->n_vmacs == CONFIG_VMACS_MAX)
			return kernel_fail(
				error, -EINVAL,
				"virtual MACs: portgroup \"%s\" is unknown, or there are "
				"more than %d",
				vmac->portgroup, CONFIG_VMACS_MAX);
		target->mac = vmac->mac;
		target->portgroup = (uint16_t)p;
		target->ours = true;
		target->absent = state->target[p].absent;
		link = state->target[p].ifindex
			       ? klink_of_vmac(state->links, state->n_links,
					       state->target[p].ifindex, &vmac->mac)
			       : NULL;
		if (link) {
			target->ifindex = link->ifindex;
			memcpy(target->dev, link->name, sizeof(target->dev));
		} else {
			free_name(state, target->dev);
		}
		state->n_vmacs++;
	}
	return 0;
}

static int plan_vmac(struct plan *plan, const struct plan_state *state,
		     const struct plan_target *target)
{
	const char *portgroup = state->config->portgroups[target->portgroup].name;
	const struct klink *link = klink_by_index(state->links, state->n_links, target->ifindex);
	char alias[KLINK_ALIAS], mac[MAC_TEXT_BYTES];
	struct change *change;
	int err;

	(void)snprintf(alias, sizeof(alias), KLINK_VMAC_MARK "%s", mac_text(target->mac, mac));
	if (target->ifindex && link) {
		err = strcmp(link->alias, alias)
			      ? plan_alias(plan, target->dev, portgroup, link->alias, alias)
			      : 0;
		return err ? err : plan_up_one(plan, state, target->dev, portgroup);
	}
	change = plan_add(plan, CHANGE_VMAC);
	if (!change)
		return -ENOMEM;
	change->mac = target->mac;
	memcpy(change->dev, target->dev, sizeof(change->dev));
	memcpy(change->dev_before, state->target[target->portgroup].dev,
	       sizeof(change->dev_before));
	(void)snprintf(change->portgroup, sizeof(change->portgroup), "%s", portgroup);
	change->new = strdup(alias);
	return change->new ? 0 : -ENOMEM;
}

int plan_vmacs(struct plan *plan, const struct plan_state *state, struct kernel_error *error)
{
	for (size_t i = 0; i < state->n_vmacs; i++)
		if (!state->target[PLAN_VMACS + i].absent &&
		    plan_vmac(plan, state, &state->target[PLAN_VMACS + i]))
			return no_memory(error);
	return 0;
}

int plan_stale_vmacs(struct plan *plan, const struct plan_state *state, struct kernel_error *error)
{
	for (size_t i = 0; i < state->n_links; i++) {
		const struct klink *link = &state->links[i];
		const struct klink *parent;
		struct change *change;
		bool used = false;

		if (!klink_is_our_vmac(link))
			continue;
		for (size_t v = 0; v < state->n_vmacs; v++)
			used |= state->target[PLAN_VMACS + v].ifindex == link->ifindex;
		if (used)
			continue;
		parent = klink_by_index(state->links, state->n_links, link->parent);
		change = plan_add(plan, CHANGE_VMAC);
		if (!change)
			return no_memory(error);
		change->remove = true;
		change->mac = link->mac;
		change->new = strdup(link->alias);
		if (!change->new)
			return no_memory(error);
		memcpy(change->dev, link->name, sizeof(change->dev));
		if (parent)
			memcpy(change->dev_before, parent->name, sizeof(change->dev_before));
	}
	return 0;
}
