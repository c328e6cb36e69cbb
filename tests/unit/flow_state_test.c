/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow_state_test - the state of a connection that several move at the same time, as user space and
 * the kernel's programs do with a flow that is forwarded by both: no FIN is forgotten, no state
 * falls back, and the one who closes it is one.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/flow/state.h"
#include "datapath/flow/tcp.h"

#define CONNECTIONS 100000u
#define SPINS	    200u
#define MOVES	    3000000u

static struct flow *flows;
static atomic_uint turn[2]; /* connections that each mover has closed its side of */
static pthread_mutex_t user_space = PTHREAD_MUTEX_INITIALIZER; /* which is one */

struct mover {
	unsigned side;
	unsigned back;	 /* how often a state fell back */
	unsigned closed; /* connections that were closed by this one */
};

/* Both of FIN_0 and FIN_1 are one step. */
static unsigned step_of(const struct flow *flow)
{
	uint8_t state = tcp_state(flow);

	return state == TCP_FIN_1 ? TCP_FIN_0 : state;
}

/* As the programs do it. Return: false if the segment is left to user space. */
static bool program_follows(struct flow *flow, unsigned side, uint8_t flags)
{
	uint8_t seen = tcp_state(flow);
	uint8_t next = tcp_next_state(seen, side, flags);

	return next == seen || (next != TCP_CLOSED && tcp_move_state(flow, seen, next));
}

static void user_follows(struct mover *m, struct flow *flow)
{
	const struct tcp_segment fin = {.seq = m->side ? 5000 : 1000,
					.ack = m->side ? 1000 : 5000,
					.len = 1,
					.window = 1000,
					.flags = TCP_FIN | TCP_ACK};
	uint8_t before;
	bool refresh;

	pthread_mutex_lock(&user_space);
	before = flow->tcp_state;
	tcp_track(flow, m->side, &fin, &refresh);
	m->closed += before != TCP_CLOSED && flow->tcp_state == TCP_CLOSED;
	pthread_mutex_unlock(&user_space);
}

/* Each side's acknowledgement and FIN, as close to the other's as may be; the FIN of some is user
 * space's from the start. */
static void *mover(void *arg)
{
	struct mover *m = arg;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct flow *flow = &flows[i];
		unsigned before = step_of(flow), after;

		program_follows(flow, m->side, TCP_ACK);
		after = step_of(flow);
		m->back += after < before;
		if (i % 3 == m->side || !program_follows(flow, m->side, TCP_FIN | TCP_ACK))
			user_follows(m, flow);
		m->back += step_of(flow) < after;
		atomic_store(&turn[m->side], i + 1);
		/* who is ahead lets the other catch up, if that one has a processor */
		for (unsigned spins = 0; spins < SPINS; spins++)
			if (atomic_load(&turn[1 - m->side]) > i)
				break;
	}
	return NULL;
}

static void test_two_movers(void **state)
{
	struct mover m[2] = {{.side = 0}, {.side = 1}};
	unsigned open = 0, touched = 0;
	pthread_t other;

	(void)state;
	flows = calloc(CONNECTIONS, sizeof(*flows));
	assert_non_null(flows);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		flows[i] = (struct flow){
			.flags = FLOW_OFFLOAD,
			.tcp_state = TCP_SYN_BOTH,
			.vmac = {7, 9},
			.tcp = {{1000, 2000, 1000, 0, FLOW_TCP_SEEN},
				{5000, 6000, 1000, 0, FLOW_TCP_SEEN}},
		};
	assert_int_equal(pthread_create(&other, NULL, mover, &m[1]), 0);
	mover(&m[0]);
	assert_int_equal(pthread_join(other, NULL), 0);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		open += flows[i].tcp_state != TCP_CLOSED;
		touched += flows[i].vmac[0] != 7 || flows[i].vmac[1] != 9 || flows[i].untold;
	}
	assert_int_equal(open, 0);
	assert_int_equal(touched, 0);
	assert_int_equal(m[0].back + m[1].back, 0);
	assert_int_equal(m[0].closed + m[1].closed, CONNECTIONS);
	free(flows);
}

static struct flow hit;		 /* moved by both at once, its state is a plain number */
static atomic_uint ready, moved; /* movers; their moves */

static void *hitter(void *arg)
{
	unsigned side = *(unsigned *)arg, done = 0;

	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < 2)
		sched_yield();
	for (unsigned i = 0; i < MOVES; i++) {
		uint8_t seen = tcp_state(&hit);

		done += tcp_move_state(&hit, seen, (uint8_t)(seen + 1));
		if (!side) /* a configuration changes meanwhile */
			*(volatile uint8_t *)&hit.vmac[0] = (uint8_t)i;
		if (!side && *(volatile uint8_t *)&hit.vmac[0] != (uint8_t)i)
			hit.untold = 1;
	}
	atomic_fetch_add(&moved, done);
	return NULL;
}

/* Each move counts, and the other bytes of the word stay. */
static void test_no_move_is_lost(void **state)
{
	unsigned side[2] = {0, 1};
	pthread_t other;

	(void)state;
	hit.vmac[1] = 9;
	assert_int_equal(pthread_create(&other, NULL, hitter, &side[1]), 0);
	hitter(&side[0]);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(hit.tcp_state, moved % 256);
	assert_int_equal(hit.vmac[0], (MOVES - 1) % 256);
	assert_int_equal(hit.vmac[1], 9);
	assert_int_equal(hit.untold, 0);
}

/* Where each segment leads, and from where another mover's state is not overwritten. */
static void test_one_mover(void **state)
{
	struct flow flow = {.tcp_state = TCP_SYN_BOTH, .vmac = {1, 2}};

	(void)state;
	assert_int_equal(tcp_next_state(TCP_SYN_BOTH, 1, 0), TCP_SYN_BOTH);
	assert_int_equal(tcp_next_state(TCP_SYN_BOTH, 1, TCP_ACK), TCP_ESTABLISHED);
	assert_int_equal(tcp_next_state(TCP_SYN_BOTH, 0, TCP_ACK | TCP_FIN), TCP_FIN_0);
	assert_int_equal(tcp_next_state(TCP_SYN_BOTH, 1, TCP_FIN), TCP_FIN_1);
	for (unsigned side = 0; side < 2; side++) {
		uint8_t half = side ? TCP_FIN_1 : TCP_FIN_0;

		assert_int_equal(tcp_next_state(TCP_ESTABLISHED, side, TCP_FIN), half);
		assert_int_equal(tcp_next_state(half, side, TCP_FIN), half);
		assert_int_equal(tcp_next_state(half, 1 - side, TCP_FIN), TCP_CLOSED);
		assert_int_equal(tcp_next_state(half, 1 - side, TCP_ACK), half);
		assert_int_equal(tcp_next_state(TCP_CLOSED, side, TCP_FIN), TCP_CLOSED);
		assert_int_equal(tcp_next_state(TCP_RESET, side, TCP_FIN | TCP_ACK), TCP_RESET);
	}
	assert_false(tcp_move_state(&flow, TCP_ESTABLISHED, TCP_FIN_0));
	assert_int_equal(flow.tcp_state, TCP_SYN_BOTH);
	assert_true(tcp_move_state(&flow, TCP_SYN_BOTH, TCP_ESTABLISHED));
	assert_int_equal(flow.tcp_state, TCP_ESTABLISHED);
	assert_int_equal(flow.vmac[0], 1);
	assert_int_equal(flow.vmac[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_movers),
		cmocka_unit_test(test_no_move_is_lost),
		cmocka_unit_test(test_one_mover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
