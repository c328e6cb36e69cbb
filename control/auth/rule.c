/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/auth/rule.h"

#include <stdio.h>
#include <string.h>

static bool wrong(char *why, size_t bytes, const char *text)
{
	snprintf(why, bytes, "%s", text);
	return false;
}

bool rule_check(const json_t *rules, char *why, size_t bytes)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

	if (!json_is_array(rules) || !json_array_size(rules))
		return wrong(why, bytes, "at least one access rule is required");
	if (json_array_size(rules) > RULES_MAX)
		return wrong(why, bytes, "at most 64 access rules are possible");
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);
		const char *method = json_string_value(json_object_get(rule, "method"));
		const char *path = json_string_value(json_object_get(rule, "path"));
		bool known = false;

		for (unsigned k = 0; method && k < sizeof(methods) / sizeof(methods[0]); k++)
			known |= strcmp(method, methods[k]) == 0;
		if (!known)
			return wrong(
				why, bytes,
				"the method of an access rule is one of GET, POST, PUT, DELETE");
		if (!path || *path != '/' || strlen(path) > RULE_PATH_MAX)
			return wrong(why, bytes,
				     "the path of an access rule begins with / and has at most 512 "
				     "bytes");
	}
	return true;
}

/* Backtracks to the last * only, so the work is at most pattern times text. */
static bool fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool rule_permits(const json_t *rules, const char *method, const char *path)
{
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);
		const char *rule_method = json_string_value(json_object_get(rule, "method"));
		const char *rule_path = json_string_value(json_object_get(rule, "path"));

		if (rule_method && rule_path && strcmp(rule_method, method) == 0 &&
		    fits(rule_path, path))
			return true;
	}
	return false;
}
