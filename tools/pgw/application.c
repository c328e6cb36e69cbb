/* SPDX-License-Identifier: GPL-2.0-or-later */
/* application - programs that may ask for credentials of the API. */
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/file.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"application-key", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"role", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"creation", NULL, PRINT_PLAIN, 0, 0},
	{"description", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static int application_show(const struct pgw_call *call)
{
	return item_show_operation(call, "application-show");
}

/* A secret is not given on the command line, where others see it. */
static int read_secret(const char *name, json_t *request)
{
	struct file file = {.name = name};
	int code = file_read(&file);

	if (!code) {
		size_t bytes = strcspn(file.text, "\r\n");

		json_object_set_new(request, "secret", json_stringn(file.text, bytes));
	}
	free(file.text);
	return code;
}

static int read_words(const struct pgw_call *call, json_t *request)
{
	static const char *const words[] = {"role", "description", "key", "secret-file"};

	for (int at = 1; at < call->argc; at += 2) {
		const char *word = call->argv[at], *known = NULL;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strcmp(word, words[i]) == 0)
				known = strcmp(word, "secret-file") == 0 ? "secret" : words[i];
		if (!known)
			return message_wrong(word,
					     "expected role, description, key or secret-file");
		if (at + 1 == call->argc)
			return message_required(word);
		if (json_object_get(request, known))
			return message_duplicate(word, call->argv[at + 1]);
		if (strcmp(known, "secret") == 0) {
			int code = read_secret(call->argv[at + 1], request);

			if (code)
				return code;
		} else if (json_object_set_new(request, known, json_string(call->argv[at + 1]))) {
			return message_wrong(call->argv[at + 1], "expected UTF-8");
		}
	}
	return EXIT_DONE;
}

static int application_add(const struct pgw_call *call)
{
	json_t *request, *answer;
	int code;

	if (!call->argc)
		return message_required("NAME");
	request = remote_operation("application-add");
	if (request)
		json_object_set_new(request, "name", json_string(call->argv[0]));
	code = request ? read_words(call, request) : EXIT_DONE;
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
		print_line(call->pgw->printer, "application key:    %s",
			   json_string_value(json_object_get(answer, "application-key")));
		print_line(call->pgw->printer, "application secret: %s",
			   json_string_value(json_object_get(answer, "application-secret")));
		print_line(call->pgw->printer, "The secret is not shown again.");
	}
	json_decref(answer);
	return EXIT_DONE;
}

static int application_del(const struct pgw_call *call)
{
	json_t *answer;
	int code = call->argc ? grammar_end(call, 1) : message_required("NAME");

	if (code)
		return code;
	code = remote_ask(
		call->pgw,
		json_pack("{s:s, s:s}", "op", "application-delete", "name", call->argv[0]), &answer,
		NULL, NULL);
	if (!code)
		json_decref(answer);
	return code;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, application_show},
	{"add", NULL,
	 "NAME [ role { read | operate | admin } ] [ description TEXT ] "
	 "[ key KEY secret-file { FILE | - } ]",
	 "make one, with a new key and secret or those that it has already", application_add},
	{"del", "delete", "NAME", "remove it and all its credentials", application_del},
};

const struct pgw_object application_object = {
	.name = "application",
	.text = "programs that may ask for credentials of the API",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
};
