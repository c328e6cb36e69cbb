/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"tunnels", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"endpoints", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"inside", NULL, PRINT_ADDRESS, 0, 0},
	{"from", NULL, PRINT_ADDRESS, 0, 0},
	{"address", NULL, PRINT_PLAIN, 0, 0},
	{"balance", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"token-since", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"fingerprint", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"bytes-in", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	{"bytes-out", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	{"connections-total", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"connections-failed", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"clients-refused", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* What a connector needs; the token is told this once. */
static const struct print_column shown_columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"token", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"address", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"fingerprint", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table shown = PRINT_TABLE(shown_columns);

static int ask(const struct pgw_call *call, const char *name, const char *action)
{
	json_t *answer, *items;
	int code = remote_ask(call->pgw,
			      json_pack("{s:s, s:s, s:s}", "op", "tunnel-gateway", "name", name,
					"action", action),
			      &answer, NULL, NULL);

	if (code)
		return code;
	json_object_del(answer, "ok");
	items = json_pack("[o]", answer);
	item_rows(call->pgw->printer, &shown, NULL, items);
	if (json_object_get(answer, "token"))
		print_line(call->pgw->printer,
			   "Keep the token: it is not stored and cannot be shown again.");
	json_decref(items);
	return EXIT_DONE;
}

static int act(const struct pgw_call *call)
{
	if (call->argc == 0)
		return message_required("NAME");
	if (grammar_end(call, 1))
		return EXIT_WRONG;
	return ask(call, call->argv[0], call->command->name);
}

/* Added and activated at once; where the activation fails, "activate" tries it again. */
static int add(const struct pgw_call *call)
{
	int code;

	if (call->pgw->options.json) { /* one value: the answer of the activation */
		struct pgw_call quiet = *call;
		json_t *answer;
		char *statement = statement_text(call->object->name, call->command->name,
						 call->argc, call->argv);

		if (!statement)
			return message_error("out of memory");
		code = remote_ask(
			quiet.pgw,
			json_pack("{s:s, s:[s]}", "op", "change", "statements", statement), &answer,
			NULL, NULL);
		free(statement);
		if (code == EXIT_DONE)
			json_decref(answer);
	} else {
		code = statement_add(call);
	}
	return code ? code : ask(call, call->argv[0], "activate");
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "NAME address HOST[:PORT] inside ADDRESS from NETWORK[,NETWORK...] [ listen "
	 "ADDRESS[:PORT] ] "
	 "[ balance {round-robin|least-connections} ] [ certificate FILE key FILE ]",
	 "add a secure gateway and activate it; shows token and address, the token this once", add},
	{"del", "delete", "NAME", "take it away with its tunnels; its token is kept",
	 statement_del},
	{"activate", NULL, "NAME", "let connectors in again, with the same token", act},
	{"deactivate", NULL, "NAME", "end its tunnels and let no connector in", act},
	{"refresh", NULL, "NAME",
	 "make a new token, and show it this once; tunnels that are up live on until they break",
	 act},
};

const struct pgw_object tunnel_gateway_object = {
	.name = "tunnel-gateway",
	.text = "secure gateways: where connectors dial in, one per stage",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
};
