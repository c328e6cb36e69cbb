/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses and routes a configuration wants, against those that there are. What carries
 * our mark and is not wanted goes; what is wanted and there without our mark is used as it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/netlink/plan.h"

struct wanted_array {
	struct plan_wanted *list;
	size_t n;
};

static int compare_wanted(const void *a, const void *b)
{
	const struct plan_wanted *x = a, *y = b;

	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return (int)x->prefix_len - (int)y->prefix_len;
}

static int want(struct wanted_array *array, struct plan_wanted wanted)
{
	struct plan_wanted *grown = netlink_grow(array->list, array->n, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	array->list = grown;
	grown[array->n++] = wanted;
	return 0;
}

static int portgroup_index(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, name))
			return (int)i;
	return -1;
}

/* want_vmacs() - the addresses of virtual MACs, on the links of these */
static int want_vmacs(struct wanted_array *array, const struct config *config)
{
	size_t target = PLAN_VMACS;
	int err = 0;

	for (size_t i = 0; i < config->n_vmacs && !err; i++) {
		if (i && !mac_equal(&config->vmacs[i].mac, &config->vmacs[i - 1].mac))
			target++;
		err = want(array, (struct plan_wanted){config->vmacs[i].addr, 32, false,
						       (uint16_t)target});
	}
	return err;
}

/* want_implied() - a service or pool address, unless an address or vmac statement has it */
static int want_implied(struct wanted_array *array, const struct config *config, be32 addr,
			const char *owner, struct kernel_error *error)
{
	char text[ADDR_TEXT_BYTES];
	int portgroup;

	for (size_t i = 0; i < config->n_addresses; i++)
		if (config->addresses[i].addr == addr)
			return 0;
	for (size_t i = 0; i < config->n_vmacs; i++)
		if (config->vmacs[i].addr == addr)
			return 0;
	portgroup = plan_portgroup(config, addr);
	if (portgroup < 0)
		return kernel_fail(error, -EADDRNOTAVAIL,
				   "%s: no portgroup's network covers %s; add an address statement "
				   "for its network",
				   owner, addr_text(addr, text));
	return want(array, (struct plan_wanted){addr, 32, true, (uint16_t)portgroup});
}

static int want_all(struct wanted_array *array, const struct config *config,
		    struct kernel_error *error)
{
	char owner[CONFIG_NAME + 16];
	int err = 0;

	for (size_t i = 0; i < config->n_addresses && !err; i++) {
		const struct config_address *address = &config->addresses[i];
		int portgroup = portgroup_index(config, address->portgroup);

		if (portgroup < 0)
			return kernel_fail(error, -EINVAL,
					   "portgroup \"%s\" of an address is unknown",
					   address->portgroup);
		err = want(array, (struct plan_wanted){address->addr, address->prefix_len, false,
						       (uint16_t)portgroup});
	}
	for (size_t i = 0; i < config->n_services && !err; i++) {
		(void)snprintf(owner, sizeof(owner), "service \"%s\"", config->services[i].name);
		err = want_implied(array, config, config->services[i].addr, owner, error);
	}
	for (size_t i = 0; i < config->n_pools && !err; i++) {
		(void)snprintf(owner, sizeof(owner), "pool \"%s\"", config->pools[i].name);
		for (size_t a = 0; a < config->pools[i].n_external && !err; a++)
			err = want_implied(array, config, config->pools[i].external[a], owner,
					   error);
	}
	if (!err)
		err = want_vmacs(array, config);
	if (err == -ENOMEM)
		return kernel_fail(error, err, "not enough memory for the list of addresses");
	return err;
}

int plan_wanted(struct plan_wanted **list, size_t *n, const struct config *config,
		struct kernel_error *error)
{
	struct wanted_array array = {0};
	int err = want_all(&array, config, error);
	size_t kept = 0;

	if (err) {
		free(array.list);
		return err;
	}
	if (array.n)
		qsort(array.list, array.n, sizeof(*array.list), compare_wanted);
	for (size_t i = 0; i < array.n; i++) /* several services may be on one address */
		if (!i || compare_wanted(&array.list[i], &array.list[i - 1]))
			array.list[kept++] = array.list[i];
	*list = array.list;
	*n = kept;
	return 0;
}

/* by_address() - order of the kernel's addresses for bsearch */
static int by_address(const void *a, const void *b)
{
	const struct kaddress *x = a, *y = b;

	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return 0;
}

/* present() - whether the kernel has what is wanted already
 * @sorted: by by_address() */
static bool present(const struct plan_wanted *wanted, const struct plan_state *state,
		    const struct kaddress *sorted)
{
	const struct kaddress key = {.addr = wanted->addr};
	const struct kaddress *end = sorted + state->n_addresses;
	const struct kaddress *at = state->n_addresses ? bsearch(&key, sorted, state->n_addresses,
								 sizeof(*sorted), by_address)
						       : NULL;

	if (!at)
		return false;
	while (at > sorted && at[-1].addr == wanted->addr)
		at--;
	for (; at < end && at->addr == wanted->addr; at++) {
		if (at->ifindex != state->target[wanted->target].ifindex || at->peer)
			continue;
		if (at->prefix_len == wanted->prefix_len ||
		    (wanted->implied && at->protocol != KERNEL_PROTOCOL))
			return true;
	}
	return false;
}

/* withheld() - whether an address is not to be used yet; noted for the routes through it */
static bool withheld(struct plan_state *state, const struct plan_wanted *wanted)
{
	const struct kernel *kernel = state->kernel;
	struct plan_target *target = &state->target[wanted->target];

	if (!kernel->withholds || !kernel->withholds(kernel->withholds_context, state->config,
						     wanted->addr, target->ifindex))
		return false;
	target->withheld = true;
	return true;
}

static int add_missing(struct plan *plan, struct plan_state *state,
		       const struct wanted_array *array)
{
	struct kaddress *sorted = NULL;
	int err = 0;

	if (state->n_addresses) {
		sorted = calloc(state->n_addresses, sizeof(*sorted));
		if (!sorted)
			return -ENOMEM;
		memcpy(sorted, state->addresses, state->n_addresses * sizeof(*sorted));
		qsort(sorted, state->n_addresses, sizeof(*sorted), by_address);
	}
	for (size_t i = 0; i < array->n && !err; i++) {
		const struct plan_wanted *wanted = &array->list[i];
		const struct plan_target *target = &state->target[wanted->target];
		struct change *change;

		if (target->absent || present(wanted, state, sorted) || withheld(state, wanted))
			continue;
		change = plan_add(plan, CHANGE_ADDRESS);
		if (!change) {
			err = -ENOMEM;
			break;
		}
		change->to = (struct prefix){wanted->addr, wanted->prefix_len};
		memcpy(change->dev, target->dev, sizeof(change->dev));
		memcpy(change->portgroup, state->config->portgroups[target->portgroup].name,
		       sizeof(change->portgroup));
	}
	free(sorted);
	return err;
}

static int remove_stale(struct plan *plan, const struct plan_state *state,
			const struct wanted_array *array)
{
	for (size_t i = 0; i < state->n_addresses; i++) {
		const struct kaddress *address = &state->addresses[i];
		struct plan_wanted key = {.addr = address->addr, .prefix_len = address->prefix_len};
		const struct klink *link;
		struct change *change;
		bool keep = false;

		if (address->protocol != KERNEL_PROTOCOL)
			continue;
		for (size_t t = 0; t < PLAN_VMACS + state->n_vmacs && !keep; t++) {
			key.target = (uint16_t)t;
			keep = state->target[t].ifindex == address->ifindex && array->n &&
			       bsearch(&key, array->list, array->n, sizeof(key), compare_wanted);
		}
		link = klink_by_index(state->links, state->n_links, address->ifindex);
		if (keep || !link)
			continue;
		change = plan_add(plan, CHANGE_ADDRESS);
		if (!change)
			return -ENOMEM;
		change->remove = true;
		change->to = (struct prefix){address->addr, address->prefix_len};
		memcpy(change->dev, link->name, sizeof(change->dev));
	}
	return 0;
}

int plan_addresses(struct plan *plan, struct plan_state *state, bool removals,
		   struct kernel_error *error)
{
	struct wanted_array array = {0};
	int err = plan_wanted(&array.list, &array.n, state->config, error);

	if (err)
		return err;
	err = removals ? remove_stale(plan, state, &array) : add_missing(plan, state, &array);
	free(array.list);
	if (err)
		return kernel_fail(error, err, "not enough memory to plan the addresses");
	return 0;
}

static bool same_prefix(struct prefix a, struct prefix b)
{
	return a.addr == b.addr && a.len == b.len;
}

/* serves() - whether a route of the kernel is what a statement wants */
static bool serves(const struct kroute *route, const struct config_route *wanted,
		   const struct plan_state *state)
{
	int portgroup = plan_portgroup(state->config, wanted->via);

	return route->plain && same_prefix(route->to, wanted->to) && route->via == wanted->via &&
	       (portgroup < 0 || state->target[portgroup].ifindex == route->oif);
}

static void set_dev(char dev[CONFIG_DEV], const struct plan_state *state, uint32_t ifindex)
{
	const struct klink *link = klink_by_index(state->links, state->n_links, ifindex);

	(void)snprintf(dev, CONFIG_DEV, "%s", link ? link->name : "");
}

/* taken_over() - whether a route of others to the same network is to give way: it has taken the
 * place of ours. One that was there when the statement came is left alone. */
static bool taken_over(const struct plan_state *state, const struct config_route *wanted)
{
	if (state->mode == PLAN_POSSIBLE)
		return true;
	for (size_t i = 0; state->from && i < state->from->n_routes; i++)
		if (same_prefix(state->from->routes[i].to, wanted->to))
			return true;
	return false;
}

static int plan_route(struct plan *plan, const struct plan_state *state,
		      const struct config_route *wanted, struct kernel_error *error)
{
	int portgroup = plan_portgroup(state->config, wanted->via);
	const struct kroute *ours = NULL, *foreign = NULL;
	char text[PREFIX_TEXT_BYTES], via[ADDR_TEXT_BYTES];
	struct change *change;

	/* Without an address in its network the kernel takes no next hop. */
	if (portgroup >= 0 &&
	    (state->target[portgroup].absent || state->target[portgroup].withheld))
		return 0;
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct kroute *route = &state->routes[i];

		if (serves(route, wanted, state))
			return 0;
		/* A route of another metric is beside ours, not in its place. */
		if (!same_prefix(route->to, wanted->to) || route->metric)
			continue;
		if (route->protocol == KERNEL_PROTOCOL)
			ours = route;
		else
			foreign = route;
	}
	if (foreign && !taken_over(state, wanted))
		return kernel_fail(error, -EEXIST,
				   "route %s via %s: the system has another route to %s; "
				   "remove that one or this statement",
				   prefix_text(wanted->to, text), addr_text(wanted->via, via),
				   text);
	change = plan_add(plan, ours || foreign ? CHANGE_REROUTE : CHANGE_ROUTE);
	if (!change)
		return kernel_fail(error, -ENOMEM, "not enough memory to plan the routes");
	change->to = wanted->to;
	change->via = wanted->via;
	change->foreign = foreign;
	if (portgroup >= 0) {
		memcpy(change->dev, state->target[portgroup].dev, sizeof(change->dev));
		memcpy(change->portgroup, state->config->portgroups[portgroup].name,
		       sizeof(change->portgroup));
	}
	if (ours) {
		change->via_before = ours->via;
		set_dev(change->dev_before, state, ours->oif);
	}
	return 0;
}

/* connected() - whether the kernel has the route to the network of an address, in any metric */
static bool connected(const struct plan_state *state, struct prefix network, uint32_t ifindex)
{
	for (size_t i = 0; i < state->n_routes; i++)
		if (same_prefix(state->routes[i].to, network) && state->routes[i].oif == ifindex &&
		    !state->routes[i].via && state->routes[i].plain)
			return true;
	return false;
}

/* plan_connected() - networks of addresses of ours that are there, on links that are up, but to
 * which others took the route away: without it no next hop there is taken. */
static int plan_connected(struct plan *plan, const struct plan_state *state)
{
	for (size_t i = 0; i < state->n_addresses; i++) {
		const struct kaddress *address = &state->addresses[i];
		const struct klink *link =
			klink_by_index(state->links, state->n_links, address->ifindex);
		struct prefix network = {address->addr & prefix_mask(address->prefix_len),
					 address->prefix_len};
		struct change *change;

		if (address->protocol != KERNEL_PROTOCOL || network.len == 32 || !link ||
		    !(link->flags & IFF_UP) || connected(state, network, address->ifindex))
			continue;
		change = plan_add(plan, CHANGE_CONNECTED);
		if (!change)
			return -ENOMEM;
		change->to = network;
		change->via = address->addr;
		memcpy(change->dev, link->name, sizeof(change->dev));
	}
	return 0;
}

int plan_routes(struct plan *plan, const struct plan_state *state, bool removals,
		struct kernel_error *error)
{
	const struct config *config = state->config;
	int err = 0;

	if (!removals) {
		if (plan_connected(plan, state))
			return kernel_fail(error, -ENOMEM, "not enough memory to plan the routes");
		for (size_t i = 0; i < config->n_routes && !err; i++)
			err = plan_route(plan, state, &config->routes[i], error);
		return err;
	}
	for (size_t i = 0; i < state->n_routes; i++) {
		const struct kroute *route = &state->routes[i];
		struct change *change;
		bool keep = false;

		if (route->protocol != KERNEL_PROTOCOL)
			continue;
		/* One to a prefix that is wanted has been kept or replaced. */
		for (size_t r = 0; r < config->n_routes && !keep; r++)
			keep = same_prefix(route->to, config->routes[r].to);
		if (keep)
			continue;
		change = plan_add(plan, CHANGE_ROUTE);
		if (!change)
			return kernel_fail(error, -ENOMEM, "not enough memory to plan the routes");
		change->remove = true;
		change->to = route->to;
		change->via = route->via;
		set_dev(change->dev, state, route->oif);
	}
	return 0;
}
