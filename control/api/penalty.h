/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * penalty - slows down who guesses.
 *
 * Each source has a bucket: PENALTY_BURST answers "it could not be proven who you are" go out at
 * once, then one each PENALTY_INTERVAL_MS; the others are held back until it is their turn, up to
 * PENALTY_HELD_MS. Whoever can prove who he is never waits, from whatever source.
 */
#ifndef PGW_API_PENALTY_H
#define PGW_API_PENALTY_H

#include <stdint.h>

#define PENALTY_BURST	    20
#define PENALTY_INTERVAL_MS 1000
#define PENALTY_HELD_MS	    10000
#define PENALTY_SOURCES	    1024u

struct penalty {
	int64_t full_ms[PENALTY_SOURCES]; /* when the bucket will be as if nothing had been */
};

/**
 * penalty_take() - an answer of that kind for @from
 * Return: for how long it is to be held back, ms; 0: not at all; -1: too many are held already,
 * it is to be told to come back later.
 */
int64_t penalty_take(struct penalty *penalty, const char *from, int64_t now_ms);

#endif
