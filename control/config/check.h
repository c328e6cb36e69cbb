/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - the parts of config_check(). Each returns 0, -EINVAL or -ENOMEM, with @error set. */
#ifndef PGW_CONFIG_CHECK_H
#define PGW_CONFIG_CHECK_H

#include "control/config/derive.h"
#include "control/config/inside.h"
#include "control/config/model.h"

struct check {
	const struct config *config;
	struct derived derived;
	struct config_error *error;
};

/* check_edge() - Return: "network" or "broadcast" where @addr is that of its connected network
 * @network and so cannot be a host's; else NULL. */
const char *check_edge(const struct snapshot_route *network, be32 addr);

int check_pools(struct check *check); /* and the nat rules */
int check_services(struct check *check);
int check_vmacs(struct check *check);
int check_tunnels(struct check *check);
int check_datacenters(struct check *check); /* and the servers */
int check_apis(const struct check *check);
/* check_inside() - services with TLS names, and NTP. @places: of inside_places() */
int check_inside(const struct check *check, const struct inside_place *places, size_t n);
/* check_same_place() - two services that are at one address and port */
int check_same_place(const struct check *check, const struct config_service *a,
		     const struct config_service *b);

/* Ports of one address that a pool takes, in the order of address and port. */
struct check_range {
	uint32_t addr; /* host order */
	uint16_t first, last;
	const struct config_pool *pool;
};
/* check_ranges() - those of all pools, sorted. @ranges: malloc'ed. Return: 0 or -ENOMEM. */
int check_ranges(const struct config *config, struct check_range **ranges, size_t *n);

#endif
