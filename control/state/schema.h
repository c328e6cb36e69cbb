/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema - the tables of the state database, as the steps that made them.
 *
 * The number of steps that a file has been through is its user_version. A step that has been
 * released is never changed, moved or taken out: what comes later is a new step at the end, whoever
 * needs it. Two branches that both add one keep both, in either order.
 */
#ifndef PGW_STATE_SCHEMA_H
#define PGW_STATE_SCHEMA_H

#include <stddef.h>

struct schema_step {
	const char *name; /* what it brings, for messages */
	const char *sql;  /* one or more statements */
};

extern const struct schema_step schema_steps[];
extern const size_t schema_n_steps;

#endif
