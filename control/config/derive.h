/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * derive - what follows from a configuration without being written in it: connected networks,
 * the routing table, and all addresses that are our own.
 *
 * It has the form that the datapath's look-ups take, so that checks decide with the very code
 * that forwards; only the portgroup is its position in the configuration instead of the
 * datapath's index. Statements whose references are broken are left out.
 */
#ifndef PGW_CONFIG_DERIVE_H
#define PGW_CONFIG_DERIVE_H

#include "control/config/model.h"

#define DERIVED_NOWHERE 0xff /* the portgroup of an address that no connected network covers */

struct derived {
	struct snapshot_route *connected; /* of the interface addresses only */
	struct snapshot_route *routes;	  /* these and the route statements */
	struct snapshot_address *own;
	size_t n_connected, n_routes, n_own;
};

/* derive() - Return: 0 or -ENOMEM (then @derived is empty). */
int derive(struct derived *derived, const struct config *config);
void derived_free(struct derived *derived);

/* Look-ups: the most specific connected network, the route, the own address. NULL if none. */
const struct snapshot_route *derived_connected(const struct derived *derived, be32 addr);
const struct snapshot_route *derived_route(const struct derived *derived, be32 addr);
const struct snapshot_address *derived_own(const struct derived *derived, be32 addr);

#endif
