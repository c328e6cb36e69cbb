/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"

static const struct print_column columns[] = {
	{"id", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"service", NULL, PRINT_NAME, 0, 0},
	{"name", "TLS-NAME", PRINT_NAME, PRINT_BRIEF, 0},
	{"client", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"listener", NULL, PRINT_ADDRESS, 0, 0},
	{"source", NULL, PRINT_ADDRESS, 0, 0},
	{"backend", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"rcvd-bytes", NULL, PRINT_BYTES, 0, 0},
	{"sent-bytes", NULL, PRINT_BYTES, 0, 0},
	{"age-ms", NULL, PRINT_COUNT, 0, 0},
	{"idle-ms", NULL, PRINT_COUNT, 0, 0},
	{"encrypted-hello", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("ID"), ITEM_SHOW_TEXT, item_show},
};

const struct pgw_object relay_object = {
	.name = "relay",
	.text = "connections that are relayed by their TLS names, both sides of them",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "id",
};
