/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - see state.h.
 *
 * Limits: the write-ahead log is folded into the file once it has 1000 pages (SQLite's own) and
 * when pgwd ends; a copy of pgw.db that is taken while pgwd runs needs pgw.db-wal beside it.
 */
#include "control/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "control/state/schema.h"

struct state {
	sqlite3 *db;
	char path[512];
};

/* A statement under way. */
struct state_rows {
	struct state *state;
	sqlite3_stmt *statement;
};

__attribute__((format(printf, 3, 4))) static int failed(struct state_error *error, int code,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

/* Says what SQLite's @result means here, and what can be done. */
static int sqlite_failed(const struct state *state, int result, struct state_error *error)
{
	const char *path = state->path;

	switch (result & 0xff) {
	case SQLITE_FULL:
		return failed(error, -ENOSPC, "state %s: the disk is full; make room", path);
	case SQLITE_READONLY:
		return failed(error, -EROFS,
			      "state %s: not writable; see to its permissions and to the file "
			      "system's state",
			      path);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return failed(error, -EACCES,
			      "state %s: cannot be opened; its directory has to exist and to be "
			      "writable",
			      path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return failed(error, -EBADMSG,
			      "state %s: damaged (%s); move it away and start pgwd again, which "
			      "makes a new one",
			      path, sqlite3_errstr(result));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return failed(error, -EBUSY,
			      "state %s: locked by another program; end that and try again", path);
	case SQLITE_NOMEM:
		return failed(error, -ENOMEM, "state %s: out of memory", path);
	case SQLITE_CONSTRAINT:
		return failed(error, -EEXIST, "state %s: %s", path, sqlite3_errmsg(state->db));
	case SQLITE_IOERR:
		return failed(error, -EIO, "state %s: %s (%s); see to its disk", path,
			      sqlite3_errmsg(state->db), strerror(sqlite3_system_errno(state->db)));
	default:
		return failed(error, -EIO, "state %s: %s", path, sqlite3_errmsg(state->db));
	}
}

static int run_script(struct state *state, const char *sql, struct state_error *error)
{
	int result = sqlite3_exec(state->db, sql, NULL, NULL, NULL);

	return result == SQLITE_OK ? 0 : sqlite_failed(state, result, error);
}

int state_begin(struct state *state, struct state_error *error)
{
	return run_script(state, "BEGIN IMMEDIATE", error);
}

void state_rollback(struct state *state)
{
	/* Some failures have rolled back already. */
	if (!sqlite3_get_autocommit(state->db))
		sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
}

int state_commit(struct state *state, struct state_error *error)
{
	int code = run_script(state, "COMMIT", error);

	if (code)
		state_rollback(state);
	return code;
}

/* Return: an SQLite result code. */
static int bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
	int result = SQLITE_OK;

	for (int i = 1; *types && result == SQLITE_OK; types++, i++) {
		const void *bytes;

		switch (*types) {
		case 'i':
			result = sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t));
			break;
		case 't':
			result = sqlite3_bind_text(statement, i, va_arg(arguments, const char *),
						   -1, SQLITE_STATIC);
			break;
		case 'b':
			bytes = va_arg(arguments, const void *);
			result = sqlite3_bind_blob64(statement, i, bytes, va_arg(arguments, size_t),
						     SQLITE_STATIC);
			break;
		default:
			result = SQLITE_MISUSE;
		}
	}
	return result;
}

static int start(struct state *state, struct state_rows *rows, struct state_error *error,
		 const char *sql, const char *types, va_list arguments)
{
	int result = sqlite3_prepare_v2(state->db, sql, -1, &rows->statement, NULL), code;

	rows->state = state;
	if (result == SQLITE_OK)
		result = bind(rows->statement, types, arguments);
	if (result == SQLITE_OK)
		return 0;
	code = sqlite_failed(state, result, error);
	sqlite3_finalize(rows->statement);
	rows->statement = NULL;
	return code;
}

int state_next(struct state_rows *rows, struct state_error *error)
{
	int result = sqlite3_step(rows->statement);

	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	return sqlite_failed(rows->state, result, error);
}

int state_run(struct state *state, struct state_error *error, const char *sql, const char *types,
	      ...)
{
	struct state_rows rows = {.statement = NULL};
	va_list arguments;
	int code;

	va_start(arguments, types);
	code = start(state, &rows, error, sql, types, arguments);
	va_end(arguments);
	if (code)
		return code;
	do
		code = state_next(&rows, error);
	while (code > 0);
	if (!code)
		code = sqlite3_changes(state->db);
	sqlite3_finalize(rows.statement);
	return code;
}

int state_query(struct state *state, struct state_rows **rows, struct state_error *error,
		const char *sql, const char *types, ...)
{
	va_list arguments;
	int code;

	*rows = calloc(1, sizeof(**rows));
	if (!*rows)
		return failed(error, -ENOMEM, "state %s: out of memory", state->path);
	va_start(arguments, types);
	code = start(state, *rows, error, sql, types, arguments);
	va_end(arguments);
	if (code) {
		free(*rows);
		*rows = NULL;
	}
	return code;
}

void state_rows_free(struct state_rows *rows)
{
	if (!rows)
		return;
	sqlite3_finalize(rows->statement);
	free(rows);
}

int64_t state_int(const struct state_rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

const char *state_text(const struct state_rows *rows, int column)
{
	return (const char *)sqlite3_column_text(rows->statement, column);
}

const void *state_blob(const struct state_rows *rows, int column, size_t *bytes)
{
	const void *blob = sqlite3_column_blob(rows->statement, column);

	*bytes = (size_t)sqlite3_column_bytes(rows->statement, column);
	return blob;
}

static int read_version(struct state *state, int64_t *version, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, "PRAGMA user_version", "");

	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		*version = state_int(rows, 0);
	state_rows_free(rows);
	return code < 0 ? code : 0;
}

/* Step number @done, counted from 0, and the version that says so: both or none. */
static int take_step(struct state *state, size_t done, struct state_error *error)
{
	char version[48];
	int code = state_begin(state, error);

	if (code)
		return code;
	snprintf(version, sizeof(version), "PRAGMA user_version = %zu", done + 1);
	code = run_script(state, schema_steps[done].sql, error);
	if (!code)
		code = run_script(state, version, error);
	if (!code)
		return state_commit(state, error);
	state_rollback(state);
	return code;
}

static int migrate(struct state *state, struct state_error *error)
{
	int64_t version = 0;
	int code = read_version(state, &version, error);

	if (code)
		return code;
	if (version < 0 || (uint64_t)version > schema_n_steps)
		return failed(
			error, -EPROTO,
			"state %s: of a newer version (schema %lld, this pgwd knows %zu); run "
			"that version, or name another directory with -S",
			state->path, (long long)version, schema_n_steps);
	for (size_t done = (size_t)version; !code && done < schema_n_steps; done++)
		code = take_step(state, done, error);
	return code;
}

/* Makes the file, for nobody else's eyes: SQLite gives its other files the same mode. */
static int make_file(const struct state *state, struct state_error *error)
{
	int fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct stat status;
	int code;

	if (fd < 0) {
		code = -errno;
		return failed(error, code, "state %s: cannot be opened: %s", state->path,
			      strerror(-code));
	}
	code = fstat(fd, &status) || !S_ISREG(status.st_mode);
	close(fd);
	return code ? failed(error, -EBADMSG, "state %s: not a regular file", state->path) : 0;
}

static int open_database(struct state *state, struct state_error *error)
{
	int result;

	result = sqlite3_open_v2(state->path, &state->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				 NULL);
	if (result != SQLITE_OK)
		return sqlite_failed(state, result, error);
	sqlite3_extended_result_codes(state->db, 1);
	sqlite3_busy_timeout(state->db, STATE_BUSY_MS);
	return run_script(state,
			  "PRAGMA journal_mode = WAL;"
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA temp_store = MEMORY;"
			  "PRAGMA trusted_schema = OFF;",
			  error);
}

int state_open(struct state **out, const char *directory, struct state_error *error)
{
	struct state *state = calloc(1, sizeof(*state));
	int length, code;

	*out = NULL;
	if (!state)
		return failed(error, -ENOMEM, "state: out of memory");
	length = snprintf(state->path, sizeof(state->path), "%s/" STATE_FILE_NAME, directory);
	if (length < 0 || (size_t)length >= sizeof(state->path))
		code = failed(error, -ENAMETOOLONG,
			      "the state directory's name has %zu bytes, expected at most %zu",
			      strlen(directory), sizeof(state->path) - sizeof("/" STATE_FILE_NAME));
	else
		code = make_file(state, error);
	if (!code)
		code = open_database(state, error);
	if (!code)
		code = migrate(state, error);
	if (code)
		state_close(state);
	else
		*out = state;
	return code;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	sqlite3_close(state->db);
	free(state);
}
