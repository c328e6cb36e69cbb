/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * item - lists of objects as pgwd tells them ("items" of docs/control-protocol.md): shown by
 * the columns of the object's table, chosen by key or by the value of a field.
 */
#ifndef PGW_TOOL_ITEM_H
#define PGW_TOOL_ITEM_H

#include "tools/pgw/pgw.h"

#define ITEM_SHOW_SYNOPSIS(key) "[" key "] [FIELD VALUE]..."
#define ITEM_SHOW_TEXT		"list them, all or those with this key and these values of fields"

/* Commands: show by operation `show` of the object, or by an operation of its own. */
int item_show(const struct pgw_call *call);
int item_show_statistics(const struct pgw_call *call); /* its figures too, where they are shown */
int item_show_operation(const struct pgw_call *call, const char *op);

/* item_rows() - print an array of objects by @table, as a whole. @cell: as in struct pgw_object. */
void item_rows(struct printer *printer, const struct print_table *table,
	       bool (*cell)(struct printer *, unsigned, const json_t *), const json_t *items);

#endif
