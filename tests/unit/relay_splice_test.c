/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a relayed connection: what was said arrives, once and in order, by either way; a
 * receiver that does not read stops it; what is not told again is not waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/relay/splice.h"

#define SAID  3000000u
#define ROUND 70000u /* bytes that the receiver reads before the next event */

static struct splice_pool pool;

/* The way is between the two inner ends: say[0] ─ say[1] ══way══ hear[0] ─ hear[1] */
struct line {
	struct splice_way way;
	int say[2], hear[2];
	bool moved;
};

static int start(void **state)
{
	struct line *line = calloc(1, sizeof(*line));

	assert_non_null(line);
	line->way = SPLICE_WAY_NONE;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, line->say), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, line->hear), 0);
	*state = line;
	return 0;
}

static int end(void **state)
{
	struct line *line = *state;

	splice_drop(&line->way, &pool);
	splice_pool_drop(&pool);
	for (unsigned i = 0; i < 2; i++) {
		close(line->say[i]);
		close(line->hear[i]);
	}
	free(line);
	return 0;
}

/* Moves until there is nothing more to do; what it says agrees with whether it can go on. */
static enum splice_result move(struct line *line)
{
	enum splice_result result = SPLICE_WAITS;

	line->moved = false;
	while (splice_can_move(&line->way)) {
		result = splice_move(&line->way, &pool, line->say[1], line->hear[0], &line->moved);
		assert_int_equal(splice_can_move(&line->way), result == SPLICE_TURN);
	}
	return result;
}

static size_t hear(const struct line *line, uint8_t *to, size_t room)
{
	ssize_t got = recv(line->hear[1], to, room, 0);

	return got > 0 ? (size_t)got : 0;
}

static void small_pieces_need_no_pipe(void **state)
{
	struct line *line = *state;
	uint8_t heard[8];

	assert_int_equal(send(line->say[0], "hello", 5, 0), 5);
	splice_told(&line->way, true, EPOLLIN | EPOLLOUT);
	assert_int_equal(move(line), SPLICE_WAITS);
	assert_true(line->moved);
	assert_int_equal(line->way.bytes, 5);
	assert_int_equal(line->way.pipe[0], -1);
	assert_int_equal(pool.n, 0);
	assert_int_equal(hear(line, heard, sizeof(heard)), 5);
	assert_memory_equal(heard, "hello", 5);
	splice_told(&line->way, true, EPOLLIN); /* in vain */
	assert_int_equal(move(line), SPLICE_WAITS);
	assert_false(line->moved);
}

static void the_last_word_and_the_end_come_at_once(void **state)
{
	struct line *line = *state;
	uint8_t heard[8];

	assert_int_equal(send(line->say[0], "bye", 3, 0), 3);
	assert_int_equal(shutdown(line->say[0], SHUT_WR), 0);
	splice_told(&line->way, true, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(move(line), SPLICE_FINISHED);
	assert_true(line->way.finished);
	assert_int_equal(hear(line, heard, sizeof(heard)), 3);
	assert_memory_equal(heard, "bye", 3);
}

/* Says as much of @said as there is room for. */
static size_t say(const struct line *line, const uint8_t *said, size_t n)
{
	ssize_t sent = n ? send(line->say[0], said, n, 0) : 0;

	return sent > 0 ? (size_t)sent : 0;
}

static void bulk_arrives_in_order(void **state)
{
	uint8_t *said = malloc(SAID), *heard = malloc(SAID + 1);
	struct line *line = *state;
	size_t out = 0, in = 0;
	bool bulk = false;

	assert_non_null(said);
	assert_non_null(heard);
	for (size_t i = 0; i < SAID; i++)
		said[i] = (uint8_t)(i * 31 + i / 256);
	/* Each round: the sender says what it can, the receiver reads some. */
	for (unsigned round = 0; in < SAID; round++) {
		size_t before = in;

		assert_true(round < SAID);
		out += say(line, said + out, SAID - out);
		splice_told(&line->way, true, EPOLLIN);
		if (line->way.finished || move(line) == SPLICE_TO_BROKE)
			fail();
		bulk |= line->way.bulk;
		/* what is under way is in the pipe or has been passed on */
		assert_true(line->way.bytes + line->way.waiting <= out);
		for (size_t got = 1; got && in - before < ROUND; in += got)
			got = hear(line, heard + in, SAID + 1 - in);
		splice_told(&line->way, false, EPOLLOUT);
	}
	assert_true(bulk);
	assert_int_equal(in, SAID);
	assert_memory_equal(heard, said, SAID);
	assert_int_equal(line->way.bytes, SAID);
	free(said);
	free(heard);
}

static void who_does_not_read_is_not_talked_to(void **state)
{
	static uint8_t said[4000], heard[4000];
	struct line *line = *state;
	int small = 1;
	size_t out = 0, in = 0, got;

	assert_int_equal(setsockopt(line->hear[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
			 0);
	memset(said, 'x', sizeof(said));
	for (unsigned i = 0; i < 1000 && !line->way.waiting; i++) {
		assert_int_equal(send(line->say[0], said, sizeof(said), 0), sizeof(said));
		out += sizeof(said);
		splice_told(&line->way, true, EPOLLIN);
		assert_int_equal(move(line), SPLICE_WAITS);
	}
	assert_true(line->way.waiting && line->way.waiting <= sizeof(said));
	splice_told(&line->way, true, EPOLLIN);
	assert_false(splice_can_move(&line->way)); /* only the receiver changes that */
	splice_told(&line->way, false, EPOLLOUT);  /* in vain */
	assert_int_equal(move(line), SPLICE_WAITS);
	assert_int_equal(line->way.bytes + line->way.waiting, out);
	while ((got = hear(line, heard, sizeof(heard)))) {
		in += got;
		splice_told(&line->way, false, EPOLLOUT);
		move(line);
	}
	assert_int_equal(in, out);
	assert_int_equal(line->way.bytes, out);
	assert_int_equal(line->way.waiting, 0);
}

static void a_broken_sender(void **state)
{
	struct line *line = *state;

	/* Who closes without having read all that it was told breaks the connection. */
	assert_int_equal(send(line->say[1], "x", 1, 0), 1);
	close(line->say[0]);
	line->say[0] = -1;
	splice_told(&line->way, true, EPOLLIN | EPOLLHUP);
	assert_int_equal(splice_move(&line->way, &pool, line->say[1], line->hear[0], &line->moved),
			 SPLICE_FROM_BROKE);
}

static void a_broken_receiver(void **state)
{
	struct line *line = *state;

	close(line->hear[1]);
	line->hear[1] = -1;
	assert_int_equal(send(line->say[0], "x", 1, 0), 1);
	splice_told(&line->way, true, EPOLLIN);
	assert_int_equal(splice_move(&line->way, &pool, line->say[1], line->hear[0], &line->moved),
			 SPLICE_TO_BROKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(small_pieces_need_no_pipe, start, end),
		cmocka_unit_test_setup_teardown(the_last_word_and_the_end_come_at_once, start, end),
		cmocka_unit_test_setup_teardown(bulk_arrives_in_order, start, end),
		cmocka_unit_test_setup_teardown(who_does_not_read_is_not_talked_to, start, end),
		cmocka_unit_test_setup_teardown(a_broken_sender, start, end),
		cmocka_unit_test_setup_teardown(a_broken_receiver, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
