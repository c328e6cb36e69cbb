/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation of control/config fails once, the first, the second, and so on until none
 * is left to fail. Each time the failure must be reported, nothing may leak (the sanitizer
 * watches) and the configuration must be what it was. The linker turns the library's calls to
 * malloc(), calloc() and realloc() to the functions below (--wrap).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/config/model.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

static unsigned countdown; /* 0: nothing fails; 1: the next one does */
static bool failed;

static bool fails(void)
{
	if (countdown == 0 || --countdown)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
	return fails() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __real_realloc(old, bytes);
}

static const char old_text[] =
	"portgroup add a dev eth0 realm private\n"
	"address add 10.0.0.1/8 portgroup a\n"
	"pool add p external-ip-address 10.0.0.1,10.0.0.2 ports 2000-3000\n"
	"nat add 1 from any to any pool p\n"
	"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.9:1\n"
	"allow add any\n";
static const char new_text[] =
	"allow add 11.0.0.0/8\nallow add 10.0.0.0/8\n"
	"portgroup add a dev eth0 realm private\n"
	"address add 10.0.0.1/8 portgroup a\n"
	"nat add 1 from any to any nat-pass-through\n"
	"pool add q external-ip-address 10.0.0.3\n"
	"service add t address 10.0.0.1 protocol tcp port 1 backend 10.0.0.8:1\n";

static bool parse(struct config *config)
{
	struct config_error error;
	int result = config_parse(config, new_text, strlen(new_text), &error);

	assert_true(result == 0 || result == -ENOMEM);
	return result == 0;
}

static bool statement(struct config *config)
{
	struct config_error error;
	int result = config_statement(config,
				      "service add u address 10.0.0.1 protocol udp port 1 "
				      "backend 10.0.0.9:1 backend 10.0.0.8:1",
				      &error);

	assert_true(result == 0 || result == -ENOMEM);
	return result == 0;
}

static bool pool(struct config *config)
{
	struct config_error error;
	int result = config_statement(config, "pool add r external-ip-address 10.0.0.4", &error);

	assert_true(result == 0 || result == -ENOMEM);
	return result == 0;
}

static bool check(struct config *config)
{
	struct config_error error;
	int result = config_check(config, &error);

	assert_true(result == 0 || result == -ENOMEM);
	return result == 0;
}

static bool copy(struct config *config)
{
	struct config to;
	int result = config_copy(&to, config);

	assert_true(result == 0 || (result == -ENOMEM && to.n_portgroups == 0));
	config_free(&to);
	return result == 0;
}

static bool print(struct config *config)
{
	char *text = config_print(config);

	free(text);
	return text != NULL;
}

static bool diff(struct config *config)
{
	struct config empty;
	struct config_diff changes;
	int result;

	config_init(&empty);
	result = config_diff(&changes, config, &empty);
	assert_true(result == 0 || result == -ENOMEM);
	if (result == 0)
		config_diff_free(&changes);
	return result == 0;
}

static bool compile(struct config *config)
{
	const uint16_t pool_index[CONFIG_POOLS_MAX] = {0};
	struct config_runtime runtime = {.pool_index = pool_index};
	size_t bytes;
	void *block = config_compile(config, &runtime, &bytes);

	free(block);
	return block != NULL;
}

static void fail_each(bool (*operation)(struct config *config))
{
	struct config config;
	struct config_error error;
	unsigned n = 0;

	for (failed = true; failed; n++) {
		char *before, *after;
		bool done;

		config_init(&config);
		assert_int_equal(config_parse(&config, old_text, strlen(old_text), &error), 0);
		before = config_print(&config);
		failed = false;
		countdown = n + 1;
		done = operation(&config);
		countdown = 0;
		assert_int_equal(done, !failed);
		if (failed) {
			after = config_print(&config);
			assert_string_equal(before, after);
			free(after);
		}
		free(before);
		config_free(&config);
	}
	assert_true(n > 1); /* it did allocate */
}

static void test_parse(void **state)
{
	(void)state;
	fail_each(parse);
}

static void test_statement(void **state)
{
	(void)state;
	fail_each(statement);
	fail_each(pool);
}

static void test_check(void **state)
{
	(void)state;
	fail_each(check);
}

static void test_copy_and_print(void **state)
{
	(void)state;
	fail_each(copy);
	fail_each(print);
}

static void test_diff(void **state)
{
	(void)state;
	fail_each(diff);
}

static void test_compile(void **state)
{
	(void)state;
	fail_each(compile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_statement),
		cmocka_unit_test(test_check), cmocka_unit_test(test_copy_and_print),
		cmocka_unit_test(test_diff),  cmocka_unit_test(test_compile),
	};

	return cmocka_run_group_tests_name("config_memory", tests, NULL, NULL);
}
