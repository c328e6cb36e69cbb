/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LINE_BYTES 1024

/* JOURNAL_STREAM names the device and inode of the stream that the service manager gave; a
 * child whose standard error was redirected elsewhere inherits the variable all the same. */
static bool stderr_is_journal(void)
{
	const char *value = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return value && sscanf(value, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &status) && status.st_dev == device && status.st_ino == inode;
}

void ctl_log(int priority, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	size_t used = 0;
	va_list arguments;
	int wrote;

	if (stderr_is_journal())
		used = (size_t)snprintf(line, sizeof(line), "<%d>", priority & LOG_PRIMASK);
	va_start(arguments, format);
	wrote = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	va_end(arguments);
	if (wrote < 0)
		return;
	for (const char *end = line + sizeof(line) - 1; line + used < end && line[used]; used++)
		if ((unsigned char)line[used] < 0x20 || line[used] == 0x7f)
			line[used] = '?';
	line[used++] = '\n';
	/* Nobody is left to be told if standard error does not take it. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
