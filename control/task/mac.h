/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mac - the tasks on virtual MACs: an address gets one, or one more address its own; an address, or
 * the whole MAC, loses it. They are vmac statements of the configuration.
 */
#ifndef PGW_TASK_MAC_H
#define PGW_TASK_MAC_H

#include "control/gateway.h"
#include "control/task/runner.h"

extern const struct task_kind mac_add, mac_delete;

/* mac_of_server() - whether a vmac statement is one of @server's. */
bool mac_of_server(const struct config_server *server, const struct config_vmac *vmac);

/* mac_list() - append the MACs of @server to @items. @mac: only that one; NULL: all. */
void mac_list(const struct config *config, const struct config_server *server,
	      const struct mac *mac, json_t *items);

/* mac_statement() - do @statement to @wanted and check it: limits as -EDQUOT, what was moved into
 * the vRack as -EPERM. Return: 0 or -errno with @error set. */
int mac_statement(struct config *wanted, const char *statement, struct ctl_error *error);

/* mac_read() - a MAC's text. */
bool mac_read(const char *text, struct mac *mac);

#endif
