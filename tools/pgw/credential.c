/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential - what applications have been given, or wait to be given, to call the API with. */
#include <stdio.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

static const struct print_column columns[] = {
	{"credential-id", "ID", PRINT_NUMBER, PRINT_BRIEF, 0},
	{"application", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"creation", NULL, PRINT_PLAIN, 0, 0},
	{"from", NULL, PRINT_ADDRESS, 0, 0},
	{"last-use", NULL, PRINT_PLAIN, 0, 0},
	{"validation-code", "CODE", PRINT_NAME, 0, 0},
	{"rules", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);
enum { COLUMN_RULES = 7 };

/* As "GET /me,POST /dedicatedCloud" and so on. */
static bool credential_cell(struct printer *printer, unsigned column, const json_t *item)
{
	static const char more[] = ", and more: see them with -j";
	const json_t *rules = json_object_get(item, "rules");
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	if (column != COLUMN_RULES || print_style(printer)->json)
		return false;
	for (size_t i = 0; i < json_array_size(rules) && used < sizeof(text); i++) {
		const json_t *rule = json_array_get(rules, i);
		const char *method = json_string_value(json_object_get(rule, "method"));
		const char *path = json_string_value(json_object_get(rule, "path"));

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? "," : "",
					 method ? method : "", path ? path : "");
	}
	/* Whoever validates it has to know that there is more of it. */
	if (used >= sizeof(text))
		memcpy(text + sizeof(text) - sizeof(more), more, sizeof(more));
	print_text(printer, column, used ? text : "");
	return true;
}

static int credential_show(const struct pgw_call *call)
{
	return item_show_operation(call, "credential-list");
}

static const char *value_of(const json_t *answer, const char *member)
{
	const char *text = json_string_value(json_object_get(answer, member));

	return text ? text : "";
}

/* Rules from "rule METHOD PATH"; without any, all that the application's role permits. */
static int read_rules(const struct pgw_call *call, json_t *request)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
	json_t *rules = json_array();

	json_object_set_new(request, "access-rules", rules);
	for (int at = 1; at < call->argc; at += 3) {
		if (strcmp(call->argv[at], "rule") != 0)
			return message_wrong(call->argv[at], "expected rule METHOD PATH");
		if (at + 2 >= call->argc)
			return message_required(at + 1 == call->argc ? "METHOD" : "PATH");
		json_array_append_new(rules, json_pack("{s:s, s:s}", "method", call->argv[at + 1],
						       "path", call->argv[at + 2]));
	}
	for (size_t i = 0; call->argc == 1 && i < sizeof(methods) / sizeof(methods[0]); i++)
		json_array_append_new(rules,
				      json_pack("{s:s, s:s}", "method", methods[i], "path", "/*"));
	return EXIT_DONE;
}

static int credential_add(const struct pgw_call *call)
{
	json_t *request, *answer;
	int code;

	if (!call->argc)
		return message_required("APPLICATION");
	request = remote_operation("credential-add");
	if (request)
		json_object_set_new(request, "application", json_string(call->argv[0]));
	code = request ? read_rules(call, request) : EXIT_DONE;
	if (code) {
		json_decref(request);
		return code;
	}
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	json_object_del(answer, "ok");
	if (call->pgw->options.json) {
		emit_value(print_emit(call->pgw->printer), answer);
	} else {
		print_line(call->pgw->printer, "consumer key: %s",
			   value_of(answer, "consumer-key"));
		print_line(call->pgw->printer, "It is not shown again.");
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* One credential, by its number or its consumer key. */
static int one(const struct pgw_call *call, const char *op, bool refuse)
{
	json_t *answer, *request;
	int code = call->argc ? grammar_end(call, 1) : message_required("KEY");

	if (code)
		return code;
	request = json_pack("{s:s, s:s}", "op", op, "key", call->argv[0]);
	if (request && refuse)
		json_object_set_new(request, "refuse", json_true());
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	json_object_del(answer, "ok");
	if (call->pgw->options.json)
		emit_value(print_emit(call->pgw->printer), answer);
	json_decref(answer);
	return EXIT_DONE;
}

static int credential_validate(const struct pgw_call *call)
{
	return one(call, "credential-validate", false);
}

static int credential_refuse(const struct pgw_call *call)
{
	return one(call, "credential-validate", true);
}

static int credential_del(const struct pgw_call *call)
{
	return one(call, "credential-delete", false);
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ID"), ITEM_SHOW_TEXT, credential_show},
	{"add", NULL, "APPLICATION [ rule METHOD PATH ]...",
	 "make a valid one at once; without rules, for all that the role permits", credential_add},
	{"validate", NULL, "{ ID | KEY }", "permit what a pending one asks for",
	 credential_validate},
	{"refuse", NULL, "{ ID | KEY }", "do not", credential_refuse},
	{"del", "delete", "{ ID | KEY }", "remove it: whoever uses it is refused from now on",
	 credential_del},
};

const struct pgw_object credential_object = {
	.name = "credential",
	.text = "credentials of the API",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "credential-id",
	.cell = credential_cell,
};
