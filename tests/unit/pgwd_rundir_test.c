/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/rundir.h"

static void second_instance_is_refused(void **state)
{
	char base[] = "/tmp/rundir-test.XXXXXX", run[60], lib[60], lock[90], expected[32];
	struct ctl_error error;
	struct stat status;
	int first, second;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(run, sizeof(run), "%s/a/run", base);
	snprintf(lib, sizeof(lib), "%s/lib", base);
	snprintf(lock, sizeof(lock), "%s/" RUNDIR_LOCK_NAME, run);
	umask(022);
	first = rundir_open(run, lib, &error);
	assert_true(first >= 0);
	assert_int_equal(stat(run, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0755);
	assert_int_equal(stat(lib, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	second = rundir_open(run, lib, &error);
	assert_int_equal(second, -EBUSY);
	snprintf(expected, sizeof(expected), "(pid %d)", getpid());
	assert_non_null(strstr(error.text, expected));
	close(first);
	/* A lock that was left behind is not in the way. */
	second = rundir_open(run, lib, &error);
	assert_true(second >= 0);
	close(second);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(lib), 0);
	*strrchr(run, '/') = '\0';
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(base), 0);
}

static void unusable_names(void **state)
{
	struct ctl_error error;
	char name[200];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(rundir_open(name, "/tmp", &error), -ENAMETOOLONG);
	assert_int_equal(rundir_open("", "/tmp", &error), -ENAMETOOLONG);
	assert_true(rundir_open("/dev/null/x", "/tmp", &error) < 0);
	assert_non_null(strstr(error.text, "/dev/null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_instance_is_refused),
		cmocka_unit_test(unusable_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
