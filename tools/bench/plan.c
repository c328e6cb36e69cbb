/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/plan.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/catalog.h"
#include "tools/bench/child.h"
#include "tools/bench/cpu.h"
#include "tools/bench/progress.h"
#include "tools/bench/verify.h"
#include "tools/bench/way.h"

#define QUIET_SAMPLE_NS 200000000u

/* listed() - whether @name is in the comma-separated @list; @known counts what was found */
static bool listed(const char *list, const char *name, unsigned *known)
{
	size_t size = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
			(*known)++;
			return true;
		}
	return false;
}

static unsigned entries(const char *list)
{
	unsigned n = 1;

	if (!list)
		return 0;
	while ((list = strchr(list, ','))) {
		list++;
		n++;
	}
	return n;
}

/* select_variants() - Return: how many names of the list are known */
static unsigned select_variants(struct results *results, const struct options *options)
{
	const struct variant *variant;
	unsigned known = 0;

	for (unsigned i = 0; (variant = catalog_variant(i)); i++) {
		if (!listed(options->variants, variant->name, &known) ||
		    ((variant->aside || (variant->bound && options->quick)) && !options->variants))
			continue;
		if (catalog_installed(variant))
			results->variants[results->n_variants++] = variant;
		else
			fprintf(stderr, "%s is not installed: left out\n", variant->program);
	}
	return known;
}

int plan_select(struct results *results, const struct options *options)
{
	const struct measure *measure;
	unsigned known = 0;

	if (select_variants(results, options) != entries(options->variants)) {
		fprintf(stderr, "Error: argument \"%s\" is wrong: expected variants of --list\n",
			options->variants);
		return -1;
	}
	for (unsigned i = 0; (measure = catalog_measure(i)); i++)
		if (listed(options->measures, measure->name, &known) &&
		    (options->measures || (options->quick ? measure->quick : !measure->aside)))
			results->measures[results->n_measures++] = measure;
	if (known != entries(options->measures)) {
		fprintf(stderr, "Error: argument \"%s\" is wrong: expected measures of --list\n",
			options->measures);
		return -1;
	}
	return 0;
}

int run_fail(struct run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(run->error, sizeof(run->error), format, arguments);
	va_end(arguments);
	for (char *at = run->error; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return -1;
}

/* measure_checked() - the measure, and that its packets went the way under test */
static int measure_checked(struct run *run, double *values)
{
	struct way_counts before;

	if (run->measure->still)
		return run->measure->run(run, values);
	return way_read(run, &before) || run->measure->run(run, values) || way_check(run, &before)
		       ? -1
		       : 0;
}

/* run_once() - one measure of one variant in a world of its own */
static int run_once(struct run *run, double *values)
{
	const struct measure *measure = run->measure;
	int ret = -1;

	run->topology = (struct topology){.client = -1, .gateway = -1, .server = -1};
	run->gateway = (struct gateway){.output = -1};
	if (measure->bare)
		return measure->run(run, values);
	if (topology_create(run))
		goto out;
	if (run->variant->setup(run))
		goto teardown;
	if (measure->before_traffic)
		ret = measure->run(run, values) ? -1 : verify_before(run);
	else
		ret = verify_before(run) ? -1 : measure_checked(run, values);
	if (ret == 0)
		ret = verify_after(run);
teardown:
	run->variant->teardown(run);
out:
	topology_destroy(&run->topology);
	return ret;
}

/* wait_quiet() - see what others take of the machine; give them time to end */
static void wait_quiet(struct results *results, const struct options *options)
{
	uint64_t end = now_ns() + (uint64_t)(options->patience * 1e9);
	double others;

	do {
		others = cpu_busy_all_percent(QUIET_SAMPLE_NS);
	} while (others > QUIET_PERCENT && now_ns() < end && !interrupted());
	if (others > results->others)
		results->others = others;
}

static unsigned repeats_of(const struct results *results, const struct measure *measure)
{
	return measure->max_repeats && measure->max_repeats < results->repeats
		       ? measure->max_repeats
		       : results->repeats;
}

static unsigned steps(const struct results *results)
{
	unsigned n = 0;

	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned v = 0; v < results->n_variants; v++)
			if (catalog_applies(results->measures[m], results->variants[v]))
				n += repeats_of(results, results->measures[m]);
	return n;
}

static void step(struct results *results, const struct options *options, struct progress *progress,
		 const unsigned at[3])
{
	const struct measure *measure = results->measures[at[0]];
	const struct variant *variant = results->variants[at[2]];
	double values[BENCH_METRICS_MAX];
	struct run run = {.options = options, .variant = variant, .measure = measure};
	char outcome[BENCH_ERROR_BYTES + 20];

	for (unsigned k = 0; k < BENCH_METRICS_MAX; k++)
		values[k] = NAN;
	progress_begin(progress, measure->name, variant->name, at[1] + 1);
	wait_quiet(results, options);
	if (run_once(&run, values)) {
		if (interrupted()) {
			progress_end(progress, "interrupted", true);
			return;
		}
		snprintf(outcome, sizeof(outcome), "failed: %s", run.error);
		if (results->failures++ == 0)
			snprintf(results->failure, sizeof(results->failure), "%.40s, %.20s: %.300s",
				 measure->name, variant->name, run.error);
		progress_end(progress, outcome, true);
		return;
	}
	for (unsigned k = 0; k < metrics_of(measure); k++)
		results->value[at[0]][at[2]][k][at[1]] = values[k];
	snprintf(outcome, sizeof(outcome), "%.4g %s", values[0], measure->metrics[0].unit);
	progress_end(progress, outcome, false);
}

int plan_run(struct results *results, const struct options *options)
{
	struct progress progress = {.total = steps(results), .terminal = isatty(STDERR_FILENO)};
	uint64_t begin = now_ns();

	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned r = 0; r < repeats_of(results, results->measures[m]); r++)
			for (unsigned v = 0; v < results->n_variants; v++) {
				if (!catalog_applies(results->measures[m], results->variants[v]))
					continue;
				if (interrupted())
					goto out;
				step(results, options, &progress, (const unsigned[3]){m, r, v});
			}
out:
	results->took_s = (double)(now_ns() - begin) / 1e9;
	progress_close(&progress);
	return results->failures || interrupted() ? -1 : 0;
}
