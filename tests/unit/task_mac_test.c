/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks on virtual MACs that wait while others change what they are about: with a configuration and
 * a database, and without a datapath, so nothing is applied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/task/mac.h"
#include "control/task/operations.h"

#define MAC "02:00:00:12:34:56"

static const char text[] =
	"portgroup add public dev eth3 realm internet\n"
	"address add 198.51.100.1/24 portgroup public\n"
	"server add ns1 portgroup public\n"
	"vmac add " MAC " address 198.51.100.40 portgroup public type ovh name web1\n";

struct world {
	char directory[64];
	struct gateway gateway;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct config_error error;
	struct state_error why;

	snprintf(world->directory, sizeof(world->directory), "/tmp/task-mac-test.XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	world->gateway.options.file = "/dev/null";
	config_init(&world->gateway.config);
	if (config_parse(&world->gateway.config, text, sizeof(text) - 1, &error))
		fail_msg("%u: %s", error.line, error.text);
	assert_int_equal(state_open(&world->gateway.state, world->directory, &why), 0);
	tasks_open(&world->gateway);
	assert_non_null(world->gateway.tasks);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	tasks_close(&world->gateway);
	state_close(world->gateway.state);
	config_free(&world->gateway.config);
	snprintf(command, sizeof(command), "rm -r %s", world->directory);
	assert_int_equal(system(command), 0);
	free(world);
	return 0;
}

/* What is asked for is a task; its id. */
static int64_t asked(struct world *world, const char *request)
{
	static const struct request_operation *const more[] = {mac_operations, NULL};
	const struct request_ops ops = {.more = more};
	struct request_result result;
	int64_t id;

	if (request_handle(request, strlen(request), &ops, &world->gateway, NULL, &result))
		fail_msg("%s", result.error.text);
	id = json_integer_value(json_object_get(json_object_get(result.answer, "task"), "task-id"));
	request_result_free(&result);
	return id;
}

/* Deletion is final: an address that waits does not make the MAC again. */
static void deleted_meanwhile(void **state)
{
	struct world *world = *state;
	int64_t id =
		asked(world, "{\"op\":\"virtual-mac-address-add\",\"server\":\"ns1\",\"mac\":\"" MAC
			     "\",\"ip\":\"198.51.100.41\",\"name\":\"web2\"}");
	struct config_error why;
	struct state_error error;
	struct task task;

	assert_int_equal(config_statement(&world->gateway.config, "vmac del " MAC, &why), 0);
	runner_work(world->gateway.tasks, 1000);
	assert_int_equal(store_get(world->gateway.state, id, &task, &error), 0);
	assert_int_equal(task.state, TASK_ERROR);
	assert_string_equal(task.reason, "virtual MAC " MAC " does not exist any more");
	task_free(&task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deleted_meanwhile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
