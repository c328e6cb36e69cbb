/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each kind of change knows two directions, so what undoes a plan is the plan itself, read
 * backwards. sysctl.saved is written before the first change and again after the last: a kill
 * in between leaves the file that knows more.
 */
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#include "control/netlink/plan.h"

enum direction { FORWARD, BACKWARD };

typedef int (*change_run)(const struct plan *plan, struct kernel *kernel,
			  const struct change *change, enum direction direction,
			  struct kernel_error *error);

/* refused() - a message for what the kernel has refused
 * @what: "add address 10.0.0.1/24 to eth1" */
static int refused(struct kernel_error *error, int err, const struct kernel *kernel,
		   const struct change *change, const char *what)
{
	const char *own = kernel->netlink.text;
	const char *hint = "";

	switch (-err) {
	case EPERM:
		hint = "; the capability CAP_NET_ADMIN is missing: start as root";
		break;
	case ENODEV:
		hint = "; the interface has just gone: create it again";
		break;
	case EEXIST:
		hint = "; something else has added it meanwhile: apply again";
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
		hint = "; the next hop must be in the network of an address on a portgroup";
		break;
	}
	return kernel_fail(error, err, "%s%s%scannot %s: %s%s",
			   change->portgroup[0] ? "portgroup \"" : "", change->portgroup,
			   change->portgroup[0] ? "\": " : "", what, own[0] ? own : strerror(-err),
			   hint);
}

/* index_of() - 0 with -ENODEV in @err if the interface is not there */
static uint32_t index_of(const char *dev, int *err)
{
	uint32_t index = if_nametoindex(dev);

	*err = index ? 0 : -ENODEV;
	return index;
}

static bool adds(const struct change *change, enum direction direction)
{
	return change->remove == (direction == BACKWARD);
}

/* gone_already() - what was to be removed had been taken away by others, or with its link */
static bool gone_already(int err)
{
	return err == -ENODEV || err == -EADDRNOTAVAIL || err == -ESRCH;
}

static int run_vlan(const struct plan *plan, struct kernel *kernel, const struct change *change,
		    enum direction direction, struct kernel_error *error)
{
	bool add = adds(change, direction);
	char what[96];
	uint32_t index;
	int err;

	(void)plan;
	index = index_of(add ? change->dev_before : change->dev, &err);
	if (!err && add)
		err = netlink_request(&kernel->netlink,
				      klink_vlan_message(change->dev, index, change->vlan));
	else if (!err)
		err = klink_del(&kernel->netlink, index);
	if (!err || (!add && gone_already(err)))
		return 0;
	if (err == -EOPNOTSUPP)
		return kernel_fail(
			error, err,
			"portgroup \"%s\": this kernel has no 802.1Q support, which vlan %u "
			"on \"%s\" needs; load the module 8021q (modprobe 8021q) or use an "
			"untagged interface",
			change->portgroup, change->vlan, change->dev_before);
	if (err == -EEXIST)
		return kernel_fail(
			error, err,
			"portgroup \"%s\": there is another interface \"%s\", which is not "
			"VLAN %u of \"%s\"; rename it",
			change->portgroup, change->dev, change->vlan, change->dev_before);
	(void)snprintf(what, sizeof(what), "%s the VLAN link %s", add ? "make" : "remove",
		       change->dev);
	return refused(error, err, kernel, change, what);
}

/* complete_vmac() - all that a new virtual MAC's link needs before it has addresses */
static int complete_vmac(struct kernel *kernel, const struct change *change, uint32_t index)
{
	const char *name, *value;
	char path[96];
	int err = 0;

	for (size_t i = 0; !err && (name = plan_device_parameter(i, &value)); i++) {
		(void)snprintf(path, sizeof(path), "net/ipv4/conf/%s/%s", change->dev, name);
		err = sysctl_write(path, value);
	}
	if (!err)
		err = netlink_request(&kernel->netlink, klink_alias_message(index, change->new));
	if (!err)
		err = klink_set_up(&kernel->netlink, index, true);
	return err;
}

static int run_vmac(const struct plan *plan, struct kernel *kernel, const struct change *change,
		    enum direction direction, struct kernel_error *error)
{
	bool add = adds(change, direction);
	char what[96], mac[MAC_TEXT_BYTES];
	uint32_t index;
	int err;

	(void)plan;
	index = index_of(add ? change->dev_before : change->dev, &err);
	if (!err && add)
		err = netlink_request(&kernel->netlink,
				      klink_vmac_message(change->dev, index, change->mac));
	else if (!err)
		err = klink_del(&kernel->netlink, index);
	if (!err && add) {
		index = index_of(change->dev, &err);
		if (!err)
			err = complete_vmac(kernel, change, index);
		if (err && index)
			(void)klink_del(&kernel->netlink, index);
	}
	if (!err || (!add && gone_already(err)))
		return 0;
	mac_text(change->mac, mac);
	if (err == -EOPNOTSUPP)
		return kernel_fail(
			error, err,
			"portgroup \"%s\": this kernel has no macvlan links, which vmac %s "
			"needs; load the module (modprobe macvlan)",
			change->portgroup, mac);
	(void)snprintf(what, sizeof(what), "%s the link %s of virtual MAC %s",
		       add ? "make" : "remove", change->dev, mac);
	return refused(error, err, kernel, change, what);
}

static int run_alias(const struct plan *plan, struct kernel *kernel, const struct change *change,
		     enum direction direction, struct kernel_error *error)
{
	char what[64];
	uint32_t index;
	int err;

	(void)plan;
	index = index_of(change->dev, &err);
	if (!err)
		err = netlink_request(&kernel->netlink,
				      klink_alias_message(index, direction == FORWARD
									 ? change->new
									 : change->old));
	if (!err)
		return 0;
	(void)snprintf(what, sizeof(what), "set the alias of %s", change->dev);
	return refused(error, err, kernel, change, what);
}

static int run_sysctl(const struct plan *plan, struct kernel *kernel, const struct change *change,
		      enum direction direction, struct kernel_error *error)
{
	int err = sysctl_write(change->path, direction == FORWARD ? change->new : change->old);
	const char *hint = "";

	(void)plan;
	(void)kernel;
	if (!err)
		return 0;
	if (err == -EACCES || err == -EPERM)
		hint = "; the capability CAP_NET_ADMIN is missing: start as root";
	else if (err == -EROFS)
		hint = "; /proc/sys is mounted read-only: mount it writable";
	else if (err == -ENOENT)
		hint = "; the interface has just gone: create it again";
	return kernel_fail(error, err, "cannot write \"%.40s\" to /proc/sys/%s: %s%s",
			   direction == FORWARD ? change->new : change->old, change->path,
			   strerror(-err), hint);
}

static int run_suppress(const struct plan *plan, struct kernel *kernel, const struct change *change,
			enum direction direction, struct kernel_error *error)
{
	(void)kernel;
	(void)change;
	return suppress_load(direction == FORWARD ? &plan->wanted : &plan->loaded, error);
}

static int run_release(const struct plan *plan, struct kernel *kernel, const struct change *change,
		       enum direction direction, struct kernel_error *error)
{
	uint32_t index, master = 0;
	char what[64];
	int err;

	(void)plan;
	index = index_of(change->dev, &err);
	if (!err && direction == BACKWARD)
		master = index_of(change->dev_before, &err);
	if (!err)
		err = netlink_request(&kernel->netlink, klink_master_message(index, master));
	if (!err)
		return 0;
	(void)snprintf(what, sizeof(what), "take the interface %s out of %s", change->dev,
		       change->dev_before);
	return refused(error, err, kernel, change, what);
}

static int run_up(const struct plan *plan, struct kernel *kernel, const struct change *change,
		  enum direction direction, struct kernel_error *error)
{
	char what[64];
	uint32_t index;
	int err;

	(void)plan;
	index = index_of(change->dev, &err);
	if (!err)
		err = klink_set_up(&kernel->netlink, index, direction == FORWARD);
	if (!err)
		return 0;
	(void)snprintf(what, sizeof(what), "set the interface %s up", change->dev);
	return refused(error, err, kernel, change, what);
}

static int run_address(const struct plan *plan, struct kernel *kernel, const struct change *change,
		       enum direction direction, struct kernel_error *error)
{
	bool add = adds(change, direction);
	char what[96], text[PREFIX_TEXT_BYTES];
	uint32_t index;
	int err;

	(void)plan;
	index = index_of(change->dev, &err);
	if (!err)
		err = netlink_request(&kernel->netlink, kaddress_message(index, change->to.addr,
									 change->to.len, add));
	if (!err || (!add && gone_already(err)))
		return 0;
	(void)snprintf(what, sizeof(what), "%s address %s %s %s", add ? "add" : "remove",
		       prefix_text(change->to, text), add ? "to" : "from", change->dev);
	return refused(error, err, kernel, change, what);
}

static int run_connected(const struct plan *plan, struct kernel *kernel,
			 const struct change *change, enum direction direction,
			 struct kernel_error *error)
{
	char what[96], text[PREFIX_TEXT_BYTES];
	uint32_t index;
	int err;

	(void)plan;
	if (direction == BACKWARD) /* it belongs to an address that stays */
		return 0;
	index = index_of(change->dev, &err);
	if (!err)
		err = netlink_request(&kernel->netlink,
				      kroute_connected_message(change->to, change->via, index));
	/* The address has gone meanwhile, and comes back with its route; or the route is back. */
	if (!err || err == -EEXIST || err == -EINVAL)
		return 0;
	(void)snprintf(what, sizeof(what), "add route %s dev %s", prefix_text(change->to, text),
		       change->dev);
	return refused(error, err, kernel, change, what);
}

/* route_fail() - what could not be done with a route */
static int route_fail(struct kernel_error *error, int err, const struct kernel *kernel,
		      const struct change *change, const char *verb)
{
	char what[96], to[PREFIX_TEXT_BYTES], via[ADDR_TEXT_BYTES];

	(void)snprintf(what, sizeof(what), "%s route %s via %s", verb, prefix_text(change->to, to),
		       addr_text(change->via, via));
	return refused(error, err, kernel, change, what);
}

static int run_route(const struct plan *plan, struct kernel *kernel, const struct change *change,
		     enum direction direction, struct kernel_error *error)
{
	bool add = adds(change, direction);
	uint32_t index = 0;
	int err = 0;

	(void)plan;
	if (change->dev[0])
		index = index_of(change->dev, &err);
	if (!err)
		err = netlink_request(&kernel->netlink,
				      kroute_message(change->to, change->via, index, add,
						     NLM_F_CREATE | NLM_F_EXCL));
	if (!err || (!add && gone_already(err)))
		return 0;
	return route_fail(error, err, kernel, change, add ? "add" : "remove");
}

static int run_reroute(const struct plan *plan, struct kernel *kernel, const struct change *change,
		       enum direction direction, struct kernel_error *error)
{
	const char *dev = direction == FORWARD ? change->dev : change->dev_before;
	uint32_t index = 0;
	int err = 0;

	(void)plan;
	if (change->foreign && direction == BACKWARD)
		return 0;
	if (dev[0])
		index = index_of(dev, &err);
	if (!err)
		err = netlink_request(
			&kernel->netlink,
			kroute_message(change->to,
				       direction == FORWARD ? change->via : change->via_before,
				       index, true, NLM_F_CREATE | NLM_F_REPLACE));
	return err ? route_fail(error, err, kernel, change, "change") : 0;
}

static const change_run runs[] = {
	[CHANGE_VLAN] = run_vlan,
	[CHANGE_VMAC] = run_vmac,
	[CHANGE_ALIAS] = run_alias,
	[CHANGE_SYSCTL] = run_sysctl,
	[CHANGE_SUPPRESS] = run_suppress,
	[CHANGE_RELEASE] = run_release,
	[CHANGE_UP] = run_up,
	[CHANGE_ADDRESS] = run_address,
	[CHANGE_CONNECTED] = run_connected,
	[CHANGE_ROUTE] = run_route,
	[CHANGE_REROUTE] = run_reroute,
};
static_assert(sizeof(runs) / sizeof(runs[0]) == CHANGE_KIND_COUNT, "a kind without a function");

static int run(const struct plan *plan, struct kernel *kernel, const struct change *change,
	       enum direction direction, struct kernel_error *error)
{
	kernel->netlink.text[0] = '\0';
	return runs[change->kind](plan, kernel, change, direction, error);
}

static int store(const struct sysctl_saved *saved, const struct kernel *kernel,
		 struct kernel_error *error)
{
	int err = sysctl_saved_store(saved, kernel->state_dir);

	if (err)
		return kernel_fail(
			error, err,
			"cannot write %s/sysctl.saved: %s; make the directory writable and "
			"see that the disk is not full",
			kernel->state_dir, strerror(-err));
	return 0;
}

/* undo() - the first @n changes, in reverse; as far as it goes */
static void undo(const struct plan *plan, struct kernel *kernel, size_t n)
{
	while (n--)
		(void)run(plan, kernel, &plan->changes[n], BACKWARD, NULL);
	if (!sysctl_saved_equal(&plan->saved_before, &plan->saved_during))
		(void)store(&plan->saved_before, kernel, NULL);
}

int plan_run(const struct plan *plan, struct kernel *kernel, struct kernel_error *error)
{
	int err = 0;

	if (!sysctl_saved_equal(&plan->saved_before, &plan->saved_during))
		err = store(&plan->saved_during, kernel, error);
	if (err)
		return err;
	for (size_t i = 0; i < plan->n; i++) {
		if (kernel->fault_step == i + 1)
			err = kernel_fail(error, -EIO, "step %zu fails on demand", i + 1);
		else
			err = run(plan, kernel, &plan->changes[i], FORWARD, error);
		if (err) {
			undo(plan, kernel, i);
			return err;
		}
	}
	if (!plan->leaves && !sysctl_saved_equal(&plan->saved_during, &plan->saved_after))
		err = store(&plan->saved_after, kernel, error);
	if (err)
		undo(plan, kernel, plan->n);
	return err;
}

void plan_run_each(const struct plan *plan, struct kernel *kernel, const struct kernel_mend *mend)
{
	struct kernel_error error;

	/* A parameter whose former value cannot be kept is not touched. */
	bool keeps = sysctl_saved_equal(&plan->saved_before, &plan->saved_during) ||
		     !store(&plan->saved_during, kernel, &error);

	for (size_t i = 0; i < plan->n; i++) {
		const struct change *change = &plan->changes[i];
		struct kernel_change told = {.added = 0};
		int err = -EIO;

		plan_change_text(change, told.what);
		if (change->kind == CHANGE_ADDRESS && !change->remove)
			told.added = change->to.addr;
		told.route = change->kind == CHANGE_ROUTE || change->kind == CHANGE_REROUTE;
		if (!mend->may(mend->context, &told))
			continue;
		if (keeps || change->kind != CHANGE_SYSCTL)
			err = run(plan, kernel, change, FORWARD, &error);
		mend->done(mend->context, &told, err, err ? error.text : "");
	}
	/* As long as something is left to do, the file that knows more is the better one. */
	if (keeps && !sysctl_saved_equal(&plan->saved_during, &plan->saved_after))
		(void)store(&plan->saved_after, kernel, &error);
}

int plan_run_all(const struct plan *plan, struct kernel *kernel, struct kernel_error *error)
{
	struct kernel_error later;
	int first = 0;

	for (size_t i = 0; i < plan->n; i++) {
		int err = run(plan, kernel, &plan->changes[i], FORWARD, first ? &later : error);

		if (err && !first)
			first = err;
	}
	/* A value that could not be given back must not be forgotten. */
	if (!first)
		first = store(&plan->saved_after, kernel, error);
	return first;
}
