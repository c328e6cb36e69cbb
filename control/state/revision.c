/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/revision.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                    \
	"number, same_as, time_ms, origin, uid, pid, user, comment, changes, file_digest, text"
enum { NUMBER, SAME_AS, TIME, ORIGIN, UID, PID, USER, COMMENT, CHANGES, DIGEST, TEXT };

static const char *const origin_names[] = {"start", "reload", "change", "apply", "undo", "revert"};
static_assert(sizeof(origin_names) / sizeof(origin_names[0]) == REVISION_ORIGIN_COUNT,
	      "a name for each");

const char *revision_origin_name(enum revision_origin origin)
{
	return origin < REVISION_ORIGIN_COUNT ? origin_names[origin] : "unknown";
}

/* One of a newer version counts as unknown. */
static enum revision_origin origin_of(const char *name)
{
	unsigned i = 0;

	while (i < REVISION_ORIGIN_COUNT && (!name || strcmp(name, origin_names[i]) != 0))
		i++;
	return i;
}

static int out_of_memory(struct state_error *error)
{
	snprintf(error->text, sizeof(error->text), "out of memory");
	return -ENOMEM;
}

static void read_row(const struct state_rows *rows, struct revision *revision)
{
	const void *digest;
	size_t bytes;

	*revision = (struct revision){
		.number = (uint64_t)state_int(rows, NUMBER),
		.same_as = (uint64_t)state_int(rows, SAME_AS),
		.time_ms = state_int(rows, TIME),
		.origin = origin_of(state_text(rows, ORIGIN)),
		.uid = state_int(rows, UID),
		.pid = state_int(rows, PID),
		.changes = (uint32_t)state_int(rows, CHANGES),
	};
	snprintf(revision->user, sizeof(revision->user), "%s", state_text(rows, USER) ?: "");
	snprintf(revision->comment, sizeof(revision->comment), "%s",
		 state_text(rows, COMMENT) ?: "");
	digest = state_blob(rows, DIGEST, &bytes);
	revision->has_digest = digest && bytes == sizeof(revision->file_digest);
	if (revision->has_digest)
		memcpy(revision->file_digest, digest, bytes);
}

static int prune(struct state *state, struct state_error *error)
{
	/* The sum runs from the newest on. */
	static const char sql[] = "DELETE FROM revision WHERE number IN ("
				  "  SELECT number FROM ("
				  "    SELECT number, row_number() OVER newest AS place,"
				  "      sum(bytes) OVER newest AS bytes"
				  "    FROM revision WINDOW newest AS (ORDER BY number DESC))"
				  "  WHERE place > 2 AND (place > ? OR bytes > ?)"
				  "    AND number NOT IN (SELECT base FROM pending))";
	int code = state_run(state, error, sql, "ii", (int64_t)REVISIONS_MAX,
			     (int64_t)REVISIONS_BYTES_MAX);

	return code < 0 ? code : 0;
}

int revision_add(struct state *state, const struct revision *revision, const char *text,
		 struct state_error *error)
{
	const void *digest = revision->has_digest ? revision->file_digest : NULL;
	int code = state_run(state, error,
			     "INSERT INTO revision (" COLUMNS ", bytes)"
			     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     "iiitiittibti", (int64_t)revision->number, (int64_t)revision->same_as,
			     revision->time_ms, revision_origin_name(revision->origin),
			     revision->uid, revision->pid, revision->user, revision->comment,
			     (int64_t)revision->changes, digest, sizeof(revision->file_digest),
			     text, (int64_t)strlen(text));

	return code < 0 ? code : prune(state, error);
}

int revision_forget(struct state *state, uint64_t number, struct state_error *error)
{
	int code = state_run(state, error, "DELETE FROM revision WHERE number = ?", "i",
			     (int64_t)number);

	return code < 0 ? code : 0;
}

/* Says which are there instead. */
static int not_kept(struct state *state, uint64_t number, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, "SELECT min(number), max(number) FROM revision",
			       "");

	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		snprintf(error->text, sizeof(error->text),
			 state_int(rows, 1) ? "revision %llu is not kept, expected one of %lld to "
					      "%lld (pgw config log lists them)"
					    : "revision %llu is not kept: there is none yet",
			 (unsigned long long)number, (long long)state_int(rows, 0),
			 (long long)state_int(rows, 1));
	state_rows_free(rows);
	return code < 0 ? code : -ENOENT;
}

int revision_read(struct state *state, uint64_t number, struct revision *revision, char **text,
		  struct state_error *error)
{
	struct state_rows *rows;
	int code;

	if (text)
		*text = NULL;
	if (number > INT64_MAX)
		return not_kept(state, number, error);
	code = state_query(state, &rows, error, "SELECT " COLUMNS " FROM revision WHERE number = ?",
			   "i", (int64_t)number);
	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0) {
		read_row(rows, revision);
		if (text) {
			*text = strdup(state_text(rows, TEXT) ?: "");
			code = *text ? 1 : out_of_memory(error);
		}
	}
	state_rows_free(rows);
	if (code)
		return code < 0 ? code : 0;
	return not_kept(state, number, error);
}

int revision_before(struct state *state, uint64_t number, struct revision *revision,
		    struct state_error *error)
{
	struct state_rows *rows;
	int code;

	*revision = (struct revision){.number = 0};
	code = state_query(state, &rows, error,
			   "SELECT " COLUMNS
			   " FROM revision WHERE number < ? ORDER BY number DESC LIMIT 1",
			   "i", number > INT64_MAX ? INT64_MAX : (int64_t)number);
	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		read_row(rows, revision);
	state_rows_free(rows);
	return code < 0 ? code : 0;
}

int revision_last(struct state *state, struct revision *revision, struct state_error *error)
{
	return revision_before(state, INT64_MAX, revision, error);
}

int revision_list(struct state *state, uint64_t since, size_t limit, struct revision **list,
		  size_t *n, struct state_error *error)
{
	struct state_rows *rows;
	int code;

	*n = 0;
	*list = calloc(REVISIONS_MAX, sizeof(**list));
	if (!*list)
		return out_of_memory(error);
	if (limit > REVISIONS_MAX)
		limit = REVISIONS_MAX;
	code = state_query(state, &rows, error,
			   "SELECT " COLUMNS
			   " FROM revision WHERE number >= ? ORDER BY number DESC LIMIT ?",
			   "ii", since > INT64_MAX ? INT64_MAX : (int64_t)since, (int64_t)limit);
	while (!code && (code = state_next(rows, error)) > 0) {
		read_row(rows, &(*list)[(*n)++]);
		code = 0;
	}
	state_rows_free(rows);
	if (!code)
		return 0;
	free(*list);
	*list = NULL;
	*n = 0;
	return code;
}
