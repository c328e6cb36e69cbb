/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

enum { VLAN = 3 };

static const struct print_column columns[] = {
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"dev", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[VLAN] = {"vlan", NULL, PRINT_NUMBER, 0, 0},
	{"realm", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"mtu", NULL, PRINT_NUMBER, 0, 0},
	{"mac", NULL, PRINT_MAC, 0, 0},
	{"ifindex", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"last-hop", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"reverse-path", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"offload", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"offload-state", NULL, PRINT_PLAIN, 0, 0},
	{"io", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	{"io-state", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* VLAN 0 means untagged: shown as absent. */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	const json_t *vlan = json_object_get(item, "vlan");

	(void)printer;
	return column == VLAN && json_is_integer(vlan) && json_integer_value(vlan) == 0;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "NAME dev IFACE realm { private | vsphere | internet } [ vlan ID ] "
	 "[ last-hop { on | off } ] [ reverse-path { on | off } ] "
	 "[ offload { auto | tc | xdp | off } ] [ io { packet | xdp } ]",
	 "forward on an interface, or on one VLAN of it", statement_add},
	{"del", "delete", "NAME", "stop forwarding there", statement_del},
};

const struct pgw_object portgroup_object = {
	.name = "portgroup",
	.text = "interfaces that the gateway forwards on, each in a realm",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
	.cell = cell,
};
