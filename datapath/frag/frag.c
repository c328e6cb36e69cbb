/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/frag/frag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int frags_init(struct frags *frags, const uint32_t key[2])
{
	memset(frags, 0, sizeof(*frags));
	memcpy(frags->key, key, sizeof(frags->key));
	frags->entry = calloc(FRAG_ENTRIES, sizeof(*frags->entry));
	return frags->entry ? 0 : -ENOMEM;
}

void frags_fini(struct frags *frags)
{
	free(frags->entry);
	frags->entry = NULL;
}

static uint16_t *head(struct frags *frags, be32 src, be32 dst, uint16_t id, uint8_t proto)
{
	uint64_t hash = (uint64_t)(src + frags->key[0]) * (dst + frags->key[1]);

	hash += ((uint64_t)id << 8 | proto) * (((uint64_t)frags->key[1] << 32 | frags->key[0]) | 1);
	hash ^= hash >> 31;
	hash *= 0x9e3779b97f4a7c15ull;
	return &frags->head[(hash >> 48) % FRAG_ENTRIES];
}

struct frag *frag_get(struct frags *frags, const struct packet *p, uint64_t now_ns)
{
	uint16_t *first = head(frags, p->tuple.src, p->tuple.dst, p->ip_id, p->proto);
	struct frag *frag;
	uint16_t index;

	for (uint16_t at = *first; at; at = frag->next) {
		frag = &frags->entry[at - 1];
		if (frag->src == p->tuple.src && frag->dst == p->tuple.dst &&
		    frag->id == p->ip_id && frag->proto == p->proto && frag->port == p->port)
			return frag;
	}
	if (frags->free) {
		index = (uint16_t)(frags->free - 1);
		frags->free = frags->entry[index].next;
	} else if (frags->high < FRAG_ENTRIES) {
		index = frags->high++;
	} else {
		return NULL;
	}
	frag = &frags->entry[index];
	*frag = (struct frag){
		.src = p->tuple.src,
		.dst = p->tuple.dst,
		.id = p->ip_id,
		.proto = p->proto,
		.port = p->port,
		.state = FRAG_WAITING,
		.born_ns = now_ns,
		.next = *first,
		.older = frags->newest,
	};
	hold_queue_init(&frag->queue);
	*first = (uint16_t)(index + 1);
	if (frags->newest)
		frags->entry[frags->newest - 1].newer = (uint16_t)(index + 1);
	else
		frags->oldest = (uint16_t)(index + 1);
	frags->newest = (uint16_t)(index + 1);
	return frag;
}

struct frag *frag_oldest(const struct frags *frags)
{
	return frags->oldest ? &frags->entry[frags->oldest - 1] : NULL;
}

void frag_remove(struct frags *frags, struct frag *frag)
{
	uint16_t index = (uint16_t)(frag - frags->entry);
	uint16_t *at = head(frags, frag->src, frag->dst, frag->id, frag->proto);

	while (*at != index + 1)
		at = &frags->entry[*at - 1].next;
	*at = frag->next;
	if (frag->older)
		frags->entry[frag->older - 1].newer = frag->newer;
	else
		frags->oldest = frag->newer;
	if (frag->newer)
		frags->entry[frag->newer - 1].older = frag->older;
	else
		frags->newest = frag->older;
	frag->state = FRAG_FREE;
	frag->next = frags->free;
	frags->free = (uint16_t)(index + 1);
}
