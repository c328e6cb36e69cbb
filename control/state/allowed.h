/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * allowed - the ids by which the API knows the networks of the allow list. The list itself is part
 * of the configuration; here a network has a number, which no other network ever gets.
 */
#ifndef PGW_STATE_ALLOWED_H
#define PGW_STATE_ALLOWED_H

#include "control/state/state.h"

/**
 * allowed_id() - the id of a network, given now if it has none
 * @network: as prefix_text() writes it
 * Return: 0 or -errno.
 */
int allowed_id(struct state *state, const char *network, int64_t *id, struct state_error *error);

/* allowed_each() - call @each for every network that has an id. @network: borrowed. 0 or -errno. */
int allowed_each(struct state *state, void (*each)(int64_t id, const char *network, void *context),
		 void *context, struct state_error *error);

/* allowed_network() - the network of an id. @bytes: of @network. Return: 0; -ENOENT; -errno. */
int allowed_network(struct state *state, int64_t id, char *network, size_t bytes,
		    struct state_error *error);

/* allowed_rename() - the id becomes that of another network, whose own is forgotten. 0 or -errno.
 */
int allowed_rename(struct state *state, int64_t id, const char *network, struct state_error *error);

int allowed_forget(struct state *state, int64_t id, struct state_error *error);

#endif
