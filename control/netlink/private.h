/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private - what the files of this folder, and their tests, know of each other's structures. */
#ifndef PGW_NETLINK_PRIVATE_H
#define PGW_NETLINK_PRIVATE_H

#include "control/netlink/netlink.h"

struct kernel {
	struct netlink netlink;
	char *state_dir;
	int monitor_fd; /* epoll over the two below */
	int monitor_route_fd, monitor_nft_fd;
	uint32_t ifindex[CONFIG_PORTGROUPS_MAX]; /* links of the portgroups last applied */
	size_t n_ifindex;
	size_t changes;	   /* that the last successful apply made */
	size_t fault_step; /* for tests: this step of an apply, counted from 1, fails; 0 none */
};

#endif
