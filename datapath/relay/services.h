/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * services - the TLS-name services of one configuration: which name leads to which, and which of
 * its backends takes the next connection.
 *
 * Read whole and checked from what pgwd hands over, then fixed but for the counters of its
 * backends. A later configuration takes these over where service and backend are still there.
 */
#ifndef PGW_RELAY_SERVICES_H
#define PGW_RELAY_SERVICES_H

#include "datapath/policy/snapshot.h"
#include "datapath/relay/part.h"
#include "datapath/relay/sockets.h"

#define SERVICES_MAX	      4096u
#define SERVICES_BACKENDS_MAX 64u /* of one service; a bit each in services_pick()'s set */
#define SERVICES_NAMES_MAX    64u /* of one service */
#define SERVICES_NAME	      256 /* a TLS name, NUL included */

struct service_backend {
	be32 addr;
	uint16_t port; /* host order */
	bool up;
	uint32_t active; /* connections */
};

struct service {
	char name[SNAPSHOT_NAME];
	char listener[SOCKETS_KEY];
	be32 addr;     /* where clients connect */
	uint16_t port; /* host order */
	enum balance balance;
	enum dead_backend dead;
	bool proxy; /* PROXY protocol version 2 towards the backend */
	struct service_backend *backends;
	unsigned n_backends;
	unsigned turn;					  /* round robin */
	uint64_t connections, received_bytes, sent_bytes; /* of those that have ended */
};

struct service_listener {
	char key[SOCKETS_KEY];
	uint32_t service_default; /* SERVICES_NONE: clients without a known name are refused */
	size_t first, n;	  /* in services.names */
	int fd;			  /* the relay's */
};
#define SERVICES_NONE UINT32_MAX

struct services {
	struct service *list;
	size_t n;
	struct service_listener *listeners;
	size_t n_listeners;
	struct service_name {
		char name[SERVICES_NAME]; /* lower case; "*.x": whatever ends in .x */
		uint32_t service;
		uint32_t listener;
	} * names; /* by listener and name */
	size_t n_names;
	uint64_t idle_ms;
};

/* services_read() - @wanted: NULL: none. Return: 0, or -errno with @error set. */
int services_read(struct services *services, const json_t *wanted, const struct relay_stage *stage,
		  struct relay_error *error);
void services_free(struct services *services);

/* services_adopt() - take the counters of an earlier configuration over. */
void services_adopt(struct services *services, const struct services *before);

/* services_by_name() - NULL: there is none. */
struct service *services_find(const struct services *services, const char *name);
struct service_backend *services_backend(const struct service *service, be32 addr, uint16_t port);

/* services_listener() - @hint: where it probably is. NULL: there is none with that key. */
const struct service_listener *services_listener(const struct services *services, const char *key,
						 size_t hint);

/**
 * services_route() - which service of @listener a TLS name leads to
 * An exact name comes first, then the wildcard that says most, then the default.
 * @name: lower case; "": the client has named none
 * Return: NULL if there is none.
 */
struct service *services_route(const struct services *services,
			       const struct service_listener *listener, const char *name);

/**
 * services_pick() - the backend for the next connection
 * @tried: bit set of backends that are not to be taken
 * Return: NULL if no other is up.
 */
struct service_backend *services_pick(struct service *service, be32 client, uint64_t tried);

#endif
