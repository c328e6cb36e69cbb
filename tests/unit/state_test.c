/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_test - the database opens, keeps, and fails without losing anything. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "control/state/schema.h"
#include "control/state/state.h"

static char directory[64], file[96];

static void remove_files(void)
{
	static const char *const names[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", file, names[i]);
		unlink(path);
	}
}

static int setup(void **context)
{
	(void)context;
	snprintf(directory, sizeof(directory), "/tmp/state_test.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/" STATE_FILE_NAME, directory);
	return 0;
}

static int teardown(void **context)
{
	(void)context;
	remove_files();
	return rmdir(directory);
}

static struct state *opened(void)
{
	struct state_error error = {.text = ""};
	struct state *state;
	int code = state_open(&state, directory, &error);

	if (code)
		print_error("%s\n", error.text);
	assert_int_equal(code, 0);
	return state;
}

static void run(struct state *state, const char *sql)
{
	struct state_error error = {.text = ""};
	int code = state_run(state, &error, sql, "");

	if (code < 0)
		print_error("%s\n", error.text);
	assert_true(code >= 0);
}

/* The single number that @sql selects. */
static int64_t number(struct state *state, const char *sql)
{
	struct state_error error = {.text = ""};
	struct state_rows *rows;
	int64_t value;

	assert_int_equal(state_query(state, &rows, &error, sql, ""), 0);
	assert_int_equal(state_next(rows, &error), 1);
	value = state_int(rows, 0);
	state_rows_free(rows);
	return value;
}

static void opens_and_keeps(void **context)
{
	struct state *state = opened();
	struct state_error error;
	struct state_rows *rows;
	struct stat status;
	size_t bytes;

	(void)context;
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(number(state, "PRAGMA user_version"), schema_n_steps);
	assert_int_equal(number(state, "PRAGMA synchronous"), 2);
	run(state, "CREATE TABLE t (n INTEGER, x TEXT, y BLOB)");
	assert_int_equal(state_run(state, &error, "INSERT INTO t VALUES (?, ?, ?)", "itb",
				   (int64_t)-7, "größer", "a\0b", (size_t)3),
			 1);
	assert_int_equal(state_run(state, &error, "INSERT INTO t VALUES (?, ?, ?)", "itb",
				   (int64_t)8, NULL, NULL, (size_t)0),
			 1);
	state_close(state);

	state = opened();
	assert_int_equal(state_query(state, &rows, &error, "SELECT * FROM t ORDER BY n", ""), 0);
	assert_int_equal(state_next(rows, &error), 1);
	assert_int_equal(state_int(rows, 0), -7);
	assert_string_equal(state_text(rows, 1), "größer");
	assert_memory_equal(state_blob(rows, 2, &bytes), "a\0b", 3);
	assert_int_equal(bytes, 3);
	assert_int_equal(state_next(rows, &error), 1);
	assert_null(state_text(rows, 1));
	assert_null(state_blob(rows, 2, &bytes));
	assert_int_equal(state_next(rows, &error), 0);
	state_rows_free(rows);
	state_close(state);
}

static void transactions(void **context)
{
	struct state *state = opened();
	struct state_error error;

	(void)context;
	run(state, "CREATE TABLE t (n INTEGER UNIQUE)");
	assert_int_equal(state_begin(state, &error), 0);
	run(state, "INSERT INTO t VALUES (1)");
	state_rollback(state);
	assert_int_equal(number(state, "SELECT count(*) FROM t"), 0);
	assert_int_equal(state_begin(state, &error), 0);
	run(state, "INSERT INTO t VALUES (1)");
	assert_int_equal(state_commit(state, &error), 0);
	assert_int_equal(number(state, "SELECT count(*) FROM t"), 1);
	assert_int_equal(state_run(state, &error, "INSERT INTO t VALUES (1)", ""), -EEXIST);
	assert_non_null(strstr(error.text, "UNIQUE"));
	assert_true(state_run(state, &error, "INSERT INTO nowhere VALUES (1)", "") < 0);
	assert_non_null(strstr(error.text, "no such table"));
	state_close(state);
}

static void write_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void damaged_file_is_left_alone(void **context)
{
	static const char text[] = "this is no database, but it may be somebody's file\n";
	struct state_error error = {.text = ""};
	char found[sizeof(text)] = "";
	struct state *state;
	FILE *in;

	(void)context;
	write_file(text);
	assert_int_equal(state_open(&state, directory, &error), -EBADMSG);
	assert_null(state);
	assert_non_null(strstr(error.text, file));
	assert_non_null(strstr(error.text, "move it away"));
	in = fopen(file, "r");
	assert_non_null(in);
	assert_int_equal(fread(found, 1, sizeof(found) - 1, in), sizeof(text) - 1);
	fclose(in);
	assert_string_equal(found, text);
}

static void newer_schema_is_left_alone(void **context)
{
	struct state_error error = {.text = ""};
	struct state *state = opened();
	char sql[64];

	(void)context;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", schema_n_steps + 1);
	run(state, sql);
	state_close(state);
	assert_int_equal(state_open(&state, directory, &error), -EPROTO);
	assert_non_null(strstr(error.text, "newer"));
}

static void no_directory(void **context)
{
	struct state_error error = {.text = ""};
	struct state *state;

	(void)context;
	assert_int_equal(state_open(&state, "/nonexistent/directory", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/directory/" STATE_FILE_NAME));
	assert_int_equal(mkdir(file, 0700), 0);
	assert_true(state_open(&state, directory, &error) < 0);
	assert_int_equal(rmdir(file), 0);
}

static void locked_by_another(void **context)
{
	struct state_error error = {.text = ""};
	struct state *state = opened();
	sqlite3 *other;

	(void)context;
	run(state, "CREATE TABLE t (n INTEGER)");
	assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(number(state, "SELECT count(*) FROM t"), 0); /* reading goes on */
	assert_int_equal(state_begin(state, &error), -EBUSY);
	assert_non_null(strstr(error.text, "locked"));
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	run(state, "INSERT INTO t VALUES (1)");
	state_close(state);
}

static void full_disk(void **context)
{
	struct state_error error = {.text = ""};
	struct state *state = opened();

	(void)context;
	run(state, "CREATE TABLE t (x BLOB)");
	run(state, "PRAGMA max_page_count = 20");
	assert_int_equal(state_begin(state, &error), 0);
	run(state, "INSERT INTO t VALUES (zeroblob(10))");
	assert_int_equal(state_run(state, &error, "INSERT INTO t VALUES (zeroblob(1000000))", ""),
			 -ENOSPC);
	assert_non_null(strstr(error.text, "disk is full"));
	state_rollback(state);
	assert_int_equal(number(state, "SELECT count(*) FROM t"), 0);
	run(state, "PRAGMA max_page_count = 100000");
	run(state, "INSERT INTO t VALUES (zeroblob(1000000))");
	state_close(state);
}

/* Makes the nth write or sync of SQLite fail, and all that follow. */
static int64_t calls_left;

static ssize_t failing_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if (calls_left-- > 0)
		return pwrite(fd, bytes, n, at);
	errno = ENOSPC;
	return -1;
}

static int failing_ftruncate(int fd, off_t size)
{
	if (calls_left-- > 0)
		return ftruncate(fd, size);
	errno = EIO;
	return -1;
}

static void inject(bool on)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	vfs->xSetSystemCall(vfs, "pwrite64", on ? (sqlite3_syscall_ptr)failing_pwrite : NULL);
	vfs->xSetSystemCall(vfs, "pwrite", on ? (sqlite3_syscall_ptr)failing_pwrite : NULL);
	vfs->xSetSystemCall(vfs, "ftruncate", on ? (sqlite3_syscall_ptr)failing_ftruncate : NULL);
}

/* Opens, and adds a pair of rows to each table. Return: 0, or the first error. */
static int whole_life(struct state_error *error)
{
	struct state *state;
	int code = state_open(&state, directory, error);

	if (code)
		return code;
	code = state_begin(state, error);
	for (int i = 0; code >= 0 && i < 2; i++)
		code = state_run(state, error,
				 "INSERT INTO revision (time_ms, origin, uid, pid, user, comment,"
				 " changes, same_as, bytes, text)"
				 " VALUES (1, 'test', 0, 0, '', '', 0, 0, 9000, zeroblob(9000))",
				 "");
	code = code < 0 ? code : state_commit(state, error);
	state_close(state);
	return code;
}

static void nth_write_fails(void **context)
{
	int64_t committed = 0;
	unsigned n = 0;
	int code;

	(void)context;
	do {
		struct state_error error = {.text = ""};
		struct state *state;
		int64_t rows;

		calls_left = n++;
		inject(true);
		code = whole_life(&error);
		inject(false);
		if (code)
			assert_true(error.text[0]);
		state = opened();
		rows = number(state, "SELECT count(*) FROM revision");
		assert_int_equal(rows % 2, 0); /* both of a pair, or none */
		assert_true(rows >= committed && rows <= committed + 2);
		assert_true(code || rows == committed + 2);
		committed = rows;
		state_close(state);
	} while (calls_left < 0 && n < 1000);
	assert_true(n > 10 && n < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_and_keeps, setup, teardown),
		cmocka_unit_test_setup_teardown(transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_file_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_schema_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(no_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(locked_by_another, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(nth_write_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
