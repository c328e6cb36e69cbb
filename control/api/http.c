/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]"

static const char *const kept[HTTP_HEADER_COUNT] = {
	[HTTP_HOST] = "Host",
	[HTTP_APPLICATION] = "X-Ovh-Application",
	[HTTP_CONSUMER] = "X-Ovh-Consumer",
	[HTTP_TIMESTAMP] = "X-Ovh-Timestamp",
	[HTTP_SIGNATURE] = "X-Ovh-Signature",
	[HTTP_EXPECT] = "Expect",
	[HTTP_TRANSFER_ENCODING] = "Transfer-Encoding",
	[HTTP_CONTENT_LENGTH] = "Content-Length",
};

static int bad(struct http *http, unsigned status, const char *wrong)
{
	if (http->state != HTTP_BAD) {
		http->state = HTTP_BAD;
		http->status = status;
		http->wrong = wrong;
	}
	return -1;
}

static struct http *of(llhttp_t *parser)
{
	return parser->data;
}

static int on_method(llhttp_t *parser, const char *at, size_t length)
{
	struct http *http = of(parser);
	size_t used = strlen(http->method);

	if (used + length >= sizeof(http->method))
		return bad(http, 400, "the request's method is unknown");
	memcpy(http->method + used, at, length);
	http->method[used + length] = '\0';
	return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
	struct http *http = of(parser);

	if (http->target_bytes + length > HTTP_TARGET_BYTES_MAX)
		return bad(http, 414, "the request's target is longer than 2048 bytes");
	memcpy(http->target + http->target_bytes, at, length);
	http->target_bytes += length;
	http->target[http->target_bytes] = '\0';
	return 0;
}

/* A path and a query of printable ASCII: anything else has to be percent-encoded. */
static int on_url_complete(llhttp_t *parser)
{
	struct http *http = of(parser);

	if (http->target[0] != '/')
		return bad(http, 400, "the request's target must be a path, beginning with /");
	for (size_t i = 0; i < http->target_bytes; i++)
		if (http->target[i] <= ' ' || http->target[i] >= 0x7f || http->target[i] == '#' ||
		    http->target[i] == '\\')
			return bad(http, 400,
				   "the request's target holds a character that must be "
				   "percent-encoded");
	return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t length)
{
	struct http *http = of(parser);

	/* Trailers of a chunked body would add headers after all checks. */
	if (http->head_done)
		return bad(http, 400, "trailer fields are not accepted");
	/* Names longer than any that is kept need not be whole. */
	for (size_t i = 0; i < length && http->name_bytes < sizeof(http->name) - 1; i++)
		http->name[http->name_bytes++] = at[i];
	return 0;
}

static int on_header_field_complete(llhttp_t *parser)
{
	struct http *http = of(parser);

	http->name[http->name_bytes] = '\0';
	http->name_bytes = 0;
	http->header = -1;
	if (++http->n_headers > HTTP_HEADERS_MAX)
		return bad(http, 431, "the request has more than 64 header fields");
	for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
		if (strcasecmp(http->name, kept[i]) != 0)
			continue;
		if (http->given[i])
			return bad(http, 400, "a header field of the request is given twice");
		http->given[i] = true;
		http->header = i;
	}
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t length)
{
	struct http *http = of(parser);
	char *value;
	size_t used;

	if (http->header < 0)
		return 0;
	value = http->value[http->header];
	used = strlen(value);
	if (used + length >= HTTP_VALUE_BYTES)
		return bad(http, 431, "a header field of the request is longer than 255 bytes");
	for (size_t i = 0; i < length; i++)
		if (at[i] < ' ' || at[i] >= 0x7f)
			return bad(http, 400,
				   "a header field of the request holds a control character or one "
				   "that is not ASCII");
	memcpy(value + used, at, length);
	value[used + length] = '\0';
	return 0;
}

static void trim(char *value)
{
	size_t bytes = strlen(value);

	while (bytes && value[bytes - 1] == ' ')
		value[--bytes] = '\0';
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http *http = of(parser);

	for (unsigned i = 0; i < HTTP_HEADER_COUNT; i++)
		trim(http->value[i]);
	http->head_done = true;
	parser->upgrade = 0; /* other protocols are not spoken: the field is passed over */
	if (parser->http_major != 1)
		return bad(http, 505, "HTTP/1.1 is spoken here");
	if (http->given[HTTP_TRANSFER_ENCODING]) {
		if (parser->http_minor == 0 || http->given[HTTP_CONTENT_LENGTH])
			return bad(
				http, 400,
				"Transfer-Encoding with Content-Length or HTTP/1.0 is ambiguous");
		if (strcasecmp(http->value[HTTP_TRANSFER_ENCODING], "chunked") != 0)
			return bad(http, 501, "Transfer-Encoding may only be chunked");
	}
	if (!http->given[HTTP_HOST] && parser->http_minor == 1)
		return bad(http, 400, "the request needs a Host header field");
	if (http->value[HTTP_HOST][strspn(http->value[HTTP_HOST], HOST_LETTERS)])
		return bad(http, 400, "the Host header field is not a name or an address");
	if (parser->flags & F_CONTENT_LENGTH && parser->content_length > HTTP_BODY_BYTES_MAX)
		return bad(http, 413, "the request's body is longer than 65536 bytes");
	if (http->given[HTTP_EXPECT]) {
		if (strcasecmp(http->value[HTTP_EXPECT], "100-continue") != 0)
			return bad(http, 417, "Expect may only be 100-continue");
		http->wants_go = parser->content_length || parser->flags & F_CHUNKED;
	}
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
	struct http *http = of(parser);

	http->wants_go = false;
	if (http->body_bytes + length > HTTP_BODY_BYTES_MAX)
		return bad(http, 413, "the request's body is longer than 65536 bytes");
	if (http->body_bytes + length >= http->body_size) {
		size_t size = http->body_size ? http->body_size * 2 : 512;
		char *body;

		while (size <= http->body_bytes + length)
			size *= 2;
		body = realloc(http->body, size);
		if (!body)
			return bad(http, 503, "out of memory, try again");
		http->body = body;
		http->body_size = size;
	}
	memcpy(http->body + http->body_bytes, at, length);
	http->body_bytes += length;
	http->body[http->body_bytes] = '\0';
	return 0;
}

static int on_chunk_extension(llhttp_t *parser, const char *at, size_t length)
{
	(void)at;
	(void)length;
	return bad(of(parser), 400, "chunk extensions are not accepted");
}

static int on_message_complete(llhttp_t *parser)
{
	struct http *http = of(parser);

	http->keep_alive = llhttp_should_keep_alive(parser);
	http->state = HTTP_WHOLE;
	return HPE_PAUSED; /* what follows is another request's */
}

static const llhttp_settings_t callbacks = {
	.on_method = on_method,
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_header_field,
	.on_header_field_complete = on_header_field_complete,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_extension_name = on_chunk_extension,
	.on_chunk_extension_value = on_chunk_extension,
	.on_message_complete = on_message_complete,
};

static void begin(struct http *http)
{
	char *body = http->body;
	size_t size = http->body_size;

	memset(http, 0, sizeof(*http));
	/* A buffer that one large body needed is not kept for all that may follow. */
	if (size > 4096) {
		free(body);
		body = NULL;
		size = 0;
	}
	http->body = body;
	http->body_size = size;
	if (body)
		body[0] = '\0';
	http->header = -1;
	llhttp_init(&http->parser, HTTP_REQUEST, &callbacks);
	http->parser.data = http;
}

void http_init(struct http *http)
{
	http->body = NULL;
	http->body_size = 0;
	begin(http);
}

void http_free(struct http *http)
{
	free(http->body);
	http->body = NULL;
	http->body_size = 0;
}

void http_next(struct http *http)
{
	begin(http);
}

/* One byte of the head. Return: 1 it ends the head, 0 go on, -1 bad. */
static int look_at(struct http *http, char c)
{
	char before = http->last[1];

	if (++http->head_bytes > HTTP_HEAD_BYTES_MAX)
		return bad(http, 431, "the request's head is longer than 8192 bytes");
	if (http->head_bytes == 1 && (c < 'A' || c > 'Z'))
		return bad(http, 400, "a request begins with its method");
	if (c == '\0')
		return bad(http, 400, "the request's head holds a NUL");
	if ((before == '\r') != (c == '\n'))
		return bad(http, 400, "a line of the request's head must end with CR LF");
	if (http->line_bytes == 0 && (c == ' ' || c == '\t'))
		return bad(http, 400, "folded header fields are not accepted");
	if (http->line_bytes == 0 && c == ':')
		return bad(http, 400, "a header field needs a name");
	http->last[0] = before;
	http->last[1] = c;
	if (c == '\n') {
		bool empty = http->line_bytes == 0;

		http->line_bytes = 0;
		return empty;
	}
	if (c != '\r')
		http->line_bytes++;
	return 0;
}

/* The bytes of @data that may be parsed: of a head, those that have been looked at. */
static size_t looked_at(struct http *http, const char *data, size_t bytes, bool *ends)
{
	*ends = false;
	for (size_t i = 0; i < bytes; i++) {
		int code = look_at(http, data[i]);

		if (code < 0)
			return 0;
		if (code) {
			*ends = true;
			return i + 1;
		}
	}
	return bytes;
}

static size_t parse(struct http *http, const char *data, size_t bytes)
{
	llhttp_errno_t code = llhttp_execute(&http->parser, data, bytes);

	if (http->state == HTTP_WHOLE && code == HPE_PAUSED)
		return (size_t)(llhttp_get_error_pos(&http->parser) - data);
	if (code != HPE_OK)
		bad(http, 400, "the request is not HTTP as RFC 9112 has it");
	return bytes;
}

size_t http_feed(struct http *http, const char *data, size_t bytes)
{
	size_t taken = 0;

	while (taken < bytes && http->state == HTTP_READING) {
		size_t n = bytes - taken;
		bool ends = false, in_head = !http->head_done;

		http->begun = true;
		if (in_head)
			n = looked_at(http, data + taken, n, &ends);
		if (http->state == HTTP_BAD)
			break;
		taken += parse(http, data + taken, n);
		/* The look and the parser must agree on where a head ends. */
		if (in_head && http->state == HTTP_READING && http->head_done != ends)
			bad(http, 400, "the request is not HTTP as RFC 9112 has it");
	}
	return taken;
}
