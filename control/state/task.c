/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/task.h"

#define COLUMNS                                                                                    \
	"id, name, type, state, stage, service, server, datacenter, network_access_id,"            \
	" execution_ms, body"

int state_task_put(struct state *state, struct state_task *task, struct state_error *error)
{
	struct state_rows *rows;
	int code;

	if (task->id) {
		code = state_run(state, error,
				 "UPDATE task SET state = ?, stage = ?, execution_ms = ?, body = ?"
				 " WHERE id = ?",
				 "tiiti", task->state, task->stage, task->execution_ms, task->body,
				 task->id);
		return code < 0 ? code : 0;
	}
	code = state_query(state, &rows, error,
			   "INSERT INTO task (name, type, state, stage, service, server,"
			   " datacenter, network_access_id, execution_ms, body)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
			   "tttittiiit", task->name, task->type, task->state, task->stage,
			   task->service, task->server, task->datacenter, task->network_access_id,
			   task->execution_ms, task->body);
	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0) {
		task->id = state_int(rows, 0);
		code = state_next(rows, error); /* the statement is done only then */
	}
	state_rows_free(rows);
	return code;
}

/* One statement for each way to the rows: SQLite finds an id, and the newest, without reading all,
 * only where the text of the statement says that it may. */
#define LIST(rows, order)                                                                          \
	"SELECT " COLUMNS " FROM task WHERE " rows " AND (?2 IS NULL OR name = ?2)"                \
	" AND (?3 IS NULL OR type = ?3) AND (?4 IS NULL OR state = ?4)"                            \
	" AND (?5 IS NULL OR service = ?5) AND (?6 IS NULL OR server = ?6)"                        \
	" AND (?7 = 0 OR datacenter = ?7) AND (?8 = 0 OR network_access_id = ?8)"                  \
	" AND (?9 = 0 OR stage < ?9) ORDER BY " order                                              \
	" LIMIT CASE ?10 WHEN 0 THEN -1 ELSE ?10 END"

static const char *list_statement(const struct state_task_filter *filter)
{
	if (filter->id)
		return LIST("id = ?1", "id");
	return filter->newest ? LIST("?1 = 0", "id DESC") : LIST("?1 = 0", "id");
}

int state_task_list(struct state *state, const struct state_task_filter *filter,
		    state_task_each each, void *context, struct state_error *error)
{
	struct state_rows *rows;
	int code, result = 0;

	code = state_query(state, &rows, error, list_statement(filter), "itttttiiii", filter->id,
			   filter->name, filter->type, filter->state, filter->service,
			   filter->server, filter->datacenter, filter->network_access_id,
			   filter->stage_below, filter->newest);
	if (code)
		return code;
	while (!result && (code = state_next(rows, error)) > 0) {
		const struct state_task task = {
			.id = state_int(rows, 0),
			.name = state_text(rows, 1),
			.type = state_text(rows, 2),
			.state = state_text(rows, 3),
			.stage = state_int(rows, 4),
			.service = state_text(rows, 5),
			.server = state_text(rows, 6),
			.datacenter = state_int(rows, 7),
			.network_access_id = state_int(rows, 8),
			.execution_ms = state_int(rows, 9),
			.body = state_text(rows, 10),
		};

		result = each(&task, context);
	}
	state_rows_free(rows);
	return result ? result : code;
}

int state_task_prune(struct state *state, int64_t ended, struct state_error *error)
{
	int code = state_run(state, error,
			     "DELETE FROM task WHERE stage >= ?1 AND id <= (SELECT id FROM task"
			     " WHERE stage >= ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
			     "ii", ended, (int64_t)STATE_TASKS_MAX);

	return code < 0 ? code : 0;
}
