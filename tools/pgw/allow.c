/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"network", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"description", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NETWORK"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "NETWORK [ description TEXT ]", "let a network use the gateway",
	 statement_add},
	{"del", "delete", "NETWORK", "no longer let it; its sessions end", statement_del},
};

const struct pgw_object allow_object = {
	.name = "allow",
	.text = "networks that may use the gateway; nothing else may",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "network",
};
