/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config/lex.h"
#include "control/config/statement.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

/* Whatever the shell hands over comes back as the same words. */
static void quoting(void **state)
{
	static const char *const words[] = {"10.0.0.0/8", "",		" ",	    "a b",
					    "#",	  "a#b",	"\"",	    "\\",
					    "\\\"",	  "say \"hi\"", "\xc3\xa9", "ends with \\"};
	unsigned seed = 3;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		const char *argv[5];
		struct config_error error;
		static struct line line;
		int argc = rand_r(&seed) % 6;
		char *text;

		for (int i = 0; i < argc; i++)
			argv[i] =
				words[(unsigned)rand_r(&seed) % (sizeof(words) / sizeof(words[0]))];
		text = statement_text("allow", "add", argc, argv);
		assert_non_null(text);
		assert_int_equal(lex_line(&line, text, strlen(text), &error), 0);
		assert_int_equal(line.n, argc + 2);
		assert_string_equal(line.words[0].text, "allow");
		assert_string_equal(line.words[1].text, "add");
		for (int i = 0; i < argc; i++)
			assert_string_equal(line.words[i + 2].text, argv[i]);
		free(text);
	}
}

/* Whether @text has @word as a word of its own. */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const struct pgw_command *find_command(const struct pgw_object *object, const char *name)
{
	for (size_t i = 0; i < object->n_commands; i++)
		if (strcmp(object->commands[i].name, name) == 0)
			return &object->commands[i];
	return NULL;
}

static void check_keywords(const struct pgw_object *object, const char *name,
			   const struct keyword *keywords)
{
	const struct pgw_command *command = find_command(object, name);

	assert_non_null(command);
	for (unsigned i = 0; keywords[i].name; i++)
		if (!has_word(command->synopsis, keywords[i].name))
			fail_msg("pgw %s %s: the help lacks \"%s\"", object->name, name,
				 keywords[i].name);
}

/* The help names every keyword that the configuration takes, and every setting. */
static void help_has_all_keywords(void **state)
{
	static const struct pgw_object *const tool[KIND_COUNT] = {
		[KIND_PORTGROUP] = &portgroup_object,
		[KIND_ADDRESS] = &address_object,
		[KIND_ROUTE] = &route_object,
		[KIND_POOL] = &pool_object,
		[KIND_NAT] = &nat_object,
		[KIND_SERVICE] = &service_object,
		[KIND_ALLOW] = &allow_object,
		[KIND_VMAC] = &vmac_object,
		[KIND_DATACENTER] = &datacenter_object,
		[KIND_NTP] = &ntp_object,
		[KIND_SERVER] = &server_object,
		[KIND_API] = &api_object,
		[KIND_VRACK_BLOCK] = &vrack_block_object,
		[KIND_TUNNEL_GATEWAY] = &tunnel_gateway_object,
		[KIND_TUNNEL_KEY] = &tunnel_key_object,
	};

	(void)state;
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		assert_string_equal(tool[kind]->name, kinds[kind].name);
		check_keywords(tool[kind], "add", objects[kind].add);
		check_keywords(tool[kind], "del", objects[kind].del);
	}
	for (unsigned setting = 0; setting < SETTING_COUNT; setting++) {
		if (setting < TIMER_COUNT)
			assert_non_null(strstr(set_object.where, settings[setting].name));
		else
			assert_non_null(find_command(&set_object, settings[setting].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoting),
		cmocka_unit_test(help_has_all_keywords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
