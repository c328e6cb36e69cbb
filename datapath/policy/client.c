/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chained hash that grows by a head with each entry (linear hashing), so that memory is touched
 * as hosts come, and no entry waits for all others to be moved. The heads from HEADS_MIN on come in
 * turn: with head n, what of head n - p belongs there moves to it, p being the greatest
 * power of two up to n.
 */
#include "datapath/policy/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS   1000000000ull
#define HEADS_MIN   64u
#define IDLE_SEARCH 32u /* entries looked at to find an idle one, when all were used once */

int clients_init(struct clients *clients, uint32_t capacity, const uint32_t key[2])
{
	uint32_t heads = HEADS_MIN;

	while (heads < capacity)
		heads *= 2;
	memset(clients, 0, sizeof(*clients));
	clients->capacity = capacity;
	clients->heads = HEADS_MIN;
	clients->heads_max = heads;
	memcpy(clients->key, key, sizeof(clients->key));
	clients->client = calloc(capacity, sizeof(*clients->client));
	clients->head = calloc(heads, sizeof(*clients->head));
	if (clients->client && clients->head)
		return 0;
	clients_fini(clients);
	return -ENOMEM;
}

void clients_fini(struct clients *clients)
{
	free(clients->client);
	free(clients->head);
	memset(clients, 0, sizeof(*clients));
}

static uint32_t *head_of(const struct clients *clients, be32 addr, uint32_t scope)
{
	uint64_t hash = (uint64_t)(addr + clients->key[0]) * (uint32_t)(scope + clients->key[1]);
	uint32_t whole = 1u << (31 - __builtin_clz(clients->heads)), at;

	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	at = (uint32_t)(hash >> 32) & (2 * whole - 1);
	return &clients->head[at < clients->heads ? at : at - whole];
}

static void grow(struct clients *clients)
{
	uint32_t whole = 1u << (31 - __builtin_clz(clients->heads));
	uint32_t *head = &clients->head[clients->heads], *to = head;
	uint32_t *from = &clients->head[clients->heads - whole];

	clients->heads++;
	while (*from) {
		struct client *client = &clients->client[*from - 1];

		if (head_of(clients, client->addr, client->scope) == head) {
			*to = *from;
			*from = client->next;
			client->next = 0;
			to = &client->next;
		} else {
			from = &client->next;
		}
	}
}

uint32_t client_find(const struct clients *clients, be32 addr, uint32_t scope)
{
	for (uint32_t at = *head_of(clients, addr, scope); at; at = clients->client[at - 1].next)
		if (clients->client[at - 1].addr == addr && clients->client[at - 1].scope == scope)
			return at - 1;
	return CLIENT_NONE;
}

static void take_out(struct clients *clients, uint32_t index)
{
	struct client *client = &clients->client[index];
	uint32_t *at = head_of(clients, client->addr, client->scope);

	while (*at != index + 1)
		at = &clients->client[*at - 1].next;
	*at = client->next;
	client->used = false;
	client->next = clients->free;
	clients->free = index + 1;
	clients->used--;
}

static bool idle(const struct client *client)
{
	return client->used && client->flows == 0 && client->mappings == 0;
}

uint32_t client_get(struct clients *clients, be32 addr, uint32_t scope, uint64_t now_ns)
{
	uint32_t index = client_find(clients, addr, scope);
	uint32_t *head;

	if (index != CLIENT_NONE)
		return index;
	/* those who only wait for their rate to recover make room */
	for (unsigned i = 0;
	     !clients->free && clients->high == clients->capacity && i < IDLE_SEARCH; i++) {
		clients->cursor = (clients->cursor + 1) % clients->capacity;
		if (idle(&clients->client[clients->cursor]))
			take_out(clients, clients->cursor);
	}
	if (clients->free) {
		index = clients->free - 1;
		clients->free = clients->client[index].next;
	} else if (clients->high < clients->capacity) {
		index = clients->high++;
	} else {
		return CLIENT_NONE;
	}
	if (clients->used >= clients->heads && clients->heads < clients->heads_max)
		grow(clients);
	head = head_of(clients, addr, scope);
	clients->client[index] =
		(struct client){.addr = addr,
				.scope = scope,
				.used = true,
				.spent_ns = now_ns > SECOND_NS ? now_ns - SECOND_NS : 0,
				.next = *head};
	*head = index + 1;
	clients->used++;
	return index;
}

bool client_may_create(struct client *client, uint32_t rate, uint64_t now_ns)
{
	uint64_t cost = rate ? SECOND_NS / rate : 0;

	if (client->spent_ns + SECOND_NS < now_ns)
		client->spent_ns = now_ns - SECOND_NS;
	if (client->spent_ns + cost > now_ns)
		return false;
	client->spent_ns += cost;
	return true;
}

void client_release(struct clients *clients, uint32_t index, uint64_t now_ns)
{
	struct client *client = &clients->client[index];

	/* one that comes back at once must not find its rate fresh */
	if (idle(client) && client->spent_ns + SECOND_NS <= now_ns)
		take_out(clients, index);
}
