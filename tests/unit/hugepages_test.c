/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On a file that stands for the machine's parameter. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/netlink/hugepages.h"

static char directory[] = "/tmp/pgw-hugepages-XXXXXX";
static char parameter[64], record[96], record_directory[64];

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static size_t read_text(const char *path, char text[128])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, 127);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static void choose(const char *value)
{
	static const char *const values[] = {"always", "within_size", "advise",
					     "never",  "deny",	      "force"};
	char text[128] = "";

	for (unsigned i = 0; i < 6; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 strcmp(values[i], value) ? "%s " : "[%s] ", values[i]);
	write_text(parameter, text);
}

/* What was written into the file since it was chosen, as the kernel would take it; "" nothing. */
static const char *written(void)
{
	static const char *const values[] = {"advise", "never"};
	char text[128];

	read_text(parameter, text);
	for (unsigned i = 0; i < 2; i++) {
		if (strncmp(text, values[i], strlen(values[i])) != 0)
			continue;
		choose(values[i]);
		return values[i];
	}
	return "";
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(parameter, sizeof(parameter), "%s/shmem_enabled", directory);
	snprintf(record_directory, sizeof(record_directory), "%s/run", directory);
	snprintf(record, sizeof(record), "%s/huge-pages", record_directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(record);
	rmdir(record_directory);
	unlink(parameter);
	return rmdir(directory);
}

static struct hugepages pages(void)
{
	struct hugepages some;

	hugepages_init(&some, parameter, record);
	return some;
}

static void never_is_set_and_given_back(void **state)
{
	struct hugepages one = pages();
	char value[HUGEPAGES_VALUE], text[128];

	(void)state;
	choose("never");
	assert_int_equal(hugepages_take(&one), 1);
	assert_string_equal(written(), "advise");
	assert_int_equal(hugepages_value(&one, value), 0);
	assert_string_equal(value, "advise");
	assert_true(hugepages_taken(&one));
	read_text(record, text);
	assert_string_equal(text, "never");
	/* It is asked for again when the table is made anew. */
	assert_int_equal(hugepages_take(&one), 0);
	hugepages_give_back(&one);
	assert_string_equal(written(), "never");
	assert_int_equal(read_text(record, text), 0);
	assert_false(hugepages_taken(&one));
	hugepages_give_back(&one);
}

static void others_choice_stays(void **state)
{
	static const char *const choices[] = {"always", "within_size", "advise", "deny", "force"};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct hugepages one = pages();
		char before[128], after[128];

		choose(choices[i]);
		read_text(parameter, before);
		assert_int_equal(hugepages_take(&one), 0);
		assert_false(hugepages_taken(&one));
		hugepages_give_back(&one);
		read_text(parameter, after);
		assert_string_equal(before, after);
	}
}

static void last_one_gives_back(void **state)
{
	struct hugepages one = pages(), other = pages();

	(void)state;
	choose("never");
	assert_int_equal(hugepages_take(&one), 1);
	assert_string_equal(written(), "advise");
	assert_int_equal(hugepages_take(&other), 0);
	assert_true(hugepages_taken(&other));
	hugepages_give_back(&one);
	assert_string_equal(written(), "");
	hugepages_give_back(&other);
	assert_string_equal(written(), "never");
}

/* Whoever is killed leaves lock and descriptor to the kernel, and the record to the next. */
static void killed_one_is_followed(void **state)
{
	struct hugepages killed = pages(), next = pages();

	(void)state;
	choose("never");
	assert_int_equal(hugepages_take(&killed), 1);
	assert_string_equal(written(), "advise");
	hugepages_leave(&killed);
	assert_int_equal(hugepages_take(&next), 0);
	assert_true(hugepages_taken(&next));
	hugepages_give_back(&next);
	assert_string_equal(written(), "never");
}

static void later_choice_stays(void **state)
{
	struct hugepages one = pages();
	char text[128];

	(void)state;
	choose("never");
	assert_int_equal(hugepages_take(&one), 1);
	assert_string_equal(written(), "advise");
	choose("always");
	hugepages_give_back(&one);
	read_text(parameter, text);
	assert_non_null(strstr(text, "[always]"));
	/* nor is "advise", chosen after that, taken for ours */
	choose("advise");
	assert_int_equal(hugepages_take(&one), 0);
	assert_false(hugepages_taken(&one));
	hugepages_give_back(&one);
	assert_string_equal(written(), "");
}

static void trouble_changes_nothing(void **state)
{
	struct hugepages one;

	(void)state;
	hugepages_init(&one, "/nonexistent/shmem_enabled", record);
	assert_int_equal(hugepages_take(&one), -ENOENT);
	/* Without a record nobody would know what had been before. */
	choose("never");
	hugepages_init(&one, parameter, "/proc/nowhere/huge-pages");
	assert_true(hugepages_take(&one) < 0);
	assert_string_equal(written(), "");
	hugepages_give_back(&one);
	one = pages();
	write_text(parameter, "neither this nor that\n");
	assert_int_equal(hugepages_take(&one), -EPROTO);
	write_text(parameter, "[a value that is longer than any]\n");
	assert_int_equal(hugepages_take(&one), -EPROTO);
	/* It can be read, and not be written. */
	hugepages_init(&one, "/proc/self/cmdline", record);
	assert_int_equal(hugepages_take(&one), -EPROTO);
	assert_int_equal(one.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_is_set_and_given_back),
		cmocka_unit_test(others_choice_stays),
		cmocka_unit_test(last_one_gives_back),
		cmocka_unit_test(killed_one_is_followed),
		cmocka_unit_test(later_choice_stays),
		cmocka_unit_test(trouble_changes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
