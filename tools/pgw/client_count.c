/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/client_count.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "datapath/policy/admit.h"

#define ROOM_FIRST 64u

static uint64_t hash(const struct client_counts *counts, uint64_t value)
{
	value = (value ^ counts->key) * 0x9e3779b97f4a7c15ull;
	value ^= value >> 32;
	value = (value + counts->key) * 0xbf58476d1ce4e5b9ull;
	return value ^ value >> 29;
}

/* Hosts choose their addresses and ports: what lands in one chain must not be theirs to say. */
static uint64_t random_key(void)
{
	struct timespec now;
	uint64_t key;

	if (getrandom(&key, sizeof(key), 0) == (ssize_t)sizeof(key))
		return key;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec;
}

/* Room for one more element. Return: 0 or -ENOMEM. */
static int make_room(void *array, uint32_t n, uint32_t *room, size_t bytes)
{
	void *old, *grown;
	uint32_t more = *room ? *room * 2 : ROOM_FIRST;

	if (n < *room)
		return 0;
	memcpy(&old, array, sizeof(old)); /* the arrays have different pointer types */
	grown = realloc(old, more * bytes);
	if (!grown)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	/* cppcheck-suppress memleak ; *array owns it */
	return 0;
}

static uint32_t *client_head(const struct client_counts *counts, be32 addr, uint8_t port)
{
	return &counts->head[hash(counts, (uint64_t)addr << 8 | port) & counts->head_mask];
}

/* Twice as many chains as clients, so that they stay short. */
static int rehash_clients(struct client_counts *counts)
{
	uint32_t heads = counts->head_mask ? (counts->head_mask + 1) * 2 : 2 * ROOM_FIRST;
	uint32_t *head;

	if (counts->head_mask && counts->n_clients * 2 < counts->head_mask)
		return 0;
	head = calloc(heads, sizeof(*head));
	if (!head)
		return -ENOMEM;
	free(counts->head);
	counts->head = head;
	counts->head_mask = heads - 1;
	for (uint32_t i = 0; i < counts->n_clients; i++) {
		struct client_count *client = &counts->clients[i];
		uint32_t *chain = client_head(counts, client->addr, client->port);

		client->next = *chain;
		*chain = i + 1;
	}
	return 0;
}

/* The entry of a host, made if need be. Return: NULL without memory. */
static struct client_count *get_client(struct client_counts *counts, be32 addr, uint8_t port)
{
	uint32_t *chain;

	if (rehash_clients(counts))
		return NULL;
	chain = client_head(counts, addr, port);
	for (uint32_t at = *chain; at; at = counts->clients[at - 1].next)
		if (counts->clients[at - 1].addr == addr && counts->clients[at - 1].port == port)
			return &counts->clients[at - 1];
	if (make_room(&counts->clients, counts->n_clients, &counts->clients_room,
		      sizeof(*counts->clients)))
		return NULL;
	counts->clients[counts->n_clients] =
		(struct client_count){.addr = addr, .port = port, .next = *chain};
	*chain = counts->n_clients + 1;
	return &counts->clients[counts->n_clients++];
}

static int count_port(struct client_counts *counts, struct client_count *client, uint16_t pool)
{
	client->ports++;
	for (uint32_t at = client->first_pool; at; at = counts->pools[at - 1].next)
		if (counts->pools[at - 1].pool == pool) {
			counts->pools[at - 1].ports++;
			return 0;
		}
	if (make_room(&counts->pools, counts->n_pools, &counts->pools_room, sizeof(*counts->pools)))
		return -ENOMEM;
	counts->pools[counts->n_pools] =
		(struct client_pool){.pool = pool, .ports = 1, .next = client->first_pool};
	client->first_pool = ++counts->n_pools;
	return 0;
}

static int grow_mappings(struct client_counts *counts)
{
	uint64_t slots = counts->mappings ? (counts->mapping_mask + 1) * 2 : 2 * ROOM_FIRST;
	uint64_t old_slots = counts->mappings ? counts->mapping_mask + 1 : 0;
	uint64_t *old = counts->mappings;

	if (counts->n_mappings * 2 < old_slots)
		return 0;
	counts->mappings = calloc(slots, sizeof(*counts->mappings));
	if (!counts->mappings) {
		counts->mappings = old;
		return -ENOMEM;
	}
	counts->mapping_mask = slots - 1;
	for (uint64_t i = 0; i < old_slots; i++) {
		uint64_t at = hash(counts, old[i]) & counts->mapping_mask;

		if (!old[i])
			continue;
		while (counts->mappings[at])
			at = (at + 1) & counts->mapping_mask;
		counts->mappings[at] = old[i];
	}
	free(old);
	return 0;
}

/* Return: 1 if it was not there yet, 0 if it was, -ENOMEM. */
static int add_mapping(struct client_counts *counts, be32 addr, be16 port, uint8_t proto)
{
	uint64_t mapping = 1ull << 63 | (uint64_t)addr << 24 | (uint64_t)port << 8 | proto;
	uint64_t at;

	if (grow_mappings(counts))
		return -ENOMEM;
	at = hash(counts, mapping) & counts->mapping_mask;
	for (; counts->mappings[at]; at = (at + 1) & counts->mapping_mask)
		if (counts->mappings[at] == mapping)
			return 0;
	counts->mappings[at] = mapping;
	counts->n_mappings++;
	return 1;
}

/* The mapping of the host on @inside, whose external end is the destination on the other side. */
static int count_mapping(struct client_counts *counts, const struct session_table *table,
			 const struct flow *flow, unsigned inside)
{
	const struct flow_tuple *outside = &flow->tuple[!inside];
	const struct snapshot_pool *pool = NULL;
	struct client_count *client;
	int added = add_mapping(counts, outside->dst, outside->dport, flow->proto);

	if (added <= 0)
		return added;
	client = get_client(counts, flow->tuple[inside].src, flow->port[inside]);
	if (!client)
		return -ENOMEM;
	client->mappings++;
	/* the record has the pool of the source; a hairpin's destination may be another's */
	if (inside && flow->flags & FLOW_HAIRPIN)
		pool = admit_external_pool(&table->snapshot, outside->dst, flow->proto,
					   ntohs(outside->dport));
	return count_port(counts, client, pool ? pool->index : flow->pool);
}

static int count_flow(struct client_counts *counts, const struct session_table *table,
		      const struct flow *flow, struct prefix network)
{
	unsigned inside = flow->flags & FLOW_INBOUND && !(flow->flags & FLOW_HAIRPIN);
	struct client_count *client;
	int code = 0;

	if (prefix_covers(network, flow->tuple[inside].src)) {
		client = get_client(counts, flow->tuple[inside].src, flow->port[inside]);
		if (!client)
			return -ENOMEM;
		client->sessions++;
		client->packets += flow->packets[0] + flow->packets[1];
		client->bytes += flow->bytes[0] + flow->bytes[1];
		if ((flow->flags & (FLOW_SNAT | FLOW_EIM)) == FLOW_SNAT)
			code = count_port(counts, client, flow->pool);
	}
	if (!code && flow->flags & FLOW_EIM && prefix_covers(network, flow->tuple[0].src))
		code = count_mapping(counts, table, flow, 0);
	if (code >= 0 && flow->flags & FLOW_INBOUND && prefix_covers(network, flow->tuple[1].src))
		code = count_mapping(counts, table, flow, 1);
	return code < 0 ? code : 0;
}

static int compare(const void *a, const void *b)
{
	const struct client_count *x = a, *y = b;

	if (x->sessions != y->sessions)
		return x->sessions > y->sessions ? -1 : 1;
	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return x->port - y->port;
}

int client_counts_make(struct client_counts *counts, const struct session_table *table,
		       struct prefix network)
{
	struct session session;
	int code = 0;

	*counts = (struct client_counts){.key = random_key()};
	for (uint32_t record = 0; !code && record < table->records; record++)
		if (session_read(table, record, &session))
			code = count_flow(counts, table, &session.flow, network);
	if (code)
		client_counts_free(counts);
	else if (counts->n_clients)
		qsort(counts->clients, counts->n_clients, sizeof(*counts->clients), compare);
	return code;
}

void client_counts_free(struct client_counts *counts)
{
	free(counts->clients);
	free(counts->pools);
	free(counts->head);
	free(counts->mappings);
	*counts = (struct client_counts){.n_clients = 0};
}
