/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that says something else now keeps its comments, its order and its layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/config/model.h"
#include "tests/unit/config_random.h"

#define ROUNDS 400

static void parse(struct config *config, const char *text)
{
	struct config_error error;

	config_init(config);
	if (config_parse(config, text, strlen(text), &error))
		fail_msg("line %u: %s\n%s", error.line, error.text, text);
}

static void statement(struct config *config, const char *text)
{
	struct config_error error;

	if (config_statement(config, text, &error))
		fail_msg("%s: %s", text, error.text);
}

static const char written[] = "# The office's gateway.\n"
			      "\n"
			      "allow add 10.1.0.0/16\t# the office\n"
			      "  allow   add 10.2.0.0/16 description \"a # b\"   # moves soon\n"
			      "# ours\n"
			      "allow add 10.3.0.0/16\n"
			      "\n"
			      "portgroup add vrack dev eth1 realm private # first cable\n"
			      "address add 172.16.0.1/24 portgroup vrack\n"
			      "# the end";

static void assert_rewritten(const char *text, const struct config *wanted, const char *expected)
{
	char *result = config_rewrite(text, strlen(text), wanted);

	assert_non_null(result);
	assert_string_equal(result, expected);
	free(result);
}

static void test_lines(void **state)
{
	struct config wanted;

	(void)state;
	parse(&wanted, written);
	statement(&wanted, "allow del 10.2.0.0/16");
	statement(&wanted, "allow add 10.2.0.0/16 description \"moved \\\"\"");
	statement(&wanted, "allow del 10.3.0.0/16");
	statement(&wanted, "allow add 10.0.0.0/16");
	statement(&wanted, "nat add 10 from any to any nat-pass-through");
	assert_rewritten(written, &wanted,
			 "# The office's gateway.\n"
			 "\n"
			 "allow add 10.1.0.0/16\t# the office\n"
			 "  allow add 10.2.0.0/16 description \"moved \\\"\"   # moves soon\n"
			 "# ours\n"
			 "allow add 10.0.0.0/16\n"
			 "\n"
			 "portgroup add vrack dev eth1 realm private # first cable\n"
			 "address add 172.16.0.1/24 portgroup vrack\n"
			 "# the end\n"
			 "nat add 10 from 0.0.0.0/0 to 0.0.0.0/0 nat-pass-through\n");
	config_free(&wanted);
}

static void test_line_ends(void **state)
{
	struct config wanted;

	(void)state;
	parse(&wanted, "allow add 10.2.0.0/16 description new");
	assert_rewritten("# a\r\nallow add 10.2.0.0/16\r\n# b\r\n", &wanted,
			 "# a\r\nallow add 10.2.0.0/16 description \"new\"\r\n# b\r\n");
	assert_rewritten("", &wanted, "allow add 10.2.0.0/16 description \"new\"\n");
	config_free(&wanted);
}

/* What cannot be said line by line is printed as a whole; so is what cannot be read. */
static void test_whole(void **state)
{
	struct config wanted;

	(void)state;
	parse(&wanted, "allow add 10.2.0.0/16");
	assert_rewritten("# a\nallow add 10.2.0.0/16\nallow del 10.2.0.0/16\n", &wanted,
			 "# a\nallow add 10.2.0.0/16\nallow del 10.2.0.0/16\n"
			 "allow add 10.2.0.0/16\n");
	assert_rewritten("# a\nset icmp-rate 7\n", &wanted, "allow add 10.2.0.0/16\n");
	assert_rewritten("nonsense\n", &wanted, "allow add 10.2.0.0/16\n");
	statement(&wanted, "allow add 10.1.0.0/16");
	assert_rewritten("allow add 10.1.0.0/16\n# a\nallow add 10.2.0.0/16\n"
			 "allow del 10.2.0.0/16\n",
			 &wanted, "allow add 10.1.0.0/16\nallow add 10.2.0.0/16\n");
	config_free(&wanted);
}

/* @text's lines that are settings, or the others, each with a comment above and behind it. */
static void add_lines(struct config_text *to, const char *text, bool settings)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n && !strncmp(text, "set ", 4) == settings)
			config_text_add(to, "# kept\n%.*s # behind\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		char *a = random_config(seed), *b = random_config(seed + 10000), *result;
		struct config_text from = {.n = 0}, to = {.n = 0};
		struct config wanted, got;
		struct config_diff diff;
		char *before, *after;

		add_lines(&from, a, false);
		add_lines(&from, a, true);
		add_lines(&to, a, true);
		add_lines(&to, b, false);
		before = config_text_take(&from);
		after = config_text_take(&to);
		parse(&wanted, after);
		result = config_rewrite(before, strlen(before), &wanted);
		assert_non_null(result);
		parse(&got, result);
		assert_int_equal(config_diff(&diff, &got, &wanted), 0);
		assert_int_equal(diff.n_changes, 0);
		config_diff_free(&diff);
		assert_int_equal(count(result, "# kept\n"), count(before, "# kept\n"));
		config_free(&got);
		config_free(&wanted);
		free(a);
		free(b);
		free(before);
		free(after);
		free(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
