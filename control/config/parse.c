/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse - a file or one statement into the model. A file is read into a configuration of its
 * own, which replaces the caller's only when all of it was right.
 */
#include <string.h>

#include "control/config/error.h"
#include "control/config/statement.h"

static const char byte_order_mark[] = "\xef\xbb\xbf"; /* some editors begin a file with it */

static int parse_line(struct edit *edit, struct line *line, const char *text, size_t bytes,
		      struct config_error *error)
{
	int wrong = lex_line(line, text, bytes, error);

	if (!wrong && line->n)
		wrong = statement_apply(edit, line, error);
	if (wrong)
		error->line = edit->line;
	return wrong;
}

static int parse_lines(struct edit *edit, const char *text, size_t bytes,
		       struct config_error *error)
{
	struct line line;
	const char *end = text + bytes;

	if (bytes >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;
		size_t line_bytes = (size_t)(line_end - text);
		int wrong;

		if (line_bytes && text[line_bytes - 1] == '\r')
			line_bytes--;
		edit->line++;
		wrong = parse_line(edit, &line, text, line_bytes, error);
		if (wrong)
			return wrong;
		text = newline ? newline + 1 : end;
	}
	return edit_end(edit) ? error_memory(error) : 0;
}

int config_parse(struct config *config, const char *text, size_t bytes, struct config_error *error)
{
	struct config fresh;
	struct edit edit;
	int wrong;

	config_init(&fresh);
	edit_begin(&edit, &fresh, EDIT_FILE);
	wrong = bytes ? parse_lines(&edit, text, bytes, error) : 0;
	if (wrong) {
		config_free(&fresh);
		return wrong;
	}
	config_free(config);
	*config = fresh;
	return 0;
}

int config_statement(struct config *config, const char *statement, struct config_error *error)
{
	struct edit edit;
	struct line line;

	edit_begin(&edit, config, EDIT_STATEMENT);
	return parse_line(&edit, &line, statement, strlen(statement), error);
}
