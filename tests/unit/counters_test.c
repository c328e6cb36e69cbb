/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/base/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct worker_counters counters;

static int clear(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	return 0;
}

static uint64_t all(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < COUNTERS_PAUSES; i++)
		sum += counters.pauses[i];
	return sum;
}

static void test_short_ones_are_none(void **state)
{
	(void)state;
	counters_pause(&counters, 0);
	counters_pause(&counters, 1023);
	assert_int_equal(all(), 0);
	assert_int_equal(counters.longest_pause_ns, 0);
}

/* The first and the last length of each bucket; what is too long counts in the last. */
static void test_bounds(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNTERS_PAUSES; i++) {
		counters_pause(&counters, 1ull << (COUNTERS_PAUSE_SHIFT + i));
		counters_pause(&counters, (2ull << (COUNTERS_PAUSE_SHIFT + i)) - 1);
		assert_int_equal(counters.pauses[i], 2);
	}
	counters_pause(&counters, UINT64_MAX);
	assert_int_equal(counters.pauses[COUNTERS_PAUSES - 1], 3);
	assert_int_equal(all(), 2 * COUNTERS_PAUSES + 1);
}

static void test_longest(void **state)
{
	(void)state;
	counters_pause(&counters, 5000);
	counters_pause(&counters, 70000);
	counters_pause(&counters, 6000);
	assert_int_equal(counters.longest_pause_ns, 70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_short_ones_are_none, clear),
		cmocka_unit_test_setup(test_bounds, clear),
		cmocka_unit_test_setup(test_longest, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
