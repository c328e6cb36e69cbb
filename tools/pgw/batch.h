/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * batch - commands from a file, one a line, in the grammar of pgw.conf(5): so a configuration
 * file is a batch too.
 */
#ifndef PGW_TOOL_BATCH_H
#define PGW_TOOL_BATCH_H

#include "tools/pgw/pgw.h"

/* batch_run() - run options.batch; stops at the first command that fails unless options.force.
 * Return: enum exit_code, that of the first failure. */
int batch_run(struct pgw *pgw);

#endif
