/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams: bounded both ways, nothing lost or reordered, half-close, a peer that vanishes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/relay/stream.h"

#define LIMIT 100000u
#define TOTAL (3u << 20)

struct end {
	struct stream stream;
	struct loop *loop;
	uint64_t taken;	  /* bytes, each of which was the one expected */
	size_t at_a_time; /* received() takes no more, and pauses */
	unsigned ended, rooms, broken;
	int error;
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

static size_t received(struct stream *stream, const uint8_t *bytes, size_t n)
{
	struct end *end = (struct end *)stream;
	size_t take = n < end->at_a_time ? n : end->at_a_time;

	for (size_t i = 0; i < take; i++)
		assert_int_equal(bytes[i], pattern(end->taken + i));
	end->taken += take;
	return take;
}

static void ended(struct stream *stream)
{
	((struct end *)stream)->ended++;
}

static void room(struct stream *stream)
{
	((struct end *)stream)->rooms++;
}

static void broken(struct stream *stream, int error)
{
	((struct end *)stream)->broken++;
	((struct end *)stream)->error = error;
}

static const struct stream_ops ops = {received, ended, room, broken};

static void open_end(struct end *end, int *peer)
{
	int fds[2];

	memset(end, 0, sizeof(*end));
	end->at_a_time = SIZE_MAX;
	assert_int_equal(loop_create(&end->loop, NULL, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(stream_open(&end->stream, end->loop, fds[0], &ops, LIMIT), 0);
	*peer = fds[1];
}

static void close_end(struct end *end, int peer)
{
	stream_close(&end->stream);
	loop_destroy(end->loop);
	if (peer >= 0)
		close(peer);
}

static void a_slow_reader_bounds_memory(void **state)
{
	uint8_t bytes[5000];
	uint64_t put = 0, got = 0;
	struct end end;
	int peer;

	(void)state;
	open_end(&end, &peer);
	while (got < TOTAL) {
		uint8_t buffer[7000];
		ssize_t n;

		while (put < TOTAL) {
			size_t taken;

			for (size_t i = 0; i < sizeof(bytes); i++)
				bytes[i] = pattern(put + i);
			taken = stream_send(&end.stream, bytes, sizeof(bytes));
			put += taken;
			assert_true(stream_waiting(&end.stream) <= LIMIT);
			if (taken < sizeof(bytes))
				break;
		}
		n = read(peer, buffer, sizeof(buffer));
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buffer[i], pattern(got + (uint64_t)i));
		if (n > 0)
			got += (uint64_t)n;
		assert_int_equal(loop_round(end.loop, 0), 0);
	}
	assert_true(end.rooms > 0);
	assert_int_equal(stream_waiting(&end.stream), 0);
	assert_null(end.stream.out); /* an idle stream has no buffer */
	close_end(&end, peer);
}

static void what_is_not_taken_waits(void **state)
{
	uint8_t bytes[1000];
	uint64_t put = 0;
	struct end end;
	int peer;

	(void)state;
	open_end(&end, &peer);
	end.at_a_time = 333;
	while (end.taken < 200000) {
		ssize_t n;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = pattern(put + i);
		n = write(peer, bytes, sizeof(bytes));
		if (n > 0)
			put += (uint64_t)n;
		assert_int_equal(loop_round(end.loop, 0), 0);
		assert_true(end.stream.in_used <= STREAM_READ_BYTES);
		stream_resume(&end.stream);
	}
	end.at_a_time = SIZE_MAX;
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	while (!end.ended) {
		stream_resume(&end.stream);
		assert_int_equal(loop_round(end.loop, 1000), 0);
	}
	assert_int_equal(end.taken, put);
	assert_int_equal(end.ended, 1);
	/* the other direction is open still */
	assert_int_equal(stream_send(&end.stream, "answer", 6), 6);
	assert_int_equal(read(peer, bytes, sizeof(bytes)), 6);
	close_end(&end, peer);
}

static void finish_comes_after_what_waits(void **state)
{
	static uint8_t bytes[LIMIT];
	uint64_t got = 0, put;
	struct end end;
	int peer, small = 4096;

	(void)state;
	open_end(&end, &peer);
	setsockopt(end.stream.source.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	put = stream_send(&end.stream, bytes, sizeof(bytes));
	stream_finish(&end.stream);
	assert_int_equal(stream_send(&end.stream, "x", 1), 0);
	for (;;) {
		uint8_t buffer[3000];
		ssize_t n = read(peer, buffer, sizeof(buffer));

		if (!n)
			break;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buffer[i], pattern(got + (uint64_t)i));
		if (n > 0)
			got += (uint64_t)n;
		assert_int_equal(loop_round(end.loop, 0), 0);
	}
	assert_int_equal(got, put);
	close_end(&end, peer);
}

static void a_peer_that_vanishes_is_told_once(void **state)
{
	struct end end;
	int peer;

	(void)state;
	open_end(&end, &peer);
	assert_int_equal(loop_round(end.loop, 0), 0);
	assert_true(write(peer, "unread", 0) == 0);
	assert_int_equal(stream_send(&end.stream, "unread", 6), 6);
	close(peer); /* with unread bytes: ECONNRESET */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(loop_round(end.loop, 0), 0);
	assert_int_equal(end.broken, 1);
	assert_int_equal(end.error, ECONNRESET);
	assert_int_equal(end.ended, 0);
	close_end(&end, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_reader_bounds_memory),
		cmocka_unit_test(what_is_not_taken_waits),
		cmocka_unit_test(finish_comes_after_what_waits),
		cmocka_unit_test(a_peer_that_vanishes_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
