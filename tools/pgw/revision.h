/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revision - numbers and times of revisions as words, and what is said about them. */
#ifndef PGW_TOOL_REVISION_H
#define PGW_TOOL_REVISION_H

#include <stdbool.h>

#include <jansson.h>

#include "tools/pgw/print.h"

/* revision_is_number() - whether a word can only be a revision: a file of that name is ./NAME. */
bool revision_is_number(const char *word);

/* revision_number() - from 1 on. Return: EXIT_DONE, or EXIT_WRONG after a message. */
int revision_number(const char *word, json_int_t *number);

/* revision_count() - of revisions to list, from 1 on. As revision_number(). */
int revision_count(const char *word, json_int_t *count);

/* revision_seconds() - "60", "60s", "5m", "1h", at most a day. As revision_number(). */
int revision_seconds(const char *word, json_int_t *seconds);

/* revision_mark() - print the comment line by which a file says on which revision it is based.
 * revision_marked() - the revision of such a line at the beginning of @text; -1: there is none. */
void revision_mark(struct printer *printer, const json_t *answer);
json_int_t revision_marked(const char *text);

/* revision_pending() - @prefix and a line that says what is not confirmed, if member "pending" of
 * @answer says so. */
void revision_pending(struct printer *printer, const char *prefix, const json_t *answer);

/* revision_not_saved() - a line that says so, if member "saved" of @answer is false. */
void revision_not_saved(struct printer *printer, const json_t *answer);

/* revision_members() - JSON: an object with those of @members that @answer has. */
void revision_members(struct printer *printer, const json_t *answer, const char *const *members,
		      size_t n);

/* revision_list() - a table. */
void revision_list(struct printer *printer, const json_t *items);

#endif
