/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan - which measures and variants there are, which were asked for, and running them. */
#ifndef PGW_BENCH_PLAN_H
#define PGW_BENCH_PLAN_H

#include "tools/bench/report.h"

/* plan_select() - by options.variants and .measures. Return: 0, or -1, the reason on stderr. */
int plan_select(struct results *results, const struct options *options);

/* plan_run() - all of it, interleaved. Return: 0 if every run succeeded. */
int plan_run(struct results *results, const struct options *options);

#endif
