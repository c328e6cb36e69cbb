/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "control/answer.h"
#include "control/fault.h"

int change_begin(const struct gateway *gateway, struct config *wanted, struct ctl_error *error)
{
	return config_copy(wanted, &gateway->config) ? fault(error, -ENOMEM, "out of memory") : 0;
}

int change_end(struct gateway *gateway, struct config *wanted, int code, const struct task *task,
	       struct ctl_error *error)
{
	char note[TASK_WORD_BYTES + 32];

	if (!code) {
		snprintf(note, sizeof(note), "task %lld: %s", (long long)task->id, task->name);
		code = answer_apply(gateway, wanted, task->by, note, error);
		error->line = error->column = 0; /* of a file that was read earlier */
	}
	config_free(wanted);
	return code;
}

int change_config_error(int code, const struct config_error *why, struct ctl_error *error)
{
	return fault(error, code, "%s", code == -ENOMEM ? "out of memory" : why->text);
}

int change_statement(struct config *wanted, struct ctl_error *error, const char *format, ...)
{
	struct config_error why = {.text = ""};
	char text[1024];
	va_list arguments;
	int length, code;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(text))
		return fault(error, -EINVAL, "the statement is too long");
	code = config_statement(wanted, text, &why);
	return code ? change_config_error(code, &why, error) : 0;
}

bool change_swept(const struct gateway *gateway)
{
	return !gateway->datapath.pid || gateway->ending.swept_revision >= gateway->revision;
}
