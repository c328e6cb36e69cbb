/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_forward_test - which ports are looked at, and when: ports of its own count who is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/process/forward.h"
#include "tests/unit/fake_worker.h"

#define PORTS	  2u
#define LOOKS_MAX 100000u

struct counted_port {
	struct io_port io;
	unsigned looks, frames;
};

struct fixture {
	struct forward forward;
	struct worker_counters counters;
	struct counted_port port[PORTS];
	struct pollfd polled[PORTS + 1];
	uint64_t now_ns;
};

static unsigned counted_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct counted_port *p = (struct counted_port *)port;
	unsigned n = p->frames < max ? p->frames : max;

	(void)frames;
	p->looks++;
	p->frames -= n;
	return n;
}

static void counted_release(struct io_port *port)
{
	(void)port;
}

static const struct io_ops counted_ops = {
	.name = "counted", .rx = counted_rx, .rx_release = counted_release};

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct worker_options options = {.counters = f ? &f->counters : NULL};

	*state = f;
	if (!f || worker_create(&f->forward.worker, &options))
		return -1;
	f->forward.counters = &f->counters;
	f->forward.now_ns = &f->now_ns;
	f->forward.n_ports = PORTS;
	for (uint8_t i = 0; i < PORTS; i++) {
		f->forward.ports[i] = (struct forward_port){.fd = -1, .index = i};
		f->port[i].io.ops = &counted_ops;
		f->forward.worker->ports[i] = &f->port[i].io;
	}
	return 0;
}

static int finish(void **state)
{
	struct fixture *f = *state;

	free(f->forward.worker);
	free(f);
	return 0;
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
	struct fixture *f = *state;

	wake(f, PORTS + 1);
	assert_int_equal(f->port[0].looks, 0);
	assert_int_equal(f->port[1].looks, 0);
	f->port[0].frames = 3;
	wake(f, 0);
	assert_int_equal(f->port[0].frames, 0);
	assert_int_equal(f->port[1].looks, 0);
	f->port[1].frames = 1;
	wake(f, 1);
	assert_int_equal(f->port[1].frames, 0);
}

/* One that had a frame is looked at without being asked for, but not for ever. */
static void test_quiet_again(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	f->port[0].frames = 1;
	wake(f, 0);
	f->port[0].frames = 1;
	wake(f, PORTS + 1);
	assert_int_equal(f->port[0].frames, 0);
	do {
		before = f->port[0].looks;
		wake(f, PORTS + 1);
	} while (f->port[0].looks != before && before < LOOKS_MAX);
	assert_in_range(before, 1024, LOOKS_MAX - 1);
	f->port[0].frames = 1;
	wake(f, 0);
	assert_int_equal(f->port[0].frames, 0);
}

/* What a port's second descriptor has is met, too. */
static void test_second_descriptor(void **state)
{
	struct fixture *f = *state;

	f->forward.n_more = 1;
	f->forward.more[0] = -1;
	f->port[1].frames = 1;
	wake(f, PORTS);
	assert_int_equal(f->port[1].frames, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quiet_at_first, start, finish),
		cmocka_unit_test_setup_teardown(test_quiet_again, start, finish),
		cmocka_unit_test_setup_teardown(test_second_descriptor, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
