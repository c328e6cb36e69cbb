/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "NAME [ portgroup NAME ]",
	 "name a server, by which the API manages the virtual MACs of a portgroup, or all",
	 statement_add},
	{"del", "delete", "NAME", "forget it", statement_del},
};

const struct pgw_object server_object = {
	.name = "server",
	.text = "dedicated servers, as the API knows them",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
};
