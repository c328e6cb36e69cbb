/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/credential.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_COLUMNS "a.id, a.key, a.name, a.description, a.role, a.created_s, a.secret"
#define APPLICATION_N	    7
#define CREDENTIAL_COLUMNS                                                                         \
	"c.id, c.consumer, c.token, c.state, c.rules, c.redirection, c.created_from, "             \
	"c.created_s, "                                                                            \
	"c.expires_s, c.last_use_s"
#define CREDENTIAL_FROM                                                                            \
	"SELECT " APPLICATION_COLUMNS ", " CREDENTIAL_COLUMNS                                      \
	" FROM credential c JOIN application a ON a.id = c.application "

__attribute__((format(printf, 3, 4))) static int failed(struct state_error *error, int code,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

static void text_of(const struct state_rows *rows, int column, char *to, size_t bytes)
{
	const char *text = state_text(rows, column);

	snprintf(to, bytes, "%s", text ? text : "");
}

static void hash_of(const struct state_rows *rows, int column, uint8_t to[CREDENTIAL_HASH_BYTES])
{
	size_t bytes;
	const void *blob = state_blob(rows, column, &bytes);

	if (blob && bytes == CREDENTIAL_HASH_BYTES)
		memcpy(to, blob, bytes);
	else
		memset(to, 0, CREDENTIAL_HASH_BYTES);
}

static void application_of(const struct state_rows *rows, struct application *application)
{
	size_t bytes;
	const void *secret = state_blob(rows, 6, &bytes);

	memset(application, 0, sizeof(*application));
	application->id = state_int(rows, 0);
	text_of(rows, 1, application->key, sizeof(application->key));
	text_of(rows, 2, application->name, sizeof(application->name));
	text_of(rows, 3, application->description, sizeof(application->description));
	text_of(rows, 4, application->role, sizeof(application->role));
	application->created_s = state_int(rows, 5);
	if (secret && bytes <= sizeof(application->secret)) {
		memcpy(application->secret, secret, bytes);
		application->secret_bytes = bytes;
	}
}

static int credential_of(const struct state_rows *rows, struct credential *credential)
{
	const int at = APPLICATION_N;
	const char *rules = state_text(rows, at + 4);

	memset(credential, 0, sizeof(*credential));
	application_of(rows, &credential->application);
	credential->id = state_int(rows, at);
	hash_of(rows, at + 1, credential->consumer);
	hash_of(rows, at + 2, credential->token);
	text_of(rows, at + 3, credential->state, sizeof(credential->state));
	credential->rules = strdup(rules ? rules : "[]");
	text_of(rows, at + 5, credential->redirection, sizeof(credential->redirection));
	text_of(rows, at + 6, credential->from, sizeof(credential->from));
	credential->created_s = state_int(rows, at + 7);
	credential->expires_s = state_int(rows, at + 8);
	credential->last_use_s = state_int(rows, at + 9);
	return credential->rules ? 0 : -ENOMEM;
}

/* One number that a query gives. 0 or -errno. */
static int number(struct state *state, int64_t *value, struct state_error *error, const char *sql,
		  int64_t bound)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, sql, "i", bound);

	if (code)
		return code;
	code = state_next(rows, error);
	*value = code > 0 ? state_int(rows, 0) : 0;
	state_rows_free(rows);
	return code < 0 ? code : 0;
}

int application_add(struct state *state, struct application *application, struct state_error *error)
{
	int64_t n;
	int code = number(state, &n, error, "SELECT count(*) FROM application WHERE id != ?", 0);

	if (!code && n >= APPLICATIONS_MAX)
		return failed(error, -EDQUOT, "there are %d applications, which is the limit",
			      APPLICATIONS_MAX);
	if (!code)
		code = state_run(state, error,
				 "INSERT INTO application (key, name, description, role, created_s,"
				 " secret) VALUES (?, ?, ?, ?, ?, ?)",
				 "ttttib", application->key, application->name,
				 application->description, application->role,
				 application->created_s, application->secret,
				 application->secret_bytes);
	if (code == -EEXIST)
		return failed(error, code, "application \"%s\" already exists", application->name);
	if (code < 0)
		return code;
	return number(state, &application->id, error, "SELECT last_insert_rowid() WHERE 0 = ?", 0);
}

int application_find(struct state *state, const char *key_or_name, struct application *application,
		     struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT " APPLICATION_COLUMNS " FROM application a"
			       " WHERE a.key = ? OR a.name = ? ORDER BY a.key = ? DESC LIMIT 1",
			       "ttt", key_or_name, key_or_name, key_or_name);

	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		application_of(rows, application);
	else if (!code)
		code = failed(error, -ENOENT, "there is no application \"%.60s\"", key_or_name);
	state_rows_free(rows);
	return code < 0 ? code : 0;
}

int application_list(struct state *state, struct application **list, size_t *n,
		     struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT " APPLICATION_COLUMNS " FROM application a ORDER BY a.name",
			       "");

	*n = 0;
	*list = NULL;
	if (code)
		return code;
	*list = calloc(APPLICATIONS_MAX, sizeof(**list));
	if (!*list)
		code = failed(error, -ENOMEM, "out of memory");
	while (!code && *n < APPLICATIONS_MAX && (code = state_next(rows, error)) > 0) {
		application_of(rows, &(*list)[(*n)++]);
		code = 0;
	}
	state_rows_free(rows);
	return code;
}

int application_delete(struct state *state, int64_t id, struct state_error *error)
{
	int code = state_begin(state, error);

	if (code)
		return code;
	code = state_run(state, error, "DELETE FROM credential WHERE application = ?", "i", id);
	if (code >= 0)
		code = state_run(state, error, "DELETE FROM application WHERE id = ?", "i", id);
	if (code < 0) {
		state_rollback(state);
		return code;
	}
	if (!code) {
		state_rollback(state);
		return failed(error, -ENOENT, "there is no such application");
	}
	return state_commit(state, error);
}

/* Room for another one of that application. */
static int make_room(struct state *state, int64_t application, struct state_error *error)
{
	int64_t n;
	int code = state_run(state, error,
			     "DELETE FROM credential WHERE id IN (SELECT id FROM credential"
			     " WHERE application = ? AND state IN ('pendingValidation', 'refused',"
			     " 'expired') ORDER BY id DESC LIMIT -1 OFFSET ?)",
			     "ii", application, (int64_t)CREDENTIALS_PENDING_MAX - 1);

	if (code < 0)
		return code;
	code = number(state, &n, error, "SELECT count(*) FROM credential WHERE application = ?",
		      application);
	if (!code && n >= CREDENTIALS_MAX)
		return failed(
			error, -EDQUOT,
			"this application has %d credentials, which is the limit: delete some",
			CREDENTIALS_MAX);
	return code;
}

int credential_add(struct state *state, struct credential *credential, struct state_error *error)
{
	int code = state_begin(state, error);

	if (code)
		return code;
	code = make_room(state, credential->application.id, error);
	if (!code)
		code = state_run(
			state, error,
			"INSERT INTO credential (application, consumer, token, state, rules,"
			" redirection, created_from, created_s, expires_s, last_use_s)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
			"ibbttttii", credential->application.id, credential->consumer,
			sizeof(credential->consumer), credential->token, sizeof(credential->token),
			credential->state, credential->rules, credential->redirection,
			credential->from, credential->created_s, credential->expires_s);
	if (code == -EEXIST)
		code = failed(error, code, "this consumer key already exists");
	if (code >= 0)
		code = number(state, &credential->id, error,
			      "SELECT last_insert_rowid() WHERE 0 = ?", 0);
	if (code < 0) {
		state_rollback(state);
		return code;
	}
	return state_commit(state, error);
}

static int first(struct state_rows *rows, struct credential *credential, struct state_error *error)
{
	int code = state_next(rows, error);

	if (code > 0)
		code = credential_of(rows, credential);
	else if (!code)
		code = failed(error, -ENOENT, "there is no such credential");
	state_rows_free(rows);
	return code;
}

int credential_by_id(struct state *state, int64_t id, struct credential *credential,
		     struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, CREDENTIAL_FROM "WHERE c.id = ?", "i", id);

	return code ? code : first(rows, credential, error);
}

int credential_by_consumer(struct state *state, const uint8_t hash[CREDENTIAL_HASH_BYTES],
			   struct credential *credential, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, CREDENTIAL_FROM "WHERE c.consumer = ?", "b",
			       hash, (size_t)CREDENTIAL_HASH_BYTES);

	return code ? code : first(rows, credential, error);
}

int credential_by_token(struct state *state, const uint8_t hash[CREDENTIAL_HASH_BYTES],
			struct credential *credential, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, CREDENTIAL_FROM "WHERE c.token = ?", "b", hash,
			       (size_t)CREDENTIAL_HASH_BYTES);

	return code ? code : first(rows, credential, error);
}

void credential_free(struct credential *credential)
{
	free(credential->rules);
	credential->rules = NULL;
}

void credential_list_free(struct credential *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		credential_free(&list[i]);
	free(list);
}

int credential_list(struct state *state, struct credential **list, size_t *n,
		    struct state_error *error)
{
	struct state_rows *rows;
	size_t size = 0;
	int code = state_query(state, &rows, error, CREDENTIAL_FROM "ORDER BY c.id", "");

	*n = 0;
	*list = NULL;
	if (code)
		return code;
	while (!code && (code = state_next(rows, error)) > 0) {
		if (*n == size) {
			struct credential *more;

			size = size ? size * 2 : 16;
			more = reallocarray(*list, size, sizeof(**list));
			if (!more) {
				code = failed(error, -ENOMEM, "out of memory");
				break;
			}
			*list = more;
		}
		code = credential_of(rows, &(*list)[*n]);
		*n += !code;
	}
	state_rows_free(rows);
	return code;
}

/* What one row must have been changed by. */
static int one(int code, struct state_error *error)
{
	if (!code)
		return failed(error, -ENOENT, "there is no such credential");
	return code < 0 ? code : 0;
}

int credential_set_state(struct state *state, int64_t id, const char *new_state,
			 struct state_error *error)
{
	return one(state_run(state, error, "UPDATE credential SET state = ? WHERE id = ?", "ti",
			     new_state, id),
		   error);
}

int credential_used(struct state *state, int64_t id, int64_t now_s, struct state_error *error)
{
	return one(state_run(state, error, "UPDATE credential SET last_use_s = ? WHERE id = ?",
			     "ii", now_s, id),
		   error);
}

int credential_delete(struct state *state, int64_t id, struct state_error *error)
{
	return one(state_run(state, error, "DELETE FROM credential WHERE id = ?", "i", id), error);
}

int credential_expire(struct state *state, int64_t now_s, struct state_error *error)
{
	int code = state_run(state, error,
			     "UPDATE credential SET state = 'expired' WHERE"
			     " (state = 'pendingValidation' AND created_s < ?) OR"
			     " (state = 'validated' AND expires_s != 0 AND expires_s <= ?)",
			     "ii", now_s - CREDENTIAL_PENDING_S, now_s);

	return code < 0 ? code : 0;
}
