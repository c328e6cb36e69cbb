/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A task's states, dates, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/task/task.h"

static struct task two_steps(void)
{
	struct task task = {.id = 7,
			    .name = "t",
			    .type = "gateway",
			    .n_steps = 2,
			    .created_ms = 1000,
			    .execution_ms = 1000,
			    .arguments = json_object()};

	strcpy(task.step[0].name, "one");
	strcpy(task.step[1].name, "two");
	return task;
}

static void succeeds(void **state)
{
	struct task task = two_steps();

	(void)state;
	assert_string_equal(task_state_name(task.state), "todo");
	assert_int_equal(task_progress(&task), 0);
	task_begin(&task, 2000);
	assert_int_equal(task.state, TASK_DOING);
	assert_int_equal(task.step[0].state, STEP_DOING);
	task.step[0].progress = 50;
	assert_int_equal(task_progress(&task), 25);
	task_step_done(&task, 3000);
	assert_int_equal(task_progress(&task), 50);
	assert_int_equal(task.step[1].state, STEP_DOING);
	task_step_done(&task, 4000);
	assert_int_equal(task.state, TASK_DONE);
	assert_true(task_ended(&task));
	assert_int_equal(task_progress(&task), 100);
	assert_int_equal(task.end_ms, 4000);
	task_free(&task);
}

static void fails_and_is_reset(void **state)
{
	struct task task = two_steps();

	(void)state;
	task_begin(&task, 1);
	task_step_done(&task, 2);
	task_fail(&task, "why", false, 3);
	assert_int_equal(task.state, TASK_UNDOING);
	assert_string_equal(task_state_name(task.state), "doing");
	assert_int_equal(task.step[1].state, STEP_ERROR);
	assert_false(task_ended(&task));
	task_undone(&task, 4);
	assert_int_equal(task.state, TASK_ERROR);
	assert_string_equal(task_status_name(task.state), "customerError");
	assert_int_equal(task.step[0].state, STEP_UNDONE);
	assert_string_equal(task.reason, "why");
	task_reset(&task, "again", 5);
	assert_int_equal(task.state, TASK_TODO);
	assert_int_equal(task.step[1].state, STEP_TODO);
	assert_int_equal(task.end_ms, 0);
	task_begin(&task, 6);
	task_fail(&task, "canceled", true, 7);
	task_undone(&task, 8);
	assert_int_equal(task.state, TASK_CANCELED);
	assert_string_equal(task_status_name(task.state), "cancelled");
	task_free(&task);
}

static void is_resumed_so_often(void **state)
{
	struct task task = two_steps();

	(void)state;
	task_resume(&task, 1);
	assert_int_equal(task.state, TASK_TODO); /* nothing had begun */
	assert_int_equal(task.resumes, 0);
	task_begin(&task, 1);
	task_step_done(&task, 2);
	for (unsigned i = 0; i < TASK_RESUMES_MAX; i++) {
		task_resume(&task, 3);
		assert_int_equal(task.state, TASK_DOING);
		assert_int_equal(task.at, 0);
		assert_int_equal(task.begun_ms, 1);
		task_step_done(&task, 4);
	}
	task_resume(&task, 5);
	assert_int_equal(task.state, TASK_UNDOING);
	assert_non_null(strstr(task.reason, "again and again"));
	task_resume(&task, 6);
	assert_int_equal(task.state, TASK_UNDOING); /* goes on being taken back */
	task_free(&task);
}

static void is_kept(void **state)
{
	struct task task = two_steps(), copy = {.id = 0};
	char *body;

	(void)state;
	json_object_set_new(task.arguments, "ip", json_string("172.16.0.1"));
	task_begin(&task, 2000);
	strcpy(task.step[0].text, "vrack is \"eth1\"\n");
	task_step_done(&task, 3000);
	strcpy(task.by, "me");
	strcpy(task.from, "192.0.2.1");
	strcpy(task.network, "10.0.0.0/8");
	task.resumes = 2;
	body = task_body(&task);
	assert_non_null(body);
	assert_true(task_body_read(&copy, body));
	assert_int_equal(copy.n_steps, 2);
	assert_int_equal(copy.at, 1);
	assert_int_equal(copy.step[0].state, STEP_DONE);
	assert_string_equal(copy.step[0].text, task.step[0].text);
	assert_string_equal(copy.by, "me");
	assert_string_equal(copy.network, "10.0.0.0/8");
	assert_int_equal(copy.resumes, 2);
	assert_int_equal(copy.begun_ms, 2000);
	assert_true(json_equal(copy.arguments, task.arguments));
	free(body);
	task_free(&task);
	task_free(&copy);
}

static void is_not_read_from_rubbish(void **state)
{
	static const char *const rubbish[] = {
		"",
		"[]",
		"{}",
		"{\"arguments\":{}}",
		"{\"arguments\":{},\"steps\":[],\"at\":0}",
		"{\"arguments\":[],\"steps\":[[\"a\",0,0,\"\"]],\"at\":0}",
		"{\"arguments\":{},\"steps\":[[\"a\",9,0,\"\"]],\"at\":0}",
		"{\"arguments\":{},\"steps\":[[\"a\",0,101,\"\"]],\"at\":0}",
		"{\"arguments\":{},\"steps\":[[\"a\",0,0]],\"at\":0}",
		"{\"arguments\":{},\"steps\":[[\"a\",0,0,\"\"]],\"at\":2}",
		"{\"arguments\":{},\"steps\":[1,1,1,1,1,1,1,1,1],\"at\":0}",
	};
	struct task task = {.id = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++)
		if (task_body_read(&task, rubbish[i]))
			fail_msg("read: %s", rubbish[i]);
	assert_false(task_body_read(&task, NULL));
}

static void dates(void **state)
{
	static const char *const wrong[] = {
		"",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04:05z",
		"2026-01-02T03:04:05.Z",
		"2026-13-02T03:04:05Z",
		"2026-01-02T03:04:05+1:00",
		"2026-01-02T03:04:05+01",
		"2026-01-02T03:04:05+99:00",
		"1066-01-02T03:04:05Z",
		"2026-01-02T03:04:05Zx",
		"2026-01-02T03:04:05+01:00x",
		"2026-02-29T03:04:05Z", /* not in the calendar */
		"2026-04-31T03:04:05Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T03:04:60Z",
		" 2026-01-02T03:04:05Z",
		"2026- 1-02T03:04:05Z",
		"+026-01-02T03:04:05Z",
		"9999-12-31T23:59:59-00:01",
	};
	json_t *text = task_time(1767323045000);

	(void)state;
	assert_string_equal(json_string_value(text), "2026-01-02T03:04:05Z");
	json_decref(text);
	text = task_time(0);
	assert_true(json_is_null(text));
	json_decref(text);
	assert_int_equal(task_time_read("2026-01-02T03:04:05Z"), 1767323045000);
	assert_int_equal(task_time_read("2026-01-02T03:04:05.123Z"), 1767323045000);
	assert_int_equal(task_time_read("2026-01-02T04:04:05+01:00"), 1767323045000);
	assert_int_equal(task_time_read("2026-01-01T22:04:05-05:00"), 1767323045000);
	assert_int_equal(task_time_read("2028-02-29T00:00:00Z"), 1835395200000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (task_time_read(wrong[i]) != -1)
			fail_msg("a date: %s", wrong[i]);
}

/* As docs/control-protocol.md says: what may be null, and what a server's task has beside it. */
static void as_json(void **state)
{
	struct task task = two_steps();
	json_t *object = task_json(&task);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "task-id")), 7);
	assert_true(json_is_null(json_object_get(object, "created-by")));
	assert_true(json_is_null(json_object_get(object, "datacenter-id")));
	assert_true(json_is_null(json_object_get(object, "order-id")));
	assert_true(json_is_string(json_object_get(object, "execution-date")));
	assert_int_equal(json_array_size(json_object_get(object, "steps")), 2);
	assert_null(json_object_get(object, "function"));
	json_decref(object);
	strcpy(task.server, "ns1");
	strcpy(task.name, "virtualMacAdd");
	task_begin(&task, 1000);
	object = task_json(&task);
	assert_string_equal(json_string_value(json_object_get(object, "function")),
			    "virtualMacAdd");
	assert_string_equal(json_string_value(json_object_get(object, "status")), "doing");
	assert_true(json_is_null(json_object_get(object, "done-date")));
	json_decref(object);
	task_free(&task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(succeeds),
		cmocka_unit_test(fails_and_is_reset),
		cmocka_unit_test(is_resumed_so_often),
		cmocka_unit_test(is_kept),
		cmocka_unit_test(is_not_read_from_rubbish),
		cmocka_unit_test(dates),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
