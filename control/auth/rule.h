/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule - access rules: which methods and paths a credential may call. */
#ifndef PGW_AUTH_RULE_H
#define PGW_AUTH_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define RULES_MAX     64u
#define RULE_PATH_MAX 512u

/**
 * rule_check() - whether @rules is an array of {"method","path"} as a credential may have it
 * @why: set to what is wrong
 */
bool rule_check(const json_t *rules, char *why, size_t bytes);

/* rule_permits() - @path: below the base path, without the query; * in a rule stands for any text
 */
bool rule_permits(const json_t *rules, const char *method, const char *path);

#endif
