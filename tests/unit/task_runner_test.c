/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner with a real database and steps that do what the test says. A pgwd that is killed is
 * a runner that is closed: nothing is written then.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/fault.h"
#include "control/task/runner.h"

static int64_t clock_ms = 1700000000000; /* Unix time */

struct world {
	char directory[64];
	struct state *state;
	struct task_runner *runner;
	int fail_at;	/* this step fails; -1: none */
	int wait_at;	/* this step waits; -1: none */
	int renew_code; /* what renew() says */
	unsigned undo_failures;
	unsigned taken[3], undone, released, renewed;
};

static int64_t wall_ms(void)
{
	return clock_ms;
}

static int take(struct task_run *run, unsigned step, int64_t now_ms, struct ctl_error *error)
{
	struct world *world = run->context;

	world->taken[step]++;
	if (!run->work)
		run->work = malloc(1);
	if (world->wait_at == (int)step) {
		run->due_ms = now_ms + 50;
		return -EAGAIN;
	}
	if (world->fail_at == (int)step)
		return fault(error, -EIO, "step %u does not want to", step);
	return 0;
}

static int take_0(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	return take(run, 0, now_ms, error);
}

static int take_1(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	return take(run, 1, now_ms, error);
}

static int take_2(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	return take(run, 2, now_ms, error);
}

static int undo(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct world *world = run->context;

	(void)now_ms;
	if (world->undo_failures) {
		world->undo_failures--;
		return fault(error, -EBUSY, "not now");
	}
	world->undone++;
	return 0;
}

static void release(struct task_run *run)
{
	struct world *world = run->context;

	world->released++;
	free(run->work);
}

static int renew(struct task_run *run, struct ctl_error *error)
{
	struct world *world = run->context;

	if (world->renew_code)
		return fault(error, world->renew_code, "somebody else was quicker");
	json_object_set_new(run->task.arguments, "renewed", json_integer(++world->renewed));
	return 0;
}

static const struct task_step_kind steps[] = {{"a", take_0}, {"b", take_1}, {"c", take_2}};
static const struct task_kind kind = {.name = "enable",
				      .type = "gateway",
				      .lane = 1,
				      .steps = steps,
				      .n_steps = 3,
				      .undo = undo,
				      .release = release,
				      .renew = renew};
static const struct task_kind other = {.name = "other",
				       .type = "gateway",
				       .lane = 2,
				       .steps = steps,
				       .n_steps = 1,
				       .undo = undo,
				       .release = release};
static const struct task_kind *const all[] = {&kind, &other, NULL};

static void start(struct world *world)
{
	const struct runner_options options = {
		.state = world->state, .kinds = all, .context = world, .wall_ms = wall_ms};
	struct ctl_error error;

	if (runner_open(&world->runner, &options, &error))
		fail_msg("%s", error.text);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct state_error error;

	world->fail_at = world->wait_at = -1;
	snprintf(world->directory, sizeof(world->directory), "/tmp/task-test.XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	if (state_open(&world->state, world->directory, &error))
		fail_msg("%s", error.text);
	start(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	runner_close(world->runner);
	state_close(world->state);
	snprintf(command, sizeof(command), "rm -r %s", world->directory);
	assert_int_equal(system(command), 0);
	free(world);
	return 0;
}

static int64_t add(struct world *world, const struct task_kind *which)
{
	struct task task = {.datacenter = 3, .arguments = json_object()};
	const struct task *added;
	struct ctl_error error;
	int code;

	added = runner_add(world->runner, which, &task, &code, &error);
	if (!added)
		fail_msg("%s", error.text);
	assert_true(added->id > 0);
	return added->id;
}

/* Works off what is due now, at most @turns times. */
static void work(struct world *world, unsigned turns)
{
	while (turns-- && runner_due_ms(world->runner, 1000) <= 1000)
		runner_work(world->runner, 1000);
}

static void assert_task(struct world *world, int64_t id, const char *state, const char *reason)
{
	const struct state_task_filter filter = {.id = id};
	json_t *items = json_array();
	struct ctl_error error;
	const json_t *item;

	assert_int_equal(runner_list(world->runner, &filter, items, &error), 0);
	assert_int_equal(json_array_size(items), 1);
	item = json_array_get(items, 0);
	assert_string_equal(json_string_value(json_object_get(item, "state")), state);
	if (reason)
		assert_non_null(strstr(json_string_value(json_object_get(item, "reason")), reason));
	else
		assert_true(json_is_null(json_object_get(item, "reason")));
	json_decref(items);
}

static void runs(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind), next = add(world, &kind);

	assert_true(next > id);
	assert_task(world, id, "todo", NULL);
	runner_work(world->runner, 1000);
	assert_task(world, id, "doing", NULL);
	assert_task(world, next, "todo", NULL); /* the lane is taken */
	work(world, 100);
	assert_task(world, id, "done", NULL);
	assert_task(world, next, "done", NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(world->taken[i], 2);
	assert_int_equal(world->released, 6);
	assert_int_equal(world->undone, 0);
	assert_int_equal(runner_due_ms(world->runner, 1000), INT64_MAX);
}

static void lanes(void **state)
{
	struct world *world = *state;
	int64_t waits = add(world, &kind), passes = add(world, &other);

	world->wait_at = 1;
	work(world, 20);
	assert_task(world, waits, "doing", NULL);
	assert_task(world, passes, "done", NULL);
	assert_int_equal(runner_due_ms(world->runner, 1000), 1050);
}

static void fails(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind);
	struct ctl_error error;

	world->fail_at = 1;
	world->undo_failures = 2;
	work(world, 10);
	assert_task(world, id, "doing", "b: step 1 does not want to");
	runner_work(world->runner, 2000);
	runner_work(world->runner, 3000);
	assert_task(world, id, "error", "b: step 1 does not want to");
	assert_int_equal(world->undone, 1);
	assert_int_equal(world->taken[2], 0);
	assert_int_equal(runner_cancel(world->runner, id, "x", &error), -EEXIST);
	world->fail_at = -1;
	assert_int_equal(runner_reset(world->runner, id, "try again", &error), 0);
	work(world, 20);
	assert_task(world, id, "done", "try again");
	assert_int_equal(runner_reset(world->runner, id, "x", &error), -EEXIST);
	assert_int_equal(runner_reset(world->runner, 99, "x", &error), -ENOENT);
}

static void undo_fails_for_good(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind);

	world->fail_at = 0;
	world->undo_failures = 1000;
	for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 1000)
		runner_work(world->runner, now_ms);
	assert_task(world, id, "error", "taking it back failed: not now");
}

static void canceled(void **state)
{
	struct world *world = *state;
	int64_t waits = add(world, &kind), never = add(world, &kind);
	struct ctl_error error;

	world->wait_at = 2;
	work(world, 20);
	assert_int_equal(runner_cancel(world->runner, never, "not needed", &error), 0);
	assert_task(world, never, "canceled", "not needed");
	assert_int_equal(runner_cancel(world->runner, waits, "enough", &error), 0);
	work(world, 20);
	assert_task(world, waits, "canceled", "enough");
	assert_int_equal(world->undone, 1);
	assert_int_equal(runner_cancel(world->runner, 99, "x", &error), -ENOENT);
}

static void scheduled(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind);
	struct ctl_error error;

	assert_int_equal(runner_schedule(world->runner, id, clock_ms + 5000, &error), 0);
	assert_int_equal(runner_due_ms(world->runner, 1000), 6000);
	work(world, 10);
	assert_task(world, id, "todo", NULL);
	clock_ms += 5000;
	work(world, 20);
	assert_task(world, id, "done", NULL);
	assert_int_equal(runner_schedule(world->runner, id, clock_ms, &error), -EEXIST);
}

/* The database is locked by another program: what cannot be kept is not promised. */
static void not_kept(void **state)
{
	struct world *world = *state;
	struct ctl_error error;
	struct state_error why;
	struct state *foreign;
	int64_t failed, id;

	world->fail_at = 0;
	failed = add(world, &kind);
	work(world, 10);
	assert_task(world, failed, "error", "step 0");
	id = add(world, &kind);
	assert_int_equal(runner_schedule(world->runner, id, clock_ms + 5000, &error), 0);
	assert_int_equal(state_open(&foreign, world->directory, &why), 0);
	assert_int_equal(state_begin(foreign, &why), 0);
	assert_int_equal(runner_cancel(world->runner, id, "not needed", &error), -EIO);
	assert_non_null(strstr(error.text, "locked"));
	assert_int_equal(runner_schedule(world->runner, id, clock_ms, &error), -EIO);
	assert_int_equal(runner_reset(world->runner, failed, "again", &error), -EIO);
	state_close(foreign);
	work(world, 10);
	assert_task(world, id, "todo", NULL);
	assert_task(world, failed, "error", "step 0");
	assert_int_equal(world->taken[0], 1);
	assert_int_equal(runner_cancel(world->runner, id, "not needed", &error), 0);
	runner_close(world->runner); /* as one that is killed */
	start(world);
	assert_task(world, id, "canceled", "not needed");
}

/* What is kept of it. */
static void assert_renewed(struct world *world, int64_t id, int times)
{
	struct state_error why;
	struct task task;

	assert_int_equal(store_get(world->state, id, &task, &why), 0);
	assert_int_equal(json_integer_value(json_object_get(task.arguments, "renewed")), times);
	task_free(&task);
}

/* When it begins and when it is reset it goes by what is so then; refused, it does nothing. */
static void renewed(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind), late = add(world, &kind);
	struct ctl_error error;

	assert_int_equal(runner_schedule(world->runner, late, clock_ms + 5000, &error), 0);
	world->fail_at = 1;
	work(world, 20);
	assert_task(world, id, "error", "step 1");
	assert_renewed(world, id, 1);
	assert_int_equal(world->undone, 1);
	world->renew_code = -EEXIST;
	assert_int_equal(runner_reset(world->runner, id, "again", &error), -EEXIST);
	assert_string_equal(error.text, "somebody else was quicker");
	assert_task(world, id, "error", "step 1");
	clock_ms += 5000;
	work(world, 20);
	assert_task(world, late, "error", "somebody else was quicker");
	assert_int_equal(world->taken[0], 1);
	assert_int_equal(world->undone, 1);
	world->renew_code = 0;
	world->fail_at = -1;
	assert_int_equal(runner_reset(world->runner, id, "again", &error), 0);
	assert_renewed(world, id, 2);
	work(world, 20);
	assert_task(world, id, "done", "again");
	assert_renewed(world, id, 3);
}

static void restart(struct world *world)
{
	runner_close(world->runner);
	start(world);
}

/* Killed after any number of turns: the task goes on and is done once, or is taken back. */
static void killed_anywhere(void **state)
{
	struct world *world = *state;

	for (unsigned turns = 0; turns < 8; turns++) {
		int64_t id = add(world, &kind);

		work(world, turns);
		restart(world);
		work(world, 50);
		assert_task(world, id, "done", NULL);
		id = add(world, &kind);
		world->fail_at = 2;
		work(world, turns);
		restart(world);
		work(world, 50);
		assert_task(world, id, "error", "c: step 2");
		world->fail_at = -1;
	}
	assert_int_equal(world->undone, 8);
}

static void killed_again_and_again(void **state)
{
	struct world *world = *state;
	int64_t id = add(world, &kind);

	world->wait_at = 1;
	for (unsigned i = 0; i <= TASK_RESUMES_MAX; i++) {
		work(world, 5);
		assert_task(world, id, "doing", NULL);
		restart(world);
	}
	assert_task(world, id, "doing", "again and again");
	restart(world); /* in the middle of being taken back */
	assert_int_equal(world->undone, 0);
	work(world, 5);
	assert_task(world, id, "error", "again and again");
	assert_int_equal(world->undone, 1);
}

static bool is_it(const struct task *task, const void *id)
{
	return task->id == *(const int64_t *)id;
}

static void listed(void **state)
{
	struct world *world = *state;
	int64_t first = add(world, &kind), second = add(world, &other);
	const struct state_task_filter by_name = {.name = "other"}, newest = {.newest = 1},
				       done = {.state = "done"}, nobody = {.datacenter = 4};
	struct ctl_error error;
	json_t *items = json_array();

	assert_non_null(runner_find(world->runner, is_it, &first));
	assert_int_equal(runner_list(world->runner, &by_name, items, &error), 0);
	assert_int_equal(json_array_size(items), 1);
	assert_int_equal(runner_list(world->runner, &done, items, &error), 0);
	assert_int_equal(runner_list(world->runner, &nobody, items, &error), 0);
	assert_int_equal(json_array_size(items), 1);
	assert_int_equal(runner_list(world->runner, &newest, items, &error), 0);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 1), "task-id")),
			 second);
	work(world, 20);
	assert_null(runner_find(world->runner, is_it, &first));
	assert_int_equal(runner_list(world->runner, &done, items, &error), 0);
	assert_int_equal(json_array_size(items), 4);
	json_decref(items);
}

static void too_many(void **state)
{
	struct world *world = *state;
	struct task task = {.arguments = json_object()};
	struct ctl_error error;
	int code;

	for (unsigned i = 0; i < RUNNER_TASKS_MAX; i++)
		add(world, &kind);
	assert_null(runner_add(world->runner, &kind, &task, &code, &error));
	assert_int_equal(code, -EBUSY);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(runs),
		IN_WORLD(lanes),
		IN_WORLD(fails),
		IN_WORLD(undo_fails_for_good),
		IN_WORLD(canceled),
		IN_WORLD(scheduled),
		IN_WORLD(not_kept),
		IN_WORLD(renewed),
		IN_WORLD(killed_anywhere),
		IN_WORLD(killed_again_and_again),
		IN_WORLD(listed),
		IN_WORLD(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
