/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

unsigned metrics_of(const struct measure *measure)
{
	unsigned n = 0;

	while (n < BENCH_METRICS_MAX && measure->metrics[n].name)
		n++;
	return n;
}

struct summary results_ratio(const struct results *results, unsigned measure, unsigned variant,
			     unsigned metric)
{
	if (results->base >= results->n_variants ||
	    results->measures[measure]->metrics[metric].informative)
		return summarise(NULL, 0);
	return summarise_ratio(results->value[measure][variant][metric],
			       results->value[measure][results->base][metric],
			       results->options->repeats);
}

static void number(char *text, size_t size, double value)
{
	double size_of = fabs(value);

	if (isnan(value))
		snprintf(text, size, "-");
	else if (size_of >= 1000)
		snprintf(text, size, "%.0f", value);
	else if (size_of >= 100)
		snprintf(text, size, "%.1f", value);
	else
		snprintf(text, size, "%.2f", value);
}

static void table_row(const struct results *results, unsigned measure, unsigned variant,
		      unsigned metric, FILE *file)
{
	const struct measure *what = results->measures[measure];
	struct summary value =
		summarise(results->value[measure][variant][metric], results->options->repeats);
	struct summary ratio = results_ratio(results, measure, variant, metric);
	char median[24], min[24], max[24], range[52], against[64] = "";

	number(median, sizeof(median), value.median);
	number(min, sizeof(min), value.min);
	number(max, sizeof(max), value.max);
	snprintf(range, sizeof(range), "%s - %s", min, max);
	if (ratio.n)
		snprintf(against, sizeof(against), "%6.2f (%.2f - %.2f)", ratio.median, ratio.min,
			 ratio.max);
	fprintf(file, "%-24s %-16s %-10s %-8s %12s  %-24s %s\n", what->name,
		what->metrics[metric].name, what->metrics[metric].unit,
		results->variants[variant]->name, median, range, against);
}

void report_table(const struct results *results, FILE *file)
{
	fprintf(file, "%-24s %-16s %-10s %-8s %12s  %-24s %s\n", "measure", "figure", "unit",
		"variant", "median", "min - max", "  ratio to nft, same repeat");
	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned k = 0; k < metrics_of(results->measures[m]); k++)
			for (unsigned v = 0; v < results->n_variants; v++) {
				struct summary known = summarise(results->value[m][v][k],
								 results->options->repeats);

				if (known.n)
					table_row(results, m, v, k, file);
			}
	if (results->others > QUIET_PERCENT)
		fprintf(file,
			"The machine was not quiet: other programs took up to %.0f %% of it. "
			"Do not trust these figures.\n",
			results->others);
}

static json_t *json_number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *json_summary(const struct summary *summary)
{
	return json_pack("{s:o,s:o,s:o,s:i}", "median", json_number(summary->median), "min",
			 json_number(summary->min), "max", json_number(summary->max), "n",
			 (int)summary->n);
}

static json_t *json_figure(const struct results *results, unsigned m, unsigned v, unsigned k)
{
	const double *value = results->value[m][v][k];
	struct summary summary = summarise(value, results->options->repeats);
	struct summary ratio = results_ratio(results, m, v, k);
	json_t *values = json_array();

	for (unsigned i = 0; i < results->options->repeats; i++)
		json_array_append_new(values, json_number(value[i]));
	return json_pack("{s:s,s:o,s:o,s:o}", "variant", results->variants[v]->name, "values",
			 values, "summary", json_summary(&summary), "ratio",
			 ratio.n ? json_summary(&ratio) : json_null());
}

static json_t *json_measure(const struct results *results, unsigned m)
{
	const struct measure *measure = results->measures[m];
	json_t *figures = json_array();

	for (unsigned k = 0; k < metrics_of(measure); k++) {
		json_t *variants = json_array();

		for (unsigned v = 0; v < results->n_variants; v++)
			json_array_append_new(variants, json_figure(results, m, v, k));
		json_array_append_new(
			figures,
			json_pack("{s:s,s:s,s:b,s:b,s:o}", "name", measure->metrics[k].name, "unit",
				  measure->metrics[k].unit, "higher-is-better",
				  measure->metrics[k].higher_is_better, "informative",
				  measure->metrics[k].informative, "variants", variants));
	}
	return json_pack("{s:s,s:s,s:s?,s:o}", "name", measure->name, "title", measure->title,
			 "csit", measure->csit, "figures", figures);
}

int report_json(const struct results *results, const char *path)
{
	const struct options *options = results->options;
	json_t *measures = json_array(), *root;
	struct utsname system;
	char when[32];
	time_t now = time(NULL);
	struct tm utc;
	int ret;

	uname(&system);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	for (unsigned m = 0; m < results->n_measures; m++)
		json_array_append_new(measures, json_measure(results, m));
	root = json_object();
	json_object_set_new(root, "version", json_string(PGW_VERSION));
	json_object_set_new(root, "time", json_string(when));
	json_object_set_new(root, "kernel", json_string(system.release));
	json_object_set_new(root, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(root, "placement", json_string(options->split ? "split" : "free"));
	json_object_set_new(root, "repeats", json_integer(options->repeats));
	json_object_set_new(root, "seconds", json_real(options->seconds));
	json_object_set_new(root, "other-load-percent", json_real(results->others));
	json_object_set_new(root, "failures", json_integer(results->failures));
	json_object_set_new(root, "measures", measures);
	ret = root ? json_dump_file(root, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;
	json_decref(root);
	if (ret)
		fprintf(stderr, "Error: cannot write %s\n", path);
	return ret;
}
