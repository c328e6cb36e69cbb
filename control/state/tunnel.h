/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel - tokens of secure gateways, and the key by which the gateway proves itself to connectors.
 *
 * Of a token only its SHA-256 is kept: 256 random bits need no slower hash. It is kept over
 * deactivation and reactivation, and over removing and adding the statement; so is the uuid in
 * the address.
 */
#ifndef PGW_STATE_TUNNEL_H
#define PGW_STATE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/state/state.h"

#define TUNNEL_STATE_NAME  48 /* CONFIG_NAME fits */
#define TUNNEL_STATE_UUID  37
#define TUNNEL_STATE_TOKEN 32
#define TUNNEL_STATE_PEM   1024

struct tunnel_state {
	char name[TUNNEL_STATE_NAME];
	char uuid[TUNNEL_STATE_UUID];
	uint8_t token[TUNNEL_STATE_TOKEN]; /* SHA-256 */
	bool active;
	int64_t made_s, token_s; /* Unix time; of the token that is valid now */
};

/* tunnel_state_read() - Return: 1 found, 0 there is none, -errno with @error set. */
int tunnel_state_read(struct state *state, const char *name, struct tunnel_state *tunnel,
		      struct state_error *error);
/* tunnel_state_write() - in place of what there is of that name. 0 or -errno. */
int tunnel_state_write(struct state *state, const struct tunnel_state *tunnel,
		       struct state_error *error);

/* The host key, PEM. As tunnel_state_read() and _write(). */
int tunnel_state_read_key(struct state *state, char pem[TUNNEL_STATE_PEM],
			  struct state_error *error);
int tunnel_state_write_key(struct state *state, const char *pem, struct state_error *error);

#endif
