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

/* Item by item, in memory, without the printer. */
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
	assert_int_equal(a->connection_limit, b->connection_limit);
	assert_int_equal(a->mapping_limit, b->mapping_limit);
	assert_int_equal(a->creation_rate, b->creation_rate);
	assert_int_equal(a->mss_clamp, b->mss_clamp);
	assert_int_equal(a->dead_flow, b->dead_flow);
	assert_int_equal(a->workers, b->workers);
}

/* By the printer alone: assert_equal() leans on the comparison that config_diff() uses. */
static void assert_same_text(const struct config *a, const struct config *b)
{
	char *a_text = config_print(a), *b_text = config_print(b);

	assert_string_equal(a_text, b_text);
	free(a_text);
	free(b_text);
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
		assert_same_text(&from, &to);
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
	static const char *const changed_settings[] = {
		"set connection-limits default",
		"set creation-rate 8",
		"set mss-clamp 1400",
		"set dead-flow rst",
		NULL,
	};
	static const char *const nothing[] = {NULL};
	(void)state;

	assert_diff("portgroup add a dev eth0 realm private\naddress add 10.0.0.1/8 portgroup a\n"
		    "allow add 10.0.0.0/8\nset timer udp-timeout 9\n",
		    "set icmp-rate 7\nallow add 10.0.0.0/8 description \"x \\\" y\"\n"
		    "address add 10.0.0.1/16 portgroup b\nportgroup add b dev eth0 realm private\n",
		    changed);
	/* A word, a number, and back to what is so without a statement. */
	assert_diff("set mss-clamp path\nset connection-limits 5\n",
		    "set dead-flow rst\nset mss-clamp 1400\nset creation-rate 8\n",
		    changed_settings);
	/* Lines are never compared. */
	assert_diff("allow add 10.0.0.0/8\n", "\n\nallow add 10.0.0.0/8\n", nothing);
}

/* Statements that differ in one member each: every one must make a difference. */
static void test_each_member(void **state)
{
	static const char *const pairs[][2] = {
		{"portgroup add a dev eth0 realm private",
		 "portgroup add a dev eth1 realm private"},
		{"portgroup add a dev eth0 realm private",
		 "portgroup add a dev eth0 realm vsphere"},
		{"portgroup add a dev eth0 realm private",
		 "portgroup add a dev eth0 realm private vlan 1"},
		{"portgroup add a dev eth0 realm private",
		 "portgroup add a dev eth0 realm private last-hop off"},
		{"portgroup add a dev eth0 realm private",
		 "portgroup add a dev eth0 realm private reverse-path off"},
		{"portgroup add a dev eth0 realm private offload off",
		 "portgroup add a dev eth0 realm private offload tc"},
		{"portgroup add a dev eth0 realm private offload tc",
		 "portgroup add a dev eth0 realm private offload auto"},
		{"portgroup add a dev eth0 realm private io xdp",
		 "portgroup add a dev eth0 realm private"},
		{"address add 10.0.0.1/8 portgroup a", "address add 10.0.0.1/9 portgroup a"},
		{"address add 10.0.0.1/8 portgroup a", "address add 10.0.0.1/8 portgroup b"},
		{"route add default via 10.0.0.1", "route add default via 10.0.0.2"},
		{"pool add p external-ip-address 10.0.0.1",
		 "pool add p external-ip-address 10.0.0.2"},
		{"pool add p external-ip-address 10.0.0.1",
		 "pool add p external-ip-address 10.0.0.1,10.0.0.2"},
		{"pool add p external-ip-address 10.0.0.1 ports 1024-2000",
		 "pool add p external-ip-address 10.0.0.1 ports 1025-2000"},
		{"pool add p external-ip-address 10.0.0.1 ports 1024-2000",
		 "pool add p external-ip-address 10.0.0.1 ports 1024-2001"},
		{"pool add p external-ip-address 10.0.0.1",
		 "pool add p external-ip-address 10.0.0.1 mapping-type edm"},
		{"pool add p external-ip-address 10.0.0.1",
		 "pool add p external-ip-address 10.0.0.1 filtering-type adf"},
		{"pool add p external-ip-address 10.0.0.1 port-quota 1",
		 "pool add p external-ip-address 10.0.0.1 port-quota 2"},
		{"nat add 1 from any to any pool p", "nat add 1 from 10.0.0.0/8 to any pool p"},
		{"nat add 1 from any to any pool p", "nat add 1 from any to 10.0.0.0/8 pool p"},
		{"nat add 1 from any to any pool p",
		 "nat add 1 from any to any protocol tcp pool p"},
		{"nat add 1 from any to any pool p", "nat add 1 from any to any pool q"},
		{"nat add 1 from any to any pool p", "nat add 1 from any to any nat-pass-through"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.3 protocol tcp port 1 backend 10.0.0.2:1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol udp port 1 backend 10.0.0.2:1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 2 backend 10.0.0.2:1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.4:1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:2"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "backend 10.0.0.2:2"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "balance source-hash"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "balance least-connections"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tls"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp interval 0.5"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp timeout 0.5"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp rise 1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp fall 1"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check http",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check http path /x"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp dead move"},
		{"service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp",
		 "service add s address 10.0.0.1 protocol tcp port 1 backend 10.0.0.2:1 "
		 "check tcp down icmp"},
		{"allow add any", "allow add any description \"x\""},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct config from, to;
		struct config_diff diff;
		struct config_error error;

		config_init(&from);
		config_init(&to);
		assert_int_equal(config_statement(&from, pairs[i][0], &error), 0);
		assert_int_equal(config_statement(&to, pairs[i][1], &error), 0);
		assert_int_equal(config_diff(&diff, &from, &to), 0);
		assert_int_equal(diff.n_changes, 2);
		assert_memory_equal(diff.changes[1].statement, pairs[i][1],
				    strchr(pairs[i][1], ' ') - pairs[i][1]);
		for (size_t j = 0; j < 2; j++)
			assert_int_equal(config_statement(&from, diff.changes[j].statement, &error),
					 0);
		assert_same_text(&from, &to);
		config_diff_free(&diff);
		config_free(&from);
		config_free(&to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),	    cmocka_unit_test(test_copy),
		cmocka_unit_test(test_diff),	    cmocka_unit_test(test_order),
		cmocka_unit_test(test_each_member),
	};

	return cmocka_run_group_tests_name("config_diff", tests, NULL, NULL);
}
