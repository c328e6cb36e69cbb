/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_test - the limits of a TCP window that two move at the same time, as user space and the
 * kernel's programs do with a flow that is forwarded by both: no limit ever falls back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/flow/window.h"

#define SEGMENTS    2000000u
#define SEGMENT_LEN 100u
#define WINDOW	    1000u
#define AHEAD	    2u
#define FIRST	    0xfff00000u /* the numbers wrap on the way */

static struct flow_tcp_side sides[2];
static atomic_uint turn[2]; /* segments that each mover has followed */

/* Return: 1 if @limit is behind what was @seen of it, and then see it anew. */
static unsigned fell_back(const uint32_t *limit, uint32_t *seen)
{
	uint32_t now = __atomic_load_n(limit, __ATOMIC_RELAXED);
	unsigned behind = sequence_after(*seen, now);

	*seen = now;
	return behind;
}

/* Every other segment of one side, a few ahead of the other mover at most. Return: how often a
 * limit fell back. */
static unsigned move(unsigned me)
{
	uint32_t end = FIRST, max_end = FIRST;
	unsigned behind = 0;

	for (unsigned i = me; i < SEGMENTS; i += 2) {
		const struct tcp_segment segment = {.seq = FIRST + i * SEGMENT_LEN,
						    .len = SEGMENT_LEN,
						    .ack = FIRST + i * SEGMENT_LEN,
						    .window = WINDOW,
						    .flags = TCP_ACK};

		tcp_follow_window(&sides[0], &sides[1], &segment, true);
		behind += fell_back(&sides[0].end, &end) + fell_back(&sides[1].max_end, &max_end);
		atomic_store_explicit(&turn[me], i / 2 + 1, memory_order_relaxed);
		while (atomic_load_explicit(&turn[1 - me], memory_order_relaxed) + AHEAD < i / 2)
			behind += fell_back(&sides[0].end, &end);
	}
	return behind;
}

static void *mover(void *arg)
{
	*(unsigned *)arg = move(1);
	return NULL;
}

static void test_two_movers(void **state)
{
	unsigned behind = 0, mine;
	pthread_t other;

	(void)state;
	sides[0] = (struct flow_tcp_side){.end = FIRST, .flags = FLOW_TCP_SEEN};
	sides[1] = (struct flow_tcp_side){.max_end = FIRST, .flags = FLOW_TCP_SEEN};
	assert_int_equal(pthread_create(&other, NULL, mover, &behind), 0);
	mine = move(0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(mine + behind, 0);
	assert_int_equal(sides[0].end, FIRST + SEGMENTS * SEGMENT_LEN);
	assert_int_equal(sides[1].max_end, FIRST + (SEGMENTS - 1) * SEGMENT_LEN + WINDOW);
	assert_int_equal(sides[0].max_window, WINDOW);
}

/* One that moves alone does the same, and what is behind moves nothing. */
static void test_alone(void **state)
{
	struct flow_tcp_side self = {.end = 100}, peer = {.max_end = 50};
	struct tcp_segment segment = {
		.seq = 80, .len = 10, .ack = 10, .window = 20, .flags = TCP_ACK};

	(void)state;
	for (unsigned shared = 0; shared < 2; shared++) {
		self.end = 100;
		peer.max_end = 50;
		tcp_follow_window(&self, &peer, &segment, shared);
		assert_int_equal(self.end, 100);
		assert_int_equal(peer.max_end, 50);
		segment.seq = 95;
		segment.ack = 31;
		tcp_follow_window(&self, &peer, &segment, shared);
		assert_int_equal(self.end, 105);
		assert_int_equal(peer.max_end, 51);
		segment.seq = 80;
		segment.ack = 10;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_movers),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
