/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int audit_add(struct state *state, const struct audit *entry, struct state_error *error)
{
	int code =
		state_run(state, error,
			  "INSERT INTO audit (time_ms, caller, origin, operation, detail, result)"
			  " VALUES (?, ?, ?, ?, ?, ?)",
			  "ittttt", entry->time_ms, entry->by, entry->from, entry->operation,
			  entry->detail, entry->result);

	if (code >= 0)
		code = state_run(state, error,
				 "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?",
				 "i", (int64_t)AUDIT_MAX);
	return code < 0 ? code : 0;
}

static void text_of(const struct state_rows *rows, int column, char *to, size_t bytes)
{
	const char *text = state_text(rows, column);

	snprintf(to, bytes, "%s", text ? text : "");
}

static int entry_of(const struct state_rows *rows, struct audit *entry)
{
	const char *detail = state_text(rows, 5), *result = state_text(rows, 6);

	memset(entry, 0, sizeof(*entry));
	entry->id = state_int(rows, 0);
	entry->time_ms = state_int(rows, 1);
	text_of(rows, 2, entry->by, sizeof(entry->by));
	text_of(rows, 3, entry->from, sizeof(entry->from));
	text_of(rows, 4, entry->operation, sizeof(entry->operation));
	entry->detail = strdup(detail ? detail : "");
	entry->result = strdup(result ? result : "");
	return entry->detail && entry->result ? 0 : -ENOMEM;
}

void audit_list_free(struct audit *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].detail);
		free(list[i].result);
	}
	free(list);
}

int audit_list(struct state *state, size_t limit, struct audit **list, size_t *n,
	       struct state_error *error)
{
	struct state_rows *rows;
	int code =
		state_query(state, &rows, error,
			    "SELECT * FROM (SELECT id, time_ms, caller, origin, operation, detail,"
			    " result FROM audit ORDER BY id DESC LIMIT ?) ORDER BY id",
			    "i", (int64_t)limit);

	*n = 0;
	*list = code ? NULL : calloc(limit ? limit : 1, sizeof(**list));
	if (code)
		return code;
	if (!*list)
		code = -ENOMEM;
	while (!code && *n < limit && (code = state_next(rows, error)) > 0)
		code = entry_of(rows, &(*list)[(*n)++]);
	if (code == -ENOMEM)
		snprintf(error->text, sizeof(error->text), "out of memory");
	state_rows_free(rows);
	return code;
}
