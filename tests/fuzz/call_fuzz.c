/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call of the API behind its framing: "METHOD TARGET" in the first line, the body after it. What
 * is accepted holds what the table promises, and can be said to pgwd, and pgwd's answer to the
 * client.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/http.h"
#include "control/api/route.h"
#include "tests/fuzz/translation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each value is of the type that its parameter has; none is there that is no parameter. */
static void check_given(const struct api_call *call, const json_t *given)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)given, name, value)
	{
		assert(*name && !json_is_null(value));
		if (json_is_string(value))
			assert(json_string_length(value) <= CHECK_TEXT_BYTES_MAX);
	}
	(void)call;
}

static void one_call(const char *method, const char *target, const char *body, size_t body_bytes)
{
	struct route route;

	route_find(&route, method, target);
	if (route.kind == ROUTE_CALL) {
		if (check_body(route.call, body, body_bytes, route.given, &route.error) &&
		    check_required(route.call, route.given, &route.error)) {
			check_given(route.call, route.given);
			translation_check(&route);
		} else {
			assert(*route.error.text);
		}
	}
	if (route.kind == ROUTE_WRONG || route.kind == ROUTE_NOT_FOUND)
		assert(*route.error.text);
	route_free(&route);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *newline = size ? memchr(data, '\n', size) : NULL;
	size_t head = newline ? (size_t)(newline - (const char *)data) : size;
	char line[HTTP_METHOD_BYTES + HTTP_TARGET_BYTES_MAX + 2], *target;
	char *body;

	if (head >= sizeof(line))
		return 0;
	memcpy(line, data, head);
	line[head] = '\0';
	target = strchr(line, ' ');
	/* The framing lets nothing else through. */
	if (!target || target - line >= (ptrdiff_t)HTTP_METHOD_BYTES || target[1] != '/' ||
	    strlen(target + 1) > HTTP_TARGET_BYTES_MAX)
		return 0;
	*target++ = '\0';
	size -= newline ? head + 1 : head;
	body = malloc(size + 1); /* of its own, so that reading beyond it is seen */
	assert(body);
	memcpy(body, data + (newline ? head + 1 : head), size);
	body[size] = '\0';
	one_call(line, target, body, size);
	free(body);
	return 0;
}
