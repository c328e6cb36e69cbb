/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exposition - writes the text of OpenMetrics 1.0.
 *
 * A family is begun once, then its samples follow, one a set of labels. Names of labels are ours
 * and need no care; their values are escaped. Without memory the text is lost as a whole.
 */
#ifndef PGW_METRICS_EXPOSITION_H
#define PGW_METRICS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "control/config/text.h"

#define EXPOSITION_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum exposition_kind {
	EXPOSITION_COUNTER,
	EXPOSITION_GAUGE,
	EXPOSITION_INFO,
	EXPOSITION_HISTOGRAM, /* samples are buckets: label "le", numbers that include the former */
};

struct exposition { /* all zero: empty */
	struct config_text text;
	const char *name; /* of the family that was begun last */
	enum exposition_kind kind;
};

/* exposition_family() - @name: without "pgw_" and without "_total"; @help: a sentence */
void exposition_family(struct exposition *exposition, enum exposition_kind kind, const char *name,
		       const char *help);

/* A sample of the family begun last. Labels are pairs of name and value, LABELS_END last. */
#define LABELS_END ((const char *)NULL)
void exposition_number(struct exposition *exposition, uint64_t value, ...)
	__attribute__((sentinel));
void exposition_real(struct exposition *exposition, double value, ...) __attribute__((sentinel));

/* exposition_take() - end it. Return: the text, malloc'ed, or NULL without memory. */
char *exposition_take(struct exposition *exposition, size_t *bytes);

#endif
