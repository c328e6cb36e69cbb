/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit - who changed what. */
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

static const struct print_column columns[] = {
	{"id", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"time", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"by", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"from", NULL, PRINT_ADDRESS, 0, 0},
	{"operation", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"result", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"detail", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);
enum { COLUMN_DETAIL = 6 };

static bool audit_cell(struct printer *printer, unsigned column, const json_t *item)
{
	char *text;

	if (column != COLUMN_DETAIL || print_style(printer)->json)
		return false;
	text = json_dumps(json_object_get(item, "detail"), JSON_COMPACT);
	print_text(printer, column, text ? text : "");
	free(text);
	return true;
}

static int audit_show(const struct pgw_call *call)
{
	json_t *request, *answer;
	int code = grammar_end(call, 1);

	if (code)
		return code;
	request = remote_operation("audit-show");
	if (request && call->argc) {
		const char *text = call->argv[0];

		if (text[strspn(text, "0123456789")] || strlen(text) > 9) {
			json_decref(request);
			return message_wrong(text, "expected how many of the newest to show");
		}
		json_object_set_new(request, "limit", json_integer(atoll(text)));
	}
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	item_rows(call->pgw->printer, &table, audit_cell, json_object_get(answer, "items"));
	json_decref(answer);
	return EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", "list", "[ N ]", "the newest N changes, 100 if it is left out, and who made them",
	 audit_show},
};

const struct pgw_object audit_object = {
	.name = "audit",
	.text = "changes that were asked for, and by whom",
	OBJECT_COMMANDS(commands),
};
