/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client - what each inside host uses, so that one cannot take it all (RFC 6888 REQ-3, REQ-4).
 *
 * An entry lives while its host has a flow or a mapping, or has spent of its creation rate lately.
 * Two entries for each flow that the table can hold: all that live hosts need, unless nearly every
 * flow is a hairpin; what finds no room then is not counted. Private to the worker, made anew from
 * the flows when a table is adopted.
 */
#ifndef PGW_POLICY_CLIENT_H
#define PGW_POLICY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define CLIENT_NONE UINT32_MAX

/* A host counts once for all it does, and once more in each pool that has a quota. */
#define CLIENT_SCOPE_PORTGROUP(port) ((uint32_t)(port))
#define CLIENT_SCOPE_POOL(pool)	     (0x10000u + (uint32_t)(pool))

struct client {
	be32 addr;
	uint32_t scope; /* CLIENT_SCOPE_PORTGROUP or CLIENT_SCOPE_POOL */
	bool used;
	uint32_t flows;	   /* connection-limits */
	uint32_t mappings; /* mapping-limits; in a pool's scope external ports: port-quota */
	uint64_t spent_ns; /* creation-rate: time up to which it has been spent (GCRA, ITU-T I.371)
			    */
	uint32_t next;	   /* hash chain or free list: index + 1 */
};

struct clients {
	struct client *client;
	uint32_t *head;		       /* index + 1 */
	uint32_t heads;		       /* in use: one more with each entry, see client.c */
	uint32_t heads_max;	       /* a power of two */
	uint32_t capacity, high, free; /* free: index + 1 */
	uint32_t used;
	uint32_t cursor; /* where the search for an idle entry goes on */
	uint32_t key[2];
};

int clients_init(struct clients *clients, uint32_t capacity, const uint32_t key[2]);
void clients_fini(struct clients *clients);

/* client_find() - index or CLIENT_NONE. client_get() makes an entry; CLIENT_NONE if there is no
 * room. */
uint32_t client_find(const struct clients *clients, be32 addr, uint32_t scope);
uint32_t client_get(struct clients *clients, be32 addr, uint32_t scope, uint64_t now_ns);

/* client_may_create() - take one from the creation rate (flows per second; a second's worth may
 * come at once). Return: false if it is spent. */
bool client_may_create(struct client *client, uint32_t rate, uint64_t now_ns);

/* client_release() - forget an entry that nothing is counted in any more, if its rate has
 * recovered. */
void client_release(struct clients *clients, uint32_t index, uint64_t now_ns);

#endif
