/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"network", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NETWORK"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "NETWORK", "none of its addresses can have a virtual MAC", statement_add},
	{"del", "delete", "NETWORK", "they can again", statement_del},
};

const struct pgw_object vrack_block_object = {
	.name = "vrack-block",
	.text = "blocks of addresses that were moved into the vRack",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "network",
};
