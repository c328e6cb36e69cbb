/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_pool - pools and the nat rules that draw from them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "control/config/check.h"
#include "control/config/error.h"
#include "control/config/kind.h"

static int compare_ranges(const void *a, const void *b)
{
	const struct check_range *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->first - y->first;
}

int check_ranges(const struct config *config, struct check_range **ranges, size_t *n)
{
	size_t count = 0;

	for (size_t i = 0; i < config->n_pools; i++)
		count += config->pools[i].n_external;
	*ranges = calloc(count + 1, sizeof(**ranges));
	if (!*ranges)
		return -ENOMEM;
	*n = 0;
	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		for (size_t j = 0; j < pool->n_external; j++)
			(*ranges)[(*n)++] = (struct check_range){
				ntohl(pool->external[j]), pool->port_first, pool->port_last, pool};
	}
	if (*n)
		qsort(*ranges, *n, sizeof(**ranges), compare_ranges);
	return 0;
}

static int check_external(const struct check *check, const struct config_pool *pool, be32 addr)
{
	const struct snapshot_route *network = derived_connected(&check->derived, addr);
	const char *edge = network ? check_edge(network, addr) : NULL;
	char buf[ADDR_TEXT_BYTES];

	if (!network)
		return error_set(check->error, pool->line, 0,
				 "pool \"%s\": %s is not in the network of any address statement, "
				 "expected an address of a portgroup",
				 pool->name, addr_text(addr, buf));
	if (edge)
		return error_set(check->error, pool->line, 0,
				 "pool \"%s\": %s is the %s address of its network, expected that "
				 "of a host",
				 pool->name, addr_text(addr, buf), edge);
	return 0;
}

/* In a sorted list without overlaps so far, an overlap is one of neighbours. */
static int check_overlaps(const struct check *check)
{
	struct check_range *ranges;
	size_t n;
	int result = 0;

	if (check_ranges(check->config, &ranges, &n))
		return error_memory(check->error);
	for (size_t i = 1; i < n; i++) {
		const struct check_range *a = &ranges[i - 1], *b = &ranges[i];
		char buf[ADDR_TEXT_BYTES];

		if (a->addr != b->addr || a->last < b->first)
			continue;
		result = error_set(check->error,
				   a->pool->line > b->pool->line ? a->pool->line : b->pool->line, 0,
				   "pools \"%s\" and \"%s\" share ports of %s, expected ranges "
				   "apart (%u-%u, %u-%u)",
				   a->pool->name, b->pool->name, addr_text(htonl(a->addr), buf),
				   a->first, a->last, b->first, b->last);
		break;
	}
	free(ranges);
	return result;
}

int check_pools(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->n_pools; i++)
		for (size_t j = 0; j < config->pools[i].n_external; j++) {
			int wrong = check_external(check, &config->pools[i],
						   config->pools[i].external[j]);

			if (wrong)
				return wrong;
		}
	for (size_t i = 0; i < config->n_nats; i++) {
		const struct config_nat *nat = &config->nats[i];

		if (!nat->pass && !kind_pool(config, nat->pool))
			return error_set(check->error, nat->line, 0,
					 "nat %u: pool \"%s\" does not exist, expected one of a "
					 "pool statement",
					 nat->number, nat->pool);
	}
	return check_overlaps(check);
}
