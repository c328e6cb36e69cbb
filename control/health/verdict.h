/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict - what a row of checks says about a backend.
 *
 *   UNCHECKED --passed--> UP          counts as up, so that a gateway serves from its start on
 *   UNCHECKED --fall failures--> DOWN
 *   UP --fall failures in a row--> DOWN
 *   DOWN --rise passed in a row--> UP
 */
#ifndef PGW_HEALTH_VERDICT_H
#define PGW_HEALTH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum health_state { HEALTH_UNCHECKED, HEALTH_UP, HEALTH_DOWN, HEALTH_STATE_COUNT };

struct verdict {
	uint8_t state;	/* enum health_state */
	uint8_t streak; /* checks in a row that contradict it */
};

/* verdict_take() - a check has passed or failed. Return: true if the state is another now. */
bool verdict_take(struct verdict *verdict, bool passed, unsigned rise, unsigned fall);

const char *health_state_name(enum health_state state); /* "unchecked" "up" "down" */

#endif
