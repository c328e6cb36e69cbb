/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner - runs tasks: when they are due, one at a time in each lane, step by step, and takes back
 * what one did that failed, was canceled, or was interrupted too often.
 *
 * Every change of state is in the database before the step that follows it begins, so a pgwd that
 * is killed anywhere leaves a task that the next one goes on with (task_resume()). Therefore each
 * step and each undo has to find what is done already, and then be content.
 *
 * If the database cannot be written, a task that has begun goes on, and what became of it is
 * written as soon as that is possible; none begins meanwhile.
 *
 * Nothing here waits: a step that does says when it wants to be asked again.
 */
#ifndef PGW_TASK_RUNNER_H
#define PGW_TASK_RUNNER_H

#include "control/ctl/client.h"
#include "control/task/store.h"

#define RUNNER_TASKS_MAX    256u /* that have not ended */
#define RUNNER_UNDO_TRIES   30u
#define RUNNER_UNDO_WAIT_MS 1000 /* between them */

struct task_runner;
struct task_kind;

/* A task that has not ended. */
struct task_run {
	struct task task;
	const struct task_kind *kind;
	void *context;	/* of the runner */
	void *work;	/* of the step under way; its kind's release() frees it */
	int64_t due_ms; /* set by a step that returns -EAGAIN; monotonic */
	/* private */
	bool unsaved;
	bool cancel; /* asked for */
	char cancel_reason[TASK_TEXT_BYTES];
	unsigned undo_tries;
};

struct task_step_kind {
	const char *name;
	/* take() - Return: 0 it is done; -EAGAIN: again at run->due_ms; other -errno with @error */
	int (*take)(struct task_run *run, int64_t now_ms, struct ctl_error *error);
};

struct task_kind {
	const char *name, *type;
	unsigned lane; /* tasks of one lane wait for each other */
	const struct task_step_kind *steps;
	unsigned n_steps;
	/* undo() - take back all that the steps may have done, however far they came. As take(). */
	int (*undo)(struct task_run *run, int64_t now_ms, struct ctl_error *error);
	void (*release)(struct task_run *run); /* run->work; NULL: never used */
	/* renew() - bring the arguments up to what runs now, which others may have changed since
	 * the task was asked for: before it begins (TASK_TODO), and before it is reset
	 * (TASK_ERROR, among no runs yet). NULL: nothing to do. Return: 0; -errno with @error: it
	 * cannot be done any more, and nothing is to be taken back. */
	int (*renew)(struct task_run *run, struct ctl_error *error);
};

struct runner_options {
	struct state *state;		      /* borrowed */
	const struct task_kind *const *kinds; /* ended by NULL */
	void *context;
	void (*changed)(void *context, const struct task *task); /* its state or step did */
	int64_t (*wall_ms)(void);				 /* Unix time */
};

/* runner_open() - go on with the tasks of the database. Return: 0 or -errno with @error set. */
int runner_open(struct task_runner **runner, const struct runner_options *options,
		struct ctl_error *error);
void runner_close(struct task_runner *runner); /* what runs is left as it is. NULL is permitted */

/**
 * runner_add() - keep a new task of @kind, to be run when it is due
 * @task: name, type, steps, state and times are filled in; taken over
 * Return: the task, valid until runner_work(); NULL with @error and *code set.
 */
const struct task *runner_add(struct task_runner *runner, const struct task_kind *kind,
			      struct task *task, int *code, struct ctl_error *error);

/* What can be done with a task. Return: 0; -ENOENT; -EEXIST its state does not permit it; -errno */
int runner_cancel(struct task_runner *runner, int64_t id, const char *reason,
		  struct ctl_error *error);
int runner_reset(struct task_runner *runner, int64_t id, const char *reason,
		 struct ctl_error *error);
int runner_schedule(struct task_runner *runner, int64_t id, int64_t execution_ms,
		    struct ctl_error *error);

/* runner_list() - append the JSON of tasks to @items, as they are now. 0 or -errno. */
int runner_list(struct task_runner *runner, const struct state_task_filter *filter, json_t *items,
		struct ctl_error *error);

/* runner_find() - the first that has not ended and for which @wanted says so; NULL: none. */
const struct task *runner_find(const struct task_runner *runner,
			       bool (*wanted)(const struct task *task, const void *key),
			       const void *key);

int64_t runner_due_ms(const struct task_runner *runner, int64_t now_ms); /* INT64_MAX: never */
void runner_work(struct task_runner *runner, int64_t now_ms);

/* runner_step_text() - what a step under way has to say. */
void runner_step_text(struct task_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void runner_step_progress(struct task_run *run, unsigned per_cent);

#endif
