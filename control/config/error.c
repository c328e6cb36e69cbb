/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/config/error.h"

int error_set(struct config_error *error, unsigned line, unsigned column, const char *format, ...)
{
	va_list arguments;

	error->line = line;
	error->column = column;
	error->absent = false;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int error_memory(struct config_error *error)
{
	error_set(error, 0, 0, "out of memory");
	return -ENOMEM;
}

const char *error_word(char buf[ERROR_WORD_BYTES], const char *word)
{
	static const char more[] = "...";
	size_t n = strlen(word);

	if (n < ERROR_WORD_BYTES) {
		memcpy(buf, word, n + 1);
		return buf;
	}
	n = ERROR_WORD_BYTES - sizeof(more);
	while (n && ((unsigned char)word[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	memcpy(buf, word, n);
	memcpy(buf + n, more, sizeof(more));
	return buf;
}
