/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker tells the session log: sessions and bindings from begin to end, what ran out, how
 * full things are; and that it tells nothing when there is no log, and never waits for room.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/harness.h"

#define RING   256u
#define CLIENT "192.168.50.10"
#define OTHER  "192.168.50.11"
#define VC     "10.10.0.10"
#define GW     "10.10.0.2"

struct log {
	struct harness *h;
	struct event_ring writer, reader;
	void *memory;
};

static const char *config(const char *pool, const char *more)
{
	static const char normal[] =
		"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n";
	static char text[4096];
	const char *at = strstr(harness_config, normal);

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*spool add default external-ip-address 10.10.0.2 %s\n%s%s",
		 (int)(at - harness_config), harness_config, pool, at + strlen(normal), more);
	return text;
}

static void log_open(struct log *log, const char *text, uint32_t capacity, uint32_t percent)
{
	size_t bytes = event_ring_bytes(RING);

	log->h = harness_open(text, capacity);
	log->memory = aligned_alloc(64, bytes);
	assert_non_null(log->memory);
	memset(log->memory, 0, bytes);
	event_ring_format(log->memory, RING);
	assert_null(event_ring_writer(&log->writer, log->memory, bytes));
	assert_null(event_ring_reader(&log->reader, log->memory, bytes));
	worker_log(log->h->worker, &log->writer, percent);
}

static void log_close(struct log *log)
{
	harness_close(log->h);
	free(log->memory);
}

static bool next(struct log *log, struct event *event)
{
	unsigned n = event_ring_take(&log->reader, event, 1);

	event_ring_done(&log->reader, n, 0);
	return n;
}

static struct event expect(struct log *log, enum event_type type)
{
	struct event event;

	assert_true(next(log, &event));
	assert_int_equal(event.type, type);
	assert_int_equal(event.time_ns, log->h->now_ns);
	return event;
}

static void expect_nothing(struct log *log)
{
	struct event event;

	if (next(log, &event))
		fail_msg("there is an event of type %u, cause %u", event.type, event.cause);
}

static unsigned drain(struct log *log, enum event_type type)
{
	struct event event;
	unsigned n = 0;

	while (next(log, &event))
		n += event.type == type;
	return n;
}

/* Return: the external port of an outbound datagram, 0 if it was refused. */
static uint16_t out(struct log *log, const char *src, uint16_t sport, uint16_t dport)
{
	const struct probe probe = {.src = src,
				    .sport = sport,
				    .dst = VC,
				    .dport = dport,
				    .proto = IPPROTO_UDP,
				    .payload = 8};

	harness_send(log->h, VRACK, &probe);
	if (!mem_port_sent(log->h->io[VSPHERE]))
		return 0;
	return harness_expect(log->h, VSPHERE, &(struct probe){.dst = VC, .dport = dport}, NULL);
}

static void assert_source(const struct event *event, const char *src, uint16_t sport, uint16_t port)
{
	assert_int_equal(event->proto, IPPROTO_UDP);
	assert_int_equal(event->src, ip(src));
	assert_int_equal(ntohs(event->sport), sport);
	assert_int_equal(event->post_src, ip(GW));
	assert_int_equal(ntohs(event->post_sport), port);
	assert_int_equal(event->pool, 0);
	assert_int_equal(event->port[0], VRACK);
}

static void test_life(void **state)
{
	struct event event;
	uint16_t port, second;
	struct log log;

	(void)state;
	log_open(&log, config("ports 16384-65535 mapping-type eim", ""), 64, 0);
	port = out(&log, CLIENT, 5000, 53);
	event = expect(&log, EVENT_BIB_CREATE);
	assert_source(&event, CLIENT, 5000, port);
	assert_int_equal(event.dst, 0);
	event = expect(&log, EVENT_SESSION_CREATE);
	assert_source(&event, CLIENT, 5000, port);
	assert_int_equal(event.rule, 10);
	assert_int_equal(event.dst, ip(VC));
	assert_int_equal(ntohs(event.dport), 53);
	assert_int_equal(event.post_dst, ip(VC));
	assert_int_equal(event.port[1], VSPHERE);
	/* a second session of the same binding; further packets say nothing */
	second = out(&log, CLIENT, 5000, 54);
	assert_int_equal(second, port);
	expect(&log, EVENT_SESSION_CREATE);
	out(&log, CLIENT, 5000, 53);
	expect_nothing(&log);
	harness_advance(log.h, 301 * SECOND);
	event = expect(&log, EVENT_SESSION_DELETE);
	if (ntohs(event.dport) == 53)
		assert_int_equal(event.packets, 2);
	event = expect(&log, EVENT_SESSION_DELETE);
	assert_source(&event, CLIENT, 5000, port);
	event = expect(&log, EVENT_BIB_DELETE);
	assert_source(&event, CLIENT, 5000, port);
	expect_nothing(&log);
	assert_int_equal(log.h->counters.log_written, 6);
	assert_int_equal(log.h->counters.log_lost, 0);
	log_close(&log);
}

/* A service: where the client went, and where that is in truth. */
static void test_service(void **state)
{
	const struct probe probe = {.src = CLIENT,
				    .sport = 5000,
				    .dst = "172.16.0.1",
				    .dport = 443,
				    .proto = IPPROTO_TCP,
				    .tcp_flags = TCP_SYN};
	struct event event;
	struct log log;

	(void)state;
	log_open(&log, harness_config, 64, 0);
	harness_send(log.h, VRACK, &probe);
	expect(&log, EVENT_BIB_CREATE);
	event = expect(&log, EVENT_SESSION_CREATE);
	assert_int_equal(event.src, ip(CLIENT));
	assert_int_equal(event.post_src, ip(GW));
	assert_int_equal(event.dst, ip("172.16.0.1"));
	assert_int_equal(event.post_dst, ip(VC));
	log_close(&log);
}

/* A session that begins outside is told from the inside host's end, too. */
static void test_inbound(void **state)
{
	struct probe in = {
		.src = "10.10.0.77", .sport = 999, .dst = GW, .proto = IPPROTO_UDP, .payload = 8};
	struct event event;
	struct log log;

	(void)state;
	log_open(&log, config("ports 16384-65535 mapping-type eim filtering-type eif", ""), 64, 0);
	in.dport = out(&log, CLIENT, 5000, 53);
	expect(&log, EVENT_BIB_CREATE);
	expect(&log, EVENT_SESSION_CREATE);
	harness_send(log.h, VSPHERE, &in);
	event = expect(&log, EVENT_SESSION_CREATE);
	assert_source(&event, CLIENT, 5000, in.dport);
	assert_int_equal(event.dst, ip("10.10.0.77"));
	assert_int_equal(ntohs(event.dport), 999);
	expect_nothing(&log);
	log_close(&log);
}

static void test_exhausted(void **state)
{
	struct event event;
	struct log log;

	(void)state;
	log_open(&log, config("ports 20000-20003 mapping-type eim", ""), 64, 0);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_not_equal(out(&log, CLIENT, 5000 + i, 53), 0);
	assert_int_equal(drain(&log, EVENT_REFUSED), 0);
	assert_int_equal(out(&log, OTHER, 5000, 53), 0);
	event = expect(&log, EVENT_REFUSED);
	assert_int_equal(event.cause, EVENT_CAUSE_PORTS);
	assert_int_equal(event.src, ip(OTHER));
	assert_int_equal(event.post_src, ip(GW));
	assert_int_equal(event.count, 1);
	expect_nothing(&log);
	log_close(&log);
}

static void test_quotas(void **state)
{
	static const struct {
		const char *pool, *more;
		enum event_cause cause;
	} cases[] = {
		{"ports 16384-65535 port-quota 2", "", EVENT_CAUSE_CLIENT_PORTS},
		{"ports 16384-65535", "set connection-limits 2\n", EVENT_CAUSE_CLIENT_SESSIONS},
		{"ports 16384-65535", "set mapping-limits 2\n", EVENT_CAUSE_CLIENT_MAPPINGS},
		{"ports 16384-65535", "set creation-rate 2\n", EVENT_CAUSE_CLIENT_RATE},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event;
		struct log log;

		log_open(&log, config(cases[i].pool, cases[i].more), 64, 0);
		out(&log, CLIENT, 5000, 53);
		out(&log, CLIENT, 5001, 53);
		drain(&log, EVENT_SESSION_CREATE);
		assert_int_equal(out(&log, CLIENT, 5002, 53), 0);
		event = expect(&log, EVENT_REFUSED);
		assert_int_equal(event.cause, cases[i].cause);
		assert_int_equal(event.limit, 2);
		assert_int_equal(event.src, ip(CLIENT));
		expect_nothing(&log);
		log_close(&log);
	}
}

/* Whoever provokes refusals gets few of them told, and their number. */
static void test_refusals_are_limited(void **state)
{
	struct event event;
	unsigned told = 0;
	struct log log;

	(void)state;
	log_open(&log, config("ports 16384-65535 port-quota 1", ""), 64, 0);
	out(&log, CLIENT, 5000, 53);
	drain(&log, EVENT_SESSION_CREATE);
	for (unsigned i = 0; i < 100; i++)
		out(&log, CLIENT, (uint16_t)(6000 + i), 53);
	while (next(&log, &event)) {
		assert_int_equal(event.count, 1);
		told++;
	}
	assert_int_equal(told, LOG_REFUSALS_PER_S);
	harness_advance(log.h, SECOND);
	out(&log, CLIENT, 7000, 53);
	event = expect(&log, EVENT_REFUSED);
	assert_int_equal(event.count, 100 - LOG_REFUSALS_PER_S + 1);
	/* another cause has an account of its own */
	harness_configure(log.h,
			  config("ports 16384-65535 port-quota 1", "set connection-limits 1\n"));
	for (unsigned i = 0; i < 20; i++)
		out(&log, CLIENT, (uint16_t)(8000 + i), 53);
	assert_int_equal(drain(&log, EVENT_REFUSED), LOG_REFUSALS_PER_S);
	log_close(&log);
}

static void test_table_mark(void **state)
{
	struct event event;
	struct log log;

	(void)state;
	log_open(&log, config("ports 16384-65535 mapping-type edm", ""), 100, 50);
	for (uint16_t i = 0; i < 49; i++)
		out(&log, CLIENT, 5000 + i, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 0);
	out(&log, CLIENT, 6000, 53);
	expect(&log, EVENT_SESSION_CREATE);
	event = expect(&log, EVENT_THRESHOLD);
	assert_int_equal(event.cause, EVENT_CAUSE_SESSIONS);
	assert_int_equal(event.limit, 50);
	/* up and down about the mark says nothing more … */
	out(&log, CLIENT, 6001, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 0);
	/* … only after it was well below */
	harness_advance(log.h, 301 * SECOND);
	for (uint16_t i = 0; i < 50; i++)
		out(&log, CLIENT, 5000 + i, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 1);
	log_close(&log);
}

static void test_pool_mark(void **state)
{
	struct event event;
	struct log log;

	(void)state;
	log_open(&log, config("ports 20000-20019 mapping-type eim", ""), 64, 80);
	for (uint16_t i = 0; i < 15; i++)
		out(&log, CLIENT, 5000 + i, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 0);
	out(&log, CLIENT, 6000, 53);
	expect(&log, EVENT_BIB_CREATE);
	event = expect(&log, EVENT_THRESHOLD);
	assert_int_equal(event.cause, EVENT_CAUSE_PORTS);
	assert_int_equal(event.limit, 16);
	assert_int_equal(event.proto, IPPROTO_UDP);
	for (uint16_t i = 0; i < 4; i++)
		out(&log, CLIENT, 7000 + i, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 0);
	/* all end, their ports rest; then it fills up once more */
	harness_advance(log.h, 301 * SECOND);
	harness_advance(log.h, 121 * SECOND);
	for (uint16_t i = 0; i < 16; i++)
		out(&log, CLIENT, 5000 + i, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 1);
	log_close(&log);
}

/* A successor knows how full its pools are, and does not tell sessions as new. */
static void test_adopted(void **state)
{
	struct log log;

	(void)state;
	log_open(&log, config("ports 20000-20019 mapping-type eim", ""), 64, 80);
	for (uint16_t i = 0; i < 15; i++)
		out(&log, CLIENT, 5000 + i, 53);
	drain(&log, EVENT_SESSION_CREATE);
	harness_restart(log.h);
	worker_log(log.h->worker, &log.writer, 80);
	expect_nothing(&log);
	out(&log, CLIENT, 6000, 53);
	assert_int_equal(drain(&log, EVENT_THRESHOLD), 1);
	harness_advance(log.h, 301 * SECOND);
	assert_int_equal(drain(&log, EVENT_SESSION_DELETE), 16);
	log_close(&log);
}

/* A reader that stands still costs events, counted, and no packet. */
static void test_full(void **state)
{
	unsigned passed = 0;
	struct log log;

	(void)state;
	log_open(&log, harness_config, 1024, 0);
	for (uint16_t i = 0; i < 300; i++)
		passed += out(&log, CLIENT, 5000 + i, 53) != 0;
	assert_int_equal(passed, 300);
	assert_int_equal(log.h->counters.log_written, RING);
	assert_int_equal(log.h->counters.log_lost, 600 - RING);
	log_close(&log);
}

static void test_off(void **state)
{
	struct log log;

	(void)state;
	log_open(&log, config("ports 16384-65535 port-quota 2", ""), 64, 10);
	worker_log(log.h->worker, NULL, 10);
	for (uint16_t i = 0; i < 20; i++)
		out(&log, CLIENT, 5000 + i, 53);
	harness_advance(log.h, 301 * SECOND);
	expect_nothing(&log);
	assert_int_equal(log.h->counters.log_written, 0);
	log_close(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	   cmocka_unit_test(test_service),
		cmocka_unit_test(test_inbound),	   cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_quotas),	   cmocka_unit_test(test_refusals_are_limited),
		cmocka_unit_test(test_table_mark), cmocka_unit_test(test_pool_mark),
		cmocka_unit_test(test_adopted),	   cmocka_unit_test(test_full),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
