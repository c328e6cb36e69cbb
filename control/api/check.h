/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - whether a value is of its type, in messages that name the field. */
#ifndef PGW_API_CHECK_H
#define PGW_API_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "control/api/table.h"

#define CHECK_TEXT_BYTES_MAX 1024u /* of any string of a request */

struct check_error {
	char text[256];
};

/**
 * check_text() - read a value of the path or the query
 * Return: the value, a new reference, or NULL with @error set.
 */
json_t *check_text(const struct api_param *param, const char *text, struct check_error *error);

/**
 * check_body() - read a body
 * @given: gets a member for each parameter that is given and not null, by its name
 * Return: false with @error set if the body is not what @call takes.
 */
bool check_body(const struct api_call *call, const char *body, size_t bytes, json_t *given,
		struct check_error *error);

/* check_required() - whether all that @call requires is in @given. */
bool check_required(const struct api_call *call, const json_t *given, struct check_error *error);

#endif
