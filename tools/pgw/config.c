/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config - the configuration as a whole: shown, checked, compared, applied, saved; and the
 * revisions that it went through.
 *
 * A file is judged here before pgwd is asked, so that what is wrong in it is said without a
 * gateway, and is told apart (exit 1) from what only the gateway refuses (exit 2).
 */
#include <stdlib.h>
#include <string.h>

#include "control/config/model.h"
#include "tools/pgw/file.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/revision.h"
#include "tools/pgw/statement.h"

/* file_check() - what can be said of a file without the gateway. @error: as it was said. */
static int file_check(const struct file *file, struct config_error *error)
{
	struct config config;
	int code;

	*error = (struct config_error){.line = 0};
	config_init(&config);
	code = config_parse(&config, file->text, file->bytes, error);
	if (!code)
		code = config_check(&config, error);
	config_free(&config);
	if (code)
		file_wrong(file, error->line, error->column, error->text);
	return code ? EXIT_WRONG : EXIT_DONE;
}

/* The FILE of a command, read. Whatever is returned, the caller frees file->text. */
static int file_argument(const struct pgw_call *call, struct file *file)
{
	*file = (struct file){.name = call->argc > 0 ? call->argv[0] : NULL};
	if (!file->name)
		return message_required("FILE");
	return file_read(file);
}

/* What may follow the FILE or REVISION of a command. */
struct wishes {
	json_int_t revert_in_s, base; /* -1: none */
	const char *comment;
};

static int parse_wishes(const struct pgw_call *call, int at, struct wishes *wishes)
{
	*wishes = (struct wishes){.revert_in_s = -1, .base = -1};
	for (; at < call->argc; at += 2) {
		const char *name = call->argv[at];
		const char *value = at + 1 < call->argc ? call->argv[at + 1] : NULL;
		bool seconds = !strcmp(name, "revert-in"), base = !strcmp(name, "base"), again;
		int code = EXIT_DONE;

		if (!seconds && !base && strcmp(name, "comment") != 0)
			return message_wrong(name, "expected revert-in, base or comment");
		if (!value)
			return message_required(name);
		again = seconds ? wishes->revert_in_s >= 0
				: (base ? wishes->base >= 0 : wishes->comment != NULL);
		if (again)
			return message_duplicate(name, value);
		if (seconds)
			code = revision_seconds(value, &wishes->revert_in_s);
		else if (base)
			code = revision_number(value, &wishes->base);
		else
			wishes->comment = value;
		if (code)
			return code;
	}
	return EXIT_DONE;
}

static json_t *with_wishes(json_t *request, const struct wishes *wishes)
{
	if (wishes->revert_in_s >= 0)
		json_object_set_new(request, "revert-in", json_integer(wishes->revert_in_s));
	if (wishes->base >= 0)
		json_object_set_new(request, "base", json_integer(wishes->base));
	/* Text that is not UTF-8 makes no request, which remote_ask() says. */
	if (wishes->comment &&
	    json_object_set_new(request, "comment", json_string(wishes->comment))) {
		json_decref(request);
		return NULL;
	}
	return request;
}

static int config_check_file(const struct pgw_call *call)
{
	struct emit *emit = print_emit(call->pgw->printer);
	struct config_error error;
	struct file file;
	int code = call->argc > 1 ? grammar_end(call, 1) : EXIT_DONE;

	file.text = NULL;
	if (!code)
		code = file_argument(call, &file);
	if (code) {
		free(file.text);
		return code;
	}
	code = file_check(&file, &error);
	if (call->pgw->options.json) {
		emit_open(emit, '{');
		emit_key(emit, "ok");
		emit_bool(emit, code == EXIT_DONE);
		emit_key(emit, "file");
		emit_string(emit, file.name);
		if (code) {
			emit_key(emit, "line");
			emit_number(emit, error.line);
			emit_key(emit, "column");
			emit_number(emit, error.column);
			emit_key(emit, "error");
			emit_string(emit, error.text);
		}
		emit_close(emit, '}');
	}
	free(file.text);
	return code;
}

/**
 * ask_about() - check a file, then send its text with operation @op
 * @answer: the caller's if EXIT_DONE is returned
 */
static int ask_about(const struct pgw_call *call, const char *op, struct wishes *wishes,
		     json_t **answer)
{
	struct config_error error;
	struct ctl_error refusal;
	struct file file;
	int code = file_argument(call, &file);

	if (code == EXIT_DONE)
		code = file_check(&file, &error);
	if (code == EXIT_DONE && wishes->base < 0 && !strcmp(op, "config-apply"))
		wishes->base = revision_marked(file.text);
	if (code == EXIT_DONE) {
		json_t *request =
			json_pack("{s:s, s:s#}", "op", op, "text", file.text, (int)file.bytes);

		if (request && !strcmp(op, "config-apply"))
			request = with_wishes(request, wishes);
		code = remote_ask(call->pgw, request, answer, NULL, &refusal);
		if (code && refusal.text[0])
			file_wrong(&file, refusal.line, refusal.column, refusal.text);
	}
	free(file.text);
	return code;
}

/* The answer of config-diff to a file, or to a revision where a number is given. */
static int ask_diff(const struct pgw_call *call, json_t **answer)
{
	struct wishes none = {.base = -1};
	json_int_t revision;
	int code = grammar_end(call, 1);

	if (code)
		return code;
	if (call->argc == 0 || !revision_is_number(call->argv[0]))
		return ask_about(call, "config-diff", &none, answer);
	code = revision_number(call->argv[0], &revision);
	if (code)
		return code;
	return remote_ask(call->pgw,
			  json_pack("{s:s, s:I}", "op", "config-diff", "revision", revision),
			  answer, NULL, NULL);
}

static int config_diff_file(const struct pgw_call *call)
{
	static const char *const members[] = {"base", "changes", "sessions-affected", "pending"};
	struct pgw *pgw = call->pgw;
	json_t *answer;
	int code = call->argc ? ask_diff(call, &answer) : message_required("FILE or REVISION");

	if (code)
		return code;
	if (pgw->options.json) {
		revision_members(pgw->printer, answer, members,
				 sizeof(members) / sizeof(members[0]));
	} else {
		statement_changes(pgw, json_object_get(answer, "changes"));
		print_line(pgw->printer, "sessions affected: %lld",
			   (long long)json_integer_value(
				   json_object_get(answer, "sessions-affected")));
		if (json_object_get(answer, "base"))
			print_line(pgw->printer, "base: revision %lld",
				   (long long)json_integer_value(json_object_get(answer, "base")));
		revision_pending(pgw->printer, "", answer);
	}
	json_decref(answer);
	return EXIT_DONE;
}

static int config_apply_file(const struct pgw_call *call)
{
	struct wishes wishes;
	json_t *answer;
	int code = parse_wishes(call, 1, &wishes);

	if (!code)
		code = ask_about(call, "config-apply", &wishes, &answer);
	if (code)
		return code;
	statement_done(call->pgw, answer);
	/* Or somebody would wait for what never comes back. */
	if (wishes.revert_in_s >= 0 && !call->pgw->options.json &&
	    !json_object_get(answer, "pending"))
		print_line(
			call->pgw->printer,
			"nothing has changed: revision %lld stays, and nothing is to be confirmed",
			(long long)json_integer_value(json_object_get(answer, "revision")));
	json_decref(answer);
	return EXIT_DONE;
}

static int config_confirm(const struct pgw_call *call)
{
	static const char *const members[] = {"revision", "saved"};
	struct printer *printer = call->pgw->printer;
	json_t *answer;
	int code = grammar_end(call, 0);

	if (!code)
		code = remote_ask(call->pgw, remote_operation("config-confirm"), &answer, NULL,
				  NULL);
	if (code)
		return code;
	if (call->pgw->options.json) {
		revision_members(printer, answer, members, sizeof(members) / sizeof(members[0]));
	} else {
		print_line(printer, "revision %lld stays",
			   (long long)json_integer_value(json_object_get(answer, "revision")));
		revision_not_saved(printer, answer);
	}
	json_decref(answer);
	return EXIT_DONE;
}

static int config_undo(const struct pgw_call *call)
{
	bool named = call->argc > 0 && revision_is_number(call->argv[0]);
	struct wishes wishes;
	json_int_t revision = -1;
	json_t *answer, *request;
	int code = parse_wishes(call, named, &wishes);

	if (!code && wishes.revert_in_s >= 0)
		code = message_wrong("revert-in", "expected base or comment: what is undone can be "
						  "done again by pgw config undo REVISION");
	if (!code && named)
		code = revision_number(call->argv[0], &revision);
	if (code)
		return code;
	request = with_wishes(remote_operation("config-undo"), &wishes);
	if (revision >= 0 && request)
		json_object_set_new(request, "revision", json_integer(revision));
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	if (!call->pgw->options.json) {
		if (!call->pgw->options.details)
			statement_changes(call->pgw, json_object_get(answer, "changes"));
		print_line(call->pgw->printer, "revision %lld runs, the same as revision %lld",
			   (long long)json_integer_value(json_object_get(answer, "revision")),
			   (long long)json_integer_value(json_object_get(answer, "same-as")));
	}
	statement_done(call->pgw, answer);
	json_decref(answer);
	return EXIT_DONE;
}

static int config_log(const struct pgw_call *call)
{
	json_int_t limit = -1;
	json_t *answer, *request;
	int code = grammar_end(call, 1);

	if (!code && call->argc)
		code = revision_count(call->argv[0], &limit);
	if (code)
		return code;
	request = remote_operation("config-log");
	if (limit >= 0)
		json_object_set_new(request, "limit", json_integer(limit));
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	revision_pending(call->pgw->printer, "", answer);
	revision_list(call->pgw->printer, json_object_get(answer, "items"));
	json_decref(answer);
	return EXIT_DONE;
}

static int config_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	json_int_t revision = -1;
	json_t *answer, *request;
	const char *text;
	int code = grammar_end(call, 1);

	if (!code && call->argc)
		code = revision_number(call->argv[0], &revision);
	if (code)
		return code;
	request = remote_operation("config-show");
	if (revision >= 0)
		json_object_set_new(request, "revision", json_integer(revision));
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	text = json_string_value(json_object_get(answer, "text"));
	if (call->pgw->options.json) {
		json_object_del(answer, "ok");
		emit_value(print_emit(printer), answer);
	} else {
		/* Comments, so that what is printed can still be loaded. */
		if (call->pgw->options.details)
			revision_mark(printer, answer);
		revision_pending(printer, "# ", answer);
		if (text)
			print_block(printer, text);
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* One request without arguments, whose answer has one text worth showing. */
static int show_member(const struct pgw_call *call, const char *op, const char *member,
		       void (*show)(struct printer *, const char *))
{
	struct emit *emit = print_emit(call->pgw->printer);
	const json_t *value;
	json_t *answer;
	int code = grammar_end(call, 0);

	if (code)
		return code;
	code = remote_ask(call->pgw, remote_operation(op), &answer, NULL, NULL);
	if (code)
		return code;
	value = json_object_get(answer, member);
	if (call->pgw->options.json) {
		const json_t *revision = json_object_get(answer, "revision");

		emit_open(emit, '{');
		emit_key(emit, member);
		emit_value(emit, value);
		if (revision) {
			emit_key(emit, "revision");
			emit_value(emit, revision);
		}
		emit_close(emit, '}');
	} else if (json_is_string(value)) {
		show(call->pgw->printer, json_string_value(value));
	}
	json_decref(answer);
	return EXIT_DONE;
}

static void print_saved(struct printer *printer, const char *file)
{
	print_line(printer, "saved to %s", file);
}

static int config_save(const struct pgw_call *call)
{
	return show_member(call, "config-save", "file", print_saved);
}

static const struct pgw_command commands[] = {
	{"show", NULL, "[ REVISION ]",
	 "print the running configuration, or an earlier one, as a file that can be loaded again; "
	 "-d "
	 "marks it with its revision",
	 config_show},
	{"check", NULL, "{ FILE | - }", "say what is wrong with a file; needs no gateway",
	 config_check_file},
	{"diff", NULL, "{ FILE | - | REVISION }",
	 "what applying a file, or an earlier revision, would change, how many sessions it would "
	 "end, "
	 "and on which revision that is based",
	 config_diff_file},
	{"apply", NULL, "{ FILE | - } [ revert-in TIME ] [ base REVISION ] [ comment TEXT ]",
	 "make a file the running configuration; only differences are touched. After TIME (60s, "
	 "5m, 1h) "
	 "the revision before comes back, unless it is confirmed; if another REVISION runs than "
	 "the base, "
	 "it is refused",
	 config_apply_file},
	{"confirm", NULL, "", "keep what was applied with revert-in", config_confirm},
	{"undo", NULL, "[ REVISION ] [ base REVISION ] [ comment TEXT ]",
	 "go back to the revision before, or to an earlier one", config_undo},
	{"log", NULL, "[ COUNT ]", "list the revisions, newest first: who made them, when, and how",
	 config_log},
	{"save", NULL, "", "write the running configuration to the file that pgwd was started with",
	 config_save},
};

const struct pgw_object config_object = {
	.name = "config",
	.text = "the configuration as a whole",
	OBJECT_COMMANDS(commands),
};
