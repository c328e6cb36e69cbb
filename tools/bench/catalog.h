/* SPDX-License-Identifier: GPL-2.0-or-later */
/* catalog - the measures and variants that there are, and the goals they are held to. */
#ifndef PGW_BENCH_CATALOG_H
#define PGW_BENCH_CATALOG_H

#include <stdio.h>

#include "tools/bench/bench.h"

/* In the order in which they run. Return: NULL beyond the last. */
const struct variant *catalog_variant(unsigned index);
const struct measure *catalog_measure(unsigned index);

/* By name. Return: NULL if there is none. */
const struct variant *catalog_find_variant(const char *name);
const struct measure *catalog_find_measure(const char *name);

/* catalog_applies() - whether this variant can do that measure. */
bool catalog_applies(const struct measure *measure, const struct variant *variant);

/* catalog_installed() - whether the program that a variant needs is there. */
bool catalog_installed(const struct variant *variant);

/* catalog_capacity() - sessions that a gateway is made for where a measure holds many: a power of
 * two, with room for those of the verification, and of ours for what goes on beside. */
uint32_t catalog_capacity(const struct measure *measure);

/* catalog_base() - what the ratios of a measure are taken to. */
const struct variant *catalog_base(const struct measure *measure);

void catalog_list(FILE *file);

struct goal {
	const char *measure, *metric, *variant;
	bool ratio;    /* to the base; otherwise the figure itself */
	bool at_least; /* otherwise at most */
	double value;
	const char *to; /* of a ratio to another measure's metric of the same variant, or NULL */
};

/* Return: NULL beyond the last. */
const struct goal *catalog_goal(unsigned index);

#endif
