/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process_asks_test - repeated and flooding requests to resolve neighbours are held back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "datapath/process/asks.h"

#define START_NS (1000ull * 1000000000)

static void test_not_repeated(void **state)
{
	struct asks asks = {0};

	(void)state;
	assert_true(asks_admit(&asks, 2, 0x0100000a, START_NS));
	assert_false(asks_admit(&asks, 2, 0x0100000a, START_NS));
	assert_false(asks_admit(&asks, 2, 0x0100000a, START_NS + ASKS_AGAIN_NS - 1));
	/* Another one is another one. */
	assert_true(asks_admit(&asks, 3, 0x0100000a, START_NS));
	assert_true(asks_admit(&asks, 2, 0x0200000a, START_NS));
	assert_true(asks_admit(&asks, 2, 0x0100000a, START_NS + ASKS_AGAIN_NS));
}

static void test_not_sent_may_be_repeated(void **state)
{
	struct asks asks = {0};

	(void)state;
	assert_true(asks_admit(&asks, 2, 1, START_NS));
	asks_forget(&asks, 2, 2);
	asks_forget(&asks, 3, 1);
	assert_false(asks_admit(&asks, 2, 1, START_NS));
	asks_forget(&asks, 2, 1);
	assert_true(asks_admit(&asks, 2, 1, START_NS));
}

static void test_flood(void **state)
{
	struct asks asks = {0};
	unsigned admitted = 0;

	(void)state;
	for (uint32_t addr = 0; addr < 100000; addr++)
		admitted += asks_admit(&asks, 2, addr, START_NS);
	assert_int_equal(admitted, ASKS_AT_ONCE);
	/* Over ten seconds, the average. */
	for (uint32_t ms = 1; ms <= 10000; ms++)
		for (uint32_t i = 0; i < 10; i++)
			admitted += asks_admit(&asks, 2, 1000000 + ms * 10 + i,
					       START_NS + ms * 1000000ull);
	assert_in_range(admitted, 10 * ASKS_PER_S + ASKS_AT_ONCE - 1,
			10 * ASKS_PER_S + ASKS_AT_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_repeated),
		cmocka_unit_test(test_not_sent_may_be_repeated),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
