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
	bool up; /* administratively up with carrier */
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

/* kernel_changes() - how many changes the last kernel_apply() had to make. */
size_t kernel_changes(const struct kernel *kernel);

/* kernel_remove() - take away all that carries our mark, give sysctls back. Nothing else. */
int kernel_remove(struct kernel *kernel, struct kernel_error *error);

/* kernel_listening() - ports on which sockets of this namespace listen (TCP) or are bound (UDP), or
 * from which they have connected (TCP). Where kernel_apply() had to take the kernel's own ports
 * from the pools, those too: so call it after kernel_apply(), and before config_compile().
 * @list: malloc'ed, the caller's; sorted, unique. Return: 0 or -errno. */
int kernel_listening(struct snapshot_reserved **list, size_t *n);

/* kernel_resolve() - ask the kernel to resolve or confirm a neighbour (RTM_NEWNEIGH, NTF_USE). */
int kernel_resolve(struct kernel *kernel, uint32_t ifindex, be32 addr);

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

/* kernel_monitor_fd() - polls readable when links or addresses changed, or something that we
 * programmed was taken away (a route, nft rules, forwarding); kernel_monitor_read() drains it and
 * says so once. kernel_apply() mends; its own changes are told too, and then it finds none. Return:
 * 1 something of interest changed, 0 nothing, -errno. */
int kernel_monitor_fd(const struct kernel *kernel);
int kernel_monitor_read(struct kernel *kernel);

#endif
