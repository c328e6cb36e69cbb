/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_BYTES 1200 /* the longest sentence that pgwd sends, and what stands around it */

static void write_safe(const char *text, size_t n)
{
	char safe[MESSAGE_BYTES];
	size_t bytes = format_safe(safe, sizeof(safe), text, n);

	fwrite(safe, 1, bytes, stderr);
}

static void write_formatted(const char *format, va_list arguments)
{
	char text[MESSAGE_BYTES];

	if (vsnprintf(text, sizeof(text), format, arguments) >= 0)
		write_safe(text, strlen(text));
}

void message_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_formatted(format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int message_error(const char *format, ...)
{
	va_list arguments;

	fputs("Error: ", stderr);
	va_start(arguments, format);
	write_formatted(format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_WRONG;
}

int message_wrong(const char *argument, const char *reason, ...)
{
	va_list arguments;

	fputs("Error: argument \"", stderr);
	write_safe(argument, strlen(argument));
	fputs("\" is wrong: ", stderr);
	va_start(arguments, reason);
	write_formatted(reason, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_WRONG;
}

int message_required(const char *name)
{
	return message_error("argument \"%s\" is required", name);
}

int message_duplicate(const char *name, const char *second)
{
	return message_error("duplicate \"%s\": \"%s\" is its second value", name, second);
}

void message_place(const char *line, size_t n, unsigned column)
{
	if (column == 0 || column > n + 1 || n > MESSAGE_BYTES || isatty(STDERR_FILENO) != 1)
		return;
	fputs("  ", stderr);
	write_safe(line, n);
	fputs("\n  ", stderr);
	for (unsigned i = 1; i < column; i++)
		fputc(' ', stderr);
	fputs("^\n", stderr);
}
