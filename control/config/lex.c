/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <stdint.h>

#include "control/config/error.h"
#include "control/config/lex.h"

/* Return: bytes of the character at @p, at most @left; 0 if it is not UTF-8. */
static size_t utf8_bytes(const unsigned char *p, size_t left, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms exist */
	uint32_t value;
	size_t n;

	if (p[0] < 0x80) {
		*character = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > left)
		return 0;
	value = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return n;
}

static int check_characters(const char *text, size_t bytes, struct config_error *error)
{
	unsigned column = 1;

	for (size_t i = 0; i < bytes; column++) {
		const unsigned char *p = (const unsigned char *)text + i;
		uint32_t character;
		size_t n = utf8_bytes(p, bytes - i, &character);

		if (n == 0)
			return error_set(error, 0, column,
					 "byte 0x%02x is not UTF-8, expected plain UTF-8 text", *p);
		if (character == 0)
			return error_set(error, 0, column, "a NUL byte, expected plain UTF-8 text");
		if ((character < 0x20 && character != '\t') ||
		    (character >= 0x7f && character < 0xa0))
			return error_set(error, 0, column,
					 "control character 0x%02x, expected printable text",
					 (unsigned)character);
		i += n;
	}
	return 0;
}

/* Where the next byte is read from and where words are written to. */
struct cursor {
	const char *p, *end;
	unsigned column; /* of p */
	char *out;
};

static void step(struct cursor *cursor)
{
	if (((unsigned char)*cursor->p & 0xc0) != 0x80)
		cursor->column++;
	cursor->p++;
}

/* A continuation byte belongs to the column of the character that it continues. */
static void copy(struct cursor *cursor)
{
	*cursor->out++ = *cursor->p;
	step(cursor);
}

static bool at_blank(const struct cursor *cursor)
{
	return *cursor->p == ' ' || *cursor->p == '\t';
}

static int lex_quoted(struct cursor *cursor, struct config_error *error)
{
	unsigned opened = cursor->column;

	step(cursor);
	while (cursor->p < cursor->end && *cursor->p != '"') {
		if (*cursor->p == '\t')
			return error_set(error, 0, cursor->column,
					 "a tab in quotes, expected printable text");
		if (*cursor->p == '\\') {
			if (cursor->end - cursor->p < 2 ||
			    (cursor->p[1] != '"' && cursor->p[1] != '\\'))
				return error_set(error, 0, cursor->column,
						 "this escape is unknown, expected \\\" or \\\\");
			step(cursor);
		}
		copy(cursor);
	}
	if (cursor->p == cursor->end)
		return error_set(error, 0, opened,
				 "this quote is not closed, expected \" on the same line");
	step(cursor);
	if (cursor->p < cursor->end && !at_blank(cursor) && *cursor->p != '#')
		return error_set(error, 0, cursor->column,
				 "expected a blank after the closing quote");
	return 0;
}

static int lex_plain(struct cursor *cursor, struct config_error *error)
{
	while (cursor->p < cursor->end && !at_blank(cursor) && *cursor->p != '#') {
		if (*cursor->p == '"')
			return error_set(error, 0, cursor->column,
					 "a quote inside a word, expected a blank before it");
		if (*cursor->p == '\\')
			return error_set(error, 0, cursor->column,
					 "a backslash outside quotes; a statement ends with its "
					 "line and cannot be continued");
		copy(cursor);
	}
	return 0;
}

int lex_line(struct line *line, const char *text, size_t bytes, struct config_error *error)
{
	struct cursor cursor = {text, text + bytes, 1, line->text};
	int wrong;

	line->n = 0;
	line->end_column = 1;
	if (bytes > LINE_BYTES_MAX)
		return error_set(error, 0, LINE_BYTES_MAX + 1,
				 "the line is too long, expected at most %d bytes", LINE_BYTES_MAX);
	wrong = check_characters(text, bytes, error);
	if (wrong)
		return wrong;
	while (cursor.p < cursor.end && *cursor.p != '#') {
		struct word *word = &line->words[line->n];

		if (at_blank(&cursor)) {
			step(&cursor);
			continue;
		}
		/* Words are at least one byte and a blank apart: the array cannot overflow. */
		*word = (struct word){cursor.out, cursor.column};
		if (*cursor.p == '"')
			wrong = lex_quoted(&cursor, error);
		else
			wrong = lex_plain(&cursor, error);
		if (wrong)
			return wrong;
		*cursor.out++ = '\0';
		line->n++;
		line->end_column = cursor.column;
	}
	return 0;
}
