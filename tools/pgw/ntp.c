/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"servers", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ADDRESS"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "ADDRESS server SERVER [ server SERVER ]...",
	 "answer NTP at an address of the gateway, by the time of these servers", statement_add},
	{"del", "delete", "ADDRESS", "answer there no more", statement_del},
};

const struct pgw_object ntp_object = {
	.name = "ntp",
	.text = "addresses at which the gateway tells the time",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "address",
};
