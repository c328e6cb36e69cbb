/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of an API call, from bytes of a connection to a request for pgwd: framing, target, query,
 * body, translation. Twice, in two ways of cutting the bytes: both must come to the same.
 */
#include <assert.h>
#include <string.h>

#include "control/api/http.h"
#include "control/api/page.h"
#include "control/api/route.h"
#include "tests/fuzz/translation.h"

#define REQUESTS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one way of cutting made of the bytes. */
struct seen {
	unsigned whole;
	unsigned status; /* of the bad one; 0: none */
	uint64_t sum;	 /* of everything that was read */
};

static void add(struct seen *seen, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		seen->sum = (seen->sum ^ (unsigned char)text[i]) * 1099511628211u;
	seen->sum *= 1099511628211u;
}

static void handle(const struct http *http)
{
	struct page_form form;
	struct route route;

	route_find(&route, http->method, http->target);
	if (route.kind == ROUTE_CALL) {
		if (check_body(route.call, http->body, http->body_bytes, route.given,
			       &route.error) &&
		    check_required(route.call, route.given, &route.error))
			translation_check(&route);
		else
			assert(*route.error.text);
	}
	if (route.kind == ROUTE_WRONG || route.kind == ROUTE_NOT_FOUND)
		assert(*route.error.text);
	route_free(&route);
	page_read(&form, http->body);
	page_read(&form, strchr(http->target, '?'));
}

static struct seen read_all(const uint8_t *data, size_t size, size_t piece)
{
	struct seen seen = {.whole = 0};
	struct http http;
	size_t at = 0;

	http_init(&http);
	while (at < size && seen.whole < REQUESTS_MAX) {
		size_t n = size - at < piece ? size - at : piece;
		size_t taken = http_feed(&http, (const char *)data + at, n);

		assert(taken <= n);
		if (http.state == HTTP_BAD) {
			assert(http.status >= 400 && http.wrong);
			seen.status = http.status;
			break;
		}
		if (http.state == HTTP_READING) {
			assert(taken == n);
			at += n;
			continue;
		}
		at += taken;
		assert(http.body_bytes <= HTTP_BODY_BYTES_MAX && http.target[0] == '/');
		assert(!http.given[HTTP_CONTENT_LENGTH] || !http.given[HTTP_TRANSFER_ENCODING]);
		add(&seen, http.method, strlen(http.method));
		add(&seen, http.target, http.target_bytes);
		add(&seen, http.body ? http.body : "", http.body_bytes);
		for (unsigned i = 0; i < HTTP_HEADER_COUNT; i++)
			add(&seen, http.value[i], strlen(http.value[i]));
		if (piece >= size)
			handle(&http);
		seen.whole++;
		http_next(&http);
	}
	http_free(&http);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen once = read_all(data, size, size), bytewise = read_all(data, size, 1);

	assert(once.whole == bytewise.whole && once.sum == bytewise.sum);
	assert(!once.status == !bytewise.status);
	return 0;
}
