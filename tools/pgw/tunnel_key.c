/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"gateway", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"key", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL, "NAME gateway NAME key KEY",
	 "let an OpenSSH client log in to a secure gateway by its public key", statement_add},
	{"del", "delete", "NAME", "take the key away; tunnels that are up live on", statement_del},
};

const struct pgw_object tunnel_key_object = {
	.name = "tunnel-key",
	.text = "public keys that may log in to secure gateways",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
};
