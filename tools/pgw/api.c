/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

static const struct print_column columns[] = {
	{"listen", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"scheme", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"host-name", NULL, PRINT_NAME, 0, 0},
	{"pid", NULL, PRINT_NUMBER, 0, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"certificate", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"fingerprint", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("LISTENER"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "LISTENER scheme { https [ certificate FILE key FILE ] [ host-name NAME ] | http }",
	 "serve the API at an ADDRESS:PORT or at the path of a UNIX socket", statement_add},
	{"del", "delete", "LISTENER", "serve it there no more", statement_del},
};

const struct pgw_object api_object = {
	.name = "api",
	.text = "where the API is served",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "listen",
};
