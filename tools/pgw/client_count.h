/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client_count - what each inside host uses, counted from the flow table as the datapath counts
 * it for its limits: a flow for the host that began it, or that it reached inside; a mapping
 * once, whatever the number of its flows; a port for each mapping, and for each flow that has
 * an external port without one (mapping-type edm with filtering-type edf).
 */
#ifndef PGW_TOOL_CLIENT_COUNT_H
#define PGW_TOOL_CLIENT_COUNT_H

#include "tools/pgw/session.h"

struct client_count {
	be32 addr;
	uint8_t port;			    /* index of its portgroup */
	uint64_t sessions, mappings, ports; /* ports: of all pools */
	uint64_t packets, bytes;	    /* of its sessions, both directions */
	uint32_t first_pool;		    /* index + 1 into pools; 0 = it uses none */
	uint32_t next;			    /* hash chain */
};

struct client_pool { /* a client's ports of one pool */
	uint16_t pool;
	uint64_t ports;
	uint32_t next; /* the client's next pool: index + 1 */
};

struct client_counts {
	struct client_count *clients;
	struct client_pool *pools;
	uint32_t n_clients, n_pools;
	/* private */
	uint32_t clients_room, pools_room;
	uint32_t *head; /* of hash chains of clients: index + 1 */
	uint32_t head_mask;
	uint64_t *mappings; /* set of those that were counted; 0 = empty slot */
	uint64_t mapping_mask, n_mappings;
	uint64_t key; /* of the hashes, random */
};

/**
 * client_counts_make() - count @table's sessions
 * @network: only hosts in it
 * Sorted by sessions, most first, then by address.
 * Return: 0, or -ENOMEM (then @counts is empty).
 */
int client_counts_make(struct client_counts *counts, const struct session_table *table,
		       struct prefix network);
void client_counts_free(struct client_counts *counts);

#endif
