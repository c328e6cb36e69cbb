/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - tasks to and from their rows (control/state/task.h). */
#ifndef PGW_TASK_STORE_H
#define PGW_TASK_STORE_H

#include "control/state/task.h"
#include "control/task/task.h"

/* store_put() - a new task gets its id. Return: 0 or -errno. */
int store_put(struct state *state, struct task *task, struct state_error *error);

/* store_read() - @task: to be freed by task_free(). Return: false: the row is damaged. */
bool store_read(struct task *task, const struct state_task *row);

/* store_get() - one by its id. Return: 0; -ENOENT; other -errno with @error set. */
int store_get(struct state *state, int64_t id, struct task *task, struct state_error *error);

#endif
