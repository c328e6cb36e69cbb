/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grammar - OBJECT {COMMAND | help}: finds both by unique prefixes, runs the command, and
 * writes the help from the table of objects.
 */
#ifndef PGW_TOOL_GRAMMAR_H
#define PGW_TOOL_GRAMMAR_H

#include "tools/pgw/pgw.h"

/* grammar_run() - run "OBJECT COMMAND ..." (@argc >= 1). Return: enum exit_code. */
int grammar_run(struct pgw *pgw, int argc, const char **argv);

/* grammar_help() - the help of one object, or with NULL that of all. Return: enum exit_code. */
int grammar_help(struct pgw *pgw, const struct pgw_object *object);

/* grammar_end() - that no words follow the first @n arguments. Return: EXIT_DONE, or EXIT_WRONG
 * after a message. */
int grammar_end(const struct pgw_call *call, int n);

/* grammar_object() - by unique prefix. Return: NULL after a message. */
const struct pgw_object *grammar_object(const char *word);

#endif
