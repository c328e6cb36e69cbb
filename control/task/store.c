/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

int store_put(struct state *state, struct task *task, struct state_error *error)
{
	struct state_task row = {
		.id = task->id,
		.name = task->name,
		.type = task->type,
		.state = task_state_name(task->state),
		.stage = task->state,
		.service = or_null(task->service),
		.server = or_null(task->server),
		.datacenter = task->datacenter,
		.network_access_id = task->network_access_id,
		.execution_ms = task->execution_ms,
	};
	char *body = task_body(task);
	int code = -ENOMEM;

	if (body) {
		row.body = body;
		code = state_task_put(state, &row, error);
		task->id = row.id;
	} else {
		snprintf(error->text, sizeof(error->text), "out of memory");
	}
	free(body);
	return code;
}

static void copy(char *to, size_t bytes, const char *text)
{
	snprintf(to, bytes, "%s", text ? text : "");
}

bool store_read(struct task *task, const struct state_task *row)
{
	memset(task, 0, sizeof(*task));
	if (row->stage < 0 || row->stage >= TASK_STATE_COUNT || !task_body_read(task, row->body))
		return false;
	task->id = row->id;
	copy(task->name, sizeof(task->name), row->name);
	copy(task->type, sizeof(task->type), row->type);
	copy(task->service, sizeof(task->service), row->service);
	copy(task->server, sizeof(task->server), row->server);
	task->state = (enum task_state)row->stage;
	task->datacenter = row->datacenter;
	task->network_access_id = row->network_access_id;
	task->execution_ms = row->execution_ms;
	return true;
}

static int take_one(const struct state_task *row, void *context)
{
	return store_read(context, row) ? 1 : -EBADMSG;
}

int store_get(struct state *state, int64_t id, struct task *task, struct state_error *error)
{
	const struct state_task_filter filter = {.id = id};
	int code = id > 0 ? state_task_list(state, &filter, take_one, task, error) : 0;

	if (code == 1)
		return 0;
	if (code == 0)
		code = -ENOENT;
	if (code == -ENOENT)
		snprintf(error->text, sizeof(error->text), "there is no task %lld", (long long)id);
	else if (code == -EBADMSG)
		snprintf(error->text, sizeof(error->text), "task %lld is damaged", (long long)id);
	return code;
}
