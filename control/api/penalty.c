/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/penalty.h"

#include <stddef.h>

static uint32_t number_of(const char *from)
{
	uint32_t hash = 2166136261u;

	while (*from)
		hash = (hash ^ (unsigned char)*from++) * 16777619u;
	return (hash ^ hash >> 16) % PENALTY_SOURCES;
}

int64_t penalty_take(struct penalty *penalty, const char *from, int64_t now_ms)
{
	int64_t *full_ms = &penalty->full_ms[number_of(from)];
	int64_t hold_ms;

	if (*full_ms < now_ms)
		*full_ms = now_ms;
	hold_ms = *full_ms - now_ms - (int64_t)(PENALTY_BURST - 1) * PENALTY_INTERVAL_MS;
	if (hold_ms > PENALTY_HELD_MS)
		return -1;
	*full_ms += PENALTY_INTERVAL_MS;
	return hold_ms > 0 ? hold_ms : 0;
}
