/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_ends_test - connections that the tc and the XDP program of datapath/offload close
 * (flow/ends.h): how they are counted, once and in time, whatever comes in between.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
#include "datapath/flow/ends.h"

#include <stdlib.h>

#include "datapath/flow/state.h"
#include "datapath/worker/state.h"
#include "tests/unit/offload_bench.h"

#define ACK TCP_ACK
#define FIN (TCP_FIN | TCP_ACK)

/* The server is a socket of this host, behind the datapath. */
static struct bench *open_inside(void **state)
{
	struct bench *b = bench_open(state);

	bench_set_inside(b, VSPHERE);
	return b;
}

static struct connection connect_from(struct bench *b, uint16_t port)
{
	struct connection c = {.h = b->h, .port = port, .to = 443, .seq = {1000, 90000}};

	talk_connect(&c);
	return c;
}

static struct flow *record_of(const struct connection *c)
{
	const struct flow *flow = talk_flow(c);

	assert_non_null(flow);
	return &c->h->worker->table.records[flow - c->h->worker->table.records];
}

/* The client closes first; the server's FIN is shown to the program. Return: whether that took it.
 */
static bool close_by_program(struct bench *b, struct connection *c, int damage_at)
{
	static struct frame frame, out;
	struct flow_header *header = b->table;
	uint32_t head = header->ends_head;
	struct probe p;

	if (talk_flow(c)->tcp_state == TCP_ESTABLISHED)
		talk_tcp(c, 0, FIN, 0);
	p = talk_segment(c, 1, FIN, 0);
	harness_build(VSPHERE, &p, &frame);
	if (damage_at)
		frame.data[damage_at] ^= 0x10;
	bench_arrives(b, VSPHERE, &frame, &out);
	return header->ends_head != head;
}

/* Connections that count for the client. */
static uint32_t counted(const struct bench *b)
{
	struct clients *clients = &b->h->worker->clients;
	uint32_t index = client_find(clients, ip(CLIENT), CLIENT_SCOPE_PORTGROUP(VRACK));

	return index == CLIENT_NONE ? 0 : clients->client[index].flows;
}

static uint32_t closed(const struct bench *b)
{
	return atomic_load(&b->h->worker->closed);
}

/* A client that is at its limit gets a new connection as soon as an old one is closed. */
static void test_at_the_limit(void **state)
{
	struct bench *b = open_inside(state);
	struct connection c, other;

	harness_configure(b->h, talk_config(NULL, "set connection-limits 2\n"));
	c = connect_from(b, 7000);
	other = connect_from(b, 7001);
	assert_int_equal(counted(b), 2);
	for (uint16_t i = 0; i < 20; i++) {
		assert_true(close_by_program(b, &c, 0));
		assert_int_equal(record_of(&c)->tcp_state, TCP_CLOSED);
		assert_int_equal(record_of(&c)->untold, 1);
		c = connect_from(b, (uint16_t)(7100 + i)); /* would be refused */
		assert_int_equal(counted(b), 2);
		assert_int_equal(closed(b), i + 1);
	}
	assert_int_equal(record_of(&other)->tcp_state, TCP_ESTABLISHED);
	bench_close(b);
}

/* What waits is read by any work that is due, too; its timer runs from the last FIN. */
static void test_timer(void **state)
{
	struct bench *b = open_inside(state);
	struct connection c = connect_from(b, 7000);
	uint32_t seen;

	assert_true(close_by_program(b, &c, 0));
	seen = record_of(&c)->seen_tick;
	harness_advance(b->h, 9 * SECOND);
	assert_int_equal(counted(b), 0);
	assert_int_equal(closed(b), 1);
	assert_int_equal(record_of(&c)->seen_tick, seen);
	talk_age(b->h, (uint64_t)seen << FLOW_TICK_SHIFT, 240, -1);
	harness_advance(b->h, 0);
	assert_non_null(talk_flow(&c));
	harness_advance(b->h, 2 * TICK);
	assert_null(talk_flow(&c));
	assert_int_equal(closed(b), 0);
	bench_close(b);
}

/* While as many wait as there is room for, or nobody reads, the FIN is user space's. */
static void test_full(void **state)
{
	struct bench *b = open_inside(state);
	struct flow_header *header = b->table;
	struct connection c = connect_from(b, 7000), other = connect_from(b, 7001);
	struct probe p;

	talk_tcp(&c, 0, FIN, 0);
	p = talk_segment(&c, 1, FIN, 0);
	header->ends_tail -= ENDS_SLOTS;
	assert_false(bench_forwards(b, VSPHERE, &p));
	header->ends_tail++;
	assert_true(bench_forwards(b, VSPHERE, &p));
	header->ends_tail = header->ends_head;
	talk_tcp(&other, 0, FIN, 0);
	header->ends_room = 0;
	p = talk_segment(&other, 1, FIN, 0);
	assert_false(bench_forwards(b, VSPHERE, &p));
	bench_close(b);
}

/* On from the last position to the first, each entry read before the next packet. */
static void test_around(void **state)
{
	struct bench *b = open_inside(state);
	struct flow_header *header = b->table;
	uint64_t *slots = (uint64_t *)(header + header->ends_first);
	struct connection c = {.h = b->h, .port = 7000, .to = 443, .seq = {1000, 90000}};
	uint32_t start = UINT32_MAX - 20;

	header->ends_head = header->ends_tail = start;
	for (uint32_t i = start - ENDS_SLOTS; i != start; i++)
		slots[i % ENDS_SLOTS] = ENDS_SLOT(i, FLOW_NONE);
	for (unsigned i = 0; i < 40; i++) {
		talk_connect(&c); /* from the same port */
		assert_int_equal(counted(b), 1);
		assert_int_equal(closed(b), 0);
		assert_true(close_by_program(b, &c, 0));
		harness_advance(b->h, 0);
		assert_int_equal(counted(b), 0);
		assert_int_equal(header->ends_tail, header->ends_head);
		c.seq[0] += 100000;
		c.seq[1] += 100000;
	}
	bench_close(b);
}

/* An entry that was read already, or is of a record that has been made anew, changes nothing. */
static void test_read_again(void **state)
{
	struct bench *b = open_inside(state);
	struct flow_header *header = b->table;
	struct connection c = connect_from(b, 7000);

	assert_true(close_by_program(b, &c, 0));
	harness_advance(b->h, 0);
	header->ends_tail--;
	harness_advance(b->h, 0);
	assert_int_equal(counted(b), 0);
	assert_int_equal(closed(b), 1);
	c.seq[0] = 500000;
	talk_connect(&c); /* the same record */
	header->ends_tail--;
	harness_advance(b->h, 0);
	assert_int_equal(counted(b), 1);
	assert_int_equal(closed(b), 0);
	assert_int_equal(record_of(&c)->tcp_state, TCP_ESTABLISHED);
	bench_close(b);
}

/* The state was moved on before the entry was read: it counts as what it is now, once. */
static void test_moved_meanwhile(void **state)
{
	const enum flow_tcp_state now[] = {TCP_RESET, TCP_FIN_0, TCP_SYN_SENT};

	for (unsigned i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
		struct bench *b = open_inside(state);
		struct connection c = connect_from(b, 7000);
		bool live = now[i] != TCP_RESET;

		assert_true(close_by_program(b, &c, 0));
		record_of(&c)->tcp_state = (uint8_t)now[i];
		harness_advance(b->h, 0);
		assert_int_equal(counted(b), live);
		assert_int_equal(closed(b), !live);
		assert_int_equal(record_of(&c)->untold, 0);
		assert_true(harness_end_flow(
			b->h, (uint32_t)(record_of(&c) - b->h->worker->table.records)));
		assert_int_equal(counted(b), 0);
		assert_int_equal(closed(b), 0);
		bench_close(b);
	}
}

/* A flow that ends before its entry is read is taken out of the numbers once. */
static void test_ended_meanwhile(void **state)
{
	struct bench *b = open_inside(state);
	struct connection c = connect_from(b, 7000), other = connect_from(b, 7001);

	assert_true(close_by_program(b, &c, 0));
	worker_end(b->h->worker, (uint32_t)(record_of(&c) - b->h->worker->table.records));
	assert_int_equal(counted(b), 1);
	harness_advance(b->h, 0);
	assert_int_equal(counted(b), 1);
	assert_int_equal(closed(b), 0);
	assert_int_equal(record_of(&other)->tcp_state, TCP_ESTABLISHED);
	bench_close(b);
}

/* The table goes over to a new worker. */
static void restart(struct bench *b)
{
	void *own = b->h->table;
	size_t own_bytes = b->h->table_bytes;

	b->h->table = b->table;
	b->h->table_bytes = b->bytes;
	harness_restart(b->h);
	b->h->table = own;
	b->h->table_bytes = own_bytes;
}

/* A worker that is killed leaves entries; its successor counts by the states. */
static void test_adopted(void **state)
{
	struct bench *b = open_inside(state);
	struct connection c = connect_from(b, 7000), other = connect_from(b, 7001);

	assert_true(close_by_program(b, &c, 0));
	assert_int_equal(counted(b), 2);
	restart(b);
	assert_int_equal(record_of(&c)->untold, 0);
	assert_int_equal(counted(b), 1);
	assert_int_equal(closed(b), 1);
	assert_true(close_by_program(b, &other, 0));
	harness_advance(b->h, 0);
	assert_int_equal(counted(b), 0);
	assert_int_equal(closed(b), 2);
	bench_close(b);
}

/* In a table that an older version has made there is no place for what would be told. */
static void test_older_table(void **state)
{
	struct bench *b = open_inside(state);
	struct flow_header *header = b->table;
	struct connection c = connect_from(b, 7000);

	header->ends_first = header->ends_room = 0;
	restart(b);
	assert_int_equal(counted(b), 1);
	assert_false(close_by_program(b, &c, 0));
	assert_int_equal(record_of(&c)->tcp_state, TCP_CLOSED); /* by the worker */
	assert_int_equal(record_of(&c)->untold, 0);
	assert_int_equal(counted(b), 0);
	assert_int_equal(closed(b), 1);
	bench_close(b);
}

/* Where there are several workers, each closes its own connections. */
static void test_several_workers(void **state)
{
	struct bench *b;
	struct connection c;

	setenv("PGW_TEST_WORKERS", "2", 1);
	b = open_inside(state);
	unsetenv("PGW_TEST_WORKERS");
	c = connect_from(b, 7000);
	assert_false(close_by_program(b, &c, 0));
	assert_int_equal(record_of(&c)->tcp_state, TCP_CLOSED);
	assert_int_equal(record_of(&c)->untold, 0);
	assert_int_equal(counted(b), 0);
	bench_close(b);
}

/* What is forwarded from wire to wire is the worker's to close. */
static void test_elsewhere(void **state)
{
	struct bench *b = bench_open(state);
	struct connection c = connect_from(b, 7000);

	assert_false(close_by_program(b, &c, 0));
	assert_int_equal(record_of(&c)->tcp_state, TCP_CLOSED);
	assert_int_equal(counted(b), 0);
	assert_int_equal(closed(b), 1);
	bench_close(b);
}

/* A FIN that its receiver would throw away closes nothing. */
static void test_damaged(void **state)
{
	struct bench *b = open_inside(state);
	struct connection c = connect_from(b, 7000);

	assert_false(close_by_program(b, &c, 14 + 20 + 14)); /* its window */
	assert_int_equal(record_of(&c)->tcp_state, TCP_FIN_0);
	assert_true(close_by_program(b, &c, 0));
	bench_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(at_the_limit), BOTH(timer),	   BOTH(full),
		BOTH(around),	    BOTH(read_again),	   BOTH(moved_meanwhile),
		BOTH(adopted),	    BOTH(ended_meanwhile), BOTH(damaged),
		BOTH(older_table),  BOTH(several_workers), BOTH(elsewhere),
	};

	unsetenv("PGW_TEST_WORKERS"); /* but where a test says so */
	if (!bench_possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
