/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "set session-log": copies, differences, and statements that undo each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config/model.h"

static const char *const statements[] = {
	"set session-log off",
	"set session-log ipfix 192.0.2.9:4739",
	"set session-log ipfix 192.0.2.9:4740",
	"set session-log ipfix 192.0.2.9:4739 destinations on",
	"set session-log ipfix 127.0.0.1:4739",
	"set session-log file /var/log/pgw/a.log",
	"set session-log file /var/log/pgw/b.log",
	"set session-log file /var/log/pgw/b.log destinations on",
};
#define STATEMENTS (sizeof(statements) / sizeof(statements[0]))

static struct config made_by(const char *statement)
{
	struct config_error error;
	struct config config;

	config_init(&config);
	if (config_statement(&config, statement, &error))
		fail_msg("%s: %s", statement, error.text);
	return config;
}

static void test_differences(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATEMENTS; i++) {
		for (unsigned j = 0; j < STATEMENTS; j++) {
			struct config from = made_by(statements[i]), to = made_by(statements[j]);
			struct config_error error;
			struct config_diff diff;

			assert_int_equal(config_diff(&diff, &from, &to), 0);
			assert_int_equal(diff.n_changes, i != j);
			if (diff.n_changes) {
				assert_string_equal(diff.changes[0].statement, statements[j]);
				assert_int_equal(config_statement(&from, statements[j], &error), 0);
				config_diff_free(&diff);
				assert_int_equal(config_diff(&diff, &from, &to), 0);
				assert_int_equal(diff.n_changes, 0);
			}
			config_diff_free(&diff);
			config_free(&from);
			config_free(&to);
		}
	}
}

static void test_copies(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATEMENTS; i++) {
		struct config config = made_by(statements[i]), copy, read;
		struct config_error error;
		struct config_diff diff;
		char *text;

		assert_int_equal(config_copy(&copy, &config), 0);
		assert_int_equal(config_diff(&diff, &config, &copy), 0);
		assert_int_equal(diff.n_changes, 0);
		config_diff_free(&diff);
		config_init(&read);
		text = config_print(&copy);
		assert_int_equal(config_parse(&read, text, strlen(text), &error), 0);
		assert_int_equal(config_diff(&diff, &config, &read), 0);
		assert_int_equal(diff.n_changes, 0);
		config_diff_free(&diff);
		free(text);
		config_free(&read);
		config_free(&copy);
		config_free(&config);
	}
}

/* A statement that is refused leaves what was there. */
static void test_refused(void **state)
{
	struct config config = made_by(statements[5]), before = made_by(statements[5]);
	struct config_error error;
	struct config_diff diff;

	(void)state;
	assert_int_not_equal(
		config_statement(&config, "set session-log ipfix 192.0.2.9:4739 x", &error), 0);
	assert_int_not_equal(config_statement(&config, "set session-log file", &error), 0);
	assert_int_equal(config_diff(&diff, &config, &before), 0);
	assert_int_equal(diff.n_changes, 0);
	config_diff_free(&diff);
	config_free(&config);
	config_free(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
