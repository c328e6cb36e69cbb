/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http - reads one HTTP/1.1 request after the other from a stream of bytes.
 *
 * The framing is llhttp's, in its strict mode. In front of it the raw bytes of each head are
 * looked at once, because a parser that forgives is what request smuggling lives from: a bare CR
 * or LF, NUL, a folded line, a second Host, Content-Length or Transfer-Encoding, both lengths at
 * once, a target that is not a path: all are refused, and the connection ends with the answer.
 *
 * States: reading (more bytes are needed) -> whole (http_feed() takes no more until http_next())
 *         or bad (for good).
 * Limits: HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_TARGET_BYTES_MAX, HTTP_BODY_BYTES_MAX.
 */
#ifndef PGW_API_HTTP_H
#define PGW_API_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp/llhttp.h>

#define HTTP_HEAD_BYTES_MAX   8192u
#define HTTP_HEADERS_MAX      64u
#define HTTP_TARGET_BYTES_MAX 2048u
#define HTTP_BODY_BYTES_MAX   65536u
#define HTTP_VALUE_BYTES      256u /* of a header that is kept */
#define HTTP_METHOD_BYTES     16u

/* Headers whose values are kept. */
enum http_header {
	HTTP_HOST,
	HTTP_APPLICATION,
	HTTP_CONSUMER,
	HTTP_TIMESTAMP,
	HTTP_SIGNATURE,
	HTTP_EXPECT,
	HTTP_TRANSFER_ENCODING,
	HTTP_CONTENT_LENGTH,
	HTTP_HEADER_COUNT
};

enum http_state { HTTP_READING, HTTP_WHOLE, HTTP_BAD };

struct http {
	enum http_state state;
	llhttp_t parser;
	bool begun;	   /* a byte of this request has come */
	bool head_done;	   /* its head is complete */
	bool wants_go;	   /* "Expect: 100-continue" waits for an answer */
	bool keep_alive;   /* of the whole request */
	unsigned status;   /* of a bad one: what to answer, 400, 413, … */
	const char *wrong; /* of a bad one: why, for the client */
	size_t head_bytes;
	char last[2];	     /* of the head so far; for the look at line ends */
	unsigned line_bytes; /* of the head's line so far */
	unsigned n_headers;
	int header; /* whose value comes; -1: one that is not kept */
	char name[32];
	size_t name_bytes;
	char method[HTTP_METHOD_BYTES];
	char target[HTTP_TARGET_BYTES_MAX + 1];
	size_t target_bytes;
	char value[HTTP_HEADER_COUNT][HTTP_VALUE_BYTES];
	bool given[HTTP_HEADER_COUNT];
	char *body; /* NULL: none; ends with a NUL that is not counted */
	size_t body_bytes, body_size;
};

void http_init(struct http *http);
void http_free(struct http *http);

/**
 * http_feed() - take bytes
 * Return: how many were taken; fewer than @bytes only once the request is whole or bad.
 */
size_t http_feed(struct http *http, const char *data, size_t bytes);

/* http_next() - the whole request has been dealt with: begin another. */
void http_next(struct http *http);

#endif
