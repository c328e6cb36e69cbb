/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - what must outlive pgwd, and a reboot: one SQLite database, STATEDIR/pgw.db. Revisions,
 * tasks, credentials and the audit trail live in it; sessions never do.
 *
 * Each kind of record has a file of its own beside this one (revision.c, …) that knows its tables;
 * the tables themselves are the steps of schema.c. pgwd is the only writer, from one thread; others
 * may read the file meanwhile (write-ahead log), and wait for nobody.
 *
 * A commit has reached the disk when it returns (synchronous=FULL). Whatever fails (full disk,
 * read-only directory, damaged file, a file of a newer version) is an error with its reason, and
 * leaves the database as it was.
 */
#ifndef PGW_STATE_STATE_H
#define PGW_STATE_STATE_H

#include <stddef.h>
#include <stdint.h>

#define STATE_FILE_NAME "pgw.db"
#define STATE_BUSY_MS	500 /* as long a foreign writer's lock is waited for */

struct state;
struct state_rows;

/* What failed, on what file, and what to do about it. */
struct state_error {
	char text[256];
};

/**
 * state_open() - open DIRECTORY/pgw.db, make it where there is none, bring its schema up to date
 * Return: 0; -ENOSPC full disk; -EROFS or -EACCES not writable; -EBADMSG damaged, or no database;
 * -EPROTO written by a newer version; -EBUSY locked by somebody else; other -errno. *state is NULL
 * then and @error set.
 */
int state_open(struct state **state, const char *directory, struct state_error *error);
void state_close(struct state *state); /* NULL is permitted */

/*
 * Several statements, all or none. They do not nest. A commit that fails has rolled back.
 */
int state_begin(struct state *state, struct state_error *error);
int state_commit(struct state *state, struct state_error *error);
void state_rollback(struct state *state);

/*
 * state_run(), state_query() - one statement, its parameters bound in order
 * @types: one letter for each parameter that follows:
 *   i  int64_t
 *   t  const char *, UTF-8; NULL binds NULL
 *   b  const void *, size_t; NULL binds NULL
 * What is bound has to stay until the statement is done.
 */

/* state_run() - Return: how many rows it changed, or -errno with @error set. */
int state_run(struct state *state, struct state_error *error, const char *sql, const char *types,
	      ...);

/* state_query() - Return: 0 and *rows, to be read by state_next() and ended by state_rows_free();
 * or -errno with @error set and *rows NULL. */
int state_query(struct state *state, struct state_rows **rows, struct state_error *error,
		const char *sql, const char *types, ...);

/* state_next() - Return: 1 there is a row, 0 there are no more, -errno with @error set. */
int state_next(struct state_rows *rows, struct state_error *error);
void state_rows_free(struct state_rows *rows); /* NULL is permitted */

/* Columns of the present row, from 0. Text and blobs stay valid until the next row; NULL where
 * the value is NULL. */
int64_t state_int(const struct state_rows *rows, int column);
const char *state_text(const struct state_rows *rows, int column);
const void *state_blob(const struct state_rows *rows, int column, size_t *bytes);

#endif
