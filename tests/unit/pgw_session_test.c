/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pgw/objects.h"
#include "tools/pgw/session_filter.h"

static be32 address(const char *text)
{
	be32 addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

/* A table of one flow, in plain memory. */
struct bench {
	struct session_table table;
	struct flow_header header;
	struct flow flow;
	struct snapshot_header snapshot;
	struct snapshot_port ports[2];
};

static void bench_init(struct bench *bench, uint8_t flags)
{
	memset(bench, 0, sizeof(*bench));
	bench->flow.tuple[0] = (struct flow_tuple){address("192.168.50.10"), address("10.0.0.9"),
						   htons(4000), htons(443)};
	bench->flow.tuple[1] = (struct flow_tuple){address("10.0.0.9"), address("10.0.0.2"),
						   htons(443), htons(20000)};
	bench->flow.proto = IPPROTO_TCP;
	bench->flow.tcp_state = TCP_ESTABLISHED;
	bench->flow.flags = flags;
	bench->flow.port[1] = 1;
	atomic_store(&bench->flow.word, FLOW_WORD(FLOW_ACTIVE, 5));
	bench->table.flows = (struct flow_table){
		.header = &bench->header, .records = &bench->flow, .capacity = 1};
	bench->table.records = 1;
	bench->table.snapshot.header = &bench->snapshot;
	bench->ports[0] = (struct snapshot_port){.name = "vrack", .index = 0};
	bench->ports[1] = (struct snapshot_port){.name = "vsphere", .index = 1};
	bench->table.snapshot.ports = bench->ports;
	bench->table.snapshot.n_ports = 2;
}

static void ends(void **state)
{
	struct bench bench;
	struct session s;

	(void)state;
	bench_init(&bench, FLOW_SNAT);
	assert_true(session_read(&bench.table, 0, &s));
	assert_int_equal(s.ends.address[INTERNAL_SRC], address("192.168.50.10"));
	assert_int_equal(s.ends.address[INTERNAL_DST], address("10.0.0.9"));
	assert_int_equal(s.ends.address[EXTERNAL_SRC], address("10.0.0.2"));
	assert_int_equal(s.ends.address[EXTERNAL_DST], address("10.0.0.9"));
	assert_int_equal(ntohs(s.ends.port[INTERNAL_SRC]), 4000);
	assert_int_equal(ntohs(s.ends.port[EXTERNAL_SRC]), 20000);
	/* The same flow, had it come in from outside: the sides change places. */
	bench_init(&bench, FLOW_SNAT | FLOW_INBOUND);
	assert_true(session_read(&bench.table, 0, &s));
	assert_int_equal(s.inner, 1);
	assert_int_equal(s.ends.address[INTERNAL_SRC], address("10.0.0.9"));
	assert_int_equal(s.ends.address[INTERNAL_DST], address("10.0.0.2"));
	assert_int_equal(s.ends.address[EXTERNAL_SRC], address("10.0.0.9"));
	assert_int_equal(s.ends.address[EXTERNAL_DST], address("192.168.50.10"));
}

static void identity(void **state)
{
	struct bench bench;
	struct session s;

	(void)state;
	bench_init(&bench, 0);
	assert_true(session_read(&bench.table, 0, &s));
	assert_int_equal(session_id(&s), 5ull << 24);
	s.record = 0xffffff;
	s.word = FLOW_WORD(FLOW_ACTIVE, 0xffffff);
	assert_int_equal(session_id(&s), 0xffffffffffffull);
	assert_int_equal(FLOW_ID_RECORD(session_id(&s)), 0xffffff);
	assert_int_equal(FLOW_ID_GENERATION(session_id(&s)), 0xffffff);
	/* Not there: beyond the table, or not active. */
	assert_false(session_read(&bench.table, 1, &s));
	atomic_store(&bench.flow.word, FLOW_WORD(FLOW_TOMBSTONE, 5));
	assert_false(session_read(&bench.table, 0, &s));
}

/* The tick wraps after 52 days; a packet may be newer than the time of the listing. */
static void idle_over_the_wrap(void **state)
{
	struct bench bench;
	struct session s;

	(void)state;
	bench_init(&bench, 0);
	assert_true(session_read(&bench.table, 0, &s));
	bench.table.now_ns = (1ull << (32 + FLOW_TICK_SHIFT)) + (100ull << FLOW_TICK_SHIFT);
	s.flow.seen_tick = UINT32_MAX - 899;
	assert_in_range(session_idle_ms(&bench.table, &s), 1048, 1049);
	s.flow.seen_tick = 101;
	assert_int_equal(session_idle_ms(&bench.table, &s), 0);
	s.flow.created_s = (uint32_t)(bench.table.now_ns / 1000000000u) - 7;
	assert_int_equal(session_age_s(&bench.table, &s), 7);
	s.flow.created_s += 8;
	assert_int_equal(session_age_s(&bench.table, &s), 0);
}

static int parse(struct session_filter *filter, const char **argv, int argc)
{
	struct pgw_call call = {.object = &session_object,
				.command = session_object.commands,
				.argc = argc,
				.argv = argv};

	return session_filter_parse(filter, &call);
}

static void filters(void **state)
{
	static const struct {
		const char *word, *value;
		bool matches;
	} cases[] = {
		{"internal-src-address", "192.168.50.10", true},
		{"internal-src-address", "192.168.0.0/16", true},
		{"internal-src-address", "10.0.0.2", false},
		{"internal-dst-port", "443", true},
		{"internal-dst-port", "400-500", true},
		{"internal-dst-port", "444-500", false},
		{"external-src-address", "10.0.0.2", true},
		{"external-src-port", "20000", true},
		{"external-dst-address", "10.0.0.9", true},
		{"external-dst-port", "443", true},
		{"src", "192.168.50.10", true},
		{"src", "10.0.0.2", true},
		{"src", "10.0.0.9", false},
		{"dst", "10.0.0.9", true},
		{"dst", "10.0.0.2", false},
		{"sport", "4000", true},
		{"sport", "20000", true},
		{"sport", "443", false},
		{"dport", "443", true},
		{"protocol", "tcp", true},
		{"protocol", "udp", false},
		{"state", "established", true},
		{"state", "closed", false},
		{"portgroup", "vrack", true},
		{"portgroup", "vsphere", true},
		{"id", "83886080", true},
		{"id", "0", false},
		{"limit", "7", true},
	};
	struct bench bench;
	struct session s;

	(void)state;
	bench_init(&bench, FLOW_SNAT);
	assert_true(session_read(&bench.table, 0, &s));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *argv[] = {cases[i].word, cases[i].value, "count"};
		struct session_filter filter;

		assert_int_equal(parse(&filter, argv, 3), EXIT_DONE);
		assert_true(filter.count);
		assert_int_equal(filter.conditions, strcmp(cases[i].word, "limit") != 0);
		assert_int_equal(session_filter_resolve(&filter, &bench.table), EXIT_DONE);
		if (session_filter_matches(&filter, &s) != cases[i].matches)
			fail_msg("%s %s", cases[i].word, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(identity),
		cmocka_unit_test(idle_over_the_wrap),
		cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
