/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revision_test - revisions are kept, found again, bounded; a pending one is due when it should. */
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

#include "control/state/pending.h"
#include "control/state/revision.h"

static char directory[64];
static struct state *state;
static struct state_error error;

static int setup(void **context)
{
	(void)context;
	snprintf(directory, sizeof(directory), "/tmp/revision_test.XXXXXX");
	return mkdtemp(directory) ? state_open(&state, directory, &error) : -1;
}

static int teardown(void **context)
{
	static const char *const names[] = {"", "-wal", "-shm"};

	(void)context;
	state_close(state);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME "%s", directory, names[i]);
		unlink(path);
	}
	return rmdir(directory);
}

static void add(uint64_t number, const char *text)
{
	const struct revision revision = {
		.number = number,
		.same_as = number,
		.time_ms = 1700000000000 + (int64_t)number,
		.origin = REVISION_APPLY,
		.uid = 1000,
		.pid = 42,
		.user = "alice",
		.comment = "for the partner",
		.changes = 3,
	};

	if (revision_add(state, &revision, text, &error))
		fail_msg("%s", error.text);
}

static void kept_whole(void **context)
{
	struct revision revision = {
		.number = 1, .same_as = 1, .uid = -1, .pid = -1, .has_digest = 1};
	char *text;

	(void)context;
	assert_int_equal(revision_last(state, &revision, &error), 0);
	assert_int_equal(revision.number, 0);
	assert_int_equal(revision_read(state, 1, &revision, &text, &error), -ENOENT);
	assert_string_equal(error.text, "revision 1 is not kept: there is none yet");
	assert_null(text);

	revision = (struct revision){.number = 1, .same_as = 1, .uid = -1, .pid = -1};
	revision.has_digest = true;
	memset(revision.file_digest, 0xa5, sizeof(revision.file_digest));
	assert_int_equal(revision_add(state, &revision, "", &error), 0);
	add(2, "allow add 10.0.0.0/8 description \"größer\"\n");

	assert_int_equal(revision_read(state, 2, &revision, &text, &error), 0);
	assert_string_equal(text, "allow add 10.0.0.0/8 description \"größer\"\n");
	free(text);
	assert_int_equal(revision.time_ms, 1700000000002);
	assert_int_equal(revision.origin, REVISION_APPLY);
	assert_int_equal(revision.uid, 1000);
	assert_int_equal(revision.pid, 42);
	assert_string_equal(revision.user, "alice");
	assert_string_equal(revision.comment, "for the partner");
	assert_int_equal(revision.changes, 3);
	assert_false(revision.has_digest);
	assert_int_equal(revision_last(state, &revision, &error), 0);
	assert_int_equal(revision.number, 2);
	assert_int_equal(revision_before(state, 2, &revision, &error), 0);
	assert_int_equal(revision.number, 1);
	assert_int_equal(revision.origin, REVISION_START);
	assert_int_equal(revision.uid, -1);
	assert_true(revision.has_digest);
	assert_int_equal(revision.file_digest[31], 0xa5);
	assert_int_equal(revision_read(state, 3, &revision, NULL, &error), -ENOENT);
	assert_non_null(strstr(error.text, "expected one of 1 to 2"));
	assert_int_equal(revision_read(state, UINT64_MAX, &revision, NULL, &error), -ENOENT);
}

static void listed_newest_first(void **context)
{
	struct revision *list;
	size_t n;

	(void)context;
	for (uint64_t i = 1; i <= 5; i++)
		add(i, "text");
	assert_int_equal(revision_forget(state, 4, &error), 0);
	assert_int_equal(revision_list(state, 0, 3, &list, &n, &error), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[0].number, 5);
	assert_int_equal(list[1].number, 3);
	assert_int_equal(list[2].number, 2);
	free(list);
	assert_int_equal(revision_list(state, 3, 100, &list, &n, &error), 0);
	assert_int_equal(n, 2);
	free(list);
}

static void bounded_in_number(void **context)
{
	const struct pending pending = {.revision = 3, .base = 2, .seconds = 10};
	struct revision *list;
	size_t n;

	(void)context;
	assert_int_equal(state_begin(state, &error), 0);
	for (uint64_t i = 1; i <= 3; i++)
		add(i, "text");
	assert_int_equal(pending_set(state, &pending, &error), 0);
	for (uint64_t i = 4; i <= REVISIONS_MAX + 10; i++)
		add(i, "text");
	assert_int_equal(state_commit(state, &error), 0);
	assert_int_equal(revision_list(state, 0, SIZE_MAX, &list, &n, &error), 0);
	assert_int_equal(n, REVISIONS_MAX);
	assert_int_equal(list[0].number, REVISIONS_MAX + 10);
	free(list);
	/* What comes back has to be there. */
	assert_int_equal(revision_read(state, 2, &(struct revision){0}, NULL, &error), 0);
	assert_int_equal(revision_read(state, 1, &(struct revision){0}, NULL, &error), -ENOENT);
}

static void bounded_in_bytes(void **context)
{
	size_t bytes = REVISIONS_BYTES_MAX / 3, n;
	char *large = malloc(bytes + 1);
	struct revision *list;

	(void)context;
	assert_non_null(large);
	memset(large, 'x', bytes);
	large[bytes] = '\0';
	assert_int_equal(state_begin(state, &error), 0);
	for (uint64_t i = 1; i <= 5; i++)
		add(i, large);
	assert_int_equal(revision_list(state, 0, SIZE_MAX, &list, &n, &error), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[2].number, 3);
	free(list);
	state_rollback(state);
	free(large);
}

static void pending_is_kept(void **context)
{
	struct pending pending = {
		.revision = 8,
		.base = 7,
		.seconds = 60,
		.from = {.boot_id = "this boot", .boot_ms = 5, .time_ms = 6},
	};
	struct pending found;

	(void)context;
	assert_int_equal(pending_read(state, &found, &error), 0);
	assert_int_equal(found.revision, 0);
	assert_int_equal(pending_set(state, &pending, &error), 0);
	pending.revision = 9;
	assert_int_equal(pending_set(state, &pending, &error), 0); /* in place of the other */
	assert_int_equal(pending_read(state, &found, &error), 0);
	assert_int_equal(found.revision, 9);
	assert_int_equal(found.base, 7);
	assert_int_equal(found.seconds, 60);
	assert_string_equal(found.from.boot_id, "this boot");
	assert_int_equal(found.from.boot_ms, 5);
	assert_int_equal(found.from.time_ms, 6);
	assert_int_equal(pending_clear(state, &error), 0);
	assert_int_equal(pending_read(state, &found, &error), 0);
	assert_int_equal(found.revision, 0);
}

#define DAY_MS 86400000

static void due_by_the_right_clock(void **context)
{
	const struct pending pending = {
		.revision = 8,
		.base = 7,
		.seconds = 60,
		.from = {.boot_id = "a", .boot_ms = 1000000, .time_ms = 50 * (int64_t)DAY_MS},
	};
	struct pending_clock now = pending.from;

	(void)context;
	assert_int_equal(pending_left_ms(&pending, &now), 60000);
	now.boot_ms += 59999;
	assert_int_equal(pending_left_ms(&pending, &now), 1);
	now.time_ms += DAY_MS; /* somebody sets the time of day: nothing changes */
	assert_int_equal(pending_left_ms(&pending, &now), 1);
	now.time_ms -= 2 * DAY_MS;
	assert_int_equal(pending_left_ms(&pending, &now), 1);
	now.boot_ms += 1;
	assert_int_equal(pending_left_ms(&pending, &now), 0);
	now.boot_ms += DAY_MS;
	assert_int_equal(pending_left_ms(&pending, &now), 0);

	/* After a reboot the time of day is all that there is. */
	now = (struct pending_clock){"b", 10, pending.from.time_ms + 20000};
	assert_int_equal(pending_left_ms(&pending, &now), 40000);
	now.time_ms += 40000;
	assert_int_equal(pending_left_ms(&pending, &now), 0);
	now.time_ms = 0; /* a machine without a clock */
	assert_int_equal(pending_left_ms(&pending, &now), 60000);
	now = (struct pending_clock){"", 1000000, pending.from.time_ms + 1000};
	assert_int_equal(pending_left_ms(&pending, &now), 59000);
}

static void clock_is_read(void **context)
{
	struct pending_clock first, second;

	(void)context;
	pending_clock_read(&first);
	pending_clock_read(&second);
	assert_int_equal(strlen(first.boot_id), 36);
	assert_string_equal(first.boot_id, second.boot_id);
	assert_true(second.boot_ms >= first.boot_ms && first.boot_ms > 0);
	assert_true(first.time_ms > 1600000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(listed_newest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded_in_number, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded_in_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(pending_is_kept, setup, teardown),
		cmocka_unit_test(due_by_the_right_clock),
		cmocka_unit_test(clock_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
