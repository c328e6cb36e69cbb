/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spin - when the loop stays awake: between packets that follow closely, and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "datapath/process/spin.h"

/* live() - one frame every @gap_ns, @n times. Return: how long the loop spun in vain, in all. */
static uint64_t live(struct spin *spin, uint64_t *now, uint64_t gap_ns, unsigned n)
{
	uint64_t vain = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t until = spin_begin(spin, *now), next = *now + gap_ns;

		if (next >= until) { /* slept, and was woken */
			vain += until - *now;
			spin_learn(spin, next, true);
		}
		*now = next;
	}
	return vain;
}

static void test_close_frames(void **state)
{
	struct spin spin = {0};
	uint64_t now = 1;

	(void)state;
	live(&spin, &now, 20000, 10);
	assert_in_range(spin.ns, 20000, SPIN_MAX_NS);
	assert_int_equal(live(&spin, &now, 20000, 1000), 0); /* none of them woke it */
}

/* Whatever the gap, at most the one spin that finds out is in vain. */
static void test_far_frames(void **state)
{
	(void)state;
	for (uint64_t gap = SPIN_MAX_NS + 1; gap < 10000000; gap += 7777) {
		struct spin spin = {.ns = SPIN_MAX_NS};
		uint64_t now = 1;

		assert_in_range(live(&spin, &now, gap, 1000), 0, SPIN_MAX_NS);
		assert_int_equal(spin.ns, 0);
	}
}

/* Woken by something else than a frame: a timer, control. */
static void test_no_frames(void **state)
{
	struct spin spin = {.ns = SPIN_MAX_NS};
	uint64_t now = 1;

	(void)state;
	spin_begin(&spin, now);
	spin_learn(&spin, now + 1000, false);
	assert_int_equal(spin_begin(&spin, now + 1000), now + 1000);
}

/* It never grows beyond its bound. */
static void test_bound(void **state)
{
	struct spin spin = {0};
	uint64_t now = 1;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		spin_begin(&spin, now);
		spin_learn(&spin, now + SPIN_MAX_NS, true);
		assert_in_range(spin.ns, 1, SPIN_MAX_NS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_frames),
		cmocka_unit_test(test_far_frames),
		cmocka_unit_test(test_no_frames),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
