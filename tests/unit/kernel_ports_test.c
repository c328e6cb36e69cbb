/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ports the kernel may choose beside the pools': pure computation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/netlink/kports.h"

static const struct kports_range usual = {32768, 60999};

/* plan() - the outcome for pools with these port ranges, from nothing reserved */
static struct kports_plan plan(const struct kports_range *pools, size_t n, const char *reserved,
			       struct kports_range range, unsigned lowest)
{
	struct config_pool list[4] = {0};
	struct config config = {.pools = list, .n_pools = n};
	struct kports_set before;
	struct kports_plan out;

	for (size_t i = 0; i < n; i++) {
		list[i].port_first = pools[i].first;
		list[i].port_last = pools[i].last;
	}
	assert_true(kports_parse(&before, reserved));
	kports_plan(&out, &config, &before, range, lowest);
	return out;
}

static void assert_reserved(const struct kports_plan *out, const char *want)
{
	char *text = kports_print(&out->reserved);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void assert_range(const struct kports_plan *out, unsigned first, unsigned last)
{
	assert_int_equal(out->range.first, first);
	assert_int_equal(out->range.last, last);
}

static void text_goes_both_ways(void **state)
{
	static const char *const same[] = {"",	     "1", "1-2", "0,65535", "8080,9148-9150,65535",
					   "0-65535"};
	static const char *const wrong[] = {"x", "1-", "-1", "5-4", "65536", "1;2", "1,,2", "1 2"};
	struct kports_set set;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		char *text;

		assert_true(kports_parse(&set, same[i]));
		text = kports_print(&set);
		assert_string_equal(text, same[i]);
		free(text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(kports_parse(&set, wrong[i]));
	assert_true(kports_parse(&set, "3,1,2"));
	assert_true(kports_has(&set, 1) && kports_has(&set, 2) && kports_has(&set, 3));
	assert_false(kports_has(&set, 0) || kports_has(&set, 4) || kports_has(&set, 65536));
}

static void pool_beside_the_range_leaves_it(void **state)
{
	struct kports_plan out =
		plan((const struct kports_range[]){{61000, 65535}}, 1, "8080", usual, 1024);

	(void)state;
	assert_range(&out, 32768, 60999);
	assert_reserved(&out, "8080,61000-65535");
	assert_false(out.carved);
}

static void exactly_enough_ports_stay(void **state)
{
	/* 32768..33791 are 1024 ports. */
	struct kports_plan out =
		plan((const struct kports_range[]){{33792, 60999}}, 1, "", usual, 1024);

	(void)state;
	assert_range(&out, 32768, 60999);
	out = plan((const struct kports_range[]){{33791, 60999}}, 1, "", usual, 1024);
	assert_int_not_equal(out.range.first, 32768);
}

static void range_moves_to_the_end_of_the_largest_gap(void **state)
{
	struct kports_plan out =
		plan((const struct kports_range[]){{16384, 65535}}, 1, "", usual, 1024);

	(void)state;
	assert_range(&out, 16384 - 4096, 16383);
	assert_reserved(&out, "16384-65535");
	assert_false(out.carved);
	/* Between two pools, and around a port reserved by others. */
	out = plan((const struct kports_range[]){{1024, 29999}, {31000, 65535}}, 2, "30100", usual,
		   1024);
	assert_range(&out, 30102, 30999); /* 30101..30999 has 899 ports: an even start */
	assert_reserved(&out, "1024-29999,30100,31000-65535");
}

static void small_gap_is_worth_it_from_256_ports(void **state)
{
	struct kports_plan out =
		plan((const struct kports_range[]){{1280, 65535}}, 1, "", usual, 1024);

	(void)state;
	assert_range(&out, 1024, 1279);
	assert_false(out.carved);
	out = plan((const struct kports_range[]){{1279, 65535}}, 1, "", usual, 1024);
	assert_true(out.carved);
	/* A gap below the unprivileged ports is none: the kernel refuses such a range. */
	out = plan((const struct kports_range[]){{4096, 65535}}, 1, "", usual, 4000);
	assert_true(out.carved);
}

static void pool_of_all_ports_is_carved(void **state)
{
	struct kports_plan out =
		plan((const struct kports_range[]){{1024, 65535}}, 1, "8080,65000", usual, 1024);
	struct kports_range parts[2];

	(void)state;
	assert_true(out.carved);
	assert_range(&out, 64512, 65535);
	assert_reserved(&out, "1024-64511,65000");
	assert_int_equal(kports_split(&out, (struct kports_range){1024, 65535}, parts), 1);
	assert_int_equal(parts[0].first, 1024);
	assert_int_equal(parts[0].last, 64511);
	assert_int_equal(kports_split(&out, (struct kports_range){65000, 65100}, parts), 0);
	assert_int_equal(kports_split(&out, (struct kports_range){2000, 3000}, parts), 1);
	assert_int_equal(parts[0].last, 3000);
}

static void carved_ports_are_the_largest_pool_s(void **state)
{
	struct kports_plan out = plan((const struct kports_range[]){{1024, 60000}, {60001, 65535}},
				      2, "", usual, 1024);
	struct kports_range parts[2];

	(void)state;
	assert_true(out.carved);
	assert_range(&out, 58977, 60000);
	assert_reserved(&out, "1024-58976,60001-65535");
	assert_int_equal(kports_split(&out, (struct kports_range){60001, 65535}, parts), 1);
	assert_int_equal(kports_split(&out, (struct kports_range){50000, 65535}, parts), 2);
	assert_int_equal(parts[1].first, 60001);
}

static void services_are_reserved_inside_the_range_only(void **state)
{
	struct config_service services[] = {{.port = 443}, {.port = 40000}, {.port = 64000}};
	struct config config = {.services = services, .n_services = 3};
	struct kports_set none = {0};
	struct kports_plan out;

	(void)state;
	kports_plan(&out, &config, &none, usual, 1024);
	assert_reserved(&out, "40000");
	assert_range(&out, 32768, 60999);
}

static void narrow_range_of_the_operator_stays(void **state)
{
	struct kports_range narrow = {20000, 20099};
	struct kports_plan out =
		plan((const struct kports_range[]){{30000, 65535}}, 1, "", narrow, 1024);

	(void)state;
	assert_range(&out, 20000, 20099);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(pool_beside_the_range_leaves_it),
		cmocka_unit_test(exactly_enough_ports_stay),
		cmocka_unit_test(range_moves_to_the_end_of_the_largest_gap),
		cmocka_unit_test(small_gap_is_worth_it_from_256_ports),
		cmocka_unit_test(pool_of_all_ports_is_carved),
		cmocka_unit_test(carved_ports_are_the_largest_pool_s),
		cmocka_unit_test(services_are_reserved_inside_the_range_only),
		cmocka_unit_test(narrow_range_of_the_operator_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
