/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change - changes of the configuration that tasks make: each is a revision like any other, and
 * begins with what runs now, so that nothing that somebody else changes meanwhile is lost.
 */
#ifndef PGW_TASK_CHANGE_H
#define PGW_TASK_CHANGE_H

#include "control/gateway.h"
#include "control/task/task.h"

/* change_begin() - a copy of what runs. Return: 0 or -ENOMEM. */
int change_begin(const struct gateway *gateway, struct config *wanted, struct ctl_error *error);

/**
 * change_end() - make it run, or throw it away
 * @wanted: of change_begin(); freed
 * @code: not 0: it came to nothing; only free
 * Return: @code, or that of the change.
 */
int change_end(struct gateway *gateway, struct config *wanted, int code, const struct task *task,
	       struct ctl_error *error);

/* change_statement() - one statement on @wanted. Return: 0 or -errno with @error set. */
int change_statement(struct config *wanted, struct ctl_error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* change_config_error() - @why as an error of the control socket. Return: @code. */
int change_config_error(int code, const struct config_error *why, struct ctl_error *error);

/* change_swept() - whether the datapath has ended all that the running revision does not admit. */
bool change_swept(const struct gateway *gateway);

#endif
