/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's loop: order of timers against a plain model, what is taken out during a round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/relay/loop.h"

#define TIMERS 200

static uint64_t now_ms;

static uint64_t clock_of_test(void *context)
{
	(void)context;
	return now_ms;
}

struct timed {
	struct loop_timer timer;
	unsigned fired;
};

static uint64_t last_due_ms;

static void fire(struct loop_timer *timer)
{
	struct timed *timed = (struct timed *)timer;

	assert_true(timer->due_ms <= now_ms);
	assert_true(timer->due_ms >= last_due_ms);
	last_due_ms = timer->due_ms;
	timed->fired++;
}

static void timers_fire_in_order(void **state)
{
	static struct timed timed[TIMERS];
	struct loop *loop;

	(void)state;
	now_ms = 1000;
	srandom(7);
	assert_int_equal(loop_create(&loop, clock_of_test, NULL), 0);
	for (unsigned i = 0; i < TIMERS; i++)
		timed[i] = (struct timed){.timer.fire = fire};
	for (unsigned round = 0; round < 2000; round++) {
		struct timed *one = &timed[random() % TIMERS];

		if (random() % 4)
			assert_int_equal(loop_timer_set(loop, &one->timer,
							now_ms + 1 + (uint64_t)random() % 500),
					 0);
		else
			loop_timer_stop(loop, &one->timer);
		if (random() % 3)
			continue;
		for (unsigned i = 0; i < TIMERS; i++)
			timed[i].fired = 0;
		now_ms += (uint64_t)random() % 20;
		last_due_ms = 0;
		{
			bool due[TIMERS];

			for (unsigned i = 0; i < TIMERS; i++)
				due[i] = timed[i].timer.place && timed[i].timer.due_ms <= now_ms;
			assert_int_equal(loop_round(loop, 0), 0);
			for (unsigned i = 0; i < TIMERS; i++)
				assert_int_equal(timed[i].fired, due[i]);
		}
	}
	loop_destroy(loop);
}

struct end {
	struct loop_source source;
	struct loop *loop;
	struct end *other; /* taken out when this one is called */
	bool closes;	   /* … by closing its descriptor */
	unsigned calls;
};

static void ready(struct loop_source *source, uint32_t events)
{
	struct end *end = (struct end *)source;

	assert_true(events & EPOLLIN);
	end->calls++;
	if (end->other && end->closes)
		loop_close(end->loop, &end->other->source);
	else if (end->other)
		loop_remove(end->loop, &end->other->source);
}

static void what_goes_is_not_called(bool closes)
{
	struct end a = {.source.ready = ready}, b = {.source.ready = ready};
	struct loop *loop;
	int first[2], second[2];

	assert_int_equal(loop_create(&loop, NULL, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, first), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, second), 0);
	a.source.fd = first[0];
	b.source.fd = second[0];
	a.loop = b.loop = loop;
	a.closes = b.closes = closes;
	a.other = &b;
	b.other = &a;
	assert_int_equal(loop_add(loop, &a.source, EPOLLIN), 0);
	assert_int_equal(loop_add(loop, &b.source, EPOLLIN), 0);
	assert_int_equal(write(first[1], "x", 1), 1);
	assert_int_equal(write(second[1], "x", 1), 1);
	assert_int_equal(loop_round(loop, 1000), 0);
	assert_int_equal(a.calls + b.calls, 1); /* both were ready, the first took the other out */
	assert_int_equal(a.source.added + b.source.added, 1);
	assert_int_equal((a.source.fd < 0) + (b.source.fd < 0), closes);
	assert_int_equal(loop_round(loop, 0), 0);
	assert_int_equal(a.calls + b.calls, 2); /* the one that is left */
	loop_close(loop, &a.source);
	loop_close(loop, &b.source);
	loop_destroy(loop);
	close(first[1]);
	close(second[1]);
}

static void what_was_taken_out_is_not_called(void **state)
{
	(void)state;
	what_goes_is_not_called(false);
}

static void what_was_closed_is_not_called(void **state)
{
	(void)state;
	what_goes_is_not_called(true);
}

struct later {
	struct loop_deferred deferred;
	struct loop *loop;
	unsigned runs;
};

static void run(struct loop_deferred *deferred)
{
	struct later *later = (struct later *)deferred;

	if (++later->runs == 1)
		loop_defer(later->loop, deferred); /* for the next round */
}

static void deferred_once_a_round(void **state)
{
	struct later later = {.deferred.run = run};

	(void)state;
	assert_int_equal(loop_create(&later.loop, NULL, NULL), 0);
	loop_defer(later.loop, &later.deferred);
	loop_defer(later.loop, &later.deferred);
	assert_int_equal(loop_round(later.loop, -1), 0); /* does not wait */
	assert_int_equal(later.runs, 1);
	assert_int_equal(loop_round(later.loop, -1), 0);
	assert_int_equal(later.runs, 2);
	loop_destroy(later.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(what_was_taken_out_is_not_called),
		cmocka_unit_test(what_was_closed_is_not_called),
		cmocka_unit_test(deferred_once_a_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
