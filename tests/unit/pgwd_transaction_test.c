/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/fault.h"
#include "control/transaction.h"

struct fake {
	char log[64]; /* a letter for each step taken, a capital for each undone */
	char fails;   /* the step that fails */
};

static void note(struct fake *fake, char letter)
{
	fake->log[strlen(fake->log)] = letter;
}

static int take(struct fake *fake, char step, struct ctl_error *error)
{
	if (fake->fails == step)
		return fault(error, -5, "%c does not work", step);
	note(fake, step);
	return 0;
}

static void undo(struct fake *fake, char step)
{
	note(fake, step);
}

#define STEP(lower, upper)                                                                         \
	static int take_##lower(void *context, struct ctl_error *error)                            \
	{                                                                                          \
		return take(context, #lower[0], error);                                            \
	}                                                                                          \
	static void undo_##lower(void *context)                                                    \
	{                                                                                          \
		undo(context, #upper[0]);                                                          \
	}
STEP(a, A)
STEP(b, B)
STEP(d, D)
static int take_c(void *context, struct ctl_error *error)
{
	return take(context, 'c', error);
}

static const struct transaction_step steps[] = {
	{"first", take_a, undo_a},
	{"second", take_b, undo_b},
	{"third", take_c, NULL},
	{"fourth", take_d, undo_d},
};

static void expect(char fails, const char *log, const char *text)
{
	struct fake fake = {.fails = fails};
	struct ctl_error error = {.text = ""};
	int code = transaction_run(steps, 4, &fake, &error);

	assert_int_equal(code, fails ? -5 : 0);
	assert_string_equal(fake.log, log);
	assert_string_equal(error.text, text);
}

static void undone_in_reverse(void **state)
{
	(void)state;
	expect('\0', "abcd", "");
	expect('a', "", "first: a does not work");
	expect('b', "aA", "second: b does not work");
	expect('c', "abBA", "third: c does not work");
	expect('d', "abcBA", "fourth: d does not work");
}

static void message_is_kept_whole(void **state)
{
	struct ctl_error error;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault(&error, -1, "%s", text);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	fault_before(&error, "step");
	assert_memory_equal(error.text, "step: xxx", 9);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	/* An argument may be the former text; the place of a former fault does not stay. */
	fault(&error, -1, "short");
	error.line = 3;
	fault(&error, -1, "more: %s", error.text);
	assert_string_equal(error.text, "more: short");
	assert_int_equal(error.line, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undone_in_reverse),
		cmocka_unit_test(message_is_kept_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
