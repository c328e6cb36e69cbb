/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/log.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LINE_BYTES	1536
#define LOG_TEXT_BYTES	1024
#define LOG_VALUE_BYTES 256

static bool (*send_elsewhere)(enum ctl_event event, int priority, const json_t *members,
			      const char *text);

/* JOURNAL_STREAM names the device and inode of the stream that the service manager gave; a
 * child whose standard error was redirected elsewhere inherits the variable all the same. */
bool ctl_log_is_journal(void)
{
	const char *value = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return value && sscanf(value, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &status) && status.st_dev == device && status.st_ino == inode;
}

void ctl_log_to(bool (*send)(enum ctl_event event, int priority, const json_t *members,
			     const char *text))
{
	send_elsewhere = send;
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

bool ctl_log_value(const json_t *value, char *text, size_t bytes)
{
	if (json_is_string(value))
		snprintf(text, bytes, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, bytes, "%" PRId64, (int64_t)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, bytes, "%s", json_is_true(value) ? "true" : "false");
	else
		return false;
	make_printable(text);
	return *text != '\0';
}

/* " NAME=VALUE" of each member, quoted where it is more than a word. Return: how much of @line is
 * used. */
static size_t append_members(char *line, size_t used, size_t bytes, const json_t *members)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)members, name, value)
	{
		char text[LOG_VALUE_BYTES];
		const char *quote;
		int wrote;

		if (!ctl_log_value(value, text, sizeof(text)))
			continue;
		quote = strpbrk(text, " []\"=") ? "\"" : "";
		for (char *at = text; *at; at++)
			if (*at == '"')
				*at = '\'';
		wrote = snprintf(line + used, bytes - used, " %s=%s%s%s", name, quote, text, quote);
		if (wrote < 0 || (size_t)wrote >= bytes - used)
			break; /* no room: the line says the rest in words */
		used += (size_t)wrote;
	}
	return used;
}

static void write_line(enum ctl_event event, int priority, const json_t *members, const char *text)
{
	char line[LOG_LINE_BYTES];
	size_t used = 0;

	if (ctl_log_is_journal())
		used = (size_t)snprintf(line, sizeof(line), "<%d>", priority & LOG_PRIMASK);
	used += (size_t)snprintf(line + used, sizeof(line) - used, "%s [%s", text,
				 ctl_event_name(event));
	used = append_members(line, used, sizeof(line) - 2, members);
	line[used++] = ']';
	line[used++] = '\n';
	/* Nobody is left to be told if standard error does not take it. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

void ctl_vlog(enum ctl_event event, int priority, const json_t *members, const char *format,
	      va_list arguments)
{
	char text[LOG_TEXT_BYTES];

	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		return;
	make_printable(text);
	if (!send_elsewhere || !send_elsewhere(event, priority, members, text))
		write_line(event, priority, members, text);
}

void ctl_log(enum ctl_event event, int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	ctl_vlog(event, priority, NULL, format, arguments);
	va_end(arguments);
}

void ctl_log_members(enum ctl_event event, int priority, json_t *members, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	ctl_vlog(event, priority, members, format, arguments);
	va_end(arguments);
	json_decref(members);
}
