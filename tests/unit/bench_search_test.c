/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct device {
	double limit; /* passes up to here */
	unsigned trials, stumbles, gives_up_at;
};

static int trial(void *context, double rate)
{
	struct device *device = context;

	device->trials++;
	if (device->gives_up_at == device->trials)
		return -1;
	if (device->stumbles && device->trials % device->stumbles == 0)
		return 0;
	return rate <= device->limit;
}

static const struct search usual = {.high = 1000, .precision = 0.02, .trials = 12, .attempts = 1};

static void test_finds_limit(void **state)
{
	(void)state;
	for (double limit = 50; limit < 1000; limit += 97) {
		struct device device = {.limit = limit};
		double found = search_run(usual, trial, &device);

		assert_true(found <= limit);
		assert_true(found >= limit - 0.02 * 1000);
		assert_in_range(device.trials, 1, 12);
	}
}

/* What passes at once is not searched any further. */
static void test_highest_passes(void **state)
{
	struct device device = {.limit = 5000};

	(void)state;
	assert_true(search_run(usual, trial, &device) >= 1000);
	assert_int_equal(device.trials, 1);
}

static void test_nothing_passes(void **state)
{
	struct device device = {.limit = -1};

	(void)state;
	assert_true(search_run(usual, trial, &device) <= 0);
	assert_int_equal(device.trials, 12);
}

/* One trial of three fails by accident; with a second attempt the limit is found all the same. */
static void test_accidents(void **state)
{
	struct device device = {.limit = 700, .stumbles = 3};
	struct search search = usual;
	double found;

	(void)state;
	search.attempts = 2;
	found = search_run(search, trial, &device);
	assert_true(found <= 700 && found >= 680);
	assert_in_range(device.trials, 12, 24);
}

static void test_gives_up(void **state)
{
	struct device device = {.limit = 700, .gives_up_at = 4};

	(void)state;
	assert_true(search_run(usual, trial, &device) < 0);
	assert_int_equal(device.trials, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_limit),    cmocka_unit_test(test_highest_passes),
		cmocka_unit_test(test_nothing_passes), cmocka_unit_test(test_accidents),
		cmocka_unit_test(test_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
