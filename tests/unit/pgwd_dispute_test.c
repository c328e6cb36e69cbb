/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When what others keep changing is put right, and when it is left as it is for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/reconcile.h"

static struct disputes disputes;

static int setup(void **state)
{
	(void)state;
	memset(&disputes, 0, sizeof(disputes));
	return 0;
}

static bool may(const char *what, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	bool is = dispute_may(&disputes, what, now_ms, &due_ms);

	assert_int_equal(is, due_ms == INT64_MAX);
	assert_true(is || due_ms > now_ms);
	return is;
}

static int64_t mended(const char *what, int64_t now_ms)
{
	unsigned times;

	return dispute_mended(&disputes, what, now_ms, &times);
}

/* Twice at once; from the third time on the wait doubles, up to a minute, and stays there. */
static void test_doubles(void **state)
{
	static const int64_t waits_s[] = {0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
	int64_t now_ms = 5000, due_ms;

	(void)state;
	for (unsigned i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		assert_true(may("a", now_ms));
		assert_int_equal(mended("a", now_ms), waits_s[i] * 1000);
		if (waits_s[i]) {
			due_ms = INT64_MAX;
			assert_false(dispute_may(&disputes, "a", now_ms + 500, &due_ms));
			assert_int_equal(due_ms, now_ms + waits_s[i] * 1000);
			assert_false(may("a", now_ms + waits_s[i] * 1000 - 1));
		}
		assert_true(may("b", now_ms));	   /* it is a thing of its own */
		now_ms += waits_s[i] * 1000 + 600; /* somebody changes it again at once */
	}
}

/* Left alone for long enough, it begins anew. */
static void test_peace(void **state)
{
	int64_t now_ms = 5000;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		mended("a", now_ms);
	assert_int_equal(mended("a", now_ms + 1000 + RECONCILE_PEACE_MS - 1), 2000);
	now_ms += 1000 + RECONCILE_PEACE_MS - 1 + 2000;
	assert_int_equal(mended("a", now_ms + RECONCILE_PEACE_MS), 0);
	assert_int_equal(mended("a", now_ms + RECONCILE_PEACE_MS), 0);
	assert_int_equal(mended("a", now_ms + RECONCILE_PEACE_MS), 1000);
}

/* Of more things than are remembered the oldest is forgotten, not one that is in dispute now. */
static void test_many(void **state)
{
	char what[32];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		mended("a", 100000);
	for (unsigned i = 0; i < RECONCILE_THINGS_MAX; i++) {
		(void)snprintf(what, sizeof(what), "thing %u", i);
		mended(what, 1000 + i);
	}
	assert_false(may("a", 100500));
	(void)snprintf(what, sizeof(what), "thing %u", RECONCILE_THINGS_MAX - 1);
	assert_int_equal(mended(what, 1100), 0);
	assert_int_equal(mended(what, 1100), 1000); /* the third time: it was not forgotten */
}

/* An interface that is made anew: what was mended at the former one does not count. */
static void test_forget(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		mended("address 10.0.0.1/8 added to eth2", 5000);
		mended("address 10.0.0.1/8 added to eth3", 5000);
	}
	dispute_forget(&disputes, "eth2");
	assert_true(may("address 10.0.0.1/8 added to eth2", 5001));
	assert_false(may("address 10.0.0.1/8 added to eth3", 5001));
	assert_int_equal(mended("address 10.0.0.1/8 added to eth2", 5001), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_doubles, setup),
		cmocka_unit_test_setup(test_peace, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_forget, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
