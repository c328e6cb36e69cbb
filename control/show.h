/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show - configuration, state and figures as JSON (docs/control-protocol.md, "Items"). */
#ifndef PGW_CONTROL_SHOW_H
#define PGW_CONTROL_SHOW_H

#include "control/config/model.h"
#include "control/ctl/request.h"

/* Operations, see struct request_ops; their gateway is a struct gateway. */
int show_object(void *gateway, const char *object, bool statistics, struct request_result *result);
int show_stats(void *gateway, bool all, struct request_result *result);
int show_neighbours(void *gateway, struct request_result *result);

struct gateway;

/* show_addresses() - the items of object address. Return: 0 or -errno with @error set. */
int show_addresses(struct gateway *gateway, json_t *items, struct ctl_error *error);

/* show_services() - the items of object service. */
void show_services(const struct gateway *gateway, json_t *items);

/* The items of the objects of that name. */
void show_datacenters(const struct config *config, json_t *items);
void show_servers(const struct config *config, json_t *items);
void show_ntps(const struct gateway *gateway, json_t *items);
/* show_connections() - of pgw-relay, which is asked; none where it does not answer in time. */
void show_connections(struct gateway *gateway, json_t *items);
/* show_relay_figures() - what pgw-relay has counted. New reference, NULL: it does not run. */
json_t *show_relay_figures(struct gateway *gateway);
void show_vrack_blocks(const struct config *config, json_t *items);

#endif
