/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/allowed.h"

#include <errno.h>
#include <stdio.h>

static int find(struct state *state, const char *network, int64_t *id, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT id FROM allowed_network WHERE network = ?", "t", network);

	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		*id = state_int(rows, 0);
	state_rows_free(rows);
	return code;
}

int allowed_id(struct state *state, const char *network, int64_t *id, struct state_error *error)
{
	int code = find(state, network, id, error);

	if (code)
		return code < 0 ? code : 0;
	code = state_run(state, error, "INSERT INTO allowed_network (network) VALUES (?)", "t",
			 network);
	if (code >= 0)
		code = find(state, network, id, error);
	return code < 0 ? code : 0;
}

int allowed_each(struct state *state, void (*each)(int64_t id, const char *network, void *context),
		 void *context, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, "SELECT id, network FROM allowed_network", "");

	if (code)
		return code;
	while ((code = state_next(rows, error)) > 0)
		each(state_int(rows, 0), state_text(rows, 1), context);
	state_rows_free(rows);
	return code;
}

int allowed_network(struct state *state, int64_t id, char *network, size_t bytes,
		    struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT network FROM allowed_network WHERE id = ?", "i", id);

	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0)
		snprintf(network, bytes, "%s", state_text(rows, 0));
	state_rows_free(rows);
	if (code)
		return code < 0 ? code : 0;
	snprintf(error->text, sizeof(error->text), "there is no allowed network of id %lld",
		 (long long)id);
	return -ENOENT;
}

int allowed_rename(struct state *state, int64_t id, const char *network, struct state_error *error)
{
	int code =
		state_run(state, error, "DELETE FROM allowed_network WHERE network = ? AND id <> ?",
			  "ti", network, id);

	if (code >= 0)
		code = state_run(state, error,
				 "INSERT INTO allowed_network (id, network) VALUES (?2, ?1)"
				 " ON CONFLICT (id) DO UPDATE SET network = ?1",
				 "ti", network, id);

	return code < 0 ? code : 0;
}

int allowed_forget(struct state *state, int64_t id, struct state_error *error)
{
	int code = state_run(state, error, "DELETE FROM allowed_network WHERE id = ?", "i", id);

	return code < 0 ? code : 0;
}
