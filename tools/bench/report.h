/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report - the results, and how they are written: table, JSON, plots, document. Results that were
 * stored as JSON can be read again and written in any other way.
 */
#ifndef PGW_BENCH_REPORT_H
#define PGW_BENCH_REPORT_H

#include <stdio.h>

#include "tools/bench/bench.h"
#include "tools/bench/catalog.h"
#include "tools/bench/stats.h"

#define REPEATS_MAX	50
#define VARIANTS_MAX	16
#define MEASURES_MAX	32
#define QUIET_PERCENT	10  /* of all cores, taken by others: up to here figures are good */
#define BUSY_PERCENT	90  /* of the gateway's core: below, while it is flooded, the ends limit */
#define GENERATOR_AHEAD 1.2 /* of what is measured the generator must be able to do, alone */

struct results {
	char version[24], time[32], kernel[96], processor[96], placement[8], command[400];
	unsigned cores, repeats;
	double seconds, took_s;
	const struct variant *variants[VARIANTS_MAX];
	unsigned n_variants;
	const struct measure *measures[MEASURES_MAX];
	unsigned n_measures;
	double others; /* % of all cores that others took: the most seen before a run */
	unsigned failures;
	char failure[BENCH_ERROR_BYTES]; /* the first */
	double value[MEASURES_MAX][VARIANTS_MAX][BENCH_METRICS_MAX][REPEATS_MAX];
};

/* results_create() - without any value yet; NULL without memory. */
struct results *results_create(void);

/* results_describe() - the machine, the time, the options. */
void results_describe(struct results *results, const struct options *options);

unsigned metrics_of(const struct measure *measure);

/* Of one figure; n is 0 where there is none. The ratio is to the measure's base. */
struct summary results_summary(const struct results *results, unsigned measure, unsigned variant,
			       unsigned metric);
struct summary results_ratio(const struct results *results, unsigned measure, unsigned variant,
			     unsigned metric);

/* results_limited() - whether the first figure may be what the two ends can do, not the gateway.
 */
bool results_limited(const struct results *results, unsigned measure, unsigned variant);

/* results_goal() - the summary that a goal is about. */
struct summary results_goal(const struct results *results, const struct goal *goal);

/* number_text() - with a precision that fits; "-" where it is not known. Return: @text. */
#define NUMBER_BYTES 24
const char *number_text(char text[NUMBER_BYTES], double value);

void report_table(const struct results *results, FILE *file);

/* All of these: return 0, or -1 with the reason said on standard error. */
int report_json(const struct results *results, const char *path);
int report_load(struct results *results, const char *path);
int report_plot(const struct results *results, const char *path);   /* ratios: bars */
int report_curves(const struct results *results, const char *path); /* latencies */
/* behind REPORT_MARK, with links to plots in the same directory, where their names are given */
int report_markdown(const struct results *results, const struct options *options);

/* What stands behind this line of a document is written by report_markdown(). */
#define REPORT_MARK "<!-- From here on written by pgw-bench --markdown. -->\n"

#endif
