/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_team_test - threads that are made to stand still do, and those that are stuck give no
 * sign of life.
 */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/process/team.h"

#define THREADS 4u
#define WAIT_MS 10000
#define YIELDS	20

struct fixture {
	struct team team;
	pthread_t id[THREADS];
	uint64_t shared;	/* nobody's lock: only who stands still is kept from it */
	uint64_t seen[THREADS]; /* of shared, as each last read it */
	_Atomic uint64_t rounds[THREADS];
	_Atomic unsigned told[THREADS];
	_Atomic bool stuck; /* the last thread is to stay in its work */
	_Atomic bool stays; /* it does */
};

struct argument {
	struct fixture *f;
	unsigned number;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* within() - give way to the threads until @ms have passed since @begin. Return: false: they have
 */
static bool within(uint64_t begin, unsigned ms)
{
	sched_yield();
	return now_ms() < begin + ms;
}

static void *run(void *context)
{
	struct argument argument = *(struct argument *)context;
	struct fixture *f = argument.f;
	unsigned i = argument.number;
	bool told;

	while (team_begin(&f->team, i, &told)) {
		struct pollfd polled = {.fd = team_wake_fd(&f->team, i), .events = POLLIN};

		f->seen[i] = f->shared;
		f->told[i] += told;
		f->rounds[i]++;
		while (i == THREADS - 1 && atomic_load(&f->stuck)) {
			atomic_store(&f->stays, true);
			sched_yield();
		}
		team_end(&f->team, i);
		/* one of them never sleeps */
		if (i > 1 && poll(&polled, 1, WAIT_MS) > 0)
			team_woken(&f->team, i);
	}
	team_end(&f->team, i);
	return NULL;
}

static struct argument arguments[THREADS];

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){.shared = 0};
	if (team_open(&f.team, THREADS))
		return -1;
	for (unsigned i = 1; i < THREADS; i++) {
		arguments[i] = (struct argument){&f, i};
		if (pthread_create(&f.id[i], NULL, run, &arguments[i]))
			return -1;
	}
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->stuck, false);
	team_dismiss(&f->team);
	for (unsigned i = 1; i < THREADS; i++)
		pthread_join(f->id[i], NULL);
	team_close(&f->team);
	return 0;
}

static bool answered_within(struct fixture *f, unsigned ms)
{
	uint64_t begin = now_ms();

	while (!team_answered(&f->team) && within(begin, ms))
		;
	return team_answered(&f->team);
}

static void test_stand_still(void **state)
{
	struct fixture *f = *state;

	for (unsigned turn = 1; turn <= 200; turn++) {
		uint64_t rounds[THREADS], seen[THREADS];

		team_stand_still(&f->team);
		for (unsigned i = 1; i < THREADS; i++) {
			rounds[i] = atomic_load(&f->rounds[i]);
			seen[i] = f->seen[i];
			assert_true(seen[i] < turn);
		}
		f->shared = turn;
		for (unsigned n = 0; n < YIELDS; n++)
			sched_yield(); /* whoever did not stand still would go on now */
		for (unsigned i = 1; i < THREADS; i++) {
			assert_int_equal(atomic_load(&f->rounds[i]), rounds[i]);
			assert_int_equal(f->seen[i], seen[i]);
		}
		team_go_on(&f->team);
	}
	/* Each looks anew, also those that slept. */
	for (unsigned i = 1; i < THREADS; i++) {
		uint64_t begin = now_ms();
		bool done = false;

		while (!done && within(begin, WAIT_MS)) {
			team_stand_still(&f->team);
			done = f->seen[i] == 200;
			team_go_on(&f->team);
		}
		assert_true(done);
		assert_true(atomic_load(&f->told[i]) > 0);
	}
}

static void test_sign_of_life(void **state)
{
	struct fixture *f = *state;
	struct pollfd polled = {.fd = team_wake_fd(&f->team, 0), .events = POLLIN};
	uint64_t rounds, begin;

	for (unsigned turn = 0; turn < 100; turn++) {
		team_ask(&f->team);
		assert_int_equal(poll(&polled, 1, WAIT_MS), 1); /* said by the last one */
		team_woken(&f->team, 0);
		assert_true(answered_within(f, WAIT_MS));
	}
	/* One that is stuck, while the others work. */
	atomic_store(&f->stuck, true);
	team_ask(&f->team);
	begin = now_ms();
	while (!atomic_load(&f->stays) && within(begin, WAIT_MS))
		;
	assert_true(atomic_load(&f->stays));
	rounds = atomic_load(&f->rounds[THREADS - 1]);
	team_ask(&f->team);
	begin = now_ms();
	while (atomic_load(&f->team.owed) != 1u << (THREADS - 1) && within(begin, WAIT_MS))
		;
	assert_int_equal(atomic_load(&f->team.owed), 1u << (THREADS - 1));
	assert_false(team_answered(&f->team));
	assert_int_equal(atomic_load(&f->rounds[THREADS - 1]), rounds);
	atomic_store(&f->stuck, false);
	assert_true(answered_within(f, WAIT_MS));
}

/* One alone has neither locks nor descriptors. */
static void test_alone(void **state)
{
	struct team team;

	(void)state;
	assert_int_equal(team_open(&team, 1), 0);
	assert_int_equal(team_wake_fd(&team, 0), -1);
	team_stand_still(&team);
	team_go_on(&team);
	team_close(&team);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stand_still, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_of_life, setup, teardown),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
