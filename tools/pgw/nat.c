/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

enum { NUMBER, FROM, TO, PROTOCOL, POOL, FLOWS, CREATED, REFUSED, PACKETS, BYTES };

static const struct print_column columns[] = {
	[NUMBER] = {"number", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	[FROM] = {"from", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[TO] = {"to", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[PROTOCOL] = {"protocol", NULL, PRINT_PLAIN, 0, 0},
	[POOL] = {"pool", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[FLOWS] = {"flows", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[CREATED] = {"flows-created", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[REFUSED] = {"flows-refused", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[PACKETS] = {"packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[BYTES] = {"bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* A rule has a pool or passes its traffic: one column says which. */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	if (column != POOL || !json_is_true(json_object_get(item, "nat-pass-through")))
		return false;
	print_text(printer, column, "nat-pass-through");
	return true;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NUMBER"),
	 ITEM_SHOW_TEXT "; -s shows what each has done", item_show_statistics},
	{"add", NULL,
	 "NUMBER from NETWORK to NETWORK [ protocol { tcp | udp | icmp | any } ] "
	 "{ pool NAME | nat-pass-through }",
	 "translate traffic by a pool, or let it pass as it is; the lowest number that fits is "
	 "used",
	 statement_add},
	{"del", "delete", "NUMBER", "remove a rule", statement_del},
};

const struct pgw_object nat_object = {
	.name = "nat",
	.text = "rules: which traffic uses which pool",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "number",
	.cell = cell,
};
