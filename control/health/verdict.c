/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/health/verdict.h"

#include <assert.h>
#include <stddef.h>

bool verdict_take(struct verdict *verdict, bool passed, unsigned rise, unsigned fall)
{
	unsigned needed = passed ? rise : fall;
	uint8_t other = passed ? HEALTH_UP : HEALTH_DOWN;

	if (verdict->state == HEALTH_UNCHECKED && passed)
		needed = 1;
	if (verdict->state == other || ++verdict->streak >= needed) {
		bool changed = verdict->state != other;

		verdict->state = other;
		verdict->streak = 0;
		return changed;
	}
	return false;
}

static const char *const state_names[] = {
	[HEALTH_UNCHECKED] = "unchecked",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == HEALTH_STATE_COUNT, "one per state");

const char *health_state_name(enum health_state state)
{
	return (unsigned)state < HEALTH_STATE_COUNT ? state_names[state] : NULL;
}
