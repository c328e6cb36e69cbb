/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks on the allow list that failed, and are reset after others have changed it: with a
 * configuration and a database, and without a datapath, so nothing is applied.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/state/allowed.h"
#include "control/task/access.h"
#include "control/task/operations.h"

static const char text[] = "allow add 203.0.113.0/24 description \"by another\"\n";

struct world {
	char directory[64];
	struct gateway gateway;
	int64_t listed; /* the id of what is on the list */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct config_error error;
	struct state_error why;

	snprintf(world->directory, sizeof(world->directory), "/tmp/task-access-test.XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	world->gateway.options.file = "/dev/null";
	config_init(&world->gateway.config);
	assert_int_equal(config_parse(&world->gateway.config, text, sizeof(text) - 1, &error), 0);
	assert_int_equal(state_open(&world->gateway.state, world->directory, &why), 0);
	assert_int_equal(allowed_id(world->gateway.state, "203.0.113.0/24", &world->listed, &why),
			 0);
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

/* A task that ended in an error; its id. */
static int64_t failed(struct world *world, const struct task_kind *kind,
		      const struct access *access)
{
	struct task task = {.state = TASK_ERROR,
			    .network_access_id = access->id,
			    .arguments = access_arguments(access),
			    .n_steps = 1};
	struct state_error why;

	snprintf(task.name, sizeof(task.name), "%s", kind->name);
	snprintf(task.type, sizeof(task.type), "%s", kind->type);
	snprintf(task.step[0].name, sizeof(task.step[0].name), "apply");
	prefix_text(access->has_network ? access->network : access->former, task.network);
	assert_int_equal(store_put(world->gateway.state, &task, &why), 0);
	task_free(&task);
	return task.id;
}

static int reset(struct world *world, int64_t id, struct ctl_error *error)
{
	return runner_reset(world->gateway.tasks, id, "again", error);
}

static struct access of(int64_t id, const char *network)
{
	struct access access = {.id = id, .has_network = true};

	assert_true(prefix_parse(network, &access.network));
	return access;
}

static void added_by_another(void **state)
{
	struct world *world = *state;
	struct access access = of(world->listed + 1, "203.0.113.0/24");
	int64_t id = failed(world, &access_add, &access);
	char network[PREFIX_TEXT_BYTES];
	struct ctl_error error;
	struct state_error why;

	assert_int_equal(reset(world, id, &error), -EEXIST);
	assert_non_null(strstr(error.text, "already exists"));
	assert_int_equal(allowed_network(world->gateway.state, world->listed, network,
					 sizeof(network), &why),
			 0);
	assert_string_equal(network, "203.0.113.0/24");
	/* What its own undoing could not take away is no obstacle. */
	access.id = world->listed;
	assert_int_equal(reset(world, failed(world, &access_add, &access), &error), 0);
}

static void being_added(void **state)
{
	struct world *world = *state;
	struct access access = of(world->listed + 1, "198.51.100.0/24");
	int64_t first = failed(world, &access_add, &access), second;
	struct ctl_error error;

	access.id++;
	second = failed(world, &access_add, &access);
	assert_int_equal(reset(world, first, &error), 0);
	assert_int_equal(reset(world, second, &error), -EBUSY);
}

/* It would go back to what the list has now. */
static void changed_by_another(void **state)
{
	struct world *world = *state;
	struct access access = of(world->listed, "203.0.113.0/25");
	struct ctl_error error;
	struct state_error why;
	struct task task;
	int64_t id;

	access.has_former = true;
	assert_true(prefix_parse("192.0.2.0/24", &access.former));
	strcpy(access.former_description, "as it was");
	id = failed(world, &access_change, &access);
	assert_int_equal(reset(world, id, &error), 0);
	assert_int_equal(store_get(world->gateway.state, id, &task, &why), 0);
	assert_true(access_read(&task, &access));
	task_free(&task);
	assert_string_equal(access.former_description, "by another");
	assert_int_equal(access.former.len, 24);
	assert_int_equal(access.network.len, 25);
}

static void deleted_by_another(void **state)
{
	struct world *world = *state;
	struct access access = {.id = world->listed + 7, .has_former = true};
	struct ctl_error error;

	assert_true(prefix_parse("192.0.2.0/24", &access.former));
	assert_int_equal(reset(world, failed(world, &access_delete, &access), &error), -ENOENT);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(added_by_another),
		IN_WORLD(being_added),
		IN_WORLD(changed_by_another),
		IN_WORLD(deleted_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
