/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message - what the tool says on standard error, always in the same forms.
 *
 * Text may come from files and from pgwd: control characters in it are made harmless.
 */
#ifndef PGW_TOOL_MESSAGE_H
#define PGW_TOOL_MESSAGE_H

#include <stddef.h>

#include "tools/pgw/pgw.h"

#define MESSAGE_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* message_line() - one line as it is. */
void message_line(const char *format, ...) MESSAGE_PRINTF(1, 2);

/* message_error() - "Error: ...". Return: EXIT_WRONG, for the caller to return. */
int message_error(const char *format, ...) MESSAGE_PRINTF(1, 2);

/* message_wrong() - 'Error: argument "x" is wrong: REASON'. Return: EXIT_WRONG. */
int message_wrong(const char *argument, const char *reason, ...) MESSAGE_PRINTF(2, 3);

/* message_required() - 'Error: argument "k" is required'. Return: EXIT_WRONG. */
int message_required(const char *name);

/* message_duplicate() - 'Error: duplicate "k": "x" is its second value'. Return: EXIT_WRONG. */
int message_duplicate(const char *name, const char *second);

/* message_place() - a line of input with a caret below @column (characters, from 1), if standard
 * error is a terminal and the column lies in the line. @n: bytes of @line. */
void message_place(const char *line, size_t n, unsigned column);

#endif
