/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of random configurations: print and parse, copy, diff. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/config/kind.h"
#include "control/config/model.h"
#include "tests/unit/config_random.h"

#define ROUNDS 400

static void parse(struct config *config, const char *text)
{
	struct config_error error;

	config_init(config);
	if (config_parse(config, text, strlen(text), &error) || config_check(config, &error))
		fail_msg("line %u: %s\n%s", error.line, error.text, text);
}

static void make(struct config *config, uint64_t seed)
{
	char *text = random_config(seed);

	assert_non_null(text);
	parse(config, text);
	free(text);
}

/* Item by item, in memory, without the printer or the diff. */
static void assert_equal(const struct config *a, const struct config *b)
{
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		assert_int_equal(kind_count(a, kind), kind_count(b, kind));
		for (size_t i = 0; i < kind_count(a, kind); i++)
			assert_true(
				kinds[kind].equal(kind_item(a, kind, i), kind_item(b, kind, i)));
	}
	assert_memory_equal(a->timer_s, b->timer_s, sizeof(a->timer_s));
	assert_int_equal(a->flow_capacity, b->flow_capacity);
	assert_int_equal(a->icmp_rate, b->icmp_rate);
}

static void test_print(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct config config, again;
		char *printed, *printed_again;

		make(&config, seed);
		printed = config_print(&config);
		parse(&again, printed);
		assert_equal(&config, &again);
		printed_again = config_print(&again);
		assert_string_equal(printed, printed_again);
		free(printed);
		free(printed_again);
		config_free(&config);
		config_free(&again);
	}
}

static void test_copy(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct config config, copy;
		char *before, *after;

		make(&config, seed);
		before = config_print(&config);
		assert_int_equal(config_copy(&copy, &config), 0);
		assert_equal(&config, &copy);
		config_free(&config); /* the copy must not lean on it */
		after = config_print(&copy);
		assert_string_equal(before, after);
		free(before);
		free(after);
		config_free(&copy);
	}
}

static void test_diff(void **state)
{
	size_t changes = 0;
	(void)state;

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct config from, to;
		struct config_diff diff, rest;
		struct config_error error;

		make(&from, seed);
		make(&to, seed * 31 + 5);
		assert_int_equal(config_diff(&diff, &from, &to), 0);
		for (size_t i = 0; i < diff.n_changes; i++)
			if (config_statement(&from, diff.changes[i].statement, &error))
				fail_msg("%s: %s", diff.changes[i].statement, error.text);
		assert_equal(&from, &to);
		assert_int_equal(config_check(&from, &error), 0);
		assert_int_equal(config_diff(&rest, &from, &to), 0);
		assert_int_equal(rest.n_changes, 0);
		changes += diff.n_changes;
		config_diff_free(&diff);
		config_diff_free(&rest);
		config_free(&from);
		config_free(&to);
	}
	assert_true(changes > 10 * ROUNDS); /* the pairs did differ */
}

static void assert_diff(const char *from_text, const char *to_text, const char *const *expected)
{
	struct config from, to;
	struct config_diff diff;
	struct config_error error;
	size_t n = 0;

	config_init(&from);
	config_init(&to);
	assert_int_equal(config_parse(&from, from_text, strlen(from_text), &error), 0);
	assert_int_equal(config_parse(&to, to_text, strlen(to_text), &error), 0);
	assert_int_equal(config_diff(&diff, &from, &to), 0);
	for (; expected[n]; n++) {
		assert_true(n < diff.n_changes);
		assert_string_equal(diff.changes[n].statement, expected[n]);
	}
	assert_int_equal(diff.n_changes, n);
	config_diff_free(&diff);
	config_free(&from);
	config_free(&to);
}

static void test_order(void **state)
{
	static const char *const changed[] = {
		"allow del 10.0.0.0/8",
		"address del 10.0.0.1/8 portgroup a",
		"portgroup del a",
		"set timer udp-timeout default",
		"set icmp-rate 7",
		"portgroup add b dev eth0 realm private",
		"address add 10.0.0.1/16 portgroup b",
		"allow add 10.0.0.0/8 description \"x \\\" y\"",
		NULL,
	};
	static const char *const nothing[] = {NULL};
	(void)state;

	assert_diff("portgroup add a dev eth0 realm private\naddress add 10.0.0.1/8 portgroup a\n"
		    "allow add 10.0.0.0/8\nset timer udp-timeout 9\n",
		    "set icmp-rate 7\nallow add 10.0.0.0/8 description \"x \\\" y\"\n"
		    "address add 10.0.0.1/16 portgroup b\nportgroup add b dev eth0 realm private\n",
		    changed);
	/* Lines are never compared. */
	assert_diff("allow add 10.0.0.0/8\n", "\n\nallow add 10.0.0.0/8\n", nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("config_diff", tests, NULL, NULL);
}
