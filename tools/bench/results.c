/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/report.h"

struct results *results_create(void)
{
	struct results *results = calloc(1, sizeof(*results));
	double *value = results ? &results->value[0][0][0][0] : NULL;

	for (size_t i = 0; value && i < sizeof(results->value) / sizeof(double); i++)
		value[i] = NAN;
	return results;
}

/* processor() - as the kernel names it */
static void processor(char *text, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value || strncmp(line, "model name", 10) != 0)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(text, size, "%s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

void results_describe(struct results *results, const struct options *options)
{
	time_t now = time(NULL);
	struct utsname system;
	struct tm utc;

	uname(&system);
	gmtime_r(&now, &utc);
	strftime(results->time, sizeof(results->time), "%Y-%m-%dT%H:%M:%SZ", &utc);
	snprintf(results->version, sizeof(results->version), "%s", PGW_VERSION);
	snprintf(results->kernel, sizeof(results->kernel), "Linux %s", system.release);
	processor(results->processor, sizeof(results->processor));
	snprintf(results->placement, sizeof(results->placement), "%s",
		 options->split ? "split" : "free");
	snprintf(results->command, sizeof(results->command), "%s", options->command);
	results->cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	results->repeats = options->repeats;
	results->seconds = options->seconds;
}

unsigned metrics_of(const struct measure *measure)
{
	unsigned n = 0;

	while (n < BENCH_METRICS_MAX && measure->metrics[n].name)
		n++;
	return n;
}

struct summary results_summary(const struct results *results, unsigned measure, unsigned variant,
			       unsigned metric)
{
	return summarise(results->value[measure][variant][metric], results->repeats);
}

static unsigned variant_index(const struct results *results, const struct variant *variant)
{
	unsigned v = 0;

	while (v < results->n_variants && results->variants[v] != variant)
		v++;
	return v;
}

struct summary results_ratio(const struct results *results, unsigned measure, unsigned variant,
			     unsigned metric)
{
	unsigned base = variant_index(results, catalog_base(results->measures[measure]));

	if (base == results->n_variants || results->measures[measure]->metrics[metric].informative)
		return summarise(NULL, 0);
	return summarise_ratio(results->value[measure][variant][metric],
			       results->value[measure][base][metric], results->repeats);
}

static unsigned metric_index(const struct measure *measure, const char *name)
{
	unsigned k = 0;

	while (k < metrics_of(measure) && strcmp(measure->metrics[k].name, name) != 0)
		k++;
	return k;
}

bool results_limited(const struct results *results, unsigned measure, unsigned variant)
{
	const struct measure *what = results->measures[measure];
	unsigned alone = metric_index(what, METRIC_GENERATOR);
	unsigned busy = metric_index(what, METRIC_BUSY);
	double ahead;

	if (alone == metrics_of(what))
		return false;
	ahead = GENERATOR_AHEAD * results_summary(results, measure, variant, 0).median;
	if (results_summary(results, measure, variant, alone).median < ahead)
		return true;
	/* not known (NAN) where nothing is pinned */
	return busy < metrics_of(what) &&
	       results_summary(results, measure, variant, busy).median < BUSY_PERCENT;
}

static unsigned measure_index(const struct results *results, const char *name)
{
	unsigned m = 0;

	while (m < results->n_measures && strcmp(results->measures[m]->name, name) != 0)
		m++;
	return m;
}

struct summary results_goal(const struct results *results, const struct goal *goal)
{
	unsigned v = variant_index(results, catalog_find_variant(goal->variant));
	unsigned m = measure_index(results, goal->measure), k, other;

	if (v == results->n_variants || m == results->n_measures)
		return summarise(NULL, 0);
	k = metric_index(results->measures[m], goal->metric);
	if (k == metrics_of(results->measures[m]))
		return summarise(NULL, 0);
	if (goal->ratio)
		return results_ratio(results, m, v, k);
	if (!goal->to)
		return results_summary(results, m, v, k);
	other = measure_index(results, goal->to);
	if (other == results->n_measures)
		return summarise(NULL, 0);
	return summarise_ratio(results->value[m][v][k], results->value[other][v][0],
			       results->repeats);
}
