/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/edit.h"

#define EDIT_FIRST_CAPACITY 8

void edit_begin(struct edit *edit, struct config *config, enum edit_mode mode)
{
	*edit = (struct edit){.config = config, .mode = mode};
	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		edit->kind[kind].sorted = kind_count(config, kind);
		edit->kind[kind].capacity = kind_count(config, kind);
	}
}

/* The first position from @first on, before @last, whose item is not before @wanted. */
static size_t lower_bound(const struct edit *edit, enum config_kind kind, size_t first, size_t last,
			  const void *wanted)
{
	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (kinds[kind].compare(kind_item(edit->config, kind, middle), wanted) < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

void *edit_find(const struct edit *edit, enum config_kind kind, const void *wanted)
{
	size_t sorted = edit->kind[kind].sorted, n = kind_count(edit->config, kind);
	size_t at = lower_bound(edit, kind, 0, sorted, wanted);

	if (at < sorted && kinds[kind].compare(kind_item(edit->config, kind, at), wanted) == 0)
		return kind_item(edit->config, kind, at);
	at = lower_bound(edit, kind, sorted, n, wanted);
	if (at < n && kinds[kind].compare(kind_item(edit->config, kind, at), wanted) == 0)
		return kind_item(edit->config, kind, at);
	return NULL;
}

/* Merge the tail into the sorted part, from the end, so that nothing is overwritten. */
static int merge(struct edit *edit, enum config_kind kind)
{
	size_t bytes = kinds[kind].item_bytes, n = kind_count(edit->config, kind);
	size_t left = edit->kind[kind].sorted, right = n - left, to = n;
	char *items = kind_items(edit->config, kind), *tail;

	if (right == 0)
		return 0;
	tail = malloc(right * bytes);
	if (!tail)
		return -ENOMEM;
	memcpy(tail, items + left * bytes, right * bytes);
	while (right) {
		const char *from = tail + (right - 1) * bytes;

		if (left && kinds[kind].compare(items + (left - 1) * bytes, from) > 0)
			from = items + --left * bytes;
		else
			right--;
		memcpy(items + --to * bytes, from, bytes);
	}
	free(tail);
	edit->kind[kind].sorted = n;
	return 0;
}

static int grow(struct edit *edit, enum config_kind kind)
{
	size_t n = kind_count(edit->config, kind), capacity = edit->kind[kind].capacity;
	void *items;

	if (n < capacity)
		return 0;
	/* A single statement needs one place; a file will bring more. */
	if (edit->mode == EDIT_STATEMENT)
		capacity = n + 1;
	else
		capacity = capacity ? capacity * 2 : EDIT_FIRST_CAPACITY;
	items = realloc(kind_items(edit->config, kind), capacity * kinds[kind].item_bytes);
	if (!items)
		return -ENOMEM;
	kind_set_items(edit->config, kind, items);
	edit->kind[kind].capacity = capacity;
	return 0;
}

int edit_insert(struct edit *edit, enum config_kind kind, const void *item)
{
	size_t bytes = kinds[kind].item_bytes, n = kind_count(edit->config, kind);
	size_t sorted = edit->kind[kind].sorted, at;
	char *place;

	if (n - sorted >= EDIT_TAIL_MAX && merge(edit, kind))
		return -ENOMEM;
	if (grow(edit, kind))
		return -ENOMEM;
	sorted = edit->kind[kind].sorted;
	at = lower_bound(edit, kind, 0, sorted, item);
	if (edit->mode == EDIT_STATEMENT || (at == sorted && sorted == n))
		edit->kind[kind].sorted++; /* its place is in the sorted part, or just behind */
	else
		at = lower_bound(edit, kind, sorted, n, item);
	place = kind_item(edit->config, kind, at);
	memmove(place + bytes, place, (n - at) * bytes);
	memcpy(place, item, bytes);
	kind_set_count(edit->config, kind, n + 1);
	return 0;
}

void edit_remove(struct edit *edit, enum config_kind kind, void *item)
{
	size_t bytes = kinds[kind].item_bytes, n = kind_count(edit->config, kind);
	size_t at = (size_t)((char *)item - (char *)kind_items(edit->config, kind)) / bytes;

	kinds[kind].release(item);
	memmove(item, (char *)item + bytes, (n - at - 1) * bytes);
	kind_set_count(edit->config, kind, n - 1);
	if (at < edit->kind[kind].sorted)
		edit->kind[kind].sorted--;
}

int edit_end(struct edit *edit)
{
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if (merge(edit, kind))
			return -ENOMEM;
	return 0;
}
