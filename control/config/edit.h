/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edit - changes to the sorted arrays of a configuration.
 *
 * One statement inserts straight into its place. A whole file would make that quadratic, so
 * there new items gather, sorted, in a short tail behind the sorted array, which is merged when it
 * is full: each item is then moved about once per EDIT_TAIL_MAX insertions.
 *
 *   items[0 .. sorted)   sorted          items[sorted .. count)   the tail, sorted by itself
 *
 * In EDIT_STATEMENT mode the tail is always empty, and a failed call leaves the configuration
 * as it was. After a failure in EDIT_FILE mode it is only good for config_free().
 */
#ifndef PGW_CONFIG_EDIT_H
#define PGW_CONFIG_EDIT_H

#include "control/config/kind.h"

#define EDIT_TAIL_MAX 256

enum edit_mode { EDIT_STATEMENT, EDIT_FILE };

struct edit {
	struct config *config;
	enum edit_mode mode;
	unsigned line; /* of the statement being read; 0 if not from a file */
	struct {
		size_t sorted, capacity;
	} kind[KIND_COUNT];
	unsigned setting_line[SETTING_COUNT];	 /* where a file set it; 0: not yet */
	unsigned session_log_line, metrics_line; /* the same */
};

void edit_begin(struct edit *edit, struct config *config, enum edit_mode mode);

/* edit_find() - the item whose key equals that of @wanted, or NULL */
void *edit_find(const struct edit *edit, enum config_kind kind, const void *wanted);

/* edit_insert() - copy in @item, whose key is new; its arrays then belong to the configuration.
 * Return: 0 or -ENOMEM, when they still belong to the caller. */
int edit_insert(struct edit *edit, enum config_kind kind, const void *item);

/* edit_remove() - take out and release what edit_find() returned */
void edit_remove(struct edit *edit, enum config_kind kind, void *item);

/* edit_end() - leave every array sorted. Return: 0 or -ENOMEM (only in EDIT_FILE mode). */
int edit_end(struct edit *edit);

#endif
