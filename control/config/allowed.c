/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/allowed.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "control/config/datacenter.h"

static int compare_networks(const struct allowed *x, const struct allowed *y)
{
	if (x->network.addr != y->network.addr)
		return ntohl(x->network.addr) < ntohl(y->network.addr) ? -1 : 1;
	return x->network.len - y->network.len;
}

/* An entry of the list before a gateway of the same network. */
static int compare(const void *a, const void *b)
{
	const struct allowed *x = a, *y = b;
	int order = compare_networks(x, y);

	return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

struct allowed *allowed_networks(const struct config *config, size_t *n)
{
	struct allowed *list = calloc(config->n_allows + config->n_datacenters + 1, sizeof(*list));
	size_t all = config->n_allows;

	*n = 0;
	if (!list)
		return NULL;
	for (size_t i = 0; i < config->n_allows; i++)
		list[i] = (struct allowed){config->allows[i].network, (uint32_t)i};
	for (size_t i = 0; i < config->n_datacenters; i++) {
		struct gateway_place place;

		if (!gateway_place_of(config, &config->datacenters[i], &place))
			continue;
		list[all++] = (struct allowed){
			{place.addr & prefix_mask(place.prefix_len), place.prefix_len},
			(uint32_t)config->n_allows};
	}
	qsort(list, all, sizeof(*list), compare);
	for (size_t i = 0; i < all; i++)
		if (!*n || compare_networks(&list[i], &list[*n - 1]))
			list[(*n)++] = list[i];
	return list;
}
