/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * random - unpredictable numbers, fetched from their source a buffer at a time so that a new
 * flow costs no system call.
 */
#ifndef PGW_BASE_RANDOM_H
#define PGW_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RANDOM_BUFFER_BYTES 2048

struct random {
	void (*fill)(void *context, void *buffer, size_t bytes);
	void *context;
	size_t left; /* unused bytes at the buffer's end */
	uint8_t buffer[RANDOM_BUFFER_BYTES];
};

static inline uint32_t random_u32(struct random *random)
{
	uint32_t value;

	if (random->left < sizeof(value)) {
		random->fill(random->context, random->buffer, sizeof(random->buffer));
		random->left = sizeof(random->buffer);
	}
	random->left -= sizeof(value);
	memcpy(&value, random->buffer + random->left, sizeof(value));
	/* what was used is forgotten, so that a later leak does not tell earlier ports */
	memset(random->buffer + random->left, 0, sizeof(value));
	return value;
}

/* random_below() - uniform in 0 .. @bound-1; @bound > 0. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
	/* multiply-shift with rejection (Lemire): no bias, rarely more than one draw */
	uint64_t product = (uint64_t)random_u32(random) * bound;

	if ((uint32_t)product < bound) {
		uint32_t floor = -bound % bound;

		while ((uint32_t)product < floor)
			product = (uint64_t)random_u32(random) * bound;
	}
	return (uint32_t)(product >> 32);
}

#endif
