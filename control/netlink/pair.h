/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pair - a veth pair of the gateway's own, up at both ends: what goes out at one end comes in at
 * the other.
 */
#ifndef PGW_NETLINK_PAIR_H
#define PGW_NETLINK_PAIR_H

#include "control/netlink/kernel.h"

/* pair_add() - make it; one of that name that an earlier run left is replaced.
 * Return: 0, or -errno with @error set. */
int pair_add(struct kernel *kernel, const char *name, const char *peer, struct kernel_error *error);

/* pair_del() - remove it, by the name of either end. Return: 0, also if it is not there; -errno. */
int pair_del(struct kernel *kernel, const char *name);

/* pair_end() - index and MAC of one end. Return: 0 or -errno. */
int pair_end(const char *name, uint32_t *ifindex, struct mac *mac);

#endif
