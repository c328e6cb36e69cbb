/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw - the operator's tool: what all its objects share.
 *
 * pgw [OPTIONS] OBJECT {COMMAND | help}. Each object is one file with one struct pgw_object; help,
 * completion and the man page follow from what stands there (tests/pgw compares them).
 */
#ifndef PGW_TOOL_PGW_H
#define PGW_TOOL_PGW_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/pgw/options.h"
#include "tools/pgw/print.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_WRONG = 1,	  /* the command was wrong: nothing was asked of the gateway */
	EXIT_REFUSED = 2, /* the gateway refused, or is not reachable */
};

struct ctl_client;

struct pgw {
	struct options options;
	struct printer *printer;
	struct ctl_client *client; /* NULL until the first request; see remote.h */
};

struct pgw_command;

/* One object of the command line, and one of its commands. All const, one table each. */
struct pgw_call {
	struct pgw *pgw;
	const struct pgw_object *object;
	const struct pgw_command *command;
	int argc; /* words after the command */
	const char **argv;
};

struct pgw_command {
	const char *name;
	const char *also;     /* another word for it, accepted whole; NULL = none */
	const char *synopsis; /* what follows the command; words in lower case are keywords */
	const char *text;     /* what it does, one line */
	int (*run)(const struct pgw_call *call); /* Return: enum exit_code */
};

struct pgw_object {
	const char *name;
	const char *text;		    /* what it is, one line */
	const struct pgw_command *commands; /* the first one is meant where none is given */
	size_t n_commands;
	bool bare;	   /* what follows are arguments of that first one, no command is named */
	const char *where; /* further lines of the help, NULL = none; keywords as in synopsis */
	const struct print_table *table; /* of objects that the `show` operation lists, else NULL */
	const char *key;		 /* its member that names an item */
	/* cell() - print a cell that needs more than print_value(); NULL = none does.
	 * Return: true if it did. */
	bool (*cell)(struct printer *printer, unsigned column, const json_t *item);
};
#define OBJECT_COMMANDS(array) .commands = (array), .n_commands = sizeof(array) / sizeof((array)[0])

/* The table of objects (objects.c). */
extern const struct pgw_object *const pgw_objects[];
extern const size_t n_pgw_objects;

#endif
