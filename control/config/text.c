/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/text.h"

#define TEXT_FIRST_BYTES 256

static bool reserve(struct config_text *text, size_t more)
{
	size_t wanted = text->n + more, capacity = text->capacity;
	char *bytes;

	if (text->failed)
		return false;
	if (wanted <= capacity)
		return true;
	if (capacity == 0)
		capacity = TEXT_FIRST_BYTES;
	while (capacity < wanted)
		capacity *= 2;
	bytes = realloc(text->bytes, capacity);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void config_text_add(struct config_text *text, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (n < 0 || !reserve(text, (size_t)n + 1))
		return;
	va_start(arguments, format);
	vsnprintf(text->bytes + text->n, (size_t)n + 1, format, arguments);
	va_end(arguments);
	text->n += (size_t)n;
}

void config_text_quote(struct config_text *text, const char *string)
{
	/* The worst case is an escape for every byte. */
	if (!reserve(text, 2 * strlen(string) + 3))
		return;
	text->bytes[text->n++] = '"';
	for (; *string; string++) {
		if (*string == '"' || *string == '\\')
			text->bytes[text->n++] = '\\';
		text->bytes[text->n++] = *string;
	}
	text->bytes[text->n++] = '"';
	text->bytes[text->n] = '\0';
}

char *config_text_take(struct config_text *text)
{
	char *bytes = NULL;

	if (reserve(text, 1)) {
		bytes = text->bytes;
		bytes[text->n] = '\0';
	} else {
		free(text->bytes);
	}
	*text = (struct config_text){0};
	return bytes;
}
