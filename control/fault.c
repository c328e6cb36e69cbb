/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fault(struct ctl_error *error, int code, const char *format, ...)
{
	char text[sizeof(error->text)];
	va_list arguments;

	/* Composed aside: an argument may be the former text. */
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	memset(error, 0, sizeof(*error));
	memcpy(error->text, text, sizeof(text));
	return code;
}

void fault_before(struct ctl_error *error, const char *prefix)
{
	char text[sizeof(error->text)];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s: ", prefix);

	if (used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "%.*s", (int)(sizeof(text) - used - 1),
			 error->text);
	memcpy(error->text, text, sizeof(text));
}
