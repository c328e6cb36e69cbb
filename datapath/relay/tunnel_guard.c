/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/tunnel_guard.h"

#include <stddef.h>

static unsigned first_place(const struct tunnel_guard *guard, be32 source)
{
	uint64_t hash = (source ^ guard->key) * 0x9e3779b97f4a7c15ull;

	hash ^= hash >> 29;
	hash *= guard->key | 1;
	return (unsigned)(hash >> 32) % (GUARD_PLACES / GUARD_WAYS) * GUARD_WAYS;
}

static uint64_t wait_ms(unsigned failures)
{
	uint64_t wait = GUARD_FIRST_MS;

	while (--failures && wait < GUARD_MAX_MS)
		wait *= 2;
	return wait < GUARD_MAX_MS ? wait : GUARD_MAX_MS;
}

uint64_t tunnel_guard_failed(struct tunnel_guard *guard, be32 source, uint64_t now_ms)
{
	unsigned first = first_place(guard, source), at = first;

	for (unsigned i = first; i < first + GUARD_WAYS; i++) {
		if (guard->places[i].source == source && guard->places[i].failures) {
			at = i;
			break;
		}
		if (guard->places[i].last_ms < guard->places[at].last_ms)
			at = i;
	}
	if (guard->places[at].source != source ||
	    now_ms - guard->places[at].last_ms > GUARD_FORGET_MS)
		guard->places[at].failures = 0;
	guard->places[at].source = source;
	guard->places[at].last_ms = now_ms;
	return wait_ms(++guard->places[at].failures);
}

uint64_t tunnel_guard_delay(const struct tunnel_guard *guard, be32 source, uint64_t now_ms)
{
	unsigned first = first_place(guard, source);

	for (unsigned i = first; i < first + GUARD_WAYS; i++) {
		uint64_t until;

		if (guard->places[i].source != source || !guard->places[i].failures)
			continue;
		until = guard->places[i].last_ms + wait_ms(guard->places[i].failures);
		return until > now_ms ? until - now_ms : 0;
	}
	return 0;
}
