/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every flow is on exactly one list, or on none (prev is WHEEL_NONE). Ticks and slot numbers
 * wrap; they are only ever compared by difference.
 */
#include "datapath/flow/wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WHEEL_LIST   0x80000000u /* marks prev as the number of the list it heads */
#define CLOSED_LIST  WHEEL_SLOTS
#define SLOT_NUMBERS (UINT32_MAX >> WHEEL_SLOT_SHIFT) /* mask: slot numbers have 22 bits */

static void clear(struct wheel *wheel)
{
	memset(wheel->first, 0xff, sizeof(wheel->first));
	memset(wheel->occupied, 0, sizeof(wheel->occupied));
	wheel->closed_last = WHEEL_NONE;
}

void wheel_join(struct wheel *wheel, const struct wheel *other)
{
	clear(wheel);
	wheel->at = other->at;
	wheel->next = other->next;
	wheel->prev = other->prev;
}

int wheel_init(struct wheel *wheel, uint32_t capacity, uint32_t now_tick)
{
	clear(wheel);
	wheel->at = now_tick >> WHEEL_SLOT_SHIFT;
	/* calloc, and prev is stored inverted below: untouched pages cost nothing */
	wheel->next = calloc(capacity, sizeof(*wheel->next));
	wheel->prev = calloc(capacity, sizeof(*wheel->prev));
	if (!wheel->next || !wheel->prev) {
		wheel_fini(wheel);
		return -ENOMEM;
	}
	return 0;
}

void wheel_fini(struct wheel *wheel)
{
	free(wheel->next);
	free(wheel->prev);
	wheel->next = wheel->prev = NULL;
}

/* prev is kept inverted so that the zero of fresh memory means "on no list". */
static uint32_t prev_of(const struct wheel *wheel, uint32_t flow)
{
	return ~wheel->prev[flow];
}

static void set_prev(struct wheel *wheel, uint32_t flow, uint32_t prev)
{
	wheel->prev[flow] = ~prev;
}

void wheel_add(struct wheel *wheel, uint32_t flow, uint32_t due_tick)
{
	uint32_t ahead = ((due_tick >> WHEEL_SLOT_SHIFT) - wheel->at) & SLOT_NUMBERS;
	uint32_t list;

	if (ahead > SLOT_NUMBERS / 2)
		ahead = 0; /* due in the past */
	if (ahead > WHEEL_SLOTS - 1)
		ahead = WHEEL_SLOTS - 1;
	list = (wheel->at + ahead) % WHEEL_SLOTS;
	wheel->next[flow] = wheel->first[list];
	if (wheel->first[list] != WHEEL_NONE)
		set_prev(wheel, wheel->first[list], flow);
	set_prev(wheel, flow, WHEEL_LIST | list);
	wheel->first[list] = flow;
	wheel->occupied[list / 64] |= 1ull << list % 64;
}

void wheel_add_closed(struct wheel *wheel, uint32_t flow)
{
	wheel->next[flow] = WHEEL_NONE;
	if (wheel->closed_last == WHEEL_NONE) {
		wheel->first[CLOSED_LIST] = flow;
		set_prev(wheel, flow, WHEEL_LIST | CLOSED_LIST);
	} else {
		wheel->next[wheel->closed_last] = flow;
		set_prev(wheel, flow, wheel->closed_last);
	}
	wheel->closed_last = flow;
}

void wheel_remove(struct wheel *wheel, uint32_t flow)
{
	uint32_t prev = prev_of(wheel, flow), next = wheel->next[flow];

	if (prev == WHEEL_NONE)
		return;
	if (next != WHEEL_NONE)
		set_prev(wheel, next, prev);
	else if (wheel->closed_last == flow)
		wheel->closed_last = prev & WHEEL_LIST ? WHEEL_NONE : prev;
	if (prev & WHEEL_LIST) {
		uint32_t list = prev & ~WHEEL_LIST;

		wheel->first[list] = next;
		if (next == WHEEL_NONE && list != CLOSED_LIST)
			wheel->occupied[list / 64] &= ~(1ull << list % 64);
	} else {
		wheel->next[prev] = next;
	}
	set_prev(wheel, flow, WHEEL_NONE);
}

/* How many slots from wheel->at on are empty; WHEEL_SLOTS if all are. */
static uint32_t empty_ahead(const struct wheel *wheel)
{
	uint32_t start = wheel->at % WHEEL_SLOTS;

	for (uint32_t step = 0; step <= WHEEL_SLOTS / 64; step++) {
		uint32_t word = (start / 64 + step) % (WHEEL_SLOTS / 64);
		uint64_t bits = wheel->occupied[word];

		if (step == 0)
			bits &= ~0ull << start % 64;
		else if (step == WHEEL_SLOTS / 64)
			bits &= ~(~0ull << start % 64);
		if (bits)
			return (word * 64 + (uint32_t)__builtin_ctzll(bits) - start) % WHEEL_SLOTS;
	}
	return WHEEL_SLOTS;
}

uint32_t wheel_pop(struct wheel *wheel, uint32_t now_tick)
{
	uint32_t passed = ((now_tick >> WHEEL_SLOT_SHIFT) - wheel->at) & SLOT_NUMBERS;
	uint32_t empty, flow;

	if (passed == 0)
		return WHEEL_NONE;
	empty = empty_ahead(wheel);
	if (empty == WHEEL_SLOTS) { /* nothing was due, so nobody need have come for any time */
		wheel->at = (wheel->at + passed) & SLOT_NUMBERS;
		return WHEEL_NONE;
	}
	if (passed > SLOT_NUMBERS / 2)
		return WHEEL_NONE;
	if (empty >= passed) {
		wheel->at = (wheel->at + passed) & SLOT_NUMBERS;
		return WHEEL_NONE;
	}
	wheel->at = (wheel->at + empty) & SLOT_NUMBERS;
	flow = wheel->first[wheel->at % WHEEL_SLOTS];
	wheel_remove(wheel, flow);
	return flow;
}

uint32_t wheel_oldest_closed(const struct wheel *wheel)
{
	return wheel->first[CLOSED_LIST];
}

bool wheel_next(const struct wheel *wheel, uint32_t now_tick, uint32_t *ticks)
{
	uint32_t empty = empty_ahead(wheel);
	uint32_t due, ahead;

	if (empty == WHEEL_SLOTS)
		return false;
	/* a slot is visited once it has passed */
	due = (wheel->at + empty + 1) << WHEEL_SLOT_SHIFT;
	ahead = due - now_tick;
	*ticks = ahead > UINT32_MAX / 2 ? 0 : ahead;
	return true;
}
