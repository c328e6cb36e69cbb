/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dates of task-schedule. What is accepted exists in the calendar: it is said again as the same
 * second in UTC, and what is said is read as that.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/task/task.h"

#define DATE_BYTES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[DATE_BYTES_MAX + 1];
	const char *said;
	int64_t ms;
	json_t *date;

	if (size > DATE_BYTES_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	ms = task_time_read(text);
	assert(ms >= -1);
	if (ms <= 0)
		return 0;
	date = task_time(ms);
	said = json_string_value(date);
	assert(said && strlen(said) == strlen("2026-01-02T03:04:05Z"));
	assert(task_time_read(said) == ms);
	/* Of UTC, they are the same. */
	if (text[strlen(text) - 1] == 'Z')
		assert(!strncmp(said, text, strlen("2026-01-02T03:04:05")));
	json_decref(date);
	return 0;
}
