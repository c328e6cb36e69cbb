/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "control/config/kind.h"
#include "control/netlink/listening.h"
#include "control/netlink/plan.h"

struct change *plan_add(struct plan *plan, enum change_kind kind)
{
	struct change *grown = netlink_grow(plan->changes, plan->n, sizeof(*grown));

	if (!grown)
		return NULL;
	plan->changes = grown;
	grown[plan->n] = (struct change){.kind = kind};
	return &grown[plan->n++];
}

/* cut() - forget all changes but the first @n */
static void cut(struct plan *plan, size_t n)
{
	for (size_t i = n; i < plan->n; i++) {
		free(plan->changes[i].path);
		free(plan->changes[i].new);
		free(plan->changes[i].old);
	}
	plan->n = n;
}

void plan_free(struct plan *plan)
{
	cut(plan, 0);
	free(plan->changes);
	suppress_free(&plan->wanted);
	suppress_free(&plan->loaded);
	sysctl_saved_free(&plan->saved_before);
	sysctl_saved_free(&plan->saved_during);
	sysctl_saved_free(&plan->saved_after);
	sysctl_saved_free(&plan->parameters);
	*plan = (struct plan){0};
}

int plan_portgroup(const struct config *config, be32 addr)
{
	const struct config_address *best = kind_network(config, addr);

	for (size_t i = 0; best && i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, best->portgroup))
			return (int)i;
	return -1;
}

static int no_memory(struct kernel_error *error)
{
	return kernel_fail(error, -ENOMEM, "not enough memory to plan the changes");
}

static const struct klink *required(const struct plan_state *state,
				    const struct config_portgroup *portgroup,
				    struct kernel_error *error)
{
	const struct klink *link = klink_by_name(state->links, state->n_links, portgroup->dev);

	if (!link)
		(void)kernel_fail(error, -ENODEV,
				  "portgroup \"%s\": interface \"%s\" does not exist; create it or "
				  "change its dev",
				  portgroup->name, portgroup->dev);
	return link;
}

int plan_alias(struct plan *plan, const char *dev, const char *portgroup, const char *old,
	       const char *new)
{
	struct change *change = plan_add(plan, CHANGE_ALIAS);

	if (!change)
		return -ENOMEM;
	(void)snprintf(change->dev, sizeof(change->dev), "%s", dev);
	(void)snprintf(change->portgroup, sizeof(change->portgroup), "%s", portgroup);
	change->new = strdup(new);
	change->old = strdup(old);
	return change->new && change->old ? 0 : -ENOMEM;
}

/* plan_vlan() - the VLAN link of a portgroup: find it, or plan to make it */
static int plan_vlan(struct plan *plan, struct plan_state *state, size_t index,
		     const struct klink *parent)
{
	const struct config_portgroup *portgroup = &state->config->portgroups[index];
	struct plan_target *target = &state->target[index];
	const struct klink *link =
		klink_by_vlan(state->links, state->n_links, parent->ifindex, portgroup->vlan);
	char alias[KLINK_ALIAS], name[CONFIG_DEV];
	struct change *change;

	(void)snprintf(alias, sizeof(alias), KLINK_MARK "%s", portgroup->name);
	if (link) {
		(void)snprintf(target->dev, sizeof(target->dev), "%s", link->name);
		target->ifindex = link->ifindex;
		target->ours = klink_is_ours(link);
	} else {
		klink_vlan_name(name, parent->name, parent->ifindex, portgroup->vlan);
		(void)snprintf(target->dev, sizeof(target->dev), "%s", name);
		target->ifindex = 0;
		target->ours = true;
		change = plan_add(plan, CHANGE_VLAN);
		if (!change)
			return -ENOMEM;
		change->vlan = portgroup->vlan;
		memcpy(change->dev, target->dev, sizeof(change->dev));
		memcpy(change->dev_before, parent->name, sizeof(change->dev_before));
		memcpy(change->portgroup, portgroup->name, sizeof(change->portgroup));
	}
	if (!target->ours || (link && !strcmp(link->alias, alias)))
		return 0;
	return plan_alias(plan, target->dev, portgroup->name, link ? link->alias : "", alias);
}

/* had() - whether the portgroup was there before, on the same interface: then that has gone */
static bool had(const struct config *from, const struct config_portgroup *portgroup)
{
	for (size_t i = 0; from && i < from->n_portgroups; i++)
		if (!strcmp(from->portgroups[i].name, portgroup->name) &&
		    !strcmp(from->portgroups[i].dev, portgroup->dev) &&
		    from->portgroups[i].vlan == portgroup->vlan)
			return true;
	return false;
}

static int plan_links(struct plan *plan, struct plan_state *state, struct kernel_error *error)
{
	const struct config *config = state->config;

	for (size_t i = 0; i < config->n_portgroups; i++) {
		const struct config_portgroup *portgroup = &config->portgroups[i];
		const struct klink *link = required(state, portgroup, error);

		if (!link && state->mode != PLAN_POSSIBLE && !had(state->from, portgroup))
			return -ENODEV;
		state->target[i].portgroup = (uint16_t)i;
		state->target[i].absent = !link;
		if (!link)
			continue;
		if (portgroup->vlan) {
			if (plan_vlan(plan, state, i, link))
				return no_memory(error);
			continue;
		}
		memcpy(state->target[i].dev, link->name, sizeof(link->name));
		state->target[i].ifindex = link->ifindex;
		/* An untagged portgroup may be put on a VLAN link; if it is one of ours, the link
		 * is about to lose the portgroup that it was made for. */
		if (klink_is_ours(link))
			return kernel_fail(
				error, -EBUSY,
				"portgroup \"%s\": interface \"%s\" is a VLAN link that the "
				"gateway itself has made; use its parent with vlan %u",
				portgroup->name, portgroup->dev, link->vlan);
	}
	return 0;
}

int plan_up_one(struct plan *plan, const struct plan_state *state, const char *dev,
		const char *portgroup)
{
	const struct klink *link = klink_by_name(state->links, state->n_links, dev);
	struct change *change;

	if (link && (link->flags & IFF_UP))
		return 0;
	for (size_t i = 0; i < plan->n; i++) /* the parent of several portgroups */
		if (plan->changes[i].kind == CHANGE_UP && !strcmp(plan->changes[i].dev, dev))
			return 0;
	change = plan_add(plan, CHANGE_UP);
	if (!change)
		return -ENOMEM;
	(void)snprintf(change->dev, sizeof(change->dev), "%s", dev);
	(void)snprintf(change->portgroup, sizeof(change->portgroup), "%s", portgroup);
	return 0;
}

/* plan_release() - what a bridge or another master takes is lost for the portgroup: the kernel's
 * ARP does not see it. One that is its port from the start may be so for a reason. */
static int plan_release(struct plan *plan, const struct plan_state *state,
			struct kernel_error *error)
{
	for (size_t i = 0; i < PLAN_VMACS + state->n_vmacs; i++) {
		const struct plan_target *target = &state->target[i];
		const struct config_portgroup *portgroup =
			&state->config->portgroups[target->portgroup];
		const struct klink *link, *master;
		struct change *change;

		if (i < PLAN_VMACS && i >= state->config->n_portgroups)
			continue;
		link = target->ifindex
			       ? klink_by_index(state->links, state->n_links, target->ifindex)
			       : NULL;
		master = link && link->master
				 ? klink_by_index(state->links, state->n_links, link->master)
				 : NULL;
		if (!master)
			continue;
		if (!target->ours && state->mode != PLAN_POSSIBLE && !had(state->from, portgroup))
			return kernel_fail(
				error, -EBUSY,
				"portgroup \"%s\": interface \"%s\" is a port of \"%s\", "
				"which takes its packets; take it out (ip link set dev "
				"%s nomaster) or name another dev",
				portgroup->name, link->name, master->name, link->name);
		change = plan_add(plan, CHANGE_RELEASE);
		if (!change)
			return no_memory(error);
		memcpy(change->dev, link->name, sizeof(change->dev));
		memcpy(change->dev_before, master->name, sizeof(change->dev_before));
		memcpy(change->portgroup, portgroup->name, sizeof(change->portgroup));
	}
	return 0;
}

static int plan_up(struct plan *plan, const struct plan_state *state)
{
	for (size_t i = 0; i < state->config->n_portgroups; i++) {
		const struct config_portgroup *portgroup = &state->config->portgroups[i];
		int err = 0;

		if (state->target[i].absent)
			continue;
		if (portgroup->vlan) /* a VLAN link cannot be up before its parent is */
			err = plan_up_one(plan, state, portgroup->dev, portgroup->name);
		if (!err)
			err = plan_up_one(plan, state, state->target[i].dev, portgroup->name);
		if (err)
			return err;
	}
	return 0;
}

/* plan_stale_vlans() - VLAN links of ours that no portgroup has any more */
static int plan_stale_vlans(struct plan *plan, const struct plan_state *state)
{
	for (size_t i = 0; i < state->n_links; i++) {
		const struct klink *link = &state->links[i];
		const struct klink *parent;
		struct change *change;
		bool used = false;

		if (!klink_is_ours(link))
			continue;
		for (size_t p = 0; p < state->config->n_portgroups; p++)
			used |= state->target[p].ifindex == link->ifindex;
		if (used)
			continue;
		parent = klink_by_index(state->links, state->n_links, link->parent);
		change = plan_add(plan, CHANGE_VLAN);
		if (!change)
			return -ENOMEM;
		change->remove = true;
		change->vlan = link->vlan;
		memcpy(change->dev, link->name, sizeof(change->dev));
		if (parent)
			memcpy(change->dev_before, parent->name, sizeof(change->dev_before));
	}
	return 0;
}

static int plan_suppress(struct plan *plan)
{
	if (suppress_equal(&plan->wanted, &plan->loaded))
		return 0;
	return plan_add(plan, CHANGE_SUPPRESS) ? 0 : -ENOMEM;
}

static int read_state(struct plan_state *state, struct kernel *kernel, struct kernel_error *error)
{
	const char *what = "links";
	int err = klink_list(&kernel->netlink, &state->links, &state->n_links);

	if (!err) {
		what = "addresses";
		err = kaddress_list(&kernel->netlink, &state->addresses, &state->n_addresses);
	}
	if (!err) {
		what = "routes";
		err = kroute_list(&kernel->netlink, RT_TABLE_MAIN, &state->routes,
				  &state->n_routes);
	}
	if (err)
		return kernel_fail(error, err, "cannot read the %s from the kernel: %s%s%s", what,
				   strerror(-err), kernel->netlink.text[0] ? ": " : "",
				   kernel->netlink.text);
	return 0;
}

static int read_suppress(struct plan *plan, const struct plan_state *state, struct kernel *kernel,
			 struct kernel_error *error)
{
	struct snapshot_reserved *sockets = NULL;
	size_t n = 0;
	int err = listening_sockets(&sockets, &n);

	if (err)
		return kernel_fail(error, err, "cannot read the listening sockets: %s; mount /proc",
				   strerror(-err));
	err = suppress_build(&plan->wanted, state->config, &state->ports, sockets, n);
	free(kernel->sockets); /* see kernel_listening_kept() */
	kernel->sockets = sockets;
	kernel->n_sockets = n;
	if (err)
		return no_memory(error);
	err = suppress_read(&plan->loaded, error);
	if (err || state->mode != PLAN_ADDING)
		return err;
	err = suppress_keep(&plan->wanted, &plan->loaded, &plan->leaves);
	return err ? no_memory(error) : 0;
}

/* plan_all() - the order of things. Removals of what suppression covers come before it is
 * lifted, and what it is to cover comes after it is loaded; a reload does both in one go. */
static int plan_all(struct plan *plan, struct plan_state *state, struct kernel *kernel,
		    struct kernel_error *error)
{
	int err = plan_links(plan, state, error);
	size_t n_adding;
	bool lift;

	if (!err)
		err = plan_vmac_targets(state, error);
	if (!err)
		err = plan_sysctls(plan, state, kernel->state_dir, error);
	if (!err)
		err = read_suppress(plan, state, kernel, error);
	lift = !plan->wanted.n;
	if (!err && !lift && plan_suppress(plan))
		err = no_memory(error);
	if (!err)
		err = plan_release(plan, state, error);
	if (!err && plan_up(plan, state))
		err = no_memory(error);
	if (!err)
		err = plan_vmacs(plan, state, error);
	if (!err)
		err = plan_addresses(plan, state, false, error);
	if (!err)
		err = plan_routes(plan, state, false, error);
	n_adding = plan->n;
	if (!err)
		err = plan_routes(plan, state, true, error);
	if (!err)
		err = plan_addresses(plan, state, true, error);
	if (!err && lift && plan_suppress(plan))
		err = no_memory(error);
	if (!err)
		err = plan_sysctls_given_back(plan, state, error);
	if (!err)
		err = plan_stale_vmacs(plan, state, error);
	if (!err && plan_stale_vlans(plan, state))
		err = no_memory(error);
	if (!err && state->mode == PLAN_ADDING) {
		plan->leaves |= plan->n > n_adding ||
				!sysctl_saved_equal(&plan->saved_during, &plan->saved_after);
		cut(plan, n_adding);
	}
	return err;
}

int plan_build(struct plan *plan, struct kernel *kernel, const struct config *config,
	       enum plan_mode mode, const struct config *from, struct kernel_error *error)
{
	struct plan_state *state = calloc(1, sizeof(*state));
	int err;

	*plan = (struct plan){0};
	if (!state)
		return no_memory(error);
	state->config = config;
	state->kernel = kernel;
	state->mode = mode;
	state->from = from;
	err = read_state(state, kernel, error);
	if (!err)
		err = plan_all(plan, state, kernel, error);
	free(state->links);
	free(state->addresses);
	free(state->routes);
	free(state);
	if (err)
		plan_free(plan);
	return err;
}
