/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/websocket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/relay/websocket_head.h"

#define MASK 0x80

struct world {
	struct websocket *websocket;
	struct ssh_buffer payload, answer;
};

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->websocket = websocket_create();
	*state = w;
	return w->websocket ? 0 : -1;
}

static int end(void **state)
{
	struct world *w = *state;

	websocket_free(w->websocket);
	ssh_buffer_free(&w->payload);
	ssh_buffer_free(&w->answer);
	free(w);
	return 0;
}

/* A client's frame, @n < 126 bytes, masked. */
static size_t frame(uint8_t *to, uint8_t first, const char *data, size_t n)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};

	to[0] = first;
	to[1] = (uint8_t)(MASK | n);
	memcpy(to + 2, mask, 4);
	for (size_t i = 0; i < n; i++)
		to[6 + i] = (uint8_t)(data[i] ^ mask[i % 4]);
	return 6 + n;
}

static int input(struct world *w, const uint8_t *data, size_t n)
{
	return websocket_input(w->websocket, data, n, &w->payload, &w->answer);
}

static void assert_payload(struct world *w, const char *expected)
{
	assert_int_equal(ssh_buffer_size(&w->payload), strlen(expected));
	assert_memory_equal(ssh_buffer_data(&w->payload), expected, strlen(expected));
}

static void fragments_and_a_ping_between_them_are_one_stream(void **state)
{
	struct world *w = *state;
	uint8_t bytes[64];
	size_t n = frame(bytes, 0x02, "abc", 3); /* binary, not the last */

	n += frame(bytes + n, 0x89, "?!", 2); /* ping */
	n += frame(bytes + n, 0x00, "", 0);
	n += frame(bytes + n, 0x80, "de", 2);
	n += frame(bytes + n, 0x82, "f", 1);
	for (size_t i = 0; i < n; i++) /* byte by byte */
		assert_int_equal(input(w, bytes + i, 1), 0);
	assert_payload(w, "abcdef");
	assert_int_equal(ssh_buffer_size(&w->answer), 4); /* pong, not masked */
	assert_memory_equal(ssh_buffer_data(&w->answer), "\x8a\x02?!", 4);
}

static void what_a_client_must_not_send(void **state)
{
	static const struct {
		uint8_t first, second;
		unsigned code;
	} wrong[] = {
		{0x82, 0x01, 1002}, /* not masked */
		{0xc2, 0x81, 1002}, /* an extension's bit */
		{0x81, 0x81, 1003}, /* text */
		{0x80, 0x81, 1002}, /* continues nothing */
		{0x83, 0x81, 1002}, /* no such opcode: neither text nor binary */
		{0x8b, 0x81, 1002}, /* no such control frame */
		{0x09, 0x81, 1002}, /* a ping in pieces */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[8] = {wrong[i].first, wrong[i].second, 0, 0, 0, 0, 'x'};
		void *fresh;
		struct world *w;
		const uint8_t *answer;

		assert_int_equal(begin(&fresh), 0);
		w = fresh;
		assert_int_equal(input(w, bytes, 7), -EPROTO);
		assert_int_equal(ssh_buffer_size(&w->payload), 0);
		assert_int_equal(ssh_buffer_size(&w->answer), 4);
		answer = ssh_buffer_data(&w->answer);
		assert_int_equal(answer[0], 0x88);
		assert_true(answer[2] == 0x03);
		end(&fresh);
	}
}

static void a_new_message_within_one_is_refused(void **state)
{
	struct world *w = *state;
	uint8_t bytes[32];
	size_t n = frame(bytes, 0x02, "a", 1);

	n += frame(bytes + n, 0x82, "b", 1);
	assert_int_equal(input(w, bytes, n), -EPROTO);
	assert_payload(w, "a");
}

static void close_is_answered(void **state)
{
	struct world *w = *state;
	uint8_t bytes[32];
	size_t n = frame(bytes, 0x88, "\x03\xe8 bye", 6);

	assert_int_equal(input(w, bytes, n), -ECONNRESET);
	assert_int_equal(ssh_buffer_size(&w->answer), 4);
	assert_memory_equal(ssh_buffer_data(&w->answer), "\x88\x02\x03\xe8", 4);
}

static void output_is_framed_in_pieces(void **state)
{
	struct world *w = *state;
	static uint8_t data[70000];
	long n = websocket_output(w->websocket, data, sizeof(data), &w->answer);

	assert_int_equal(n, WEBSOCKET_FRAME_MAX);
	assert_int_equal(ssh_buffer_size(&w->answer), 4 + WEBSOCKET_FRAME_MAX);
	assert_memory_equal(ssh_buffer_data(&w->answer), "\x82\x7e\xff\xff", 4);
	n = websocket_output(w->websocket, data, 5, &w->answer);
	assert_int_equal(n, 5);
}

/* --- the head ------------------------------------------------------------------------------ */

static const char upgrade[] = "GET /sg_1?id=5 HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\n"
			      "Connection: keep-alive, Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Protocol: other, chisel-v3\r\nToken:  abc \r\n\r\n";

static long read_head(struct websocket_head *head, const char *text)
{
	return websocket_head_read(head, (const uint8_t *)text, strlen(text));
}

static void the_example_of_the_rfc_is_accepted(void **state)
{
	char accept[WEBSOCKET_ACCEPT];
	struct websocket_head head;
	unsigned n;

	(void)state;
	assert_int_equal(read_head(&head, upgrade), strlen(upgrade));
	assert_true(websocket_head_is_upgrade(&head));
	assert_int_equal(websocket_head_accept(&head, "chisel-v3", accept), 0);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455 section 1.3 */
	assert_true(ssh_text_is(websocket_head_find(&head, "token", &n), "abc"));
	assert_int_equal(n, 1);
	assert_int_equal(websocket_head_accept(&head, "chisel-v4", accept), 400);
	for (size_t i = 0; i < strlen(upgrade); i++) /* not whole yet */
		assert_int_equal(websocket_head_read(&head, (const uint8_t *)upgrade, i), 0);
}

static void other_versions_and_keys_are_refused(void **state)
{
	char text[sizeof(upgrade) + 8], accept[WEBSOCKET_ACCEPT];
	struct websocket_head head;

	(void)state;
	strcpy(text, upgrade);
	memcpy(strstr(text, ": 13"), ": 12", 4);
	assert_true(read_head(&head, text) > 0);
	assert_int_equal(websocket_head_accept(&head, "chisel-v3", accept), 426);
	strcpy(text, upgrade);
	memcpy(strstr(text, "dGhl"), "d?hl", 4);
	assert_true(read_head(&head, text) > 0);
	assert_int_equal(websocket_head_accept(&head, "chisel-v3", accept), 400);
	strcpy(text, upgrade);
	memcpy(text, "PUT", 3);
	assert_true(read_head(&head, text) > 0);
	assert_int_equal(websocket_head_accept(&head, "chisel-v3", accept), 400);
}

static void heads_that_could_be_read_differently_are_refused(void **state)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
		"G\x80T / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	struct websocket_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (read_head(&head, wrong[i]) != -EPROTO)
			fail_msg("taken: %s", wrong[i]);
}

static void endless_heads_are_refused(void **state)
{
	static char text[WEBSOCKET_HEAD_MAX + 100];
	struct websocket_head head;
	size_t n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");

	(void)state;
	memset(text + n, 'x', WEBSOCKET_HEAD_MAX - n - 1);
	assert_int_equal(websocket_head_read(&head, (uint8_t *)text, WEBSOCKET_HEAD_MAX - 1), 0);
	assert_int_equal(websocket_head_read(&head, (uint8_t *)text, WEBSOCKET_HEAD_MAX), -EPROTO);
	for (unsigned i = 0; i < WEBSOCKET_HEADERS_MAX; i++)
		n += (size_t)sprintf(text + n, "h: 1\r\n");
	assert_int_equal(websocket_head_read(&head, (uint8_t *)text, n), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fragments_and_a_ping_between_them_are_one_stream,
						begin, end),
		cmocka_unit_test(what_a_client_must_not_send),
		cmocka_unit_test_setup_teardown(a_new_message_within_one_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(close_is_answered, begin, end),
		cmocka_unit_test_setup_teardown(output_is_framed_in_pieces, begin, end),
		cmocka_unit_test(the_example_of_the_rfc_is_accepted),
		cmocka_unit_test(other_versions_and_keys_are_refused),
		cmocka_unit_test(heads_that_could_be_read_differently_are_refused),
		cmocka_unit_test(endless_heads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
