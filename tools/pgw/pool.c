/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"external-ip-address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"ports", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"mapping-type", NULL, PRINT_PLAIN, 0, 0},
	{"filtering-type", NULL, PRINT_PLAIN, 0, 0},
	{"port-quota", NULL, PRINT_NUMBER, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "NAME external-ip-address ADDRESS[,ADDRESS]... [ ports LO-HI ] "
	 "[ mapping-type { eim | edm } ] [ filtering-type { eif | adf | edf } ] "
	 "[ port-quota NUMBER ] [ address-allocation-type paired ]",
	 "make external addresses and ports that source NAT draws from", statement_add},
	{"del", "delete", "NAME", "remove a pool that no nat rule uses", statement_del},
};

const struct pgw_object pool_object = {
	.name = "pool",
	.text = "external addresses and ports for source NAT",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
};
