/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

enum { ENDPOINTS = 6 };

static const struct print_column columns[] = {
	{"id", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"stage", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"connector", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"transport", NULL, PRINT_PLAIN, 0, 0},
	{"remote-address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"since", NULL, PRINT_PLAIN, 0, 0},
	[ENDPOINTS] = {"endpoints", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"connections", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"bytes-in", NULL, PRINT_BYTES, 0, 0},
	{"bytes-out", NULL, PRINT_BYTES, 0, 0},
	{"connections-total", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"connections-failed", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"version", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"last-error", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* "8081,53/udp" */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	const json_t *endpoints = json_object_get(item, "endpoints");
	char text[512];
	size_t used = 0;

	if (column != ENDPOINTS)
		return false;
	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(endpoints) && used + 16 < sizeof(text); i++) {
		const json_t *endpoint = json_array_get(endpoints, i);
		const char *protocol = json_string_value(json_object_get(endpoint, "protocol"));
		json_int_t port = json_integer_value(json_object_get(endpoint, "port"));

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u%s", i ? "," : "",
					 (unsigned)port & 0xffff,
					 protocol && !strcmp(protocol, "udp") ? "/udp" : "");
	}
	if (used)
		print_text(printer, column, text);
	return true;
}

static int tunnel_show(const struct pgw_call *call)
{
	return item_show_operation(call, "tunnel-show");
}

static int tunnel_kick(const struct pgw_call *call)
{
	unsigned long long id;
	json_t *answer;
	char *end;
	int code;

	if (call->argc == 0)
		return message_required("ID");
	if (grammar_end(call, 1))
		return EXIT_WRONG;
	id = strtoull(call->argv[0], &end, 10);
	if (call->argv[0][0] < '0' || call->argv[0][0] > '9' || *end || id > INT64_MAX)
		return message_wrong(call->argv[0], "expected the number of a tunnel, try \"pgw "
						    "tunnel show\"");
	code = remote_ask(call->pgw,
			  json_pack("{s:s, s:I}", "op", "tunnel-kick", "id", (json_int_t)id),
			  &answer, NULL, NULL);
	if (code == EXIT_DONE)
		json_decref(answer);
	return code;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ID"), ITEM_SHOW_TEXT, tunnel_show},
	{"kick", NULL, "ID", "end one; its connector will come back if it is let in", tunnel_kick},
};

const struct pgw_object tunnel_object = {
	.name = "tunnel",
	.text = "tunnels: connectors that are dialled in",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "id",
	.cell = cell,
};
