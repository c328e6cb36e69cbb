/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter - conditions on sessions in words, as `pgw session` and operation "session-end" take them,
 * made into what the datapath compares.
 */
#ifndef PGW_CTL_FILTER_H
#define PGW_CTL_FILTER_H

#include "datapath/flow/filter.h"
#include "datapath/policy/snapshot.h"

/* What was given for each condition; NULL: nothing. Names are looked up by filter_resolve(). */
struct filter_text {
	const char *value[FILTER_CONDITIONS];
};

/* filter_name() - the word of a condition. filter_condition() - the condition of a word;
 * FILTER_CONDITIONS: there is none. */
const char *filter_name(enum flow_condition condition);
enum flow_condition filter_condition(const char *word);

/**
 * filter_set() - add one condition
 * @value: borrowed by @text
 * Return: NULL, or what was expected instead of @value (static text).
 */
const char *filter_set(struct flow_filter *filter, struct filter_text *text,
		       enum flow_condition condition, const char *value);

/* filter_number() - a decimal number up to INT64_MAX. Return: NULL, or what was expected. */
const char *filter_number(uint64_t *number, const char *text);

/**
 * filter_resolve() - find what has a name: portgroup, pool, service
 * Return: FILTER_CONDITIONS, or the condition whose name @snapshot does not have.
 */
enum flow_condition filter_resolve(struct flow_filter *filter, const struct filter_text *text,
				   const struct snapshot *snapshot);

#endif
