/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/link/neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int neighbours_init(struct neighbours *neighbours, uint32_t key)
{
	memset(neighbours, 0, sizeof(*neighbours));
	neighbours->key = key | 1;
	neighbours->entry = calloc(NEIGHBOURS_MAX, sizeof(*neighbours->entry));
	return neighbours->entry ? 0 : -ENOMEM;
}

void neighbours_fini(struct neighbours *neighbours)
{
	free(neighbours->entry);
	neighbours->entry = NULL;
}

static uint16_t *head(struct neighbours *neighbours, uint8_t port, be32 addr)
{
	uint64_t hash = (uint64_t)(addr + port) * ((uint64_t)neighbours->key << 32 | 0x9e3779b1u);

	return &neighbours->head[(hash >> 40) % NEIGHBOURS_MAX];
}

uint16_t neighbour_find(const struct neighbours *neighbours, uint8_t port, be32 addr)
{
	uint16_t at = *head((struct neighbours *)(uintptr_t)neighbours, port, addr);

	while (at) {
		const struct neighbour *n = &neighbours->entry[at - 1];

		if (n->addr == addr && n->port == port)
			return (uint16_t)(at - 1);
		at = n->next;
	}
	return NEIGHBOUR_NONE;
}

static void unlink_entry(struct neighbours *neighbours, uint16_t index)
{
	struct neighbour *n = &neighbours->entry[index];
	uint16_t *at = head(neighbours, n->port, n->addr);

	while (*at != index + 1)
		at = &neighbours->entry[*at - 1].next;
	*at = n->next;
}

uint16_t neighbour_get(struct neighbours *neighbours, uint8_t port, be32 addr)
{
	uint16_t index = neighbour_find(neighbours, port, addr);
	uint16_t *first;

	if (index != NEIGHBOUR_NONE)
		return index;
	if (neighbours->high < NEIGHBOURS_MAX) {
		index = neighbours->high++;
	} else {
		/* bounded search, going round: unused entries are found in the end */
		for (unsigned i = 0; i < 64 && index == NEIGHBOUR_NONE; i++) {
			uint16_t candidate = neighbours->reuse;

			neighbours->reuse = (uint16_t)((neighbours->reuse + 1) % NEIGHBOURS_MAX);
			if (neighbours->entry[candidate].users == 0 &&
			    neighbours->entry[candidate].queue.length == 0)
				index = candidate;
		}
		if (index == NEIGHBOUR_NONE)
			return NEIGHBOUR_NONE;
		unlink_entry(neighbours, index);
	}
	first = head(neighbours, port, addr);
	neighbours->entry[index] = (struct neighbour){
		.addr = addr, .port = port, .state = NEIGHBOUR_UNKNOWN, .next = *first};
	hold_queue_init(&neighbours->entry[index].queue);
	*first = (uint16_t)(index + 1);
	return index;
}
