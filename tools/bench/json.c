/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json - results as a file: every value of every repeat, and what is derived from them. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tools/bench/report.h"

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
	struct summary summary = results_summary(results, m, v, k);
	struct summary ratio = results_ratio(results, m, v, k);
	json_t *values = json_array();

	for (unsigned i = 0; i < results->repeats; i++)
		json_array_append_new(values, json_number(results->value[m][v][k][i]));
	return json_pack("{s:s,s:o,s:o,s:o}", "variant", results->variants[v]->name, "values",
			 values, "summary", json_summary(&summary), "ratio",
			 ratio.n ? json_summary(&ratio) : json_null());
}

static json_t *json_measure(const struct results *results, unsigned m)
{
	const struct measure *measure = results->measures[m];
	json_t *figures = json_array(), *limited = json_array();

	for (unsigned k = 0; k < metrics_of(measure); k++) {
		json_t *variants = json_array();

		for (unsigned v = 0; v < results->n_variants; v++)
			if (results_summary(results, m, v, k).n)
				json_array_append_new(variants, json_figure(results, m, v, k));
		json_array_append_new(
			figures,
			json_pack("{s:s,s:s,s:b,s:b,s:o}", "name", measure->metrics[k].name, "unit",
				  measure->metrics[k].unit, "higher-is-better",
				  measure->metrics[k].higher_is_better, "informative",
				  measure->metrics[k].informative, "variants", variants));
	}
	for (unsigned v = 0; v < results->n_variants; v++)
		if (results_limited(results, m, v))
			json_array_append_new(limited, json_string(results->variants[v]->name));
	return json_pack("{s:s,s:s,s:s?,s:s,s:o,s:o}", "name", measure->name, "title",
			 measure->title, "csit", measure->csit, "base", catalog_base(measure)->name,
			 "ends-limited", limited, "figures", figures);
}

int report_json(const struct results *results, const char *path)
{
	json_t *measures = json_array(), *variants = json_array(), *root;
	int ret;

	for (unsigned m = 0; m < results->n_measures; m++)
		json_array_append_new(measures, json_measure(results, m));
	for (unsigned v = 0; v < results->n_variants; v++)
		json_array_append_new(variants, json_string(results->variants[v]->name));
	root = json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:i,s:f,s:f,s:s,s:f,s:i,s:s,s:o,s:o}", "version",
			 results->version, "time", results->time, "kernel", results->kernel,
			 "processor", results->processor, "cores", (int)results->cores, "placement",
			 results->placement, "repeats", (int)results->repeats, "seconds",
			 results->seconds, "took-seconds", results->took_s, "command",
			 results->command, "other-load-percent", results->others, "failures",
			 (int)results->failures, "first-failure", results->failure, "variants",
			 variants, "measures", measures);
	ret = root ? json_dump_file(root, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : -1;
	json_decref(root);
	if (ret)
		fprintf(stderr, "Error: cannot write %s\n", path);
	return ret;
}

static void load_text(const json_t *root, const char *name, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(root, name));

	snprintf(text, size, "%s", value ? value : "");
}

static double load_number(const json_t *root, const char *name)
{
	const json_t *value = json_object_get(root, name);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* load_figure() - the values of one metric of one variant; a name that is not known is passed over
 */
static void load_figure(struct results *results, unsigned m, unsigned k, const json_t *figure)
{
	const char *name = json_string_value(json_object_get(figure, "variant"));
	const struct variant *variant = catalog_find_variant(name);
	const json_t *values = json_object_get(figure, "values");

	for (unsigned v = 0; variant && v < results->n_variants; v++) {
		if (results->variants[v] != variant)
			continue;
		for (unsigned i = 0; i < results->repeats; i++) {
			const json_t *value = json_array_get(values, i);

			if (json_is_number(value))
				results->value[m][v][k][i] = json_number_value(value);
		}
	}
}

static void load_measure(struct results *results, const json_t *stored)
{
	const struct measure *measure =
		catalog_find_measure(json_string_value(json_object_get(stored, "name")));
	json_t *metric, *figure;
	size_t i, j;

	if (!measure || results->n_measures == MEASURES_MAX)
		return;
	results->measures[results->n_measures] = measure;
	json_array_foreach(json_object_get(stored, "figures"), i, metric)
	{
		const char *name = json_string_value(json_object_get(metric, "name"));

		for (unsigned k = 0; name && k < metrics_of(measure); k++) {
			if (strcmp(measure->metrics[k].name, name) != 0)
				continue;
			json_array_foreach(json_object_get(metric, "variants"), j, figure)
				load_figure(results, results->n_measures, k, figure);
		}
	}
	results->n_measures++;
}

int report_load(struct results *results, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error), *item;
	double repeats;
	size_t i;

	if (!root) {
		fprintf(stderr, "Error: %s: line %d: %s\n", path, error.line, error.text);
		return -1;
	}
	repeats = load_number(root, "repeats");
	if (!(repeats >= 1 && repeats <= REPEATS_MAX) ||
	    !json_is_array(json_object_get(root, "measures"))) {
		fprintf(stderr, "Error: %s: expected what --json has written\n", path);
		json_decref(root);
		return -1;
	}
	results->repeats = (unsigned)repeats;
	load_text(root, "version", results->version, sizeof(results->version));
	load_text(root, "time", results->time, sizeof(results->time));
	load_text(root, "kernel", results->kernel, sizeof(results->kernel));
	load_text(root, "processor", results->processor, sizeof(results->processor));
	load_text(root, "placement", results->placement, sizeof(results->placement));
	load_text(root, "command", results->command, sizeof(results->command));
	load_text(root, "first-failure", results->failure, sizeof(results->failure));
	results->cores = (unsigned)json_integer_value(json_object_get(root, "cores"));
	results->failures = (unsigned)json_integer_value(json_object_get(root, "failures"));
	results->seconds = load_number(root, "seconds");
	results->took_s = load_number(root, "took-seconds");
	results->others = load_number(root, "other-load-percent");
	json_array_foreach(json_object_get(root, "variants"), i, item)
	{
		const struct variant *variant = catalog_find_variant(json_string_value(item));

		if (variant && results->n_variants < VARIANTS_MAX)
			results->variants[results->n_variants++] = variant;
	}
	json_array_foreach(json_object_get(root, "measures"), i, item) load_measure(results, item);
	json_decref(root);
	return 0;
}
