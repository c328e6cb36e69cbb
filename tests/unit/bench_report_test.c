/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of results, storing and reading them, goals, and what of the counters is believed. */
#include "tools/bench/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/bench/hello.h"
#include "tools/bench/way.h"

static void near(double a, double b)
{
	assert_true(fabs(a - b) < 1e-6);
}

static void test_summary(void **state)
{
	const double values[] = {3, NAN, 1, 2, 10}, base[] = {1, 1, 0, 4, NAN};
	struct summary summary = summarise(values, 5);

	(void)state;
	assert_int_equal(summary.n, 4);
	near(summary.min, 1);
	near(summary.max, 10);
	near(summary.median, 2.5);
	summary = summarise_ratio(values, base, 5); /* 3 and 0.5: a base of 0 is none */
	assert_int_equal(summary.n, 2);
	near(summary.median, 1.75);
	assert_int_equal(summarise(values, 0).n, 0);
	assert_true(isnan(summarise(values + 1, 1).median));
}

/* Two variants and two measures, as if they had been measured. */
static struct results *example(void)
{
	struct results *results = results_create();

	assert_non_null(results);
	results->repeats = 3;
	results->variants[results->n_variants++] = catalog_find_variant("nft");
	results->variants[results->n_variants++] = catalog_find_variant("pgw-tc");
	results->measures[results->n_measures++] = catalog_find_measure("udp-64B");
	results->measures[results->n_measures++] = catalog_find_measure("scale-1M");
	for (unsigned i = 0; i < 3; i++) {
		results->value[0][0][0][i] = 500 + i;
		results->value[0][1][0][i] = 1100 + i;
		results->value[0][0][5][i] = 3000; /* the generator alone */
		results->value[0][1][5][i] = 1200;
		results->value[0][0][3][i] = 99; /* the gateway's core */
	}
	results->value[1][1][0][0] = 880;
	results->value[1][1][3][0] = 170;
	snprintf(results->command, sizeof(results->command), "pgw-bench --json x");
	return results;
}

/* A flood tells of the gateway only if the generator is ahead of it and its core is busy. */
static void test_ratio_and_ends(void **state)
{
	struct results *results = example();

	(void)state;
	near(results_ratio(results, 0, 1, 0).median, 1101.0 / 501);
	assert_int_equal(results_ratio(results, 0, 1, 5).n, 0); /* informative: not compared */
	assert_false(results_limited(results, 0, 0));
	assert_true(results_limited(results, 0, 1));
	for (unsigned i = 0; i < 3; i++)
		results->value[0][1][5][i] = 1400;
	assert_false(results_limited(results, 0, 1)); /* how busy is not known: nothing is pinned */
	for (unsigned i = 0; i < 3; i++)
		results->value[0][1][3][i] = 89;
	assert_true(results_limited(results, 0, 1));
	results->value[0][1][3][0] = results->value[0][1][3][1] = 91;
	assert_false(results_limited(results, 0, 1));
	results->measures[0] = catalog_find_measure("tcp-bulk-1"); /* nothing is flooded */
	assert_false(results_limited(results, 0, 1));
	free(results);
}

static void test_goals(void **state)
{
	struct results *results = example();
	const struct goal *goal;
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; (goal = catalog_goal(i)); i++) {
		const struct measure *measure = catalog_find_measure(goal->measure);

		assert_non_null(measure); /* each names something that there is */
		assert_non_null(catalog_find_variant(goal->variant));
		assert_true(catalog_applies(measure, catalog_find_variant(goal->variant)));
		assert_true(!goal->to || catalog_find_measure(goal->to));
		if (strcmp(goal->variant, "pgw-tc") != 0)
			continue;
		if (strcmp(goal->measure, "udp-64B") == 0 && ++seen)
			near(results_goal(results, goal).median, 1101.0 / 501);
		if (strcmp(goal->measure, "scale-1M") == 0 && goal->to && ++seen)
			near(results_goal(results, goal).median, 880.0 / 1100);
		if (strcmp(goal->measure, "scale-1M") == 0 && !goal->to && ++seen)
			near(results_goal(results, goal).median, 170);
	}
	assert_int_equal(seen, 3);
	free(results);
}

static void test_stored_and_read(void **state)
{
	char path[] = "/tmp/bench_report_XXXXXX";
	struct results *results = example(), *again = results_create();

	(void)state;
	close(mkstemp(path));
	assert_int_equal(report_json(results, path), 0);
	assert_int_equal(report_load(again, path), 0);
	unlink(path);
	assert_int_equal(again->n_measures, 2);
	assert_int_equal(again->n_variants, 2);
	assert_string_equal(again->command, results->command);
	for (unsigned m = 0; m < 2; m++)
		for (unsigned v = 0; v < 2; v++)
			for (unsigned k = 0; k < BENCH_METRICS_MAX; k++)
				for (unsigned i = 0; i < 3; i++) {
					double a = results->value[m][v][k][i];
					double b = again->value[m][v][k][i];

					assert_true(isnan(a) == isnan(b));
					if (!isnan(a))
						near(a, b);
				}
	free(results);
	free(again);
}

/* What is no result is refused; unknown names of a later version are passed over. */
static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} cases[] = {
		{"", -1},
		{"{", -1},
		{"[]", -1},
		{"{\"repeats\":0,\"measures\":[]}", -1},
		{"{\"repeats\":51,\"measures\":[]}", -1},
		{"{\"repeats\":2,\"measures\":7}", -1},
		{"{\"repeats\":2,\"measures\":[1,null,{\"name\":\"later\"}],\"variants\":[3,\"x\"]"
		 "}",
		 0},
		{"{\"repeats\":1,\"variants\":[\"nft\"],\"measures\":[{\"name\":\"rtt\","
		 "\"figures\":"
		 "[{\"name\":\"p50\",\"variants\":[{\"variant\":\"nft\",\"values\":[\"a\",1]}]}]}]"
		 "}",
		 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[] = "/tmp/bench_report_XXXXXX";
		struct results *results = results_create();
		int fd = mkstemp(path);

		assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
				 strlen(cases[i].text));
		close(fd);
		assert_int_equal(report_load(results, path), cases[i].ret);
		unlink(path);
		free(results);
	}
}

/* Packets redirected by XDP arrive only where there is NAPI; what they do needs no translation. */
static void test_redirect(void **state)
{
	const struct measure *measure;
	unsigned applies = 0;

	(void)state;
	for (unsigned i = 0; (measure = catalog_measure(i)); i++) {
		bool able = catalog_applies(measure, &variant_redirect_xdp);

		assert_true(!able || (measure->way == WAY_NAPI && !measure->translating));
		assert_true(!able || catalog_applies(measure, &variant_redirect));
		applies += able;
	}
	assert_int_equal(applies, 4); /* three sizes of frames, and the CPU time */
}

/* The sink is of XDP where packets come as its frames, which is where XDP redirects them. */
static void test_sink(void **state)
{
	const struct variant *variant;

	(void)state;
	for (unsigned i = 0; (variant = catalog_variant(i)); i++) {
		bool offload = variant->ours && strcmp(variant->offload, "xdp") == 0;

		assert_int_equal(variant->frames, offload || variant == &variant_redirect_xdp);
	}
}

/* Which counters a way under test leaves. */
static void test_ways(void **state)
{
	const struct measure bulk = {.name = "bulk"}, fresh = {.name = "fresh", .fresh = true};
	const struct way_counts kernel = {.kernel = 100000}, nothing = {0};
	const struct way_counts raw = {.received = 1000};
	const struct way_counts offloaded = {.received = 1000, .offloaded = 990};
	const struct way_counts proxied = {.opened = 3, .accepted = 3};
	const struct way_counts both = {.received = 1000, .offloaded = 990, .kernel = 5000};

	(void)state;
	assert_null(way_judge(&variant_nft, &bulk, &kernel));
	assert_non_null(way_judge(&variant_nft, &bulk, &nothing));
	assert_null(way_judge(&variant_redirect, &bulk, &nothing));
	assert_non_null(way_judge(&variant_redirect, &bulk, &kernel));
	assert_null(way_judge(&variant_pgw, &bulk, &raw));
	assert_non_null(way_judge(&variant_pgw, &bulk, &nothing));
	assert_non_null(way_judge(&variant_pgw, &bulk, &offloaded));
	assert_null(way_judge(&variant_pgw_tc, &bulk, &offloaded));
	assert_non_null(way_judge(&variant_pgw_tc, &bulk, &raw));
	assert_null(way_judge(&variant_pgw_tc, &fresh, &raw));
	assert_non_null(way_judge(&variant_pgw_tc, &bulk, &both));
	assert_null(way_judge(&variant_haproxy, &bulk, &proxied));
	assert_non_null(way_judge(&variant_haproxy, &bulk, &kernel));
	assert_non_null(way_judge(&variant_haproxy, &bulk, &nothing));
}

/* Lengths in a hello fit what they count. */
static void test_hello(void **state)
{
	uint8_t hello[HELLO_BYTES_MAX];
	size_t bytes = hello_make(hello);

	(void)state;
	assert_in_range(bytes, 60, HELLO_BYTES_MAX);
	assert_int_equal(hello[0], 22);
	assert_int_equal(hello[3] << 8 | hello[4], bytes - 5);
	assert_int_equal(hello[6] << 16 | hello[7] << 8 | hello[8], bytes - 9);
	assert_non_null(memmem(hello, bytes, HELLO_NAME, strlen(HELLO_NAME)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary),	  cmocka_unit_test(test_ratio_and_ends),
		cmocka_unit_test(test_goals),	  cmocka_unit_test(test_stored_and_read),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_sink),	  cmocka_unit_test(test_ways),
		cmocka_unit_test(test_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
