/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"

static const struct print_column columns[] = {
	{"port", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"protocol", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"stage", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"since", NULL, PRINT_PLAIN, 0, 0},
	{"tunnels", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"connections", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"bytes-in", NULL, PRINT_BYTES, 0, 0},
	{"bytes-out", NULL, PRINT_BYTES, 0, 0},
	{"connections-total", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"connections-failed", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"clients-refused", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"datagrams-dropped", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static int endpoint_show(const struct pgw_call *call)
{
	return item_show_operation(call, "endpoint-show");
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("PORT"), ITEM_SHOW_TEXT, endpoint_show},
};

const struct pgw_object endpoint_object = {
	.name = "endpoint",
	.text = "what connectors offer, by port, on the inside addresses",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "port",
};
