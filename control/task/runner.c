/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/runner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl/log.h"
#include "control/fault.h"

#define SAVE_AGAIN_MS 1000
#define CLOCK_LOOK_MS 60000 /* for what waits for a date: the time of day may be set */
#define LANES	      8u

struct task_runner {
	struct runner_options options;
	struct task_run *runs[RUNNER_TASKS_MAX]; /* by id */
	unsigned n_runs;
	int64_t save_ms;   /* when to try again what could not be written; 0: all is */
	bool trouble_said; /* that it cannot be */
};

void runner_step_text(struct task_run *run, const char *format, ...)
{
	struct task_step *step;
	va_list arguments;

	if (run->task.at >= run->task.n_steps)
		return;
	step = &run->task.step[run->task.at];
	va_start(arguments, format);
	vsnprintf(step->text, sizeof(step->text), format, arguments);
	va_end(arguments);
}

void runner_step_progress(struct task_run *run, unsigned per_cent)
{
	if (run->task.at < run->task.n_steps && per_cent < 100)
		run->task.step[run->task.at].progress = (uint8_t)per_cent;
}

static void release_work(struct task_run *run)
{
	if (run->work && run->kind->release)
		run->kind->release(run);
	run->work = NULL;
}

static void run_free(struct task_run *run)
{
	release_work(run);
	task_free(&run->task);
	free(run);
}

static const struct task_kind *find_kind(const struct task_runner *runner, const char *name,
					 const char *type)
{
	for (const struct task_kind *const *kind = runner->options.kinds; *kind; kind++)
		if (!strcmp((*kind)->name, name) && !strcmp((*kind)->type, type))
			return *kind;
	return NULL;
}

static int save(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	struct state_error why;
	int code = store_put(runner->options.state, &run->task, &why);

	run->unsaved = code;
	if (code) {
		if (!runner->trouble_said)
			ctl_log(TOLD_TASK, LOG_ERR, "task %lld: %s; tried again",
				(long long)run->task.id, why.text);
		runner->trouble_said = true;
		runner->save_ms = now_ms + SAVE_AGAIN_MS;
	} else {
		runner->trouble_said = false;
	}
	return code;
}

/* Its state has changed: keep it and say so. */
static void changed(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	save(runner, run, now_ms);
	if (runner->options.changed)
		runner->options.changed(runner->options.context, &run->task);
}

/* What was asked for is answered only once it is kept: a restart must not make it undone. Return:
 * 0; -EIO with @error, and the task is as @before. */
static int keep(const struct task_runner *runner, struct task_run *run, const struct task *before,
		struct ctl_error *error)
{
	struct state_error why;

	if (store_put(runner->options.state, &run->task, &why)) {
		run->task = *before;
		return fault(error, -EIO, "%s", why.text);
	}
	if (runner->options.changed)
		runner->options.changed(runner->options.context, &run->task);
	return 0;
}

/* The same members as the event that monitors get, as far as they matter here. */
static json_t *log_members(const struct task *task)
{
	return json_pack("{s:I, s:s, s:s, s:s}", "task-id", (json_int_t)task->id, "name",
			 task->name, "state", task_state_name(task->state), "reason", task->reason);
}

static void log_end(const struct task *task)
{
	ctl_log_members(TOLD_TASK, task->state == TASK_ERROR ? LOG_WARNING : LOG_NOTICE,
			log_members(task), "task %lld, %s: %s%s%s", (long long)task->id, task->name,
			task_state_name(task->state), *task->reason ? ": " : "", task->reason);
}

static bool lane_taken(const struct task_runner *runner, unsigned lane)
{
	for (unsigned i = 0; i < runner->n_runs; i++)
		if (runner->runs[i]->kind->lane == lane &&
		    (runner->runs[i]->task.state == TASK_DOING ||
		     runner->runs[i]->task.state == TASK_UNDOING))
			return true;
	return false;
}

static int renew(struct task_run *run, struct ctl_error *error)
{
	return run->kind->renew ? run->kind->renew(run, error) : 0;
}

/* It cannot begin: it has done nothing, so nothing of it is taken back. */
static void refuse(struct task_runner *runner, struct task_run *run, const char *reason,
		   int64_t now_ms)
{
	int64_t wall_ms = runner->options.wall_ms();

	task_begin(&run->task, wall_ms);
	runner_step_text(run, "%s", reason);
	task_fail(&run->task, reason, false, wall_ms);
	task_undone(&run->task, wall_ms);
	log_end(&run->task);
	changed(runner, run, now_ms);
}

static void begin(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	struct ctl_error error = {.text = ""};
	struct task before;

	if (renew(run, &error)) {
		refuse(runner, run, error.text, now_ms);
		return;
	}
	before = run->task;
	task_begin(&run->task, runner->options.wall_ms());
	if (save(runner, run, now_ms)) {
		run->task = before; /* what is not written down does not begin */
		run->unsaved = false;
		return;
	}
	run->due_ms = now_ms;
	ctl_log_members(TOLD_TASK, LOG_NOTICE, log_members(&run->task), "task %lld, %s: begins",
			(long long)run->task.id, run->task.name);
	changed(runner, run, now_ms);
}

static void fail(struct task_runner *runner, struct task_run *run, const char *reason, bool cancel,
		 int64_t now_ms)
{
	release_work(run);
	task_fail(&run->task, reason, cancel, runner->options.wall_ms());
	run->due_ms = now_ms;
	changed(runner, run, now_ms);
}

static void take_step(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	const struct task_step_kind *step = &run->kind->steps[run->task.at];
	struct ctl_error error = {.text = ""};
	char reason[TASK_TEXT_BYTES];
	int code;

	if (run->cancel) {
		fail(runner, run, run->cancel_reason, true, now_ms);
		return;
	}
	run->due_ms = now_ms;
	code = step->take(run, now_ms, &error);
	if (code == -EAGAIN)
		return;
	if (code) {
		runner_step_text(run, "%.*s", TASK_TEXT_BYTES - 1, error.text);
		snprintf(reason, sizeof(reason), "%s: %.200s", step->name, error.text);
		fail(runner, run, reason, false, now_ms);
		return;
	}
	release_work(run);
	task_step_done(&run->task, runner->options.wall_ms());
	if (task_ended(&run->task))
		log_end(&run->task);
	changed(runner, run, now_ms);
}

static void take_back(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	struct ctl_error error = {.text = ""};
	int code;

	run->due_ms = now_ms;
	code = run->kind->undo ? run->kind->undo(run, now_ms, &error) : 0;
	if (code == -EAGAIN && run->due_ms > now_ms)
		return;
	if (code && ++run->undo_tries < RUNNER_UNDO_TRIES) {
		run->due_ms = now_ms + RUNNER_UNDO_WAIT_MS;
		return;
	}
	release_work(run);
	if (code) {
		size_t used = strlen(run->task.reason);

		/* It is said; whoever repairs it can reset or disable. */
		snprintf(run->task.reason + used, sizeof(run->task.reason) - used,
			 "; taking it back failed: %.100s", error.text);
	}
	task_undone(&run->task, runner->options.wall_ms());
	log_end(&run->task);
	changed(runner, run, now_ms);
}

static void work_one(struct task_runner *runner, struct task_run *run, int64_t now_ms)
{
	switch (run->task.state) {
	case TASK_TODO:
		if (run->task.execution_ms <= runner->options.wall_ms() &&
		    !lane_taken(runner, run->kind->lane) && !runner->save_ms)
			begin(runner, run, now_ms);
		break;
	case TASK_DOING:
		if (run->due_ms <= now_ms)
			take_step(runner, run, now_ms);
		break;
	case TASK_UNDOING:
		if (run->due_ms <= now_ms)
			take_back(runner, run, now_ms);
		break;
	default:
		break;
	}
}

/* What has ended and is written down needs no place any more. */
static void drop_ended(struct task_runner *runner)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < runner->n_runs; i++) {
		struct task_run *run = runner->runs[i];

		if (task_ended(&run->task) && !run->unsaved)
			run_free(run);
		else
			runner->runs[kept++] = run;
	}
	runner->n_runs = kept;
}

static void save_again(struct task_runner *runner, int64_t now_ms)
{
	runner->save_ms = 0;
	for (unsigned i = 0; i < runner->n_runs; i++)
		if (runner->runs[i]->unsaved && save(runner, runner->runs[i], now_ms))
			return;
}

void runner_work(struct task_runner *runner, int64_t now_ms)
{
	if (runner->save_ms && runner->save_ms <= now_ms)
		save_again(runner, now_ms);
	for (unsigned i = 0; i < runner->n_runs; i++)
		work_one(runner, runner->runs[i], now_ms);
	drop_ended(runner);
}

int64_t runner_due_ms(const struct task_runner *runner, int64_t now_ms)
{
	int64_t due_ms = runner->save_ms ? runner->save_ms : INT64_MAX;

	for (unsigned i = 0; i < runner->n_runs; i++) {
		const struct task_run *run = runner->runs[i];
		int64_t at_ms = INT64_MAX;

		if (run->task.state == TASK_DOING || run->task.state == TASK_UNDOING) {
			at_ms = run->due_ms;
		} else if (run->task.state == TASK_TODO && !lane_taken(runner, run->kind->lane)) {
			int64_t wait_ms = run->task.execution_ms - runner->options.wall_ms();

			if (runner->save_ms)
				continue;
			if (wait_ms < 0)
				wait_ms = 0;
			at_ms = now_ms + (wait_ms > CLOCK_LOOK_MS ? CLOCK_LOOK_MS : wait_ms);
		}
		if (at_ms < due_ms)
			due_ms = at_ms;
	}
	return due_ms;
}

static struct task_run *new_run(struct task_runner *runner, const struct task_kind *kind)
{
	struct task_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->kind = kind;
	run->context = runner->options.context;
	return run;
}

const struct task *runner_add(struct task_runner *runner, const struct task_kind *kind,
			      struct task *task, int *code, struct ctl_error *error)
{
	struct task_run *run = NULL;
	struct state_error why;
	int64_t now_ms = runner->options.wall_ms();

	*code = 0;
	if (runner->n_runs == RUNNER_TASKS_MAX)
		*code = fault(error, -EBUSY, "%u tasks wait already: try again when some are done",
			      RUNNER_TASKS_MAX);
	else if (!task->arguments || !(run = new_run(runner, kind)))
		*code = fault(error, -ENOMEM, "out of memory");
	if (*code) {
		task_free(task);
		return NULL;
	}
	snprintf(task->name, sizeof(task->name), "%s", kind->name);
	snprintf(task->type, sizeof(task->type), "%s", kind->type);
	task->n_steps = kind->n_steps;
	for (unsigned i = 0; i < kind->n_steps; i++)
		snprintf(task->step[i].name, sizeof(task->step[i].name), "%s", kind->steps[i].name);
	task->state = TASK_TODO;
	task->created_ms = task->execution_ms = task->modified_ms = now_ms;
	run->task = *task;
	if (store_put(runner->options.state, &run->task, &why)) {
		*code = fault(error, -EIO, "%s", why.text);
		run_free(run);
		return NULL;
	}
	runner->runs[runner->n_runs++] = run;
	if (state_task_prune(runner->options.state, TASK_DONE, &why))
		ctl_log(TOLD_TASK, LOG_WARNING, "old tasks: %s", why.text);
	if (runner->options.changed)
		runner->options.changed(runner->options.context, &run->task);
	return &run->task;
}

static struct task_run *find_run(const struct task_runner *runner, int64_t id)
{
	for (unsigned i = 0; i < runner->n_runs; i++)
		if (runner->runs[i]->task.id == id && !task_ended(&runner->runs[i]->task))
			return runner->runs[i];
	return NULL;
}

/* One that is not among those that have not ended: what is to be said. */
static int not_running(struct task_runner *runner, int64_t id, const char *expected,
		       struct ctl_error *error)
{
	struct state_error why;
	struct task task;
	int code = store_get(runner->options.state, id, &task, &why);

	if (code)
		return fault(error, code == -ENOENT ? -ENOENT : -EIO, "%s", why.text);
	code = fault(error, -EEXIST, "task %lld is in state %s, expected %s", (long long)id,
		     task_state_name(task.state), expected);
	task_free(&task);
	return code;
}

int runner_cancel(struct task_runner *runner, int64_t id, const char *reason,
		  struct ctl_error *error)
{
	struct task_run *run = find_run(runner, id);
	struct task before;

	if (!run)
		return not_running(runner, id, "todo or doing", error);
	if (run->task.state == TASK_TODO) {
		int code;

		before = run->task;
		task_cancel(&run->task, reason, runner->options.wall_ms());
		code = keep(runner, run, &before, error);
		if (!code)
			log_end(&run->task);
		return code;
	}
	if (run->task.state == TASK_UNDOING)
		return fault(error, -EBUSY, "task %lld is being taken back already", (long long)id);
	run->cancel = true;
	run->due_ms = 0;
	snprintf(run->cancel_reason, sizeof(run->cancel_reason), "%s", reason);
	return 0;
}

int runner_reset(struct task_runner *runner, int64_t id, const char *reason,
		 struct ctl_error *error)
{
	const struct task_kind *kind;
	struct task_run *run;
	struct state_error why;
	struct task task;
	int code;

	run = find_run(runner, id);
	if (run)
		return fault(error, -EEXIST, "task %lld is in state %s, expected error",
			     (long long)id, task_state_name(run->task.state));
	code = store_get(runner->options.state, id, &task, &why);
	if (code)
		return fault(error, code == -ENOENT ? -ENOENT : -EIO, "%s", why.text);
	kind = find_kind(runner, task.name, task.type);
	if (task.state != TASK_ERROR || !kind) {
		code = fault(error, -EEXIST, "task %lld is in state %s, expected error",
			     (long long)id, task_state_name(task.state));
	} else if (runner->n_runs == RUNNER_TASKS_MAX) {
		code = fault(error, -EBUSY, "%u tasks wait already", RUNNER_TASKS_MAX);
	} else if (!(run = new_run(runner, kind))) {
		code = fault(error, -ENOMEM, "out of memory");
	} else {
		run->task = task;
		code = renew(run, error);
		if (!code) {
			task_reset(&run->task, reason, runner->options.wall_ms());
			code = keep(runner, run, &task, error);
		}
		if (code)
			run_free(run);
		else
			runner->runs[runner->n_runs++] = run;
		return code;
	}
	task_free(&task);
	return code;
}

int runner_schedule(struct task_runner *runner, int64_t id, int64_t execution_ms,
		    struct ctl_error *error)
{
	struct task_run *run = find_run(runner, id);
	struct task before;

	if (!run)
		return not_running(runner, id, "todo", error);
	if (run->task.state != TASK_TODO)
		return fault(error, -EEXIST, "task %lld is in state %s, expected todo",
			     (long long)id, task_state_name(run->task.state));
	before = run->task;
	task_schedule(&run->task, execution_ms, runner->options.wall_ms());
	return keep(runner, run, &before, error);
}

struct listing {
	struct task_runner *runner;
	json_t *items;
};

static int list_one(const struct state_task *row, void *context)
{
	struct listing *listing = context;
	const struct task_runner *runner = listing->runner;
	struct task task;

	for (unsigned i = 0; i < runner->n_runs; i++)
		if (runner->runs[i]->task.id == row->id) {
			json_array_append_new(listing->items, task_json(&runner->runs[i]->task));
			return 0;
		}
	if (!store_read(&task, row))
		return 0; /* damaged: nothing can be said of it */
	json_array_append_new(listing->items, task_json(&task));
	task_free(&task);
	return 0;
}

int runner_list(struct task_runner *runner, const struct state_task_filter *filter, json_t *items,
		struct ctl_error *error)
{
	struct listing listing = {.runner = runner, .items = items};
	struct state_error why;
	int code = state_task_list(runner->options.state, filter, list_one, &listing, &why);

	return code ? fault(error, -EIO, "%s", why.text) : 0;
}

const struct task *runner_find(const struct task_runner *runner,
			       bool (*wanted)(const struct task *task, const void *key),
			       const void *key)
{
	for (unsigned i = 0; i < runner->n_runs; i++)
		if (!task_ended(&runner->runs[i]->task) && wanted(&runner->runs[i]->task, key))
			return &runner->runs[i]->task;
	return NULL;
}

static int load_one(const struct state_task *row, void *context)
{
	struct task_runner *runner = context;
	struct task task;
	const struct task_kind *kind = find_kind(runner, row->name, row->type);
	struct task_run *run;

	if (runner->n_runs == RUNNER_TASKS_MAX)
		return -E2BIG;
	if (!kind || !store_read(&task, row)) {
		ctl_log(TOLD_TASK, LOG_ERR, "task %lld, %s, cannot be read: it is left as it is",
			(long long)row->id, row->name);
		return 0;
	}
	run = task.n_steps == kind->n_steps ? new_run(runner, kind) : NULL;
	if (!run) {
		task_free(&task);
		return -ENOMEM;
	}
	if (task.state != TASK_TODO)
		ctl_log(TOLD_TASK, LOG_NOTICE, "task %lld, %s, was interrupted: %s",
			(long long)task.id, task.name,
			task.state == TASK_DOING ? "it goes on" : "it is taken back");
	task_resume(&task, runner->options.wall_ms());
	run->task = task;
	runner->runs[runner->n_runs++] = run;
	return 0;
}

int runner_open(struct task_runner **out, const struct runner_options *options,
		struct ctl_error *error)
{
	const struct state_task_filter filter = {.stage_below = TASK_DONE};
	struct task_runner *runner = calloc(1, sizeof(*runner));
	struct state_error why = {.text = "out of memory"};
	int code;

	*out = NULL;
	if (!runner)
		return fault(error, -ENOMEM, "out of memory");
	runner->options = *options;
	code = state_task_list(options->state, &filter, load_one, runner, &why);
	/* How often each was interrupted has to be known before it is again. */
	for (unsigned i = 0; !code && i < runner->n_runs; i++)
		code = store_put(options->state, &runner->runs[i]->task, &why);
	if (code) {
		runner_close(runner);
		return fault(error, code, "tasks: %s", why.text);
	}
	*out = runner;
	return 0;
}

void runner_close(struct task_runner *runner)
{
	if (!runner)
		return;
	for (unsigned i = 0; i < runner->n_runs; i++)
		run_free(runner->runs[i]);
	free(runner);
}
