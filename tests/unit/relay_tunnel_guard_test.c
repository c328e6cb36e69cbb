/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/tunnel_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_wrong_guess_waits_longer(void **state)
{
	struct tunnel_guard guard = {.key = 12345};
	uint64_t now = 1000000;

	(void)state;
	assert_int_equal(tunnel_guard_delay(&guard, 7, now), 0);
	assert_int_equal(tunnel_guard_failed(&guard, 7, now), 500);
	assert_int_equal(tunnel_guard_delay(&guard, 7, now + 100), 400);
	assert_int_equal(tunnel_guard_delay(&guard, 7, now + 500), 0);
	assert_int_equal(tunnel_guard_failed(&guard, 7, now), 1000);
	for (unsigned i = 0; i < 100; i++)
		tunnel_guard_failed(&guard, 7, now);
	assert_int_equal(tunnel_guard_delay(&guard, 7, now), 16000);
	assert_int_equal(tunnel_guard_delay(&guard, 8, now), 0); /* nobody else */
}

static void a_quiet_time_forgets(void **state)
{
	struct tunnel_guard guard = {.key = 12345};

	(void)state;
	tunnel_guard_failed(&guard, 7, 1000);
	tunnel_guard_failed(&guard, 7, 2000);
	assert_int_equal(tunnel_guard_failed(&guard, 7, 2000 + GUARD_FORGET_MS + 1), 500);
}

/* Many others who guess may push one out, but never more than its neighbourhood holds. */
static void many_guessers_do_not_forget_the_latest(void **state)
{
	struct tunnel_guard guard = {.key = 99};

	(void)state;
	for (uint32_t i = 1; i < 100000; i++) {
		tunnel_guard_failed(&guard, i, 1000 + i);
		assert_true(tunnel_guard_delay(&guard, i, 1000 + i) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_guess_waits_longer),
		cmocka_unit_test(a_quiet_time_forgets),
		cmocka_unit_test(many_guessers_do_not_forget_the_latest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
