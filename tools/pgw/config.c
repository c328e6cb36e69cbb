/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config - the configuration as a whole: shown, checked, compared, applied, saved.
 *
 * A file is judged here before pgwd is asked, so that what is wrong in it is said without a
 * gateway, and is told apart (exit 1) from what only the gateway refuses (exit 2).
 */
#include <stdlib.h>

#include "control/config/model.h"
#include "tools/pgw/file.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
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
	int code;

	*file = (struct file){.name = call->argc > 0 ? call->argv[0] : NULL};
	if (!file->name)
		return message_required("FILE");
	code = grammar_end(call, 1);
	return code ? code : file_read(file);
}

static int config_check_file(const struct pgw_call *call)
{
	struct emit *emit = print_emit(call->pgw->printer);
	struct config_error error;
	struct file file;
	int code = file_argument(call, &file);

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
static int ask_about(const struct pgw_call *call, const char *op, json_t **answer)
{
	struct config_error error;
	struct ctl_error refusal;
	struct file file;
	int code = file_argument(call, &file);

	if (code == EXIT_DONE)
		code = file_check(&file, &error);
	if (code == EXIT_DONE) {
		code = remote_ask(
			call->pgw,
			json_pack("{s:s, s:s#}", "op", op, "text", file.text, (int)file.bytes),
			answer, NULL, &refusal);
		if (code && refusal.text[0])
			file_wrong(&file, refusal.line, refusal.column, refusal.text);
	}
	free(file.text);
	return code;
}

static int config_diff_file(const struct pgw_call *call)
{
	struct pgw *pgw = call->pgw;
	const json_t *changes, *affected;
	json_t *answer;
	int code = ask_about(call, "config-diff", &answer);

	if (code)
		return code;
	changes = json_object_get(answer, "changes");
	affected = json_object_get(answer, "sessions-affected");
	if (pgw->options.json) {
		struct emit *emit = print_emit(pgw->printer);

		emit_open(emit, '{');
		emit_key(emit, "changes");
		emit_value(emit, changes);
		emit_key(emit, "sessions-affected");
		emit_value(emit, affected);
		emit_close(emit, '}');
	} else {
		statement_changes(pgw, changes);
		print_line(pgw->printer, "sessions affected: %lld",
			   (long long)json_integer_value(affected));
	}
	json_decref(answer);
	return EXIT_DONE;
}

static int config_apply_file(const struct pgw_call *call)
{
	json_t *answer;
	int code = ask_about(call, "config-apply", &answer);

	if (code)
		return code;
	statement_done(call->pgw, answer);
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

static int config_show(const struct pgw_call *call)
{
	return show_member(call, "config-show", "text", print_block);
}

static int config_save(const struct pgw_call *call)
{
	return show_member(call, "config-save", "file", print_saved);
}

static const struct pgw_command commands[] = {
	{"show", NULL, "", "print the running configuration, as a file that can be loaded again",
	 config_show},
	{"check", NULL, "{ FILE | - }", "say what is wrong with a file; needs no gateway",
	 config_check_file},
	{"diff", NULL, "{ FILE | - }",
	 "what applying a file would change, and how many sessions it would end", config_diff_file},
	{"apply", NULL, "{ FILE | - }",
	 "make a file the running configuration; only differences are touched", config_apply_file},
	{"save", NULL, "", "write the running configuration to the file that pgwd was started with",
	 config_save},
};

const struct pgw_object config_object = {
	.name = "config",
	.text = "the configuration as a whole",
	OBJECT_COMMANDS(commands),
};
