/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options - what stands before the object: pgw [OPTIONS] OBJECT ...
 */
#ifndef PGW_TOOL_OPTIONS_H
#define PGW_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct options {
	bool version, help;
	bool human, statistics, details, oneline, brief, timestamp, json, pretty, force, yes;
	enum colour_choice colour;
	bool colour_given;  /* -c was used: it outweighs NO_COLOR */
	const char *rundir; /* NULL = the default */
	const char *batch;  /* file of -batch, "-" = standard input; NULL = none */
};

/* One option as help, completion and the man page name it. */
struct option_text {
	const char *name;  /* whole, without '-' */
	size_t shortest;   /* bytes that suffice */
	const char *value; /* what follows it, NULL = nothing */
	const char *text;
};
extern const struct option_text option_texts[];
extern const size_t n_option_texts;

/**
 * options_parse() - read the options, say what is wrong with one
 * @argv: without the program's name
 * Return: number of words read, or -1 (a message was written).
 */
int options_parse(struct options *options, int argc, char **argv);

/* options_colour() - whether to colour what goes to descriptor @fd. */
bool options_colour(const struct options *options, int fd);

#endif
