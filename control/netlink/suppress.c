/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/inside.h"
#include "control/netlink/suppress.h"

struct fixed_set {
	const char *name;
	size_t key_bytes;
};

static const struct fixed_set fixed_sets[] = {
	{"addresses", 4},
	{"listening", 8},
	{"listening_at", 12},
	{"services", 12},
};

#define POOL_KEY_BYTES 8

/* set_shape() - key length and pool range that a set's name stands for. False: not ours. */
static bool set_shape(struct suppress_set *set)
{
	unsigned first, last;
	int end = 0;

	for (size_t i = 0; i < sizeof(fixed_sets) / sizeof(fixed_sets[0]); i++) {
		if (!strcmp(set->name, fixed_sets[i].name)) {
			set->key_bytes = fixed_sets[i].key_bytes;
			return true;
		}
	}
	if (sscanf(set->name, "pool_%5u_%5u%n", &first, &last, &end) != 2 || set->name[end] ||
	    first > last || last > 65535)
		return false;
	set->key_bytes = POOL_KEY_BYTES;
	set->pool = (struct kports_range){(uint16_t)first, (uint16_t)last};
	return true;
}

struct suppress_set *suppress_add_set(struct suppress *suppress, const char *name)
{
	struct suppress_set set = {0}, *grown;

	for (size_t i = 0; i < suppress->n; i++)
		if (!strcmp(suppress->sets[i].name, name))
			return &suppress->sets[i];
	(void)snprintf(set.name, sizeof(set.name), "%s", name);
	if (!set_shape(&set))
		return NULL;
	grown = netlink_grow(suppress->sets, suppress->n, sizeof(*grown));
	if (!grown)
		return NULL;
	suppress->sets = grown;
	grown[suppress->n] = set;
	return &grown[suppress->n++];
}

int suppress_add_key(struct suppress_set *set, const uint8_t *key, size_t bytes)
{
	uint8_t(*grown)[SUPPRESS_KEY];

	if (bytes != set->key_bytes)
		return -EINVAL;
	grown = netlink_grow(set->keys, set->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->keys = grown;
	memset(grown[set->n], 0, SUPPRESS_KEY);
	memcpy(grown[set->n++], key, bytes);
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, SUPPRESS_KEY);
}

static int compare_sets(const void *a, const void *b)
{
	return strcmp(((const struct suppress_set *)a)->name,
		      ((const struct suppress_set *)b)->name);
}

bool suppress_has(const struct suppress *suppress, const char *name)
{
	for (size_t i = 0; i < suppress->n; i++)
		if (!strcmp(suppress->sets[i].name, name))
			return suppress->sets[i].n;
	return false;
}

void suppress_sort(struct suppress *suppress)
{
	for (size_t i = 0; i < suppress->n; i++) {
		struct suppress_set *set = &suppress->sets[i];
		size_t kept = 0;

		if (!set->n)
			continue;
		qsort(set->keys, set->n, sizeof(set->keys[0]), compare_keys);
		for (size_t k = 0; k < set->n; k++)
			if (!kept || memcmp(set->keys[kept - 1], set->keys[k], SUPPRESS_KEY))
				memmove(set->keys[kept++], set->keys[k], SUPPRESS_KEY);
		set->n = kept;
	}
	if (suppress->n)
		qsort(suppress->sets, suppress->n, sizeof(suppress->sets[0]), compare_sets);
}

bool suppress_equal(const struct suppress *a, const struct suppress *b)
{
	if (a->n != b->n || a->rules != b->rules)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct suppress_set *x = &a->sets[i], *y = &b->sets[i];

		if (strcmp(x->name, y->name) || x->n != y->n)
			return false;
		if (x->n && memcmp(x->keys, y->keys, x->n * sizeof(x->keys[0])))
			return false;
	}
	return true;
}

void suppress_free(struct suppress *suppress)
{
	for (size_t i = 0; i < suppress->n; i++)
		free(suppress->sets[i].keys);
	free(suppress->sets);
	*suppress = (struct suppress){0};
}

/* Field layouts of the keys, as nft concatenates them. */
static int add_address(struct suppress *suppress, const char *set, be32 addr)
{
	struct suppress_set *to = suppress_add_set(suppress, set);

	return to ? suppress_add_key(to, (const uint8_t *)&addr, sizeof(addr)) : -ENOMEM;
}

static int add_tuple(struct suppress *suppress, const char *set, be32 addr, uint8_t proto,
		     be16 port)
{
	struct suppress_set *to = suppress_add_set(suppress, set);
	uint8_t key[12] = {0};

	memcpy(key, &addr, 4);
	key[4] = proto;
	memcpy(key + 8, &port, 2);
	return to ? suppress_add_key(to, key, sizeof(key)) : -ENOMEM;
}

static int add_port(struct suppress *suppress, const char *set, uint8_t proto, be16 port)
{
	struct suppress_set *to = suppress_add_set(suppress, set);
	uint8_t key[8] = {proto};

	memcpy(key + 4, &port, 2);
	return to ? suppress_add_key(to, key, sizeof(key)) : -ENOMEM;
}

static int add_pool_address(struct suppress *suppress, struct kports_range range, be32 addr)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	char name[SUPPRESS_NAME];
	struct suppress_set *to;
	int err = 0;

	(void)snprintf(name, sizeof(name), "pool_%u_%u", range.first, range.last);
	to = suppress_add_set(suppress, name);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(protocols) && !err; i++) {
		uint8_t key[POOL_KEY_BYTES] = {0};

		memcpy(key, &addr, 4);
		key[4] = protocols[i];
		err = suppress_add_key(to, key, sizeof(key));
	}
	return err;
}

static int build_pool(struct suppress *suppress, const struct config_pool *pool,
		      const struct kports_plan *ports)
{
	struct kports_range parts[2];
	size_t n = kports_split(ports, (struct kports_range){pool->port_first, pool->port_last},
				parts);
	int err = 0;

	for (size_t i = 0; i < pool->n_external && !err; i++) {
		err = add_address(suppress, "addresses", pool->external[i]);
		for (size_t p = 0; p < n && !err; p++)
			err = add_pool_address(suppress, parts[p], pool->external[i]);
	}
	return err;
}

/* meets_pool() - whether a socket's port is one that a pool's rule would drop */
static bool meets_pool(const struct config *config, const struct kports_plan *ports,
		       const struct snapshot_reserved *socket)
{
	unsigned port = ntohs(socket->port);

	if (ports->carved && port >= ports->range.first && port <= ports->range.last)
		return false;
	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (port < pool->port_first || port > pool->port_last)
			continue;
		for (size_t a = 0; a < pool->n_external; a++)
			if (!socket->addr || socket->addr == pool->external[a])
				return true;
	}
	return false;
}

/* complete() - when all keys are in */
static void complete(struct suppress *suppress)
{
	suppress_sort(suppress);
	suppress->rules = SUPPRESS_FIXED_RULES;
	for (size_t i = 0; i < suppress->n; i++) {
		const struct suppress_set *set = &suppress->sets[i];

		suppress->rules += set->pool.last || (set->n && strcmp(set->name, "addresses"));
	}
}

int suppress_build(struct suppress *suppress, const struct config *config,
		   const struct kports_plan *ports, const struct snapshot_reserved *listening,
		   size_t n_listening)
{
	int err = 0;

	*suppress = (struct suppress){0};
	if (!config->n_services && !config->n_pools && !config->n_ntps)
		return 0;
	for (size_t i = 0; i < sizeof(fixed_sets) / sizeof(fixed_sets[0]) && !err; i++)
		err = suppress_add_set(suppress, fixed_sets[i].name) ? 0 : -ENOMEM;
	for (size_t i = 0; i < config->n_services && !err; i++) {
		const struct config_service *service = &config->services[i];

		err = add_address(suppress, "addresses", service->addr);
		if (!err)
			err = add_tuple(suppress, "services", service->addr, service->protocol,
					htons(service->port));
	}
	/* The datapath passes it on to chronyd, which does not listen there. */
	for (size_t i = 0; i < config->n_ntps && !err; i++) {
		err = add_address(suppress, "addresses", config->ntps[i].addr);
		if (!err)
			err = add_tuple(suppress, "services", config->ntps[i].addr, IPPROTO_UDP,
					htons(INSIDE_NTP_PORT));
	}
	for (size_t i = 0; i < config->n_pools && !err; i++)
		err = build_pool(suppress, &config->pools[i], ports);
	for (size_t i = 0; i < n_listening && !err; i++) {
		const struct snapshot_reserved *socket = &listening[i];

		if (!meets_pool(config, ports, socket))
			continue;
		if (socket->addr)
			err = add_tuple(suppress, "listening_at", socket->addr, socket->proto,
					socket->port);
		else
			err = add_port(suppress, "listening", socket->proto, socket->port);
	}
	if (err) {
		suppress_free(suppress);
		return err;
	}
	complete(suppress);
	return 0;
}

static size_t count_keys(const struct suppress *suppress)
{
	size_t n = suppress->n;

	for (size_t i = 0; i < suppress->n; i++)
		n += suppress->sets[i].n;
	return n;
}

int suppress_keep(struct suppress *suppress, const struct suppress *loaded, bool *more)
{
	size_t before = count_keys(suppress);

	for (size_t i = 0; i < loaded->n; i++) {
		const struct suppress_set *set = &loaded->sets[i];
		struct suppress_set *to = suppress_add_set(suppress, set->name);

		if (!to)
			return -ENOMEM;
		for (size_t k = 0; k < set->n; k++)
			if (suppress_add_key(to, set->keys[k], set->key_bytes))
				return -ENOMEM;
	}
	if (suppress->n)
		complete(suppress);
	*more = count_keys(suppress) > before;
	return 0;
}
