/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait - following a task of pgwd until it has ended.
 */
#ifndef PGW_TOOL_WAIT_H
#define PGW_TOOL_WAIT_H

#include "tools/pgw/pgw.h"

/**
 * wait_for_task() - show a task's progress, then what has become of it
 * On a terminal a bar on standard error follows it. Text: a line for each step when it is done;
 * JSON: the task, once it has ended.
 * Return: EXIT_DONE it is done; EXIT_REFUSED it failed or was canceled, or pgwd went.
 */
int wait_for_task(struct pgw *pgw, json_int_t id);

/**
 * wait_command() - a request that answers with a task, which is followed unless that is not wanted
 * @request: taken over; "by" is added
 */
int wait_command(struct pgw *pgw, json_t *request, bool follow);

#endif
