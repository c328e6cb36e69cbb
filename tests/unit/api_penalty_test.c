/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/api/penalty.h"

static struct penalty penalty;

static void burst_then_one_a_second(void **state)
{
	int64_t now_ms = 1000000, held_ms = 0;

	(void)state;
	penalty = (struct penalty){.full_ms = {0}};
	for (unsigned i = 0; i < PENALTY_BURST; i++)
		assert_int_equal(penalty_take(&penalty, "192.0.2.1", now_ms), 0);
	for (unsigned i = 1; i <= PENALTY_HELD_MS / PENALTY_INTERVAL_MS; i++) {
		held_ms = penalty_take(&penalty, "192.0.2.1", now_ms);
		assert_int_equal(held_ms, i * PENALTY_INTERVAL_MS);
	}
	assert_int_equal(held_ms, PENALTY_HELD_MS);
	assert_int_equal(penalty_take(&penalty, "192.0.2.1", now_ms), -1);
	/* Those that are refused at once do not make it worse. */
	assert_int_equal(penalty_take(&penalty, "192.0.2.1", now_ms + PENALTY_INTERVAL_MS),
			 PENALTY_HELD_MS);
	assert_int_equal(penalty_take(&penalty, "192.0.2.2", now_ms), 0);
	assert_int_equal(penalty_take(&penalty, "192.0.2.1", now_ms + 3600000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(burst_then_one_a_second)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
