/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel - the life of what the gateway programs.
 *
 * kernel_apply() and kernel_remove() hold no memory of what was applied before: each reads what
 * runs, tells by the marks what is ours, and plans the differences. So a start after a kill, a
 * reload and the mending of what somebody changed by hand are one and the same thing.
 *
 * Limits: an interface that was down and was set up stays up when the gateway goes, because others
 * may have begun to use it. Taking the last address off an interface makes the kernel drop the
 * routes on it, those of others too.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/netlink/monitor.h"
#include "control/netlink/plan.h"

/* has_net_admin() - whether CAP_NET_ADMIN is effective. True where that cannot be told: the
 * kernel's own refusal says it later. */
static bool has_net_admin(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return true;
	return data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN);
}

int kernel_open(struct kernel **kernel, const char *state_dir, struct kernel_error *error)
{
	struct kernel *k;
	struct stat st;
	int err;

	*kernel = NULL;
	if (!has_net_admin())
		return kernel_fail(
			error, -EPERM,
			"the capability CAP_NET_ADMIN is missing, which interfaces, addresses "
			"and routes need; start as root or with AmbientCapabilities=");
	if (stat(state_dir, &st) || !S_ISDIR(st.st_mode)) {
		err = errno && errno != EACCES ? -ENOTDIR : -EACCES;
		return kernel_fail(
			error, err,
			"the state directory %s cannot be used; create it (mkdir -p) or name "
			"another with -S",
			state_dir);
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return kernel_fail(error, -ENOMEM, "not enough memory");
	k->state_dir = strdup(state_dir);
	err = k->state_dir ? netlink_open(&k->netlink) : -ENOMEM;
	if (err) {
		(void)kernel_fail(error, err, "cannot open a netlink socket: %s", strerror(-err));
		goto no_netlink;
	}
	err = monitor_open(k);
	if (err) {
		(void)kernel_fail(error, err, "cannot watch the kernel's netlink events: %s",
				  strerror(-err));
		goto no_monitor;
	}
	*kernel = k;
	return 0;
no_monitor:
	netlink_close(&k->netlink);
no_netlink:
	free(k->state_dir);
	free(k);
	return err;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	monitor_close(kernel);
	netlink_close(&kernel->netlink);
	free(kernel->hops);
	free(kernel->routes);
	watched_free(&kernel->parameters);
	free(kernel->sockets);
	free(kernel->state_dir);
	free(kernel);
}

int kernel_portgroup(struct kernel *kernel, const struct config_portgroup *portgroup,
		     struct kernel_link *link, struct kernel_error *error)
{
	const struct klink *found;
	struct klink *links;
	size_t n;
	int err = klink_list(&kernel->netlink, &links, &n);

	*link = (struct kernel_link){0};
	if (err)
		return kernel_fail(error, err, "cannot read the links from the kernel: %s",
				   strerror(-err));
	found = klink_of(links, n, portgroup);
	if (found) {
		link->ifindex = found->ifindex;
		link->mtu = found->mtu;
		link->master = found->master;
		/* IFF_RUNNING is carrier, as IFF_LOWER_UP, and for VLAN links the parent's too. */
		link->up = (found->flags & IFF_UP) && (found->flags & IFF_RUNNING);
		link->queueless = found->queueless;
		link->mac = found->mac;
		memcpy(link->name, found->name, sizeof(link->name));
	}
	free(links);
	return 0;
}

int kernel_prefix_order(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (int)x->len - (int)y->len;
}

static void remember_routes(struct kernel *kernel, const struct config *config)
{
	size_t n = config->n_routes + config->n_addresses;
	struct prefix *routes = calloc(n + 1, sizeof(*routes));

	if (!routes)
		return; /* those that were known go on to be */
	for (size_t i = 0; i < config->n_routes; i++)
		routes[i] = config->routes[i].to;
	for (size_t i = 0; i < config->n_addresses; i++) {
		const struct config_address *a = &config->addresses[i];

		routes[config->n_routes + i] =
			(struct prefix){a->addr & prefix_mask(a->prefix_len), a->prefix_len};
	}
	qsort(routes, n, sizeof(*routes), kernel_prefix_order);
	free(kernel->routes);
	kernel->routes = routes;
	kernel->n_routes = n;
}

/* remember() - which links kernel_neighbours() is about, which routes the monitor, and which
 * parameters kernel_parameters_kept(). @plan: that has been run; its parameters are taken over. */
static void remember(struct kernel *kernel, const struct config *config, struct plan *plan)
{
	struct klink *links;
	size_t n;

	watched_set(&kernel->parameters, &plan->parameters);
	remember_routes(kernel, config);
	kernel->n_ifindex = 0;
	if (klink_list(&kernel->netlink, &links, &n))
		return;
	for (size_t i = 0; i < config->n_portgroups; i++) {
		const struct klink *link = klink_of(links, n, &config->portgroups[i]);

		if (link)
			kernel->ifindex[kernel->n_ifindex++] = link->ifindex;
	}
	free(links);
}

static int change(struct kernel *kernel, const struct config *from, const struct config *config,
		  enum plan_mode mode, struct kernel_error *error)
{
	struct plan plan;
	int err;

	if (config->n_portgroups > CONFIG_PORTGROUPS_MAX)
		return kernel_fail(error, -E2BIG,
				   "there are %zu portgroups; at most %d are possible",
				   config->n_portgroups, CONFIG_PORTGROUPS_MAX);
	err = plan_build(&plan, kernel, config, mode, from, error);
	if (err)
		return err;
	err = plan_run(&plan, kernel, error);
	kernel->changes = err ? 0 : plan.n;
	kernel->leaves = !err && plan.leaves;
	if (!err)
		remember(kernel, config, &plan);
	plan_free(&plan);
	return err;
}

int kernel_change(struct kernel *kernel, const struct config *from, const struct config *to,
		  struct kernel_error *error)
{
	return change(kernel, from, to, PLAN_WHOLE, error);
}

int kernel_extend(struct kernel *kernel, const struct config *from, const struct config *to,
		  struct kernel_error *error)
{
	return change(kernel, from, to, PLAN_ADDING, error);
}

int kernel_settle(struct kernel *kernel, const struct config *to, struct kernel_error *error)
{
	struct plan plan;
	int err;

	if (!kernel->leaves)
		return 0;
	kernel->leaves = false;
	err = plan_build(&plan, kernel, to, PLAN_POSSIBLE, NULL, error);
	if (err)
		return err;
	err = plan_run_all(&plan, kernel, error);
	remember(kernel, to, &plan);
	plan_free(&plan);
	return err;
}

int kernel_apply(struct kernel *kernel, const struct config *config, struct kernel_error *error)
{
	return kernel_change(kernel, NULL, config, error);
}

int kernel_mend(struct kernel *kernel, const struct config *config, const struct kernel_mend *mend,
		struct kernel_error *error)
{
	struct plan plan;
	int err = plan_build(&plan, kernel, config, PLAN_POSSIBLE, NULL, error);

	if (err)
		return err;
	plan_run_each(&plan, kernel, mend);
	remember(kernel, config, &plan);
	plan_free(&plan);
	return 0;
}

bool kernel_parameters_kept(struct kernel *kernel)
{
	/* One that has gone went with its link, of which the monitor tells. */
	return watched_kept(&kernel->parameters);
}

void kernel_policy(struct kernel *kernel, kernel_withholds withholds, void *context)
{
	kernel->withholds = withholds;
	kernel->withholds_context = context;
}

size_t kernel_changes(const struct kernel *kernel)
{
	return kernel->changes;
}

int kernel_remove(struct kernel *kernel, struct kernel_error *error)
{
	const struct config nothing = {0};
	struct plan plan;
	int err = plan_build(&plan, kernel, &nothing, PLAN_WHOLE, NULL, error);

	if (err)
		return err;
	err = plan_run_all(&plan, kernel, error);
	plan_free(&plan);
	kernel->n_ifindex = 0;
	return err;
}

int kernel_routed(struct kernel *kernel, struct prefix network)
{
	struct kroute *routes;
	size_t n;
	int found = kroute_list(&kernel->netlink, RT_TABLE_MAIN, &routes, &n);

	if (found)
		return found;
	for (size_t i = 0; i < n && !found; i++)
		found = routes[i].to.len <= network.len &&
			prefix_covers(routes[i].to, network.addr);
	free(routes);
	return found;
}
