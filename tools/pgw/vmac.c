/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"mac", NULL, PRINT_MAC, PRINT_BRIEF, 0},
	{"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"type", NULL, PRINT_PLAIN, 0, 0},
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"interface", NULL, PRINT_NAME, 0, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* The MAC that was chosen is nowhere but in the answer. */
static int vmac_add(const struct pgw_call *call)
{
	if (call->argc && strcmp(call->argv[0], "auto") == 0)
		return statement_add_told(call);
	return statement_add(call);
}

/* Whoever gets the MAC later is another machine to all neighbours: there is no way back. */
static bool confirmed(const struct pgw_call *call)
{
	char answer[8];

	if (call->pgw->options.yes || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return true;
	fprintf(stderr, "Deleting a virtual MAC is final. Delete %s%s%s? [y/N] ", call->argv[0],
		call->argc == 3 ? " address " : "", call->argc == 3 ? call->argv[2] : "");
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int vmac_del(const struct pgw_call *call)
{
	struct pgw_call rest = *call;

	if (rest.argc && strcmp(rest.argv[rest.argc - 1], "--yes") == 0) {
		rest.argc--;
		return statement_del(&rest);
	}
	if (call->argc && !confirmed(call))
		return message_error("nothing was deleted, expected y or the option -yes");
	return statement_del(call);
}

static const struct print_column check_columns[] = {
	{"mac", NULL, PRINT_MAC, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"transmits", NULL, PRINT_PLAIN, 0, 0},
	{"receives", NULL, PRINT_PLAIN, 0, 0},
	{"missing", NULL, PRINT_PLAIN, PRINT_JSON_ONLY, 0},
	{"neighbour", NULL, PRINT_ADDRESS, PRINT_DETAIL, 0},
	{"text", "RESULT", PRINT_PLAIN, 0, 0},
};
static const struct print_table check_table = PRINT_TABLE(check_columns);

#define CHECK_POLL_MS	100
#define CHECK_POLLS_MAX 3000 /* CONFIG_VMACS_MAX MACs take less */

static json_t *ask_check(bool start)
{
	json_t *request = remote_operation("vmac-check");

	if (request && start)
		json_object_set_new(request, "start", json_true());
	return request;
}

static int check_endless(void)
{
	message_error("the check does not end; see the log of pgwd");
	return EXIT_REFUSED;
}

/* Starts a check, and waits for its end: pgwd bounds it to a few seconds for each MAC. */
static int vmac_check(const struct pgw_call *call)
{
	const json_t *item;
	json_t *answer;
	bool blocked = false;
	unsigned polls = 0;
	size_t i;
	int code = grammar_end(call, 0);

	if (!code)
		code = remote_ask(call->pgw, ask_check(true), &answer, NULL, NULL);
	while (!code) {
		const char *state = json_string_value(json_object_get(answer, "state"));

		if (!state || strcmp(state, "running") != 0)
			break;
		json_decref(answer);
		if (polls++ == CHECK_POLLS_MAX)
			return check_endless();
		(void)poll(NULL, 0, CHECK_POLL_MS);
		code = remote_ask(call->pgw, ask_check(false), &answer, NULL, NULL);
	}
	if (code)
		return code;
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		const char *state = json_string_value(json_object_get(item, "state"));

		blocked |= !state || strcmp(state, "ok") != 0;
	}
	item_rows(call->pgw->printer, &check_table, NULL, json_object_get(answer, "items"));
	json_decref(answer);
	return blocked ? EXIT_REFUSED : EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("MAC"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "{MAC|auto} address ADDRESS portgroup NAME type {vmware|ovh} name NAME",
	 "give an address a MAC of its own; again for more of them", vmac_add},
	{"del", "delete", "MAC [ address ADDRESS ]",
	 "take it away, or one of its addresses; the MAC goes with the last", vmac_del},
	{"check", NULL, "",
	 "try whether the hypervisor lets them through, and say which setting is missing",
	 vmac_check},
};

const struct pgw_object vmac_object = {
	.name = "vmac",
	.text = "virtual MACs: addresses that have a MAC of their own",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "mac",
};
