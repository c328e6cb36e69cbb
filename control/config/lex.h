/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex - one line of configuration as words.
 *
 * Words are separated by blanks. `#` outside quotes starts a comment. Double quotes make one
 * word of anything, with the escapes \" and \\. Bytes must be UTF-8 without control
 * characters, in comments as well, so that a message or a listing never carries terminal
 * escapes.
 */
#ifndef PGW_CONFIG_LEX_H
#define PGW_CONFIG_LEX_H

#include <stddef.h>

#include "control/config/model.h"

#define LINE_BYTES_MAX 4096 /* without its end of line */
#define LINE_WORDS_MAX (LINE_BYTES_MAX / 2)

struct word {
	const char *text; /* NUL-terminated, quotes and escapes resolved */
	unsigned column;  /* in characters, from 1 */
};

struct line {
	struct word words[LINE_WORDS_MAX];
	size_t n;
	unsigned
		end_column; /* just behind the last word: where something that is missing belongs */
	char text[LINE_BYTES_MAX + 1]; /* what the words point into */
};

/* lex_line() - @text has @bytes without the end of line.
 * Return: 0 or -EINVAL with column and text of @error set (its line is 0). */
int lex_line(struct line *line, const char *text, size_t bytes, struct config_error *error);

#endif
