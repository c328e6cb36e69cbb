/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private - what the files of this folder, and their tests, know of each other's structures. */
#ifndef PGW_NETLINK_PRIVATE_H
#define PGW_NETLINK_PRIVATE_H

#include "control/netlink/netlink.h"
#include "control/netlink/watched.h"

#define KERNEL_INSIDE_TABLE 112u /* of routes: what leaves by the pair of links of inside.c */
#define KERNEL_HOP_CHANGES  32	 /* that wait to be told; more are only taken note of */

struct kernel {
	struct netlink netlink;
	char *state_dir;
	int monitor_fd; /* epoll over the three below */
	int monitor_route_fd, monitor_nft_fd, monitor_neighbour_fd;
	kernel_withholds withholds; /* NULL: nothing is withheld */
	void *withholds_context;
	struct kernel_hop *hops; /* watched; sorted by address and link */
	size_t n_hops;
	struct {
		struct kernel_hop hop;
		struct mac former;
	} hop_change[KERNEL_HOP_CHANGES];
	size_t n_hop_changes;
	uint32_t ifindex[CONFIG_PORTGROUPS_MAX]; /* links of the portgroups last applied */
	size_t n_ifindex;
	struct prefix *routes; /* to where they were last applied, own networks too; sorted */
	size_t n_routes;
	struct watched parameters;	   /* last applied */
	uint32_t inside_ifindex[2];	   /* both ends of the pair of inside.c; 0: not made here */
	uint32_t inside_mtu;		   /* of both, as it was last set here */
	bool inside_touched;		   /* a neighbour there was changed */
	size_t changes;			   /* that the last successful apply made */
	struct snapshot_reserved *sockets; /* that the last plan found */
	size_t n_sockets;
	bool leaves;	   /* what kernel_settle() is to take away */
	size_t fault_step; /* for tests: this step of an apply, counted from 1, fails; 0 none */
};

/* kernel_prefix_order() - of qsort() and bsearch(). */
int kernel_prefix_order(const void *a, const void *b);

/* neighbour_permanent() - whether it has been set by somebody, and is not found out by ARP.
 * @mac: and has this MAC; NULL: any */
bool neighbour_permanent(struct netlink *netlink, uint32_t ifindex, be32 addr,
			 const struct mac *mac);

#endif
