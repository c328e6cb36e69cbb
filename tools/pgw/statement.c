/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/statement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/model.h"
#include "tools/pgw/message.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/revision.h"

/* A word of pgw.conf(5): in quotes where it would not be one word without. */
static char *append_word(char *to, const char *word)
{
	if (*word && !strpbrk(word, " \t#\"\\")) {
		size_t n = strlen(word);

		memcpy(to, word, n);
		return to + n;
	}
	*to++ = '"';
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			*to++ = '\\';
		*to++ = *word;
	}
	*to++ = '"';
	return to;
}

char *statement_text(const char *object, const char *command, int argc, const char **argv)
{
	size_t bytes = strlen(object) + strlen(command) + 2;
	char *text, *to;

	for (int i = 0; i < argc; i++)
		bytes += 3 + 2 * strlen(argv[i]); /* a blank, quotes, every byte escaped */
	text = malloc(bytes);
	if (!text)
		return NULL;
	to = append_word(text, object);
	*to++ = ' ';
	to = append_word(to, command);
	for (int i = 0; i < argc; i++) {
		*to++ = ' ';
		to = append_word(to, argv[i]);
	}
	*to = '\0';
	return text;
}

static void say_wrong(const char *statement, const char *text, unsigned column)
{
	message_error("%s", text);
	message_place(statement, strlen(statement), column);
}

/* Whether the statement is well formed, judged without the gateway: what is wrong in itself is
 * refused here. */
static bool well_formed(const char *statement)
{
	struct config_error error = {.column = 0};
	struct config config;
	int code;

	config_init(&config);
	code = config_statement(&config, statement, &error);
	config_free(&config);
	if (code == -ENOMEM)
		message_error("out of memory");
	else if (code && !error.absent)
		say_wrong(statement, error.text, error.column);
	return code == 0 || (code != -ENOMEM && error.absent);
}

void statement_changes(struct pgw *pgw, const json_t *changes)
{
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const char *text = json_string_value(json_array_get(changes, i));
		const char *command = text ? strchr(text, ' ') : NULL;

		if (text)
			print_difference(pgw->printer,
					 command && strncmp(command, " del ", 5) == 0 ? '-' : '+',
					 text);
	}
}

static uint64_t member_number(const json_t *answer, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(answer, name));

	return value > 0 ? (uint64_t)value : 0;
}

void statement_done(struct pgw *pgw, const json_t *answer)
{
	static const char *const members[] = {"revision",	"same-as", "changes",
					      "sessions-ended", "pending", "warning"};
	const json_t *changes = json_object_get(answer, "changes");
	const char *warning = json_string_value(json_object_get(answer, "warning"));

	if (pgw->options.json) {
		revision_members(pgw->printer, answer, members,
				 sizeof(members) / sizeof(members[0]));
		return;
	}
	if (warning)
		message_line("Warning: %s", warning);
	if (pgw->options.details)
		statement_changes(pgw, changes);
	if (pgw->options.details || pgw->options.statistics) {
		uint64_t ended = member_number(answer, "sessions-ended");
		size_t n = json_array_size(changes);

		print_line(pgw->printer, "revision %llu: %zu change%s, %llu session%s ended",
			   (unsigned long long)member_number(answer, "revision"), n,
			   n == 1 ? "" : "s", (unsigned long long)ended, ended == 1 ? "" : "s");
	}
	revision_pending(pgw->printer, "", answer);
}

enum change_flags {
	CHANGE_TOLD = 1 << 0, /* list the changes even without -d */
};

static int change(const struct pgw_call *call, unsigned flags)
{
	char *statement =
		statement_text(call->object->name, call->command->name, call->argc, call->argv);
	struct ctl_error refusal;
	json_t *answer;
	int code = EXIT_WRONG;

	if (!statement)
		return message_error("out of memory");
	if (well_formed(statement)) {
		code = remote_ask(
			call->pgw,
			json_pack("{s:s, s:[s]}", "op", "change", "statements", statement), &answer,
			NULL, &refusal);
		if (code == EXIT_DONE && flags & CHANGE_TOLD && !call->pgw->options.json &&
		    !call->pgw->options.details)
			statement_changes(call->pgw, json_object_get(answer, "changes"));
		if (code == EXIT_DONE)
			statement_done(call->pgw, answer);
		else if (refusal.text[0])
			say_wrong(statement, refusal.text, refusal.column);
		json_decref(answer);
	}
	free(statement);
	return code;
}

int statement_add(const struct pgw_call *call)
{
	return change(call, 0);
}

int statement_add_told(const struct pgw_call *call)
{
	return change(call, CHANGE_TOLD);
}

int statement_del(const struct pgw_call *call)
{
	return change(call, 0);
}
