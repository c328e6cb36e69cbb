/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (1u << 20)

const char *number_text(char text[NUMBER_BYTES], double value)
{
	double size = fabs(value);

	if (isnan(value))
		snprintf(text, NUMBER_BYTES, "-");
	else if (size >= 1000)
		snprintf(text, NUMBER_BYTES, "%.0f", value);
	else if (size >= 100)
		snprintf(text, NUMBER_BYTES, "%.1f", value);
	else
		snprintf(text, NUMBER_BYTES, "%.2f", value);
	return text;
}

static void table_row(const struct results *results, const unsigned at[3], FILE *file)
{
	const struct measure *what = results->measures[at[0]];
	struct summary value = results_summary(results, at[0], at[1], at[2]);
	struct summary ratio = results_ratio(results, at[0], at[1], at[2]);
	char median[NUMBER_BYTES], min[NUMBER_BYTES], max[NUMBER_BYTES], range[52],
		against[64] = "";

	snprintf(range, sizeof(range), "%s - %s", number_text(min, value.min),
		 number_text(max, value.max));
	if (ratio.n)
		snprintf(against, sizeof(against), "%6.2f (%.2f - %.2f)", ratio.median, ratio.min,
			 ratio.max);
	fprintf(file, "%-24s %-16s %-10s %-11s %12s  %-24s %s%s\n", what->name,
		what->metrics[at[2]].name, what->metrics[at[2]].unit,
		results->variants[at[1]]->name, number_text(median, value.median), range, against,
		at[2] == 0 && results_limited(results, at[0], at[1]) ? " !" : "");
}

static bool any_limited(const struct results *results)
{
	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned v = 0; v < results->n_variants; v++)
			if (results_limited(results, m, v))
				return true;
	return false;
}

void report_table(const struct results *results, FILE *file)
{
	fprintf(file, "%-24s %-16s %-10s %-11s %12s  %-24s %s\n", "measure", "figure", "unit",
		"variant", "median", "min - max", "  ratio to nft (names: haproxy), same repeat");
	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned k = 0; k < metrics_of(results->measures[m]); k++)
			for (unsigned v = 0; v < results->n_variants; v++)
				if (results_summary(results, m, v, k).n)
					table_row(results, (const unsigned[3]){m, v, k}, file);
	if (any_limited(results))
		fprintf(file,
			"! the ends may be what limits: the generator alone is less than %.1f "
			"times "
			"as fast,\n  or the gateway's core was less than %d %% busy.\n",
			GENERATOR_AHEAD, BUSY_PERCENT);
	if (results->others > QUIET_PERCENT)
		fprintf(file,
			"The machine was not quiet: other programs took up to %.0f %% of it. "
			"Do not trust these figures.\n",
			results->others);
}

/* --- the document --- */

static void write_range(const struct summary *summary, FILE *file)
{
	char median[NUMBER_BYTES], min[NUMBER_BYTES], max[NUMBER_BYTES];

	fprintf(file, "%s (%s – %s)", number_text(median, summary->median),
		number_text(min, summary->min), number_text(max, summary->max));
}

static void write_goals(const struct results *results, FILE *file)
{
	const struct goal *goal;

	fprintf(file, "### Goals\n\n"
		      "Ratios are to nft masquerade in the same repeat (TLS names: to haproxy).\n\n"
		      "| measure | figure | variant | goal | median (range) | repeats | |\n"
		      "|---|---|---|---|---|---|---|\n");
	for (unsigned i = 0; (goal = catalog_goal(i)); i++) {
		struct summary summary = results_goal(results, goal);
		bool met = goal->at_least ? summary.median >= goal->value
					  : summary.median <= goal->value;

		fprintf(file, "| %s | %s%s%s%s | %s | %s %g | ", goal->measure, goal->metric,
			goal->ratio ? ", ratio" : "", goal->to ? " over that of " : "",
			goal->to ? goal->to : "", goal->variant, goal->at_least ? "≥" : "≤",
			goal->value);
		if (summary.n) {
			write_range(&summary, file);
			fprintf(file, " | %u | %s |\n", summary.n, met ? "met" : "**missed**");
		} else {
			fprintf(file, "| 0 | not measured |\n");
		}
	}
}

static void write_measure(const struct results *results, unsigned m, FILE *file)
{
	const struct measure *measure = results->measures[m];

	fprintf(file,
		"\n**%s**: %s%s%s%s\n\n| figure | variant | median (range) | ratio "
		"|\n|---|---|---|---|\n",
		measure->name, measure->title, measure->csit ? " (CSIT `" : "",
		measure->csit ? measure->csit : "", measure->csit ? "`)" : "");
	for (unsigned k = 0; k < metrics_of(measure); k++)
		for (unsigned v = 0; v < results->n_variants; v++) {
			struct summary value = results_summary(results, m, v, k);
			struct summary ratio = results_ratio(results, m, v, k);

			if (!value.n)
				continue;
			fprintf(file, "| %s, %s | %s | ", measure->metrics[k].name,
				measure->metrics[k].unit, results->variants[v]->name);
			write_range(&value, file);
			fprintf(file, "%s | ",
				k == 0 && results_limited(results, m, v) ? " ⚠ ends" : "");
			if (ratio.n && results->variants[v] != catalog_base(measure))
				write_range(&ratio, file);
			fprintf(file, " |\n");
		}
}

static void write_image(const char *path, const char *text, FILE *file)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (path)
		fprintf(file, "![%s](%s)\n\n", text, slash ? slash + 1 : path);
}

static void write_document(const struct results *results, const struct options *options, FILE *file)
{
	fprintf(file,
		"\n%s, %s, %u cores, %s. %u repeats of %g s, placement %s, %.0f minutes. Before a "
		"run "
		"other programs took at most %.0f %% of the machine%s; %u runs failed%s%s.\n\n    "
		"%s\n\n",
		results->time, results->processor, results->cores, results->kernel,
		results->repeats, results->seconds, results->placement, results->took_s / 60,
		results->others,
		results->others > QUIET_PERCENT ? " (**too much: do not trust these figures**)"
						: "",
		results->failures, results->failures ? ", the first: " : "", results->failure,
		results->command);
	write_image(options->plot_file, "ratios", file);
	write_image(options->curves_file, "round-trip times", file);
	write_goals(results, file);
	fprintf(file, "\n### All figures\n");
	for (unsigned m = 0; m < results->n_measures; m++)
		write_measure(results, m, file);
}

int report_markdown(const struct results *results, const struct options *options)
{
	const char *path = options->markdown_file;
	char *text = calloc(1, DOCUMENT_MAX), *mark;
	FILE *file = fopen(path, "re");
	int ret = -1;

	if (!text || !file) {
		fprintf(stderr, "Error: cannot open %s\n", path);
		goto out;
	}
	if (fread(text, 1, DOCUMENT_MAX - 1, file) == 0 || !(mark = strstr(text, REPORT_MARK))) {
		fprintf(stderr, "Error: %s has no line \"%.*s\"\n", path,
			(int)strlen(REPORT_MARK) - 1, REPORT_MARK);
		goto out;
	}
	mark[strlen(REPORT_MARK)] = '\0';
	fclose(file);
	file = fopen(path, "we");
	if (file) {
		fputs(text, file);
		write_document(results, options, file);
		ret = ferror(file) ? -1 : 0;
	}
out:
	if (file && fclose(file) != 0)
		ret = -1;
	if (ret)
		fprintf(stderr, "Error: %s was not written\n", path);
	free(text);
	return ret;
}
