/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plot - drawn by gnuplot. Ratio bars with whiskers from the smallest to the largest repeat, one
 * group a figure, one bar a variant, the line at 1 is what they are compared to; above the figures
 * of which more is better, below the others. And latency curves by percentile.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/child.h"
#include "tools/bench/report.h"

#define SCRIPT_BYTES (60u << 10) /* below what a pipe holds */

/* gnuplot has eight colours and takes the first again for the ninth variant. */
#define MORE_COLOURS                                                                               \
	"set linetype 9 lc rgb '#8c564b'\nset linetype 10 lc rgb '#e377c2'\n"                      \
	"set linetype 11 lc rgb '#7f7f7f'\nset linetype 12 lc rgb '#005f73'\n"                     \
	"set linetype 13 lc rgb '#a6d854'\nset linetype 14 lc rgb '#bcbd22'\n"

/* drawn() - whether a bar of this variant is to be drawn at this figure */
static bool drawn(const struct results *results, unsigned m, unsigned v, unsigned k)
{
	return results->variants[v] != catalog_base(results->measures[m]) &&
	       results_ratio(results, m, v, k).n;
}

static bool group_drawn(const struct results *results, unsigned m, unsigned k, bool higher)
{
	if (results->measures[m]->metrics[k].higher_is_better != higher)
		return false;
	for (unsigned v = 0; v < results->n_variants; v++)
		if (drawn(results, m, v, k))
			return true;
	return false;
}

static bool variant_drawn(const struct results *results, unsigned v, bool higher)
{
	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned k = 0; k < metrics_of(results->measures[m]); k++)
			if (group_drawn(results, m, k, higher) && drawn(results, m, v, k))
				return true;
	return false;
}

/* write_data() - Return: groups */
static unsigned write_data(const struct results *results, bool higher, FILE *script)
{
	unsigned groups = 0;

	fprintf(script, "$%s << END\n", higher ? "more" : "less");
	for (unsigned m = 0; m < results->n_measures; m++)
		for (unsigned k = 0; k < metrics_of(results->measures[m]); k++) {
			if (!group_drawn(results, m, k, higher))
				continue;
			groups++;
			fprintf(script, "\"%s: %s\"", results->measures[m]->name,
				results->measures[m]->metrics[k].name);
			for (unsigned v = 0; v < results->n_variants; v++) {
				struct summary ratio = results_ratio(results, m, v, k);

				if (drawn(results, m, v, k))
					fprintf(script, " %.4g %.4g %.4g", ratio.median, ratio.min,
						ratio.max);
				else
					fprintf(script, " nan nan nan");
			}
			fprintf(script, "\n");
		}
	fprintf(script, "END\n");
	return groups;
}

static void write_bars(const struct results *results, bool higher, FILE *script)
{
	bool first = true;

	fprintf(script, "set title '%s'\nplot ", higher ? "more is better" : "less is better");
	for (unsigned v = 0; v < results->n_variants; v++) {
		if (!variant_drawn(results, v, higher))
			continue;
		fprintf(script, "%s$%s using %u:%u:%u%s lt %u title '%s'", first ? "" : ", ",
			higher ? "more" : "less", 2 + 3 * v, 3 + 3 * v, 4 + 3 * v,
			first ? ":xtic(1)" : "", v + 1, results->variants[v]->name);
		first = false;
	}
	fprintf(script, "\n");
}

/* write_script() - Return: groups in all */
static unsigned write_script(const struct results *results, const char *path, FILE *script)
{
	unsigned more = write_data(results, true, script),
		 less = write_data(results, false, script);
	unsigned most = more > less ? more : less, rows = (more != 0) + (less != 0);

	if (rows == 0)
		return 0;
	fprintf(script,
		"set terminal svg size %u,%u dynamic background '#ffffff' font 'sans,12'\n"
		"set output '%s'\n" MORE_COLOURS "set datafile missing 'nan'\n"
		"set style data histograms\n"
		"set style histogram errorbars gap 1 lw 1\n"
		"set style fill solid 0.8 border -1\n"
		"set bars 0.5\n"
		"set yrange [0:*]\n"
		"set grid ytics\n"
		"set key outside right top\n"
		"set xtics noenhanced rotate by 30 right font ',10'\n"
		"set ylabel 'ratio, same repeat'\n"
		"set multiplot layout %u,1 title 'pgw-bench: ratio to nft masquerade (TLS names: "
		"to "
		"haproxy), median and range of %u repeats'\n"
		"set arrow from graph 0, first 1 to graph 1, first 1 nohead lw 1.5 dt 2 front\n",
		500 + 80 * most, 100 + 400 * rows, path, rows, results->repeats);
	if (more)
		write_bars(results, true, script);
	if (less)
		write_bars(results, false, script);
	fprintf(script, "unset multiplot\n");
	return more + less;
}

/* --- latency: p50, p90, p99 ... by the number of nines --- */

static double nines(const char *metric)
{
	double percent;
	char *end;

	if (metric[0] != 'p')
		return NAN;
	percent = strtod(metric + 1, &end);
	return end != metric + 1 && *end == '\0' ? -log10(1 - percent / 100) : NAN;
}

static unsigned write_curves(const struct results *results, const char *path, FILE *script)
{
	unsigned curves = 0;
	char plots[4096] = "";
	size_t used = 0;

	for (unsigned m = 0; m < results->n_measures; m++) {
		const struct measure *measure = results->measures[m];

		if (isnan(nines(measure->metrics[0].name)))
			continue;
		for (unsigned v = 0; v < results->n_variants; v++) {
			if (!results_summary(results, m, v, 0).n)
				continue;
			fprintf(script, "$curve%u << END\n", curves);
			for (unsigned k = 0; k < metrics_of(measure); k++) {
				struct summary s = results_summary(results, m, v, k);

				if (!isnan(nines(measure->metrics[k].name)) && s.n)
					fprintf(script, "%.4g %.5g %.5g %.5g\n",
						nines(measure->metrics[k].name), s.median, s.min,
						s.max);
			}
			fprintf(script, "END\n");
			if (used < sizeof(plots))
				used += (size_t)snprintf(
					plots + used, sizeof(plots) - used,
					"%s$curve%u using 1:2:3:4 with yerrorlines lt %u dt %u "
					"title '%s, %s'",
					curves ? ", " : "", curves, v + 1,
					measure->parameter ? 2 : 1, results->variants[v]->name,
					measure->name);
			curves++;
		}
	}
	fprintf(script,
		"set terminal svg size 900,500 dynamic background '#ffffff' font 'sans,12'\n"
		"set output '%s'\n" MORE_COLOURS
		"set logscale y\nset grid\nset key outside right top noenhanced\n"
		"set xlabel 'percentile'\nset ylabel 'round trip, µs'\n"
		"set xtics ('50' 0.301, '90' 1, '99' 2, '99.9' 3, '99.99' 4)\nset xrange "
		"[0.2:4.1]\n"
		"set title 'pgw-bench: UDP round trip, median and range of %u repeats'\n"
		"plot %s\n",
		path, results->repeats, plots);
	return curves;
}

static int draw(const struct results *results, const char *path,
		unsigned (*write)(const struct results *results, const char *path, FILE *script))
{
	char *script = calloc(1, SCRIPT_BYTES), output[300] = "";
	FILE *file = script ? fmemopen(script, SCRIPT_BYTES, "w") : NULL;
	int status = -1;

	if (!file || strchr(path, '\'')) {
		fprintf(stderr, "Error: cannot plot to %s\n", path);
		goto out;
	}
	if (write(results, path, file) == 0) {
		fprintf(stderr, "Error: nothing to plot to %s: no figure of that kind is there\n",
			path);
		goto out;
	}
	if (fflush(file) != 0 || ftell(file) >= (long)SCRIPT_BYTES - 1) {
		fprintf(stderr, "Error: too many figures for %s\n", path);
		goto out;
	}
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

int report_plot(const struct results *results, const char *path)
{
	return draw(results, path, write_script);
}

int report_curves(const struct results *results, const char *path)
{
	return draw(results, path, write_curves);
}
