/* SPDX-License-Identifier: GPL-2.0-or-later */
/* operations - what may be asked of private gateways, tasks, the allow list and virtual MACs
 * (docs/control-protocol.md): tables of the operations of the API. */
#ifndef PGW_TASK_OPERATIONS_H
#define PGW_TASK_OPERATIONS_H

#include "control/gateway.h"
#include "control/task/runner.h"

/* Lists for request_ops.more; their gateway is a struct gateway. */
extern const struct request_operation gateway_operations[]; /* and names, datacenters */
extern const struct request_operation task_operations[];
extern const struct request_operation access_operations[];
extern const struct request_operation mac_operations[];

/* tasks_open() - gateway.tasks: go on with what was interrupted. Without a database there are
 * none. tasks_close(): what runs is left for the next start. */
void tasks_open(struct gateway *gateway);
void tasks_close(struct gateway *gateway);

/* What the operations share. Members have been checked for their types. */

const char *member_text(const json_t *request, const char *name); /* NULL: left out */
int64_t member_number(const json_t *request, const char *name);	  /* 0: left out */

/* member_copy() - a text that must fit. Return: 0 or -EINVAL. */
int member_copy(char *to, size_t bytes, const json_t *request, const char *name,
		struct request_result *result);

/* operation_ready() - Return: 0; -EIO: there are no tasks, without the database. */
int operation_ready(const struct gateway *gateway, struct request_result *result);

/* operation_add() - a task of @kind, as the answer. @task: as runner_add(), without author. */
int operation_add(struct gateway *gateway, const struct task_kind *kind, struct task *task,
		  const json_t *request, struct request_result *result);

/* operation_service() - the service exists. operation_server(), operation_datacenter() - NULL with
 * an error: it does not, or not in the service that is named. */
int operation_service(const struct gateway *gateway, const json_t *request,
		      struct request_result *result);
const struct config_server *operation_server(const struct gateway *gateway, const json_t *request,
					     struct request_result *result);
const struct config_datacenter *operation_datacenter(const struct gateway *gateway,
						     const json_t *request,
						     struct request_result *result);

#endif
