/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * task - tasks as the database keeps them: columns to look for, and the rest as one text, which
 * control/task/task.h writes and reads.
 *
 * Limit: the newest STATE_TASKS_MAX that have ended are kept.
 */
#ifndef PGW_STATE_TASK_H
#define PGW_STATE_TASK_H

#include "control/state/state.h"

#define STATE_TASKS_MAX 1000

/* One row. Texts are borrowed. */
struct state_task {
	int64_t id;			       /* 0 where it is new: it gets one */
	const char *name, *type, *state;       /* state: for programs, as task_state_name() */
	int64_t stage;			       /* enum task_state */
	const char *service, *server;	       /* NULL: none */
	int64_t datacenter, network_access_id; /* 0: none */
	int64_t execution_ms;
	const char *body;
};

/* Which ones. A member that is 0 or NULL matches all. */
struct state_task_filter {
	int64_t id;
	const char *name, *type, *state, *service, *server;
	int64_t datacenter, network_access_id;
	int64_t stage_below; /* only those of a lower stage */
	int64_t newest;	     /* the newest so many, newest first; 0: all, by id */
};

/* state_task_put() - write a new one (its id is set), or what has become of it. 0 or -errno. */
int state_task_put(struct state *state, struct state_task *task, struct state_error *error);

/* Called for each row. Return: 0 or -errno, which ends it. */
typedef int (*state_task_each)(const struct state_task *task, void *context);

/* state_task_list() - 0 or -errno. */
int state_task_list(struct state *state, const struct state_task_filter *filter,
		    state_task_each each, void *context, struct state_error *error);

/* state_task_prune() - forget ended ones that are too old. @ended: the lowest stage of these. */
int state_task_prune(struct state *state, int64_t ended, struct state_error *error);

#endif
