/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"to", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"via", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NETWORK"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "NETWORK via ADDRESS",
	 "reach a network through a router (answers need none: they take the last hop)",
	 statement_add},
	{"del", "delete", "NETWORK [ via ADDRESS ]", "take a route away", statement_del},
};

const struct pgw_object route_object = {
	.name = "route",
	.text = "networks that are reached through a router",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "to",
};
