/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plot - ratio bars with whiskers from the smallest to the largest repeat, drawn by gnuplot.
 * One group a figure, one bar a variant; the line at 1 is nftables masquerade.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/child.h"
#include "tools/bench/report.h"

#define SCRIPT_BYTES (48u << 10) /* below what a pipe holds */

/* group_known() - whether any variant but the base has a ratio for this figure */
static bool group_known(const struct results *results, unsigned m, unsigned k)
{
	for (unsigned v = 0; v < results->n_variants; v++)
		if (v != results->base && results_ratio(results, m, v, k).n)
			return true;
	return false;
}

static void write_data(const struct results *results, FILE *script)
{
	fprintf(script, "$data << END\n");
	for (unsigned m = 0; m < results->n_measures; m++) {
		const struct measure *measure = results->measures[m];

		for (unsigned k = 0; k < metrics_of(measure); k++) {
			if (!group_known(results, m, k))
				continue;
			fprintf(script, "\"%s\\n%s\\n(%s)\"", measure->name,
				measure->metrics[k].name,
				measure->metrics[k].higher_is_better ? "higher is better"
								     : "lower is better");
			for (unsigned v = 0; v < results->n_variants; v++) {
				struct summary ratio = results_ratio(results, m, v, k);

				fprintf(script, " %g %g %g", ratio.median, ratio.min, ratio.max);
			}
			fprintf(script, "\n");
		}
	}
	fprintf(script, "END\n");
}

static void write_script(const struct results *results, const char *path, FILE *script)
{
	bool first = true;

	write_data(results, script);
	fprintf(script,
		"set terminal svg size 1200,560 dynamic background '#ffffff' font 'sans,12'\n"
		"set output '%s'\n"
		"set datafile missing 'nan'\n"
		"set style data histograms\n"
		"set style histogram errorbars gap 2 lw 1\n"
		"set style fill solid 0.8 border -1\n"
		"set bars 0.5\n"
		"set yrange [0:*]\n"
		"set grid ytics\n"
		"set key top left\n"
		"set xtics noenhanced font ',9'\n"
		"set bmargin 5\nset rmargin 4\n"
		"set ylabel 'ratio to nftables masquerade, same repeat'\n"
		"set title 'pgw-bench: median of %u repeats, whiskers from smallest to largest'\n"
		"set arrow from graph 0, first 1 to graph 1, first 1 nohead lw 1.5 dt 2 front\n"
		"plot ",
		path, results->options->repeats);
	for (unsigned v = 0; v < results->n_variants; v++) {
		if (v == results->base)
			continue;
		fprintf(script, "%s$data using %u:%u:%u%s title '%s'", first ? "" : ", ", 2 + 3 * v,
			3 + 3 * v, 4 + 3 * v, first ? ":xtic(1)" : "", results->variants[v]->title);
		first = false;
	}
	fprintf(script, "\n");
}

int report_plot(const struct results *results, const char *path)
{
	char *script = calloc(1, SCRIPT_BYTES), output[300];
	FILE *file = script ? fmemopen(script, SCRIPT_BYTES, "w") : NULL;
	bool any = false;
	int status;

	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned k = 0; k < metrics_of(results->measures[m]); k++)
			any = any || group_known(results, m, k);
	if (!any || strchr(path, '\'') || !file) {
		fprintf(stderr,
			!any ? "Error: nothing to plot: no measure has a ratio to nft\n"
			     : "Error: cannot plot to %s\n",
			path);
		status = -1;
		goto out;
	}
	write_script(results, path, file);
	fclose(file);
	file = NULL;
	status = command((struct place){-1, -1}, (const char *const[]){"gnuplot", "-", NULL},
			 script, output, sizeof(output));
	if (status) {
		fprintf(stderr, "Error: gnuplot failed (%d): %s; install gnuplot-nox\n", status,
			output);
		status = -1;
	}
out:
	if (file)
		fclose(file);
	free(script);
	return status;
}
