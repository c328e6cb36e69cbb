/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statement - what the words of a line ask for, and doing it. */
#ifndef PGW_CONFIG_STATEMENT_H
#define PGW_CONFIG_STATEMENT_H

#include "control/config/argument.h"
#include "control/config/edit.h"
#include "control/config/lex.h"

enum keyword_flags {
	KEYWORD_REQUIRED = 1 << 0,
	KEYWORD_REPEATED = 1 << 1, /* may be given more than once */
	KEYWORD_CHOICE = 1 << 2,   /* exactly one of the keywords with this flag is required */
};

/* A keyword of a statement. */
struct keyword {
	const char *name;
	const char *value; /* what follows it, for messages; NULL: nothing does */
	bool (*read)(void *field, const char *text, struct reason *why);
	size_t offset; /* of the field in the item */
	unsigned flags;
};

/* An object's statements. */
struct object {
	const char *key; /* what follows add and del, for messages */
	bool (*read_key)(void *field, const char *text, struct reason *why);
	size_t key_offset;
	void (*normal)(void *item); /* set defaults other than 0; may be NULL */
	/* Is @found the one that "del" described by @wanted? NULL: the key says it all. */
	bool (*same)(const void *found, const void *wanted);
	const struct keyword *add, *del; /* ended by a NULL name */
	/* The key may be left to us: choose it, all else of the item being read. May be NULL. */
	bool (*choose)(const struct edit *edit, void *item, struct reason *why);
	/* Does "del" mean all that are same()? NULL: never. */
	bool (*all)(const void *wanted);
	/* Of "add", where a key may be said that "del" does not take. NULL: read_key. */
	bool (*read_new_key)(void *field, const char *text, struct reason *why);
};
extern const struct object objects[KIND_COUNT];

/* statement_apply() - @line has at least one word.
 * Return: 0, -EINVAL or -ENOMEM; @error is set without its line. */
int statement_apply(struct edit *edit, const struct line *line, struct config_error *error);

#endif
