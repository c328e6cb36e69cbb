/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor - the sockets that tell when somebody changed what we have programmed. */
#ifndef PGW_NETLINK_MONITOR_H
#define PGW_NETLINK_MONITOR_H

#include "control/netlink/private.h"

int monitor_open(struct kernel *kernel); /* 0 or -errno */
void monitor_close(struct kernel *kernel);

struct nlmsghdr;

/* monitor_hop() - note what an RTM_NEWNEIGH says about a next hop that is watched. */
bool monitor_hop(struct kernel *kernel, const struct nlmsghdr *header);

#endif
