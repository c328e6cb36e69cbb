/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets - the listening sockets that pgwd handed over, by their keys. They stay open in pgwd as
 * well: while this process is being started again, connections wait in them.
 */
#ifndef PGW_RELAY_SOCKETS_H
#define PGW_RELAY_SOCKETS_H

#include "datapath/relay/part.h"

#define SOCKETS_KEY 64 /* bytes, NUL included */

struct sockets {
	struct sockets_entry {
		char key[SOCKETS_KEY];
		int fd;
		bool borrowed; /* of the set before, until this one is committed */
	} * list;
	size_t n;
};

/**
 * sockets_prepare() - the set that a configuration names
 * @wanted: array of {"key", "fd"}
 * @message: whose descriptors they are; those that are used are taken
 * @before: where a key is in it already, that socket is used
 * Return: 0, or -errno with @error set and nothing taken.
 */
int sockets_prepare(struct sockets *sockets, const json_t *wanted, struct handover_message *message,
		    const struct sockets *before, struct relay_error *error);

/* sockets_commit() - @now becomes @next; what it does not have is closed. */
void sockets_commit(struct sockets *now, struct sockets *next);

/* sockets_drop() - closes what is its own. */
void sockets_drop(struct sockets *sockets);

int sockets_find(const struct sockets *sockets, const char *key); /* -1: none */

#endif
