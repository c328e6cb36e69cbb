/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statement - commands that change the configuration: "OBJECT add ...", "OBJECT del ...",
 * "set ...". The words become one statement of pgw.conf(5), which pgwd applies.
 */
#ifndef PGW_TOOL_STATEMENT_H
#define PGW_TOOL_STATEMENT_H

#include "tools/pgw/pgw.h"

/* statement_text() - the words as one line, quoted where needed; malloc'ed, NULL: no memory. */
char *statement_text(const char *object, const char *command, int argc, const char **argv);

/* Commands. A statement that is wrong in itself is refused before pgwd is asked; for a removal
 * only pgwd knows. */
int statement_add(const struct pgw_call *call);
int statement_del(const struct pgw_call *call);

/* statement_add_told() - the same, and say what was added: not all of it stood in the command. */
int statement_add_told(const struct pgw_call *call);

/* statement_changes() - list the statements of a change, marked + and -. Text only. */
void statement_changes(struct pgw *pgw, const json_t *changes);

/* statement_done() - tell what a change did, from pgwd's answer. */
void statement_done(struct pgw *pgw, const json_t *answer);

#endif
