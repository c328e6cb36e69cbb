/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which parameters the gateway needs, and why no others:
 *
 *   forwarding 0           the kernel would forward untranslated what the datapath forwards too.
 *                          ip_forward itself is the machine's affair: only the portgroups are
 *                          taken out of it. No redirects are sent by a port that forwards
 *                          nothing, so send_redirects stays as it is.
 *   arp_ignore 1           an address of one portgroup is not answered for on another
 *   arp_announce 2         nor named as the asker there
 *   rp_filter 0            with it the kernel leaves ARP requests unanswered whose sender it has no
 *                          route to; neighbours of any subnet are served. The datapath sees
 *                          packets before the filter and checks reverse paths by itself.
 *   promote_secondaries 1  without it, taking away our address takes away others of the same
 *                          network, which are not ours
 *
 * "conf/all" is never written: the kernel combines it with a device's own value (the larger one
 * counts), and it would reach interfaces that are none of our business.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/netlink/plan.h"

#define RESERVED_PORTS "net/ipv4/ip_local_reserved_ports"
#define PORT_RANGE     "net/ipv4/ip_local_port_range"
#define UNPRIVILEGED   "net/ipv4/ip_unprivileged_port_start"
#define PATH_BYTES     96

static const struct {
	const char *name;
	const char *value;
} per_device[] = {
	{"forwarding", "0"}, {"arp_ignore", "1"},	   {"arp_announce", "2"},
	{"rp_filter", "0"},  {"promote_secondaries", "1"},
};

const char *plan_device_parameter(size_t i, const char **value)
{
	if (i >= sizeof(per_device) / sizeof(per_device[0]))
		return NULL;
	*value = per_device[i].value;
	return per_device[i].name;
}

static int unreadable(struct kernel_error *error, int err, const char *path)
{
	return kernel_fail(error, err, "cannot read /proc/sys/%s: %s; mount /proc", path,
			   strerror(-err));
}

static int add_change(struct plan *plan, const char *path, const char *new, const char *old)
{
	struct change *change = plan_add(plan, CHANGE_SYSCTL);

	if (!change)
		return -ENOMEM;
	change->path = strdup(path);
	change->new = strdup(new);
	change->old = strdup(old);
	return change->path && change->new && change->old ? 0 : -ENOMEM;
}

/**
 * plan_sysctl() - plan one parameter
 * @ifindex: of the interface it belongs to, 0 if to none
 * @ours: the interface ends with us: its former values do not matter
 */
static int plan_sysctl(struct plan *plan, const char *path, uint32_t ifindex, bool ours,
		       const char *value)
{
	const struct sysctl_former *former = sysctl_saved_find(&plan->saved_before, path, ifindex);
	char *current;
	int err = sysctl_saved_put(&plan->parameters, path, ifindex, value);

	if (!err)
		err = sysctl_read(path, &current);
	if (err == -ENOENT && ours) /* the link is made first */
		return add_change(plan, path, value, value);
	if (err)
		return err;
	if (former && strcmp(former->value, value))
		err = sysctl_saved_put(&plan->saved_after, path, ifindex, former->value);
	if (!err && strcmp(current, value)) {
		if (!former && !ours) {
			err = sysctl_saved_put(&plan->saved_during, path, ifindex, current);
			if (!err)
				err = sysctl_saved_put(&plan->saved_after, path, ifindex, current);
		}
		if (!err)
			err = add_change(plan, path, value, current);
	}
	free(current);
	return err;
}

/* former_or_current() - what a parameter was before us. @value: malloc'ed. */
static int former_or_current(const struct plan *plan, const char *path, char **value)
{
	const struct sysctl_former *former = sysctl_saved_find(&plan->saved_before, path, 0);

	if (!former)
		return sysctl_read(path, value);
	*value = strdup(former->value);
	return *value ? 0 : -ENOMEM;
}

/* compute_ports() - fill state->ports from what was there before us */
static int compute_ports(const struct plan *plan, struct plan_state *state)
{
	char *reserved = NULL, *range = NULL, *lowest = NULL;
	unsigned first, last, start = 1024;
	struct kports_set before;
	int err = former_or_current(plan, RESERVED_PORTS, &reserved);

	if (!err)
		err = former_or_current(plan, PORT_RANGE, &range);
	if (!err && !sysctl_read(UNPRIVILEGED, &lowest))
		(void)sscanf(lowest, "%u", &start);
	if (!err && (!kports_parse(&before, reserved) ||
		     sscanf(range, "%u %u", &first, &last) != 2 || first > last || last > 65535))
		err = -EPROTO;
	if (!err)
		kports_plan(&state->ports, state->config, &before,
			    (struct kports_range){(uint16_t)first, (uint16_t)last}, start);
	free(reserved);
	free(range);
	free(lowest);
	return err;
}

/* check_pools() - refuse a pool of which nothing is left beside the kernel's own ports */
static int check_pools(const struct plan_state *state, struct kernel_error *error)
{
	const struct config *config = state->config;

	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];
		struct kports_range parts[2];

		if (!kports_split(&state->ports,
				  (struct kports_range){pool->port_first, pool->port_last}, parts))
			return kernel_fail(
				error, -EINVAL,
				"pool \"%s\": ports %u-%u are needed by the gateway's own "
				"connections, because the pools take all others; leave %u "
				"ports of 1024-65535 to no pool",
				pool->name, pool->port_first, pool->port_last, KPORTS_GAP_MIN);
	}
	return 0;
}

static int plan_ports(struct plan *plan, struct plan_state *state, struct kernel_error *error)
{
	char range[16], *reserved;
	int err = compute_ports(plan, state);

	if (err)
		return unreadable(error, err, PORT_RANGE);
	if (!state->config->n_pools && !state->config->n_services)
		return 0; /* what was there before us is given back */
	err = check_pools(state, error);
	if (err)
		return err;
	reserved = kports_print(&state->ports.reserved);
	if (!reserved)
		return kernel_fail(error, -ENOMEM, "not enough memory for the port list");
	(void)snprintf(range, sizeof(range), "%u %u", state->ports.range.first,
		       state->ports.range.last);
	/* First the range: for a moment the kernel has more ports rather than none. */
	err = plan_sysctl(plan, PORT_RANGE, 0, false, range);
	if (!err)
		err = plan_sysctl(plan, RESERVED_PORTS, 0, false, reserved);
	free(reserved);
	return err ? unreadable(error, err, RESERVED_PORTS) : 0;
}

int plan_sysctls(struct plan *plan, struct plan_state *state, const char *state_dir,
		 struct kernel_error *error)
{
	char path[PATH_BYTES];
	int err = sysctl_saved_load(&plan->saved_before, state_dir);

	if (err)
		return kernel_fail(
			error, err,
			"cannot read %s/sysctl.saved: %s; if it is damaged, remove it: the "
			"former kernel parameters are lost then",
			state_dir, strerror(-err));
	for (size_t i = 0; i < plan->saved_before.n; i++) {
		const struct sysctl_former *former = &plan->saved_before.list[i];

		if (sysctl_saved_put(&plan->saved_during, former->path, former->ifindex,
				     former->value))
			return kernel_fail(error, -ENOMEM, "not enough memory for sysctl.saved");
	}
	for (size_t i = 0; i < PLAN_VMACS + state->n_vmacs; i++) {
		const struct plan_target *target = &state->target[i];

		if (i >= state->config->n_portgroups && !target->ifindex)
			continue; /* no target, or a virtual MAC's link that is made complete */
		if (target->absent)
			continue;
		for (size_t k = 0; k < sizeof(per_device) / sizeof(per_device[0]); k++) {
			(void)snprintf(path, sizeof(path), "net/ipv4/conf/%s/%s", target->dev,
				       per_device[k].name);
			err = plan_sysctl(plan, path, target->ifindex, target->ours,
					  per_device[k].value);
			if (err)
				return unreadable(error, err, path);
		}
	}
	return plan_ports(plan, state, error);
}

/* gone() - whether the interface that a former value belongs to is there no more */
static bool gone(const struct plan_state *state, const struct sysctl_former *former)
{
	const struct klink *link;
	char prefix[PATH_BYTES];

	if (!former->ifindex)
		return false;
	link = klink_by_index(state->links, state->n_links, former->ifindex);
	if (!link)
		return true;
	(void)snprintf(prefix, sizeof(prefix), "net/ipv4/conf/%s/", link->name);
	return strncmp(former->path, prefix, strlen(prefix)) != 0;
}

/* wanted_now() - whether the plan wants a value of its own for this parameter */
static bool wanted_now(const struct plan *plan, const struct sysctl_former *former)
{
	if (sysctl_saved_find(&plan->saved_after, former->path, former->ifindex))
		return true;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->changes[i].kind == CHANGE_SYSCTL &&
		    !strcmp(plan->changes[i].path, former->path))
			return true;
	return false;
}

int plan_sysctls_given_back(struct plan *plan, const struct plan_state *state,
			    struct kernel_error *error)
{
	for (size_t i = 0; i < plan->saved_before.n; i++) {
		const struct sysctl_former *former = &plan->saved_before.list[i];
		char *current;
		int err;

		if (wanted_now(plan, former) || gone(state, former))
			continue;
		err = sysctl_read(former->path, &current);
		if (err == -ENOENT)
			continue;
		if (err)
			return unreadable(error, err, former->path);
		if (strcmp(current, former->value))
			err = add_change(plan, former->path, former->value, current);
		free(current);
		if (err)
			return kernel_fail(error, err, "not enough memory to plan the parameters");
	}
	return 0;
}
