/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text - a string that grows. Running out of memory is remembered and reported once, by
 * config_text_take(), so that printing code need not check each step.
 */
#ifndef PGW_CONFIG_TEXT_H
#define PGW_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct config_text {
	char *bytes; /* NUL-terminated once anything was added */
	size_t n, capacity;
	bool failed; /* no memory: what follows is ignored */
};

/* config_text_add() - append as printf() does */
void config_text_add(struct config_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* config_text_quote() - append @string in double quotes, with the escapes of pgw.conf(5) */
void config_text_quote(struct config_text *text, const char *string);

/* config_text_take() - the string, which is the caller's to free; @text becomes empty.
 * Return: NULL if memory ran out on the way. */
char *config_text_take(struct config_text *text);

#endif
