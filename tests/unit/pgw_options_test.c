/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pgw/options.h"

#define WORDS_MAX 6

/* Options from words that end with NULL. Return: what options_parse() did. */
static int parse(struct options *options, char *const words[WORDS_MAX])
{
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	while (argc < WORDS_MAX && words[argc]) {
		argv[argc] = words[argc];
		argc++;
	}
	memset(options, 0, sizeof(*options));
	return options_parse(options, argc, argv);
}

static int parse_one(struct options *options, char *word)
{
	return parse(options, (char *const[WORDS_MAX]){word});
}

static void flags(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		parse(&o, (char *const[WORDS_MAX]){"-h", "-s", "-d", "-o", "-br", "route"}), 5);
	assert_true(o.human && o.statistics && o.details && o.oneline && o.brief);
	assert_false(o.help || o.batch || o.json || o.pretty || o.timestamp || o.force ||
		     o.version);
	assert_int_equal(parse(&o, (char *const[WORDS_MAX]){"-t", "--json", "-pretty", "-f", "-V"}),
			 5);
	assert_true(o.timestamp && o.json && o.pretty && o.force && o.version);
	assert_int_equal(parse_one(&o, "-he"), 1);
	assert_true(o.help && !o.human);
	assert_int_equal(parse_one(&o, "-hu"), 1);
	assert_true(o.human && !o.help);
	assert_int_equal(parse_one(&o, "--version"), 1);
	assert_true(o.version);
}

static void values(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, (char *const[WORDS_MAX]){"-r", "/x", "-batch", "-", "-j"}), 5);
	assert_string_equal(o.rundir, "/x");
	assert_string_equal(o.batch, "-");
	assert_true(o.json);
	assert_int_equal(parse_one(&o, "--rundir=/y"), 1);
	assert_string_equal(o.rundir, "/y");
	assert_int_equal(parse_one(&o, "-c"), 1);
	assert_int_equal(o.colour, COLOUR_ALWAYS);
	assert_int_equal(parse_one(&o, "-color=auto"), 1);
	assert_int_equal(o.colour, COLOUR_AUTO);
	assert_int_equal(parse_one(&o, "-c=never"), 1);
	assert_int_equal(o.colour, COLOUR_NEVER);
}

static void ends(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, (char *const[WORDS_MAX]){"route", "-j"}), 0);
	assert_int_equal(parse(&o, (char *const[WORDS_MAX]){"-", "-j"}), 0);
	assert_int_equal(parse(&o, (char *const[WORDS_MAX]){"-j", "--", "-p"}), 2);
	assert_false(o.pretty);
	assert_int_equal(parse_one(&o, NULL), 0);
}

static void refused(void **state)
{
	static char *const wrong[] = {"-b",	"-x",  "-jsonx", "-v",	 "-=",	"-r",
				      "-batch", "-c=", "-c=x",	 "-j=1", "--=x"};
	struct options o;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (parse_one(&o, wrong[i]) != -1)
			fail_msg("%s was accepted", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),
		cmocka_unit_test(values),
		cmocka_unit_test(ends),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
