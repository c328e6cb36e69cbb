/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats - what is made of the repeats of a figure.
 *
 * Ratios are taken within a repeat, between runs that followed one another, and only
 * then summarised: the machine's own drift cancels out of them.
 */
#ifndef PGW_BENCH_STATS_H
#define PGW_BENCH_STATS_H

#include <stddef.h>

struct summary {
	double median, min, max; /* NAN if n is 0 */
	unsigned n;		 /* values that were known */
};

/* summarise() - of @n values, NAN ones left out. */
struct summary summarise(const double *values, unsigned n);

/* summarise_ratio() - of values[i] / base[i], pairs with an unknown one left out. */
struct summary summarise_ratio(const double *values, const double *base, unsigned n);

#endif
