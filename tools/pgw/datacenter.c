/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"id", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"service-name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"gateway", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"description", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ID"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "ID service-name NAME name NAME [ gateway ADDRESS ] [ description TEXT ]",
	 "name a datacenter, whose access \"pgw gateway\" moves", statement_add},
	{"del", "delete", "ID", "forget it", statement_del},
};

const struct pgw_object datacenter_object = {
	.name = "datacenter",
	.text = "datacenters, each of which may have a private gateway",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "id",
};
