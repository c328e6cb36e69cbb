/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * search - the highest rate that still passes, after RFC 2544, section 26.1: by halving, bounded.
 */
#ifndef PGW_BENCH_SEARCH_H
#define PGW_BENCH_SEARCH_H

#include <stdbool.h>

struct search {
	double low, high;  /* the highest that has passed; the lowest that has not */
	double precision;  /* end when high - low is below this share of high */
	unsigned trials;   /* left */
	unsigned attempts; /* of one rate; one that passes is enough */
};

/* Return: 1 passed, 0 did not, < 0 give up. */
typedef int search_trial(void *context, double rate);

/**
 * search_run() - @search->high itself is tried first
 * Return: the highest rate that has passed, 0 if none did, < 0 if a trial gave up.
 */
double search_run(struct search search, search_trial *trial, void *context);

#endif
