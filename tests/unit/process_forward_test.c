/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_forward_test - which ports are looked at, and when. The worker is this file's own: it
 * counts who is asked, and has as many frames as a test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/process/forward.h"
#include "datapath/worker/worker.h"

#define PORTS 2u

static unsigned looks[PORTS], frames[PORTS];

unsigned worker_receive(struct worker *worker, uint8_t index, uint64_t now_ns)
{
	unsigned taken = frames[index];

	(void)worker;
	(void)now_ns;
	looks[index]++;
	frames[index] = 0;
	return taken;
}

unsigned worker_take_over(struct worker *worker, uint64_t now_ns)
{
	(void)worker;
	(void)now_ns;
	return 0;
}

bool worker_sleep(struct worker *worker)
{
	(void)worker;
	return true;
}

void worker_awake(struct worker *worker)
{
	(void)worker;
}

struct fixture {
	struct forward forward;
	struct worker_counters counters;
	struct pollfd polled[PORTS + 1];
	uint64_t now_ns;
};

static void start(struct fixture *f, uint32_t n_more)
{
	memset(f, 0, sizeof(*f));
	memset(looks, 0, sizeof(looks));
	memset(frames, 0, sizeof(frames));
	f->forward = (struct forward){
		.counters = &f->counters, .now_ns = &f->now_ns, .n_ports = PORTS, .n_more = n_more};
	for (uint8_t i = 0; i < PORTS; i++)
		f->forward.ports[i] =
			(struct forward_port){.fd = -1, .index = i, .vain = FORWARD_QUIET};
	forward_poll(&f->forward, f->polled);
}

/* wake() - as after a wait that ended for the descriptor @readable, PORTS + 1: for none */
static void wake(struct fixture *f, uint32_t readable)
{
	for (uint32_t i = 0; i < forward_polled(&f->forward); i++)
		f->polled[i].revents = i == readable ? POLLIN : 0;
	forward_heard(&f->forward, f->polled);
	forward_all(&f->forward);
}

/* One that never had a frame waits for the kernel's word, whoever else has some. */
static void test_quiet_at_first(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	wake(&f, PORTS + 1);
	assert_int_equal(looks[0], 0);
	assert_int_equal(looks[1], 0);
	frames[0] = 3;
	wake(&f, 0);
	assert_true(looks[0] > 0);
	assert_int_equal(frames[0], 0);
	assert_int_equal(looks[1], 0);
	frames[1] = 1;
	wake(&f, 1);
	assert_int_equal(frames[1], 0);
}

/* One that had a frame is looked at without being asked for, but not for ever. */
static void test_quiet_again(void **state)
{
	struct fixture f;
	unsigned before;

	(void)state;
	start(&f, 0);
	frames[0] = 1;
	wake(&f, 0);
	frames[0] = 1;
	wake(&f, PORTS + 1);
	assert_int_equal(frames[0], 0);
	for (unsigned i = 0; i < FORWARD_QUIET; i++)
		wake(&f, PORTS + 1);
	before = looks[0];
	assert_true(before >= FORWARD_QUIET);
	wake(&f, PORTS + 1);
	assert_int_equal(looks[0], before);
	frames[0] = 1;
	wake(&f, 0);
	assert_int_equal(frames[0], 0);
}

/* What a port's second descriptor has is met, too. */
static void test_second_descriptor(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 1);
	f.forward.more[0] = -1;
	frames[1] = 1;
	wake(&f, PORTS);
	assert_int_equal(frames[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet_at_first),
		cmocka_unit_test(test_quiet_again),
		cmocka_unit_test(test_second_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
