/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/grammar.h"
#include "tools/pgw/objects.h"

static int help_show(const struct pgw_call *call)
{
	const struct pgw_object *object = NULL;
	int code = grammar_end(call, 1);

	if (code)
		return code;
	if (call->argc == 1) {
		object = grammar_object(call->argv[0]);
		if (!object)
			return EXIT_WRONG;
	}
	return grammar_help(call->pgw, object);
}

static const struct pgw_command commands[] = {
	{"show", NULL, "[OBJECT]", "print the help of an object, or the list of objects",
	 help_show},
};

const struct pgw_object help_object = {
	.name = "help",
	.text = "this help, or that of an object",
	OBJECT_COMMANDS(commands),
	.bare = true,
};
