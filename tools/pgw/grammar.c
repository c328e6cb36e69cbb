/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/grammar.h"

#include <stdio.h>
#include <string.h>

#include "tools/pgw/message.h"

#define CANDIDATES_BYTES 256

static const char *object_name(const void *table, size_t i)
{
	const struct pgw_object *const *list = table;

	return list[i]->name;
}

static const char *command_name(const void *table, size_t i)
{
	const struct pgw_command *list = table;

	return list[i].name;
}

/**
 * find() - the element that @word names, whole or by a prefix that no other name has
 * @candidates: set to the names that begin so where it is not unique, else ""
 * Return: its index, or -1.
 */
static int find(const char *(*name)(const void *, size_t), const void *table, size_t n,
		const char *word, char candidates[CANDIDATES_BYTES])
{
	size_t length = strlen(word), used = 0;
	int found = -1, count = 0;

	candidates[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const char *text = name(table, i);

		if (strcmp(text, word) == 0) {
			candidates[0] = '\0';
			return (int)i;
		}
		if (length == 0 || strncmp(text, word, length) != 0)
			continue;
		used += (size_t)snprintf(candidates + used, CANDIDATES_BYTES - used, "%s%s",
					 count ? ", " : "", text);
		if (used >= CANDIDATES_BYTES)
			used = CANDIDATES_BYTES - 1;
		found = (int)i;
		count++;
	}
	if (count > 1)
		return -1;
	candidates[0] = '\0';
	return found;
}

const struct pgw_object *grammar_object(const char *word)
{
	char candidates[CANDIDATES_BYTES];
	int i = find(object_name, pgw_objects, n_pgw_objects, word, candidates);

	if (i >= 0)
		return pgw_objects[i];
	if (candidates[0])
		message_line("Object \"%s\" is ambiguous: %s.", word, candidates);
	else
		message_line("Object \"%s\" is unknown, try \"pgw help\".", word);
	return NULL;
}

static const struct pgw_command *find_command(const struct pgw_object *object, const char *word)
{
	char candidates[CANDIDATES_BYTES];
	int found;

	for (size_t i = 0; i < object->n_commands; i++)
		if (object->commands[i].also && strcmp(object->commands[i].also, word) == 0)
			return &object->commands[i];
	found = find(command_name, object->commands, object->n_commands, word, candidates);
	if (found >= 0)
		return &object->commands[found];
	if (candidates[0])
		message_line("Command \"%s\" is ambiguous: %s.", word, candidates);
	else
		message_line("Command \"%s\" is unknown, try \"pgw %s help\".", word, object->name);
	return NULL;
}

int grammar_run(struct pgw *pgw, int argc, const char **argv)
{
	struct pgw_call call = {.pgw = pgw};
	int used = 1;

	call.object = grammar_object(argv[0]);
	if (!call.object)
		return EXIT_WRONG;
	if (argc > 1 && strcmp(argv[1], "help") == 0)
		return grammar_help(pgw, call.object);
	call.command = &call.object->commands[0];
	if (argc > 1 && (!call.object->bare || strcmp(argv[1], call.command->name) == 0)) {
		call.command = find_command(call.object, argv[1]);
		used = 2;
	}
	if (!call.command)
		return EXIT_WRONG;
	call.argc = argc - used;
	call.argv = argv + used;
	if (call.argc > 0 && strcmp(call.argv[0], "help") == 0)
		return grammar_help(pgw, call.object);
	return call.command->run(&call);
}

int grammar_end(const struct pgw_call *call, int n)
{
	if (call->argc <= n)
		return EXIT_DONE;
	return message_wrong(call->argv[n], "expected the end of the command, try \"pgw %s help\"",
			     call->object->name);
}

static void help_json_object(struct emit *emit, const struct pgw_object *object)
{
	emit_open(emit, '{');
	emit_key(emit, "object");
	emit_string(emit, object->name);
	emit_key(emit, "text");
	emit_string(emit, object->text);
	emit_key(emit, "commands");
	emit_open(emit, '[');
	for (size_t i = 0; i < object->n_commands; i++) {
		emit_open(emit, '{');
		emit_key(emit, "command");
		emit_string(emit, object->commands[i].name);
		emit_key(emit, "synopsis");
		emit_string(emit, object->commands[i].synopsis);
		emit_key(emit, "text");
		emit_string(emit, object->commands[i].text);
		emit_close(emit, '}');
	}
	emit_close(emit, ']');
	if (object->table) {
		emit_key(emit, "fields");
		emit_open(emit, '[');
		for (unsigned i = 0; i < object->table->n_columns; i++)
			emit_string(emit, object->table->columns[i].member);
		emit_close(emit, ']');
	}
	if (object->where) {
		emit_key(emit, "where");
		emit_string(emit, object->where);
	}
	emit_close(emit, '}');
}

static void help_json(struct emit *emit)
{
	emit_open(emit, '{');
	emit_key(emit, "objects");
	emit_open(emit, '[');
	for (size_t i = 0; i < n_pgw_objects; i++)
		help_json_object(emit, pgw_objects[i]);
	emit_close(emit, ']');
	emit_key(emit, "options");
	emit_open(emit, '[');
	for (size_t i = 0; i < n_option_texts; i++) {
		emit_open(emit, '{');
		emit_key(emit, "option");
		emit_string(emit, option_texts[i].name);
		emit_key(emit, "text");
		emit_string(emit, option_texts[i].text);
		emit_close(emit, '}');
	}
	emit_close(emit, ']');
	emit_close(emit, '}');
}

static void help_all(struct printer *printer)
{
	print_line(printer, "Usage: pgw [OPTIONS] OBJECT { COMMAND | help }");
	print_line(printer, "       pgw [-force] -batch { FILE | - }");
	print_line(printer, "%s", "");
	print_line(printer, "OBJECT, which like COMMAND may be shortened while it is unique:");
	for (size_t i = 0; i < n_pgw_objects; i++)
		print_line(printer, "  %-10s %s", pgw_objects[i]->name, pgw_objects[i]->text);
	print_line(printer, "%s", "");
	print_line(printer, "OPTIONS:");
	for (size_t i = 0; i < n_option_texts; i++) {
		const struct option_text *option = &option_texts[i];
		char text[64];

		snprintf(text, sizeof(text), "-%.*s[%s]%s", (int)option->shortest, option->name,
			 option->name + option->shortest, option->value ? option->value : "");
		print_line(printer, "  %-32s %s", text, option->text);
	}
	print_line(printer, "%s", "");
	print_line(printer, "Exit status: 0 done, 1 the command was wrong, 2 the gateway refused "
			    "or is not reachable.");
}

/* "FIELD := { name | dev | ... }" from the columns of what the object shows. */
static void help_fields(struct printer *printer, const struct print_table *table)
{
	char text[512];
	size_t used = 0;

	for (unsigned i = 0; i < table->n_columns && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " | " : "",
					 table->columns[i].member);
	print_line(printer, "FIELD := { %s }", text);
}

static void help_object(struct printer *printer, const struct pgw_object *object)
{
	for (size_t i = 0; i < object->n_commands; i++) {
		const struct pgw_command *command = &object->commands[i];

		print_line(printer, "%s pgw %s%s%s%s%s", i ? "      " : "Usage:", object->name,
			   object->bare ? "" : " ", object->bare ? "" : command->name,
			   *command->synopsis ? " " : "", command->synopsis);
	}
	print_line(printer, "%s", "");
	for (size_t i = 0; i < object->n_commands && !object->bare; i++)
		print_line(printer, "  %-14s %s", object->commands[i].name,
			   object->commands[i].text);
	if (object->bare)
		print_line(printer, "%s", object->commands[0].text);
	if (object->table || object->where)
		print_line(printer, "%s", "");
	if (object->table)
		help_fields(printer, object->table);
	if (object->where)
		print_block(printer, object->where);
}

int grammar_help(struct pgw *pgw, const struct pgw_object *object)
{
	struct emit *emit = print_emit(pgw->printer);

	if (!pgw->options.json) {
		if (object)
			help_object(pgw->printer, object);
		else
			help_all(pgw->printer);
	} else if (object) {
		help_json_object(emit, object);
	} else {
		help_json(emit);
	}
	return EXIT_DONE;
}
