/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/tunnel.h"

#include <stdio.h>
#include <string.h>

enum { UUID, TOKEN, ACTIVE, MADE, RENEWED };

static bool read_row(const struct state_rows *rows, const char *name, struct tunnel_state *tunnel)
{
	size_t bytes;
	const void *token = state_blob(rows, TOKEN, &bytes);
	const char *uuid = state_text(rows, UUID);

	if (!token || bytes != sizeof(tunnel->token) || !uuid ||
	    strlen(uuid) != sizeof(tunnel->uuid) - 1)
		return false;
	*tunnel = (struct tunnel_state){.active = state_int(rows, ACTIVE) != 0,
					.made_s = state_int(rows, MADE),
					.token_s = state_int(rows, RENEWED)};
	snprintf(tunnel->name, sizeof(tunnel->name), "%s", name);
	strcpy(tunnel->uuid, uuid);
	memcpy(tunnel->token, token, bytes);
	return true;
}

int tunnel_state_read(struct state *state, const char *name, struct tunnel_state *tunnel,
		      struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT uuid, token, active, made_s, token_s FROM tunnel_gateway"
			       " WHERE name = ?",
			       "t", name);

	if (code)
		return code;
	code = state_next(rows, error);
	if (code == 1 && !read_row(rows, name, tunnel))
		code = 0; /* not readable: as if it was not there */
	state_rows_free(rows);
	return code;
}

int tunnel_state_write(struct state *state, const struct tunnel_state *tunnel,
		       struct state_error *error)
{
	int code = state_run(state, error,
			     "INSERT OR REPLACE INTO tunnel_gateway"
			     " (name, uuid, token, active, made_s, token_s)"
			     " VALUES (?, ?, ?, ?, ?, ?)",
			     "ttbiii", tunnel->name, tunnel->uuid, tunnel->token,
			     sizeof(tunnel->token), (int64_t)tunnel->active, tunnel->made_s,
			     tunnel->token_s);

	return code < 0 ? code : 0;
}

int tunnel_state_read_key(struct state *state, char pem[TUNNEL_STATE_PEM],
			  struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error, "SELECT pem FROM tunnel_host_key", "");

	if (code)
		return code;
	code = state_next(rows, error);
	if (code == 1)
		snprintf(pem, TUNNEL_STATE_PEM, "%s", state_text(rows, 0) ?: "");
	state_rows_free(rows);
	return code;
}

int tunnel_state_write_key(struct state *state, const char *pem, struct state_error *error)
{
	int code = state_run(state, error,
			     "INSERT OR REPLACE INTO tunnel_host_key (one, pem) VALUES (1, ?)", "t",
			     pem);

	return code < 0 ? code : 0;
}
