/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chained hashes over fixed arrays. As many heads as entries, so chains are about one long.
 */
#include "datapath/policy/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct permit {
	uint32_t mapping;
	be32 remote;
	uint32_t flows;
	uint32_t next;
};

int mappings_init(struct mappings *mappings, uint32_t capacity, const uint32_t key[2])
{
	uint32_t heads = 64;

	while (heads < capacity)
		heads *= 2;
	memset(mappings, 0, sizeof(*mappings));
	mappings->capacity = capacity;
	mappings->head_mask = heads - 1;
	mappings->free = mappings->permit_free = MAPPING_NONE;
	memcpy(mappings->key, key, sizeof(mappings->key));
	/* calloc of this size maps zero pages: what is not used is not resident */
	mappings->mapping = calloc(capacity, sizeof(*mappings->mapping));
	mappings->internal = calloc(heads, sizeof(uint32_t));
	mappings->external = calloc(heads, sizeof(uint32_t));
	mappings->permit = calloc(capacity, sizeof(*mappings->permit));
	mappings->permitted = calloc(heads, sizeof(uint32_t));
	if (mappings->mapping && mappings->internal && mappings->external && mappings->permit &&
	    mappings->permitted)
		return 0;
	mappings_fini(mappings);
	return -ENOMEM;
}

void mappings_fini(struct mappings *mappings)
{
	free(mappings->mapping);
	free(mappings->internal);
	free(mappings->external);
	free(mappings->permit);
	free(mappings->permitted);
	memset(mappings, 0, sizeof(*mappings));
}

/* NH over two pairs of words with the worker's key, see flow/table.c */
static uint32_t head(const struct mappings *mappings, uint32_t a, uint32_t b)
{
	uint64_t hash = (uint64_t)(a + mappings->key[0]) * (b + mappings->key[1]);

	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	return (uint32_t)(hash >> 32) & mappings->head_mask;
}

static uint32_t internal_head(const struct mappings *mappings, be32 addr, be16 l4_port,
			      uint8_t proto, uint8_t port)
{
	return head(mappings, addr, (uint32_t)l4_port << 16 | (uint32_t)port << 8 | proto);
}

static uint32_t external_head(const struct mappings *mappings, be32 addr, be16 l4_port,
			      uint8_t proto)
{
	return head(mappings, addr, (uint32_t)l4_port << 16 | proto);
}

uint32_t mapping_find_internal(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto, uint8_t port, uint16_t pool)
{
	uint32_t at = mappings->internal[internal_head(mappings, addr, l4_port, proto, port)];

	while (at) {
		const struct mapping *m = &mappings->mapping[at - 1];

		if (m->internal == addr && m->internal_port == l4_port && m->proto == proto &&
		    m->port == port && m->pool == pool)
			return at - 1;
		at = m->next_internal;
	}
	return MAPPING_NONE;
}

uint32_t mapping_find_external(const struct mappings *mappings, be32 addr, be16 l4_port,
			       uint8_t proto)
{
	uint32_t at = mappings->external[external_head(mappings, addr, l4_port, proto)];

	while (at) {
		const struct mapping *m = &mappings->mapping[at - 1];

		if (m->external == addr && m->external_port == l4_port && m->proto == proto)
			return at - 1;
		at = m->next_external;
	}
	return MAPPING_NONE;
}

uint32_t mapping_add(struct mappings *mappings, const struct mapping *model)
{
	uint32_t index, *first;
	struct mapping *m;

	if (mappings->free != MAPPING_NONE) {
		index = mappings->free;
		mappings->free = mappings->mapping[index].next_internal;
	} else if (mappings->high < mappings->capacity) {
		index = mappings->high++;
	} else {
		return MAPPING_NONE;
	}
	m = &mappings->mapping[index];
	*m = *model;
	m->flows = 0;
	if (m->shared) {
		first = &mappings->internal[internal_head(mappings, m->internal, m->internal_port,
							  m->proto, m->port)];
		m->next_internal = *first;
		*first = index + 1;
	}
	first = &mappings->external[external_head(mappings, m->external, m->external_port,
						  m->proto)];
	m->next_external = *first;
	*first = index + 1;
	mappings->used++;
	return index;
}

void mapping_remove(struct mappings *mappings, uint32_t index)
{
	struct mapping *m = &mappings->mapping[index];
	uint32_t *at;

	if (m->shared) {
		at = &mappings->internal[internal_head(mappings, m->internal, m->internal_port,
						       m->proto, m->port)];
		while (*at != index + 1)
			at = &mappings->mapping[*at - 1].next_internal;
		*at = m->next_internal;
	}
	at = &mappings->external[external_head(mappings, m->external, m->external_port, m->proto)];
	while (*at != index + 1)
		at = &mappings->mapping[*at - 1].next_external;
	*at = m->next_external;
	m->next_internal = mappings->free;
	mappings->free = index;
	mappings->used--;
}

static uint32_t *find_permit(const struct mappings *mappings, uint32_t mapping, be32 remote)
{
	uint32_t *at = &mappings->permitted[head(mappings, mapping, remote)];

	while (*at) {
		struct permit *permit = &mappings->permit[*at - 1];

		if (permit->mapping == mapping && permit->remote == remote)
			break;
		at = &permit->next;
	}
	return at;
}

bool permit_add(struct mappings *mappings, uint32_t mapping, be32 remote)
{
	uint32_t *at = find_permit(mappings, mapping, remote);
	uint32_t index;

	if (*at) {
		mappings->permit[*at - 1].flows++;
		return true;
	}
	if (mappings->permit_free != MAPPING_NONE) {
		index = mappings->permit_free;
		mappings->permit_free = mappings->permit[index].next;
	} else if (mappings->permit_high < mappings->capacity) {
		index = mappings->permit_high++;
	} else {
		return false;
	}
	mappings->permit[index] = (struct permit){.mapping = mapping, .remote = remote, .flows = 1};
	*at = index + 1; /* the end of its chain */
	return true;
}

void permit_drop(struct mappings *mappings, uint32_t mapping, be32 remote)
{
	uint32_t *at = find_permit(mappings, mapping, remote);
	uint32_t index = *at - 1;

	if (!*at || --mappings->permit[index].flows)
		return;
	*at = mappings->permit[index].next;
	mappings->permit[index].next = mappings->permit_free;
	mappings->permit_free = index;
}

bool permit_find(const struct mappings *mappings, uint32_t mapping, be32 remote)
{
	return *find_permit(mappings, mapping, remote) != 0;
}
