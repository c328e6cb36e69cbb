/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"

static const struct print_column columns[] = {
	{"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"portgroup", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"mac", NULL, PRINT_MAC, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static int neighbour_show(const struct pgw_call *call)
{
	return item_show_operation(call, "neighbour");
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ADDRESS"), ITEM_SHOW_TEXT, neighbour_show},
};

const struct pgw_object neighbour_object = {
	.name = "neighbour",
	.text = "link-layer addresses of next hops, as the kernel knows them",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "address",
};
