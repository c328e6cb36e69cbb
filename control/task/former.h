/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * former - a private gateway's services at the address that it leaves, while it moves.
 *
 * Moving takes two changes: after the first, services answer at both addresses, after the second at
 * the new one alone. In between they stand in the configuration as services of their own, of no
 * datacenter, under names that begin with FORMER_PREFIX; so a restart or another change keeps them.
 * A request that was under way at the old address is answered there, and whoever tries both at any
 * moment is served by one of them.
 */
#ifndef PGW_TASK_FORMER_H
#define PGW_TASK_FORMER_H

#include "control/config/model.h"
#include "control/ctl/client.h"

#define FORMER_PREFIX "pgw-former-"

/**
 * former_add() - have what @datacenter serves at @addr served there by services of no datacenter
 * @wanted: before its services are moved; after that they may be checked
 * Return: 0 or -errno with @error set.
 */
int former_add(struct config *wanted, uint32_t datacenter, be32 addr, struct ctl_error *error);

/* former_del() - take them out again, where there are any at @addr. */
void former_del(struct config *wanted, be32 addr);

#endif
