/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * access - the tasks on the allow list: add, change, delete a network.
 *
 * The list is part of the configuration, whoever changes it; state/allowed.h gives its networks the
 * ids that the API uses.
 */
#ifndef PGW_TASK_ACCESS_H
#define PGW_TASK_ACCESS_H

#include "control/gateway.h"
#include "control/task/runner.h"

extern const struct task_kind access_add, access_change, access_delete;

/* What is asked for; kept as the task's arguments. */
struct access {
	int64_t id;
	struct prefix network, former; /* .len 0 and .addr 0 are a network, too: see has_… */
	bool has_network, has_former;  /* wanted on the list; on it before */
	char description[CONFIG_TEXT], former_description[CONFIG_TEXT];
};

json_t *access_arguments(const struct access *access); /* NULL without memory */
bool access_read(const struct task *task, struct access *access);

/* access_plan() - the configuration that the task leads to, in @wanted (a copy of what runs).
 * Return: 0, or -EDQUOT or -EINVAL with @error set. */
int access_plan(struct config *wanted, const struct access *access, struct ctl_error *error);

/* access_list() - append the networks to @items. 0 or -errno. */
int access_list(struct gateway *gateway, json_t *items, struct ctl_error *error);

/* access_show() - append the one of @id. Return: 0; -ENOENT; -errno. */
int access_show(struct gateway *gateway, int64_t id, json_t *items, struct ctl_error *error);

/* access_find() - the network of an id that is on the list. Return: 0; -ENOENT; -errno. */
int access_find(struct gateway *gateway, int64_t id, const struct config_allow **allow,
		struct ctl_error *error);

#endif
