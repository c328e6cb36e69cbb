/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel - what the gateway programs into the kernel, and what it reads back.
 *
 * Ownership is marked in the kernel itself, so that a start after SIGKILL finds and mends what
 * an earlier run left: addresses and routes carry protocol KERNEL_PROTOCOL, VLAN links the
 * alias "pgw:NAME", suppression lives in the nft table "pgw". Sysctls that were changed keep
 * their former values in STATE/sysctl.saved until they are given back. Whatever lacks the
 * mark was there before us and is never removed.
 */
#ifndef PGW_NETLINK_KERNEL_H
#define PGW_NETLINK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/model.h"

#define KERNEL_PROTOCOL 112 /* rtm_protocol and IFA_PROTO of what is ours */

struct kernel; /* sockets and the paths of saved state */

/* A message for the operator: what failed, on what, and what to do about it. */
struct kernel_error {
	char text[256];
};

/**
 * kernel_open() - open the netlink sockets
 * @state_dir: where sysctl.saved lives
 * Return: 0, or -errno with @error set (-EPERM says which capability is missing).
 */
int kernel_open(struct kernel **kernel, const char *state_dir, struct kernel_error *error);
void kernel_close(struct kernel *kernel);

struct kernel_link {
	uint32_t ifindex; /* 0: absent */
	uint32_t mtu;
	uint32_t master; /* ifindex of the bridge or other link whose port it is; 0: none */
	bool up;	 /* administratively up with carrier */
	bool queueless;	 /* it has no queueing discipline, as links that are software alone */
	struct mac mac;
	char name[CONFIG_DEV];
};

/* kernel_portgroup() - the link of a portgroup (its VLAN link, where it has one).
 * Return: 0 also when it is absent (ifindex 0), or -errno. */
int kernel_portgroup(struct kernel *kernel, const struct config_portgroup *portgroup,
		     struct kernel_link *link, struct kernel_error *error);

/**
 * kernel_apply() - bring links, addresses, routes, sysctls and suppression from whatever runs
 * now to what @config wants: only differences are touched, additions before removals. Service
 * and pool addresses that no address statement has become /32 addresses of the portgroup whose
 * connected network covers them.
 * All or nothing: if a step fails, the steps already taken are undone.
 * Return: 0, or -errno with @error naming the step, the object and what to do.
 */
int kernel_apply(struct kernel *kernel, const struct config *config, struct kernel_error *error);

/**
 * kernel_change() - as kernel_apply(), from a configuration that has been applied
 * @from: a portgroup that both have, and whose interface is absent by now, keeps nothing else from
 * being changed: what it needs is left out, until it returns and the change is mended. NULL: every
 * interface has to be there.
 */
int kernel_change(struct kernel *kernel, const struct config *from, const struct config *to,
		  struct kernel_error *error);

/**
 * kernel_extend() - the part of kernel_change() that takes nothing away, so that what @from is
 * still works, and goes on to until kernel_settle()
 */
int kernel_extend(struct kernel *kernel, const struct config *from, const struct config *to,
		  struct kernel_error *error);
/* kernel_settle() - take away what kernel_extend() has left, as far as it goes.
 * Return: 0 or the first -errno with @error set. */
int kernel_settle(struct kernel *kernel, const struct config *to, struct kernel_error *error);

/**
 * kernel_inside() - see that the pair of links is complete by which the datapath reaches sockets
 * of this host (config/inside.h)
 * @mtu: the largest of the portgroups
 * @host_ifindex: set to that of the sockets' end
 * Return: 0 or -errno with @error set.
 */
int kernel_inside(struct kernel *kernel, uint32_t mtu, uint32_t *host_ifindex,
		  struct kernel_error *error);
/* kernel_inside_complete() - whether both are there and up, the sockets' end being that one. */
bool kernel_inside_complete(struct kernel *kernel, uint32_t host_ifindex);
/* kernel_inside_remove() - take the pair away, if there is one. */
void kernel_inside_remove(struct kernel *kernel);

/* kernel_changes() - how many changes the last kernel_apply() had to make. */
size_t kernel_changes(const struct kernel *kernel);

/* kernel_policy() - have @withholds asked before an address is added: one that it returns true for
 * is left out, with routes through its portgroup, by all that follows. */
typedef bool (*kernel_withholds)(void *context, const struct config *config, be32 addr,
				 uint32_t ifindex);
void kernel_policy(struct kernel *kernel, kernel_withholds withholds, void *context);

#define KERNEL_CHANGE_BYTES 160

/* A difference between the kernel and the configuration. */
struct kernel_change {
	char what[KERNEL_CHANGE_BYTES]; /* the change that ends it: "address 10.0.0.1/24 added to
					   eth1" */
	be32 added;			/* the address, if that is the change; else 0 */
	bool route;			/* it is a route's */
	bool follows;			/* nobody has touched it: something that it depends on
					   has changed */
};

/**
 * struct kernel_mend - how kernel_mend() goes on
 * @may: whether a change is to be made now
 * @done: it was (@err 0), or it failed for the reason @why
 */
struct kernel_mend {
	bool (*may)(void *context, const struct kernel_change *change);
	void (*done)(void *context, const struct kernel_change *change, int err, const char *why);
	void *context;
};

/**
 * kernel_mend() - as kernel_apply(), for a configuration that has been applied and that others
 * have disturbed: each difference is mended by itself, and a portgroup whose interface is absent
 * keeps nothing else from being mended.
 * Return: 0, or -errno with @error set: what runs could not be read; nothing was changed.
 */
int kernel_mend(struct kernel *kernel, const struct config *config, const struct kernel_mend *mend,
		struct kernel_error *error);

/* kernel_parameters_kept() - whether the parameters that were applied last are as they were set:
 * of most of them the kernel tells nobody when they are changed. */
bool kernel_parameters_kept(struct kernel *kernel);

/* kernel_inside_mend() - as kernel_mend(), for what belongs to the pair of links of
 * kernel_inside(): its MTU, address, neighbours, route, rule and parameters. Nothing where the pair
 * is not complete. */
void kernel_inside_mend(struct kernel *kernel, uint32_t host_ifindex, uint32_t mtu,
			const struct kernel_mend *mend);

/* An address that a configuration wants the kernel to have. */
struct kernel_owned {
	be32 addr;
	uint8_t prefix_len;
	bool implied; /* no address statement has it: it is a service's or a pool's */
	bool vmac;    /* a virtual MAC has it */
	bool present;
	char portgroup[CONFIG_NAME];
	struct kernel_link link; /* that carries it; ifindex 0: absent */
};

/* kernel_owned() - all of them, sorted by address. @list: malloc'ed, the caller's. */
int kernel_owned(struct kernel *kernel, const struct config *config, struct kernel_owned **list,
		 size_t *n, struct kernel_error *error);

/* What of the packets to this host's addresses is kept from the kernel's stack (suppress.h). */
struct kernel_tuple {
	be32 addr; /* 0: every one */
	be16 port;
	uint8_t proto;
	bool listening; /* a socket of this host is there, else it is a service's */
};
struct kernel_ports {
	be32 addr;
	uint8_t proto;
	uint16_t first, last; /* host order: of a pool, but for what is listening there */
};
struct kernel_selection {
	be32 *locals; /* all addresses of this host */
	size_t n_locals;
	struct kernel_tuple *tuples;
	size_t n_tuples;
	struct kernel_ports *ports;
	size_t n_ports;
};

/* kernel_selection() - as it is loaded now. Return: 0, or -errno with @error set. */
int kernel_selection(struct kernel *kernel, struct kernel_selection *selection,
		     struct kernel_error *error);
void kernel_selection_free(struct kernel_selection *selection);

/* kernel_remove() - take away all that carries our mark, give sysctls back. Nothing else. */
int kernel_remove(struct kernel *kernel, struct kernel_error *error);

/* kernel_listening() - ports on which sockets of this namespace listen (TCP) or are bound (UDP), or
 * from which they have connected (TCP). Where kernel_apply() had to take the kernel's own ports
 * from the pools, those too: so call it after kernel_apply(), and before config_compile().
 * @list: malloc'ed, the caller's; sorted, unique. Return: 0 or -errno. */
int kernel_listening(struct snapshot_reserved **list, size_t *n);

/* kernel_listening_kept() - the same with the sockets that @kernel saw when it was last changed,
 * for one who has opened none since: to list them takes longer than all else of a small change. */
int kernel_listening_kept(const struct kernel *kernel, struct snapshot_reserved **list, size_t *n);

/* kernel_resolve() - ask the kernel to resolve or confirm a neighbour (RTM_NEWNEIGH, NTF_USE). */
int kernel_resolve(struct kernel *kernel, uint32_t ifindex, be32 addr);

/* kernel_routed() - whether the kernel has a route to all of @network; 1, 0, or -errno */
int kernel_routed(struct kernel *kernel, struct prefix network);

/* kernel_events() - an rtnetlink socket (non-blocking, close-on-exec) subscribed to link and
 * neighbour changes, for the datapath. Return: descriptor or -errno. */
int kernel_events(void);

struct kernel_neighbour {
	uint32_t ifindex;
	be32 addr;
	struct mac mac;
	uint16_t state; /* NUD_* */
};
/* kernel_neighbours() - IPv4 neighbours of the portgroups' links. @list: malloc'ed. */
int kernel_neighbours(struct kernel *kernel, struct kernel_neighbour **list, size_t *n);

/* A next hop that is watched. */
struct kernel_hop {
	uint32_t ifindex;
	be32 addr;
	struct mac mac; /* zero: not known yet */
};
/* kernel_watch() - watch these next hops instead of others, at most KERNEL_HOPS_MAX; MACs of those
 * watched already are kept. */
#define KERNEL_HOPS_MAX 4096
void kernel_watch(struct kernel *kernel, const struct kernel_hop *hops, size_t n);
/* kernel_hop_changed() - the next change of a MAC that kernel_monitor_read() has met.
 * @former: the MAC before. Return: false: there is no more. */
bool kernel_hop_changed(struct kernel *kernel, struct kernel_hop *hop, struct mac *former);

/* kernel_monitor_fd() - polls readable when links or addresses changed, or something that we
 * programmed was taken away or changed (a route, nft rules, forwarding); kernel_monitor_read()
 * drains it and says so once. kernel_apply() mends; its own changes are told too, and then it finds
 * none. Return: 1 something of interest changed, 0 nothing, -errno. */
int kernel_monitor_fd(const struct kernel *kernel);
int kernel_monitor_read(struct kernel *kernel);

#endif
