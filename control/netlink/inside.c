/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of links by which the datapath reaches sockets of this host (config/inside.h):
 *
 *   datapath -- pgwin0 ==== pgwin1 169.254.112.2 -- sockets bound to pgwin1
 *
 * Both ends know each other's MAC by permanent entries, so nothing is ever resolved. Whatever such
 * a socket sends leaves by pgwin1: a rule for that link leads to a table whose only route is the
 * datapath, which knows from its flows where the client is. No other traffic of this host sees rule
 * or table. Clients' addresses may be any, so pgwin1 takes every source.
 *
 * The links carry our group; addresses, routes and neighbours end with them, the rule carries our
 * protocol. Each call makes whatever is missing. What others take away of a pair that is there
 * comes back one by one: each part is added unless it exists, so what could be added was missing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>

#include "control/config/inside.h"
#include "control/netlink/klink.h"
#include "control/netlink/kroute.h"
#include "control/netlink/private.h"
#include "control/netlink/sysctl.h"

#define PRIORITY 112u
#define MTU_MIN	 1280u
#define NAMES	 2

static const char *const names[NAMES] = {INSIDE_DEV, INSIDE_DEV_HOST};

static struct nl_msg *begin(int type, int flags, const void *header, size_t bytes)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)header, bytes, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* Frees a message that could not be completed. */
static struct nl_msg *complete(struct nl_msg *msg, bool done)
{
	if (msg && !done) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static struct nl_msg *pair_message(void)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	struct nlattr *info, *data, *peer;

	if (!msg || nla_put_string(msg, IFLA_IFNAME, INSIDE_DEV) < 0 ||
	    nla_put_u32(msg, IFLA_GROUP, KERNEL_PROTOCOL) < 0 ||
	    !(info = nla_nest_start(msg, IFLA_LINKINFO)) ||
	    nla_put_string(msg, IFLA_INFO_KIND, "veth") < 0 ||
	    !(data = nla_nest_start(msg, IFLA_INFO_DATA)) ||
	    !(peer = nla_nest_start(msg, VETH_INFO_PEER)) ||
	    nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, INSIDE_DEV_HOST) < 0 ||
	    nla_put_u32(msg, IFLA_GROUP, KERNEL_PROTOCOL) < 0)
		return complete(msg, false);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

/* Parts of a pair that is there. @flags: NLM_F_REPLACE, or NLM_F_EXCL: only if it is missing. */
static struct nl_msg *address_message(uint32_t ifindex, int flags)
{
	const struct ifaddrmsg header = {.ifa_family = AF_INET,
					 .ifa_prefixlen = 32,
					 .ifa_scope = RT_SCOPE_LINK,
					 .ifa_index = ifindex};
	struct nl_msg *msg = begin(RTM_NEWADDR, NLM_F_CREATE | flags, &header, sizeof(header));

	return complete(msg, msg && nla_put_u32(msg, IFA_LOCAL, inet_addr(INSIDE_HOST_TEXT)) >= 0);
}

static struct nl_msg *neighbour_message(uint32_t ifindex, const char *addr, struct mac mac,
					int flags)
{
	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = (int)ifindex, .ndm_state = NUD_PERMANENT};
	struct nl_msg *msg = begin(RTM_NEWNEIGH, NLM_F_CREATE | flags, &header, sizeof(header));

	return complete(msg, msg && nla_put_u32(msg, NDA_DST, inet_addr(addr)) >= 0 &&
				     nla_put(msg, NDA_LLADDR, sizeof(mac.b), mac.b) >= 0);
}

static struct nl_msg *route_message(uint32_t ifindex, int flags)
{
	const struct rtmsg header = {.rtm_family = AF_INET,
				     .rtm_table = KERNEL_INSIDE_TABLE,
				     .rtm_protocol = KERNEL_PROTOCOL,
				     .rtm_scope = RT_SCOPE_UNIVERSE,
				     .rtm_type = RTN_UNICAST,
				     .rtm_flags = RTNH_F_ONLINK};
	struct nl_msg *msg = begin(RTM_NEWROUTE, NLM_F_CREATE | flags, &header, sizeof(header));

	return complete(msg,
			msg && nla_put_u32(msg, RTA_GATEWAY, inet_addr(INSIDE_ADDRESS_TEXT)) >= 0 &&
				nla_put_u32(msg, RTA_OIF, ifindex) >= 0);
}

static struct nl_msg *rule_message(bool add)
{
	const struct fib_rule_hdr header = {
		.family = AF_INET, .table = KERNEL_INSIDE_TABLE, .action = FR_ACT_TO_TBL};
	struct nl_msg *msg = begin(add ? RTM_NEWRULE : RTM_DELRULE,
				   add ? NLM_F_CREATE | NLM_F_EXCL : 0, &header, sizeof(header));

	return complete(msg, msg && nla_put_string(msg, FRA_OIFNAME, INSIDE_DEV_HOST) >= 0 &&
				     nla_put_u32(msg, FRA_PRIORITY, PRIORITY) >= 0 &&
				     nla_put_u8(msg, FRA_PROTOCOL, KERNEL_PROTOCOL) >= 0);
}

enum part { ADDRESS, NEIGHBOUR, NEIGHBOUR_HOST, ROUTE, RULE, PARTS };

static const char *const part_text[PARTS] = {
	[ADDRESS] = "address " INSIDE_HOST_TEXT "/32 added to " INSIDE_DEV_HOST,
	[NEIGHBOUR] = "neighbour " INSIDE_HOST_TEXT " added to " INSIDE_DEV,
	[NEIGHBOUR_HOST] = "neighbour " INSIDE_ADDRESS_TEXT " added to " INSIDE_DEV_HOST,
	[ROUTE] = "route default via " INSIDE_ADDRESS_TEXT " dev " INSIDE_DEV_HOST " added",
	[RULE] = "rule for what leaves by " INSIDE_DEV_HOST " added",
};

static struct nl_msg *part_message(enum part part, const struct klink ends[NAMES], int flags)
{
	switch (part) {
	case ADDRESS:
		return address_message(ends[1].ifindex, flags);
	case NEIGHBOUR:
		return neighbour_message(ends[0].ifindex, INSIDE_HOST_TEXT, ends[1].mac, flags);
	case NEIGHBOUR_HOST:
		return neighbour_message(ends[1].ifindex, INSIDE_ADDRESS_TEXT, ends[0].mac, flags);
	case ROUTE:
		return route_message(ends[1].ifindex, flags);
	default:
		return rule_message(true);
	}
}

static struct nl_msg *mtu_message(uint32_t ifindex, uint32_t mtu)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &header, sizeof(header));

	return complete(msg, msg && nla_put_u32(msg, IFLA_MTU, mtu) >= 0);
}

static bool is_ours(const struct klink *link)
{
	return link && link->group == KERNEL_PROTOCOL;
}

static int refused(struct kernel_error *error, int code, const struct kernel *kernel,
		   const char *what)
{
	return kernel_fail(error, code, "cannot %s (needed for sni and ntp): %s%s", what,
			   kernel->netlink.text[0] ? kernel->netlink.text : strerror(-code),
			   code == -EOPNOTSUPP ? "; this kernel has no veth links: load the module"
					       : "");
}

/* Parameters of both ends. One that this kernel does not have is not needed either. */
static const struct {
	const char *family, *name, *value;
	bool host_only;
} parameters[] = {
	{"ipv6", "disable_ipv6", "1", false}, {"ipv4", "forwarding", "0", false},
	{"ipv4", "arp_ignore", "8", false},   {"ipv4", "rp_filter", "0", false},
	{"ipv4", "accept_local", "1", true},
};
#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))
#define PATH_BYTES 96

/* parameter_path() - of one end. Return: false: that end does not need it. */
static bool parameter_path(size_t i, unsigned end, char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "net/%s/conf/%s/%s", parameters[i].family, names[end],
		       parameters[i].name);
	return end || !parameters[i].host_only;
}

static int set_parameters(struct kernel_error *error)
{
	char path[PATH_BYTES];

	for (size_t i = 0; i < PARAMETERS; i++)
		for (unsigned end = 0; end < NAMES; end++) {
			int code = parameter_path(i, end, path)
					   ? sysctl_write(path, parameters[i].value)
					   : 0;

			if (code && code != -ENOENT)
				return kernel_fail(error, code, "cannot write /proc/sys/%s: %s",
						   path, strerror(-code));
		}
	return 0;
}

/* Reads both ends; makes them where there is none. */
static int make_pair(struct kernel *kernel, struct klink ends[NAMES], struct kernel_error *error)
{
	for (unsigned attempt = 0;; attempt++) {
		const struct klink *found[NAMES];
		struct klink *links;
		size_t n;
		int code = klink_list(&kernel->netlink, &links, &n);

		if (code)
			return refused(error, code, kernel, "read the links");
		for (unsigned end = 0; end < NAMES; end++) {
			found[end] = klink_by_name(links, n, names[end]);
			if (found[end])
				ends[end] = *found[end];
		}
		code = found[0] && found[1];
		if ((found[0] && !is_ours(found[0])) || (found[1] && !is_ours(found[1]))) {
			free(links);
			return kernel_fail(
				error, -EEXIST,
				"there is an interface %s or %s that the gateway has not "
				"made: rename it",
				INSIDE_DEV, INSIDE_DEV_HOST);
		}
		free(links);
		if (code)
			return 0;
		if (attempt)
			return kernel_fail(error, -ENODEV, "the links %s and %s vanish again",
					   INSIDE_DEV, INSIDE_DEV_HOST);
		code = netlink_request(&kernel->netlink, pair_message());
		if (code)
			return refused(error, code, kernel, "make the links " INSIDE_DEV);
	}
}

static int set_ends(struct kernel *kernel, const struct klink ends[NAMES], uint32_t mtu,
		    struct kernel_error *error)
{
	struct netlink *netlink = &kernel->netlink;
	int code = 0;

	for (unsigned end = 0; end < NAMES && !code; end++) {
		if (ends[end].mtu != mtu)
			code = netlink_request(netlink, mtu_message(ends[end].ifindex, mtu));
		if (!code && !(ends[end].flags & IFF_UP))
			code = klink_set_up(netlink, ends[end].ifindex, true);
	}
	if (code)
		return refused(error, code, kernel, "set up the links " INSIDE_DEV);
	for (enum part part = 0; part < PARTS && !code; part++) {
		code = netlink_request(netlink, part_message(part, ends, NLM_F_REPLACE));
		if (code == -EEXIST)
			code = 0;
	}
	return code ? refused(error, code, kernel, "set address and route of " INSIDE_DEV_HOST) : 0;
}

int kernel_inside(struct kernel *kernel, uint32_t mtu, uint32_t *host_ifindex,
		  struct kernel_error *error)
{
	struct klink ends[NAMES];
	int code = make_pair(kernel, ends, error);

	mtu = mtu < MTU_MIN ? MTU_MIN : mtu;
	if (!code)
		code = set_parameters(error);
	if (!code)
		code = set_ends(kernel, ends, mtu, error);
	if (!code) {
		*host_ifindex = ends[1].ifindex;
		kernel->inside_mtu = mtu;
	}
	for (unsigned end = 0; end < NAMES && !code; end++)
		kernel->inside_ifindex[end] = ends[end].ifindex;
	return code;
}

/* find_pair() - Return: whether both ends are there and up, the sockets' end being that one. */
static bool find_pair(struct kernel *kernel, uint32_t host_ifindex, struct klink ends[NAMES],
		      bool *known)
{
	const struct klink *host, *datapath;
	struct klink *links;
	bool complete;
	size_t n;

	*known = !klink_list(&kernel->netlink, &links, &n);
	if (!*known)
		return false;
	host = klink_by_index(links, n, host_ifindex);
	datapath = klink_by_name(links, n, INSIDE_DEV);
	complete = is_ours(host) && is_ours(datapath) && (host->flags & datapath->flags & IFF_UP);
	if (complete) {
		ends[0] = *datapath;
		ends[1] = *host;
	}
	free(links);
	return complete;
}

bool kernel_inside_complete(struct kernel *kernel, uint32_t host_ifindex)
{
	struct klink ends[NAMES];
	bool known;

	return find_pair(kernel, host_ifindex, ends, &known) || !known;
}

/* In the place of a neighbour or of the route there may be another. All others say so when they are
 * added. */
static const int part_flags[PARTS] = {[ADDRESS] = NLM_F_EXCL,
				      [NEIGHBOUR] = NLM_F_REPLACE,
				      [NEIGHBOUR_HOST] = NLM_F_REPLACE,
				      [ROUTE] = NLM_F_REPLACE,
				      [RULE] = NLM_F_EXCL};

static bool route_is_there(struct kernel *kernel, uint32_t ifindex)
{
	struct kroute *routes;
	bool there = false;
	size_t n;

	if (kroute_list(&kernel->netlink, KERNEL_INSIDE_TABLE, &routes, &n))
		return true; /* not known: left alone */
	for (size_t i = 0; i < n && !there; i++)
		there = routes[i].plain && !routes[i].to.len && !routes[i].metric &&
			routes[i].via == inet_addr(INSIDE_ADDRESS_TEXT) && routes[i].oif == ifindex;
	free(routes);
	return there;
}

static bool part_is_there(struct kernel *kernel, enum part part, const struct klink ends[NAMES])
{
	if (part == NEIGHBOUR)
		return neighbour_permanent(&kernel->netlink, ends[0].ifindex,
					   inet_addr(INSIDE_HOST_TEXT), &ends[1].mac);
	if (part == NEIGHBOUR_HOST)
		return neighbour_permanent(&kernel->netlink, ends[1].ifindex,
					   inet_addr(INSIDE_ADDRESS_TEXT), &ends[0].mac);
	return part == ROUTE && route_is_there(kernel, ends[1].ifindex);
}

static void mend_parameter(const char *path, const char *value, const struct kernel_mend *mend)
{
	struct kernel_change change = {.added = 0};
	char *now;
	int code;

	if (sysctl_read(path, &now))
		return;
	if (strcmp(now, value) != 0) {
		(void)snprintf(change.what, sizeof(change.what), "%s set to %s", path, value);
		if (mend->may(mend->context, &change)) {
			code = sysctl_write(path, value);
			mend->done(mend->context, &change, code, strerror(-code));
		}
	}
	free(now);
}

static void mend_mtu(struct kernel *kernel, const struct klink *end, uint32_t mtu,
		     const struct kernel_mend *mend)
{
	struct kernel_change change = {.follows = end->mtu == kernel->inside_mtu};
	int code;

	(void)snprintf(change.what, sizeof(change.what), "MTU of %s set to %u", end->name, mtu);
	if (end->mtu == mtu || !mend->may(mend->context, &change))
		return;
	code = netlink_request(&kernel->netlink, mtu_message(end->ifindex, mtu));
	mend->done(mend->context, &change, code, kernel->netlink.text);
}

static void mend_master(struct kernel *kernel, const struct klink *end,
			const struct kernel_mend *mend)
{
	struct kernel_change change = {.added = 0};
	int code;

	(void)snprintf(change.what, sizeof(change.what), "interface %s taken out of its master",
		       end->name);
	if (!end->master || !mend->may(mend->context, &change))
		return;
	code = netlink_request(&kernel->netlink, klink_master_message(end->ifindex, 0));
	mend->done(mend->context, &change, code, kernel->netlink.text);
}

void kernel_inside_mend(struct kernel *kernel, uint32_t host_ifindex, uint32_t mtu,
			const struct kernel_mend *mend)
{
	struct klink ends[NAMES];
	char path[PATH_BYTES];
	bool known;

	if (!find_pair(kernel, host_ifindex, ends, &known))
		return; /* it is made anew, as a whole */
	mtu = mtu < MTU_MIN ? MTU_MIN : mtu;
	for (unsigned end = 0; end < NAMES; end++)
		mend_master(kernel, &ends[end], mend);
	for (unsigned end = 0; end < NAMES; end++)
		mend_mtu(kernel, &ends[end], mtu, mend);
	kernel->inside_mtu = mtu;
	for (enum part part = 0; part < PARTS; part++) {
		struct kernel_change change = {.added = 0};
		int code;

		(void)snprintf(change.what, sizeof(change.what), "%s", part_text[part]);
		if (part_is_there(kernel, part, ends) || !mend->may(mend->context, &change))
			continue;
		code = netlink_request(&kernel->netlink,
				       part_message(part, ends, part_flags[part]));
		if (code != -EEXIST)
			mend->done(mend->context, &change, code, kernel->netlink.text);
	}
	for (size_t i = 0; i < PARAMETERS; i++)
		for (unsigned end = 0; end < NAMES; end++)
			if (parameter_path(i, end, path))
				mend_parameter(path, parameters[i].value, mend);
}

void kernel_inside_remove(struct kernel *kernel)
{
	const struct klink *link;
	struct klink *links;
	size_t n;

	/* Once for each that there may be, should earlier ones have been left. */
	for (unsigned i = 0; i < 4 && !netlink_request(&kernel->netlink, rule_message(false)); i++)
		;
	if (klink_list(&kernel->netlink, &links, &n))
		return;
	link = klink_by_name(links, n, INSIDE_DEV);
	if (is_ours(link))
		(void)klink_del(&kernel->netlink, link->ifindex); /* its other end goes with it */
	free(links);
}
