/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/wait.h"

enum {
	ID,
	NAME,
	STATE,
	PROGRESS,
	DATACENTER,
	NETWORK,
	SERVER,
	BY,
	FROM,
	SERVICE,
	EXECUTION,
	END,
	REASON,
	STEPS
};

static const struct print_column columns[] = {
	[ID] = {"task-id", "ID", PRINT_NUMBER, PRINT_BRIEF, 0},
	[NAME] = {"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[STATE] = {"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	[PROGRESS] = {"progress", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	[DATACENTER] = {"datacenter-id", "DATACENTER", PRINT_NUMBER, 0, 0},
	[NETWORK] = {"network", NULL, PRINT_ADDRESS, 0, 0},
	[SERVER] = {"server", NULL, PRINT_NAME, 0, 0},
	[BY] = {"created-by", "BY", PRINT_NAME, 0, 0},
	[FROM] = {"created-from", NULL, PRINT_ADDRESS, PRINT_DETAIL, 0},
	[SERVICE] = {"service", NULL, PRINT_NAME, PRINT_DETAIL, 0},
	[EXECUTION] = {"execution-date", NULL, PRINT_PLAIN, 0, 0},
	[END] = {"end-date", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[REASON] = {"reason", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[STEPS] = {"steps", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

/* Absent members are null: no value in a text. Steps as "address done (172.16.0.1/24), …". */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	const json_t *value = json_object_get(item, columns[column].member);
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	if (json_is_null(value))
		return true;
	if (column != STEPS || !json_is_array(value))
		return false;
	for (size_t i = 0; i < json_array_size(value) && used < sizeof(text); i++) {
		const json_t *step = json_array_get(value, i);
		const char *about = text_of(step, "text");

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s%s%s%s",
					 i ? ", " : "", text_of(step, "name"),
					 text_of(step, "state"), *about ? " (" : "", about,
					 *about ? ")" : "");
	}
	print_text_n(printer, column, text, used < sizeof(text) ? used : sizeof(text) - 1);
	return true;
}

static int task_show(const struct pgw_call *call)
{
	return item_show_operation(call, "task-show");
}

/* The ID of a command, and that @more words follow it. */
static int read_id(const struct pgw_call *call, int more, json_int_t *id)
{
	char *end;

	if (call->argc == 0)
		return message_required("ID");
	*id = strtoll(call->argv[0], &end, 10);
	if (*end || *id < 1 || call->argv[0][0] < '0' || call->argv[0][0] > '9')
		return message_wrong(call->argv[0], "expected the number of a task");
	return grammar_end(call, 1 + more);
}

static int task_wait(const struct pgw_call *call)
{
	json_int_t id;
	int code = read_id(call, 0, &id);

	return code ? code : wait_for_task(call->pgw, id);
}

static int task_cancel(const struct pgw_call *call)
{
	json_int_t id;
	int code = read_id(call, 0, &id);

	if (code)
		return code;
	return wait_command(call->pgw, json_pack("{s:s, s:I}", "op", "task-cancel", "id", id),
			    false);
}

/* "ID KEYWORD VALUE" */
static int with_value(const struct pgw_call *call, const char *op, const char *keyword,
		      const char *member)
{
	json_int_t id;
	int code = read_id(call, 2, &id);

	if (code)
		return code;
	if (call->argc < 3)
		return message_required(keyword);
	if (strcmp(call->argv[1], keyword) != 0)
		return message_wrong(call->argv[1], "expected %s", keyword);
	return wait_command(call->pgw,
			    json_pack("{s:s, s:I, s:s}", "op", op, "id", id, member, call->argv[2]),
			    false);
}

static int task_reset(const struct pgw_call *call)
{
	return with_value(call, "task-reset", "reason", "reason");
}

static int task_schedule(const struct pgw_call *call)
{
	return with_value(call, "task-schedule", "at", "execution-date");
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ID"), ITEM_SHOW_TEXT "; -d with their steps",
	 task_show},
	{"wait", NULL, "ID", "follow a task until it has ended; fails if it fails", task_wait},
	{"cancel", NULL, "ID", "let it not begin, or take back what it has done", task_cancel},
	{"reset", NULL, "ID reason TEXT", "try one that failed again", task_reset},
	{"schedule", NULL, "ID at DATE", "let one that waits begin then", task_schedule},
};

const struct pgw_object task_object = {
	.name = "task",
	.text = "work that goes on in steps: private gateways, allowed networks, virtual MACs",
	OBJECT_COMMANDS(commands),
	.where = "DATE := a date and time such as 2026-01-02T03:04:05Z\n",
	.table = &table,
	.key = "task-id",
	.cell = cell,
};
