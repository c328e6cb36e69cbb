/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/stats.h"

#include <math.h>
#include <stdlib.h>

#include "tools/bench/report.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct summary summarise(const double *values, unsigned n)
{
	struct summary summary = {NAN, NAN, NAN, 0};
	double sorted[REPEATS_MAX];

	for (unsigned i = 0; i < n && summary.n < REPEATS_MAX; i++)
		if (!isnan(values[i]))
			sorted[summary.n++] = values[i];
	if (summary.n == 0)
		return summary;
	qsort(sorted, summary.n, sizeof(sorted[0]), ascending);
	summary.min = sorted[0];
	summary.max = sorted[summary.n - 1];
	summary.median = (sorted[(summary.n - 1) / 2] + sorted[summary.n / 2]) / 2;
	return summary;
}

struct summary summarise_ratio(const double *values, const double *base, unsigned n)
{
	double ratios[REPEATS_MAX];

	if (n > REPEATS_MAX)
		n = REPEATS_MAX;
	for (unsigned i = 0; i < n; i++)
		ratios[i] = base[i] > 0 ? values[i] / base[i] : NAN;
	return summarise(ratios, n);
}
