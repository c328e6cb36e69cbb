/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

enum { NAME, ADDRESS, PROTOCOL, PORT, BALANCE, BACKENDS };

static const struct print_column columns[] = {
	[NAME] = {"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[ADDRESS] = {"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[PROTOCOL] = {"protocol", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	[PORT] = {"port", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	[BALANCE] = {"balance", NULL, PRINT_PLAIN, 0, 0},
	[BACKENDS] = {"backends", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* Backends as "10.0.0.1:443(up),10.0.0.2:443(down)". */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	const json_t *backends = json_object_get(item, "backends");
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	if (column != BACKENDS || !json_is_array(backends))
		return false;
	for (size_t i = 0; i < json_array_size(backends) && used < sizeof(text); i++) {
		const json_t *backend = json_array_get(backends, i);
		const char *address = json_string_value(json_object_get(backend, "address"));
		const char *state = json_string_value(json_object_get(backend, "state"));
		const json_t *port = json_object_get(backend, "port");

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%lld%s%s%s",
					 i ? "," : "", address ? address : "-",
					 (long long)json_integer_value(port), state ? "(" : "",
					 state ? state : "", state ? ")" : "");
	}
	print_text_n(printer, column, text, used < sizeof(text) ? used : sizeof(text) - 1);
	return true;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "NAME address ADDRESS protocol { tcp | udp } port PORT "
	 "backend ADDRESS:PORT [ backend ADDRESS:PORT ]... "
	 "[ balance { round-robin | source-hash } ]",
	 "publish an endpoint: clients reach a backend by this address and port", statement_add},
	{"del", "delete", "NAME", "stop publishing", statement_del},
};

const struct pgw_object service_object = {
	.name = "service",
	.text = "published endpoints and their backends",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
	.cell = cell,
};
