/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"use", NULL, PRINT_PLAIN, 0, 0},
	{"interface", NULL, PRINT_NAME, 0, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"datacenter", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"detection", NULL, PRINT_STATE, PRINT_DETAIL, 0},
	{"conflict-mac", NULL, PRINT_MAC, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ADDRESS"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "ADDRESS/LENGTH portgroup NAME [ datacenter ID ]",
	 "give a portgroup an address", statement_add},
	{"del", "delete", "ADDRESS/LENGTH portgroup NAME", "take an address away", statement_del},
};

const struct pgw_object address_object = {
	.name = "address",
	.text = "addresses of the gateway on its portgroups",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "address",
};
