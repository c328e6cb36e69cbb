/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came in pieces goes out whole and in order, through a socket that takes a part at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/relay/greeting.h"

#define SAID 60000u

static uint8_t said[SAID];
static const be32 client = 0x0100000a, service = 0x0200000a;

static void fill(struct greeting *g)
{
	/* Pieces of every kind: less than a buffer, across its end, several times its size. */
	static const size_t pieces[] = {1, 2047, 1, 3000, 20000, SAID - 25049};
	size_t at = 0;

	for (size_t i = 0; i < SAID; i++)
		said[i] = (uint8_t)(i * 31 + i / 256);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); at += pieces[i++])
		assert_true(greeting_keep(g, said + at, pieces[i]));
	assert_int_equal(at, SAID);
}

/* Sends as much as there is room for; that there is no more is no failure. */
static void fill_up(struct greeting *g, int fd)
{
	size_t before;

	do {
		before = g->sent;
		assert_int_equal(greeting_send(g, fd), 0);
	} while (g->sent > before && g->sent < g->used);
}

/* Sends all of it and reads it at the other end. */
static void pass_on(struct greeting *g, uint8_t *got, size_t bytes)
{
	int ends[2], small = 4096;
	size_t at = 0;
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	fill_up(g, ends[0]);
	assert_true(g->sent < g->used);
	while (at < bytes) {
		n = recv(ends[1], got + at, bytes - at, MSG_DONTWAIT);
		assert_true(n > 0);
		at += (size_t)n;
		if (g->sent < g->used)
			fill_up(g, ends[0]);
	}
	assert_int_equal(g->sent, g->used);
	close(ends[0]);
	close(ends[1]);
}

static void test_whole_and_in_order(void **state)
{
	static uint8_t got[SAID];
	struct greeting g = {0};

	(void)state;
	fill(&g);
	assert_int_equal(g.used, SAID);
	pass_on(&g, got, SAID);
	assert_memory_equal(got, said, SAID);
	greeting_drop(&g);
	assert_null(g.bytes);
}

static void test_proxy_header_first(void **state)
{
	static uint8_t got[PROXY_BYTES + SAID];
	uint8_t header[PROXY_BYTES];
	struct greeting g = {0};

	(void)state;
	fill(&g);
	assert_true(greeting_proxy(&g, client, 40000, service, 443));
	assert_int_equal(g.used, PROXY_BYTES + SAID);
	pass_on(&g, got, sizeof(got));
	proxy_header(header, client, 40000, service, 443);
	assert_memory_equal(got, header, PROXY_BYTES);
	assert_memory_equal(got + PROXY_BYTES, said, SAID);
	greeting_drop(&g);
}

static void test_broken_backend(void **state)
{
	struct greeting g = {0};
	int ends[2];

	(void)state;
	fill(&g);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	close(ends[1]);
	assert_true(greeting_send(&g, ends[0]) < 0);
	assert_int_equal(g.sent, 0);
	close(ends[0]);
	greeting_drop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_and_in_order),
		cmocka_unit_test(test_proxy_header_first),
		cmocka_unit_test(test_broken_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
