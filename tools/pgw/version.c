/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/grammar.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

static int version_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	const json_t *version, *revision;
	json_t *answer;
	int code = grammar_end(call, 0);

	if (code)
		return code;
	print_line(printer, "pgw %s", PGW_VERSION);
	code = remote_ask(call->pgw, remote_operation("version"), &answer, NULL, NULL);
	if (code)
		return code;
	version = json_object_get(answer, "version");
	revision = json_object_get(answer, "revision");
	if (call->pgw->options.json) {
		struct emit *emit = print_emit(printer);

		emit_open(emit, '{');
		emit_key(emit, "pgw");
		emit_string(emit, PGW_VERSION);
		emit_key(emit, "pgwd");
		emit_value(emit, version);
		emit_key(emit, "revision");
		emit_value(emit, revision);
		emit_close(emit, '}');
	} else {
		print_line(printer, "pgwd %s",
			   json_is_string(version) ? json_string_value(version) : "-");
		print_line(printer, "revision %lld", (long long)json_integer_value(revision));
	}
	json_decref(answer);
	return EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", NULL, "", "print the versions of the tool and of pgwd, and the revision",
	 version_show},
};

const struct pgw_object version_object = {
	.name = "version",
	.text = "versions of the tool and of pgwd, revision of the configuration",
	OBJECT_COMMANDS(commands),
	.bare = true,
};
