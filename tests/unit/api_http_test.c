/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/api/http.h"

#define HOST "Host: a\r\n"

/* Feeds @text in pieces; 0: at once. Return: bytes taken. */
static size_t feed(struct http *http, const char *text, size_t piece)
{
	size_t bytes = strlen(text), at = 0;

	while (at < bytes && http->state == HTTP_READING) {
		size_t n = piece && piece < bytes - at ? piece : bytes - at;
		size_t taken = http_feed(http, text + at, n);

		at += taken;
		if (taken < n)
			break;
	}
	return at;
}

static void assert_bad(const char *text, unsigned status)
{
	for (size_t piece = 0; piece < 4; piece++) {
		struct http http;

		http_init(&http);
		feed(&http, text, piece);
		assert_int_equal(http.state, HTTP_BAD);
		assert_int_equal(http.status, status);
		assert_non_null(http.wrong);
		/* It stays bad, whatever comes. */
		assert_int_equal(http_feed(&http, "GET / HTTP/1.1\r\n\r\n", 18), 0);
		assert_int_equal(http.state, HTTP_BAD);
		http_free(&http);
	}
}

static void whole(void **state)
{
	static const char text[] =
		"POST /1.0/x?a=b HTTP/1.1\r\nHost: gw:8443\r\nX-Ovh-Consumer:  ck \r\n"
		"Content-Length: 3\r\n\r\nabcGET /";

	(void)state;
	for (size_t piece = 0; piece < 5; piece++) {
		struct http http;

		http_init(&http);
		assert_int_equal(feed(&http, text, piece), strlen(text) - 5);
		assert_int_equal(http.state, HTTP_WHOLE);
		assert_string_equal(http.method, "POST");
		assert_string_equal(http.target, "/1.0/x?a=b");
		assert_string_equal(http.value[HTTP_HOST], "gw:8443");
		assert_string_equal(http.value[HTTP_CONSUMER], "ck");
		assert_false(http.given[HTTP_SIGNATURE]);
		assert_string_equal(http.body, "abc");
		assert_true(http.keep_alive);
		http_next(&http);
		feed(&http, "GET /2 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", piece);
		assert_int_equal(http.state, HTTP_WHOLE);
		assert_string_equal(http.target, "/2");
		assert_int_equal(http.body_bytes, 0);
		assert_string_equal(http.value[HTTP_CONSUMER], "");
		assert_false(http.keep_alive);
		http_free(&http);
	}
}

static void ambiguous(void **state)
{
	(void)state;
	assert_bad("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		   400);
	assert_bad("POST / HTTP/1.1\r\n" HOST
		   "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		   400);
	assert_bad("POST / HTTP/1.1\r\n" HOST
		   "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
		   400);
	assert_bad("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400);
	assert_bad("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501);
	assert_bad("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
	assert_bad("GET / HTTP/1.1\r\n\r\n", 400);
	assert_bad("GET / HTTP/1.1\n" HOST "\r\n", 400);
	assert_bad("GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n", 400);
	assert_bad("GET / HTTP/1.1\r\n" HOST " b: c\r\n\r\n", 400);
	assert_bad("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
	assert_bad("GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400);
	assert_bad("GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_bad("\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_bad("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
		   400);
	assert_bad("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n",
		   400);
	assert_bad("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
}

static void limits(void **state)
{
	char *text = malloc(HTTP_BODY_BYTES_MAX + 200);

	(void)state;
	assert_non_null(text);
	sprintf(text, "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", (int)HTTP_TARGET_BYTES_MAX, 0);
	assert_bad(text, 414);
	sprintf(text, "GET / HTTP/1.1\r\n" HOST "A: %0*d\r\n\r\n", (int)HTTP_HEAD_BYTES_MAX, 0);
	assert_bad(text, 431);
	sprintf(text, "GET / HTTP/1.1\r\n" HOST "X-Ovh-Consumer: %0*d\r\n\r\n",
		(int)HTTP_VALUE_BYTES, 0);
	assert_bad(text, 431);
	sprintf(text, "POST / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n",
		HTTP_BODY_BYTES_MAX + 1);
	assert_bad(text, 413);
	strcpy(text, "GET / HTTP/1.1\r\n" HOST);
	for (unsigned i = 0; i < HTTP_HEADERS_MAX; i++)
		strcat(text, "A:b\r\n");
	strcat(text, "\r\n");
	assert_bad(text, 431);
	free(text);
}

static void expectation(void **state)
{
	struct http http;

	(void)state;
	http_init(&http);
	feed(&http, "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
	     0);
	assert_int_equal(http.state, HTTP_READING);
	assert_true(http.wants_go);
	feed(&http, "{}", 0);
	assert_int_equal(http.state, HTTP_WHOLE);
	assert_false(http.wants_go);
	http_free(&http);
	assert_bad("POST / HTTP/1.1\r\n" HOST "Expect: cake\r\nContent-Length: 2\r\n\r\n", 417);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(ambiguous),
		cmocka_unit_test(limits),
		cmocka_unit_test(expectation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
