/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool route_decode(char *text, bool form)
{
	char *to = text;

	for (; *text; text++) {
		char c = *text;

		if (form && c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);

			if (low < 0 || !(high | low))
				return false;
			c = (char)(high << 4 | low);
			text += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

/* Splits at '/'. Return: number of segments; an empty one counts, too. */
static unsigned split(char *path, char *segments[ROUTE_SEGMENTS_MAX])
{
	unsigned n = 0;

	for (char *rest = path + 1; rest && n < ROUTE_SEGMENTS_MAX;) {
		segments[n++] = strsep(&rest, "/");
		if (!rest)
			return n;
	}
	return ROUTE_SEGMENTS_MAX + 1;
}

static bool matches(const char *pattern, char *const segments[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t bytes = strcspn(++pattern, "/");

		if (*pattern != '{' &&
		    (strlen(segments[i]) != bytes || memcmp(pattern, segments[i], bytes) != 0))
			return false;
		pattern += bytes;
		if (*pattern != (i + 1 < n ? '/' : '\0'))
			return false;
	}
	return true;
}

static const struct api_param *param_named(const struct api_call *call, enum api_where where,
					   const char *name, size_t bytes)
{
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == where && strlen(param->name) == bytes &&
		    memcmp(param->name, name, bytes) == 0)
			return param;
	return NULL;
}

static bool take(struct route *route, const struct api_param *param, const char *text)
{
	json_t *value;

	if (json_object_get(route->given, param->name)) {
		snprintf(route->error.text, sizeof(route->error.text),
			 "Parameter \"%s\" is given twice", param->name);
		return false;
	}
	value = check_text(param, text, &route->error);
	return value && json_object_set_new(route->given, param->name, value) == 0;
}

static bool take_path(struct route *route, char *const segments[])
{
	const char *pattern = route->call->path;

	for (unsigned i = 0; *pattern; i++) {
		size_t bytes = strcspn(++pattern, "/");

		if (*pattern == '{' &&
		    !take(route, param_named(route->call, API_IN_PATH, pattern + 1, bytes - 2),
			  segments[i]))
			return false;
		pattern += bytes;
	}
	return true;
}

static bool take_query(struct route *route, char *query)
{
	char *pair;

	while ((pair = strsep(&query, "&"))) {
		char *value = strchr(pair, '=');
		const struct api_param *param;

		if (!*pair)
			continue;
		if (value)
			*value++ = '\0';
		if (!route_decode(pair, true) || (value && !route_decode(value, true))) {
			snprintf(route->error.text, sizeof(route->error.text),
				 "The query's percent-encoding is broken");
			return false;
		}
		param = param_named(route->call, API_IN_QUERY, pair, strlen(pair));
		if (!param) {
			snprintf(route->error.text, sizeof(route->error.text),
				 "Received not described parameter \"%.100s\"", pair);
			return false;
		}
		/* Clients that always send all filters leave those empty that they do not use. */
		if (value && *value && !take(route, param, value))
			return false;
	}
	return true;
}

static void allow(struct route *route, const char *method)
{
	size_t used = strlen(route->allow);

	if (!strstr(route->allow, method))
		snprintf(route->allow + used, sizeof(route->allow) - used, "%s%s", used ? ", " : "",
			 method);
}

static void only_get(struct route *route, enum route_kind kind, const char *method)
{
	route->kind = strcmp(method, "GET") == 0 ? kind : ROUTE_METHOD;
	allow(route, "GET");
}

/* Return: whether the path is one of those that are no calls. */
static bool special(struct route *route, const char *method, const char *path)
{
	if (strcmp(path, "/") == 0 || !*path) {
		only_get(route, ROUTE_INDEX, method);
		return true;
	}
	for (unsigned i = 0; i < API_RESOURCES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "/%s.json", api_resources[i].name);
		if (strcmp(path, name) == 0) {
			route->resource = &api_resources[i];
			only_get(route, ROUTE_SCHEMA, method);
			return true;
		}
	}
	if (strcmp(path, "/auth/validate") == 0) {
		route->kind = ROUTE_PAGE;
		if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
			route->kind = ROUTE_METHOD;
		allow(route, "GET");
		allow(route, "POST");
		return true;
	}
	return false;
}

/* The call of that path and method, or what is wrong with the two. */
static void find_call(struct route *route, const char *method, char *const segments[], unsigned n)
{
	for (unsigned i = 0; i < API_RESOURCES; i++)
		for (const struct api_call *call = api_resources[i].calls; call->method; call++) {
			if (!matches(call->path, segments, n))
				continue;
			allow(route, call->method);
			if (strcmp(call->method, method) == 0) {
				route->call = call;
				route->kind = ROUTE_CALL;
			}
		}
	if (!route->call && *route->allow)
		route->kind = ROUTE_METHOD;
}

void route_find(struct route *route, const char *method, const char *target)
{
	char path[2100], *segments[ROUTE_SEGMENTS_MAX], *query;
	size_t base = strlen(API_BASE_PATH);
	unsigned n;

	memset(route, 0, sizeof(*route));
	route->kind = ROUTE_NOT_FOUND;
	route->given = json_object();
	snprintf(path, sizeof(path), "%s", target);
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	snprintf(route->error.text, sizeof(route->error.text), "Got an invalid (or empty) URL");
	if (strncmp(path, API_BASE_PATH, base) != 0 || (path[base] && path[base] != '/'))
		return;
	snprintf(route->path, sizeof(route->path), "%s", path + base);
	if (special(route, method, route->path))
		return;
	n = split(path + base, segments);
	if (n > ROUTE_SEGMENTS_MAX)
		return;
	for (unsigned i = 0; i < n; i++)
		if (!route_decode(segments[i], false))
			return;
	find_call(route, method, segments, n);
	if (route->kind == ROUTE_CALL && (!take_path(route, segments) || !take_query(route, query)))
		route->kind = ROUTE_WRONG;
}

void route_free(struct route *route)
{
	json_decref(route->given);
	route->given = NULL;
}
