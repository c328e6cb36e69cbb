/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* One that asks in vain is told as a check that failed: that is what is wrong then. */
static json_t *unreachable(const struct ctl_error *refusal)
{
	return json_pack(
		"[{s:s, s:s, s:s, s:s}]", "check", "pgwd", "state", "fail", "text",
		*refusal->text ? refusal->text : "it does not answer", "hint",
		"start it (systemctl start pgwd), or name its directory with -r; its log says why "
		"it ended");
}

static void print_check(struct printer *printer, const json_t *check)
{
	const char *state = member(check, "state");
	bool fine = !strcmp(state, "ok");

	print_span(printer, PRINT_STATE, state, strlen(state));
	print_line(printer, "%*s %-18s %s", (int)(5 - strlen(state) % 5), "",
		   member(check, "check"), member(check, "text"));
	if (!fine && *member(check, "hint"))
		print_line(printer, "%25s-> %s", "", member(check, "hint"));
}

static int doctor_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	unsigned n[3] = {0}; /* ok, warn, fail */
	struct ctl_error refusal = {.text = ""};
	json_t *answer = NULL, *checks, *check;
	size_t i;
	int code = grammar_end(call, 0);

	if (code)
		return code;
	if (remote_ask(call->pgw, remote_operation("doctor"), &answer, NULL, &refusal))
		checks = unreachable(&refusal);
	else
		checks = json_incref(json_object_get(answer, "checks"));
	if (!json_is_array(checks)) {
		message_error("pgwd's answer has no checks");
		json_decref(checks);
		json_decref(answer);
		return EXIT_REFUSED;
	}
	json_array_foreach(checks, i, check)
	{
		const char *state = member(check, "state");

		n[!strcmp(state, "fail") ? 2 : !strcmp(state, "warn")]++;
		if (!call->pgw->options.json)
			print_check(printer, check);
	}
	if (call->pgw->options.json)
		emit_value(print_emit(printer), checks);
	else
		print_line(printer, "%u ok, %u to look at, %u wrong", n[0], n[1], n[2]);
	json_decref(checks);
	json_decref(answer);
	return n[2] ? EXIT_REFUSED : EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", NULL, "",
	 "look at the gateway and its system, say what is wrong and what to do; exit code 2 if "
	 "anything is",
	 doctor_show},
};

const struct pgw_object doctor_object = {
	.name = "doctor",
	.text = "what is wrong with the gateway and its system, and what to do about it",
	OBJECT_COMMANDS(commands),
	.bare = true,
};
