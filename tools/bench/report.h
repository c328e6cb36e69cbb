/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report - the results, and how they are written: table, JSON, plot. */
#ifndef PGW_BENCH_REPORT_H
#define PGW_BENCH_REPORT_H

#include <stdio.h>

#include "tools/bench/bench.h"
#include "tools/bench/stats.h"

#define REPEATS_MAX   50
#define VARIANTS_MAX  8
#define MEASURES_MAX  24
#define QUIET_PERCENT 10 /* of all cores, taken by others: up to here figures are good */

struct results {
	const struct options *options;
	const struct variant *variants[VARIANTS_MAX];
	unsigned n_variants;
	const struct measure *measures[MEASURES_MAX];
	unsigned n_measures;
	unsigned base; /* the variant that ratios are taken to; n_variants: none */
	double others; /* % of all cores that others took: the most seen before a run */
	unsigned failures;
	char failure[BENCH_ERROR_BYTES]; /* the first */
	double value[MEASURES_MAX][VARIANTS_MAX][BENCH_METRICS_MAX][REPEATS_MAX];
};

unsigned metrics_of(const struct measure *measure);

/* results_ratio() - of one figure to the base; n is 0 where there is none. */
struct summary results_ratio(const struct results *results, unsigned measure, unsigned variant,
			     unsigned metric);

void report_table(const struct results *results, FILE *file);

/* report_json(), report_plot() - Return: 0, or -1 with the reason said on standard error. */
int report_json(const struct results *results, const char *path);
int report_plot(const struct results *results, const char *path);

#endif
