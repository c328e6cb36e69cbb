/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"

#include <string.h>

#include "tools/pgw/message.h"
#include "tools/pgw/remote.h"

/* What show was asked for. */
struct choice {
	const char *key;		       /* NULL = any */
	const char *member[PRINT_COLUMNS_MAX]; /* these members have these values */
	const char *value[PRINT_COLUMNS_MAX];
	unsigned n;
};

static const struct print_column *find_column(const struct print_table *table, const char *name)
{
	for (unsigned i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i].member, name) == 0)
			return &table->columns[i];
	return NULL;
}

static int parse_choice(const struct pgw_call *call, struct choice *choice)
{
	const struct print_table *table = call->object->table;
	int at = 0;

	*choice = (struct choice){.n = 0};
	if (call->argc % 2 == 1)
		choice->key = call->argv[at++];
	for (; at < call->argc; at += 2) {
		const struct print_column *column = find_column(table, call->argv[at]);

		if (!column && call->argc == 2)
			return message_wrong(call->argv[at],
					     "expected one %s, or a field and its value; try "
					     "\"pgw %s help\"",
					     call->object->key, call->object->name);
		if (!column)
			return message_wrong(call->argv[at],
					     "expected a field, try \"pgw %s help\"",
					     call->object->name);
		for (unsigned i = 0; i < choice->n; i++)
			if (strcmp(choice->member[i], column->member) == 0)
				return message_duplicate(column->member, call->argv[at + 1]);
		choice->member[choice->n] = column->member;
		choice->value[choice->n++] = call->argv[at + 1];
	}
	return EXIT_DONE;
}

/* Whether a value reads as @text; of a prefix, the part before '/' is enough. */
static bool value_is(const json_t *value, const char *text)
{
	char buffer[PRINT_CELL_BYTES];
	size_t length = strlen(text), n;

	if (!value)
		return false;
	n = format_value(buffer, sizeof(buffer), PRINT_PLAIN, value, false);
	if (n < length || memcmp(buffer, text, length) != 0)
		return false;
	return n == length || buffer[length] == '/';
}

static bool chosen(const struct choice *choice, const struct pgw_object *object, const json_t *item)
{
	if (choice->key && !value_is(json_object_get(item, object->key), choice->key))
		return false;
	for (unsigned i = 0; i < choice->n; i++)
		if (!value_is(json_object_get(item, choice->member[i]), choice->value[i]))
			return false;
	return true;
}

void item_rows(struct printer *printer, const struct print_table *table,
	       bool (*cell)(struct printer *, unsigned, const json_t *), const json_t *items)
{
	print_begin(printer, table);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (!json_is_object(item))
			continue;
		if (print_style(printer)->json) { /* also members that this version does not know */
			emit_value(print_emit(printer), item);
			continue;
		}
		print_row(printer);
		for (unsigned column = 0; column < table->n_columns; column++)
			if (!cell || !cell(printer, column, item))
				print_value(printer, column,
					    json_object_get(item, table->columns[column].member));
		print_row_end(printer);
	}
	print_end(printer);
}

static int show(const struct pgw_call *call, json_t *request)
{
	struct choice choice;
	json_t *answer, *items, *matching;
	int code = parse_choice(call, &choice);

	if (code) {
		json_decref(request);
		return code;
	}
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	items = json_object_get(answer, "items");
	matching = json_array();
	for (size_t i = 0; i < json_array_size(items); i++)
		if (chosen(&choice, call->object, json_array_get(items, i)))
			json_array_append(matching, json_array_get(items, i));
	if (choice.key && json_array_size(matching) == 0) {
		message_error(choice.n ? "no %s \"%s\" has these values"
				       : "%s \"%s\" does not exist",
			      call->object->name, choice.key);
		code = EXIT_REFUSED;
	} else {
		item_rows(call->pgw->printer, call->object->table, call->object->cell, matching);
	}
	json_decref(matching);
	json_decref(answer);
	return code;
}

int item_show(const struct pgw_call *call)
{
	return show(call, json_pack("{s:s, s:s}", "op", "show", "object", call->object->name));
}

int item_show_statistics(const struct pgw_call *call)
{
	bool shown = call->pgw->options.statistics || call->pgw->options.json;

	if (!shown)
		return item_show(call);
	return show(call, json_pack("{s:s, s:s, s:b}", "op", "show", "object", call->object->name,
				    "statistics", 1));
}

int item_show_operation(const struct pgw_call *call, const char *op)
{
	return show(call, remote_operation(op));
}
