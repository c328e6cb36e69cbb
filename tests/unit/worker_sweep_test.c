/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows that a filter chooses end, a piece at a time; all others live, and what the ended ones had
 * is given back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/base/event_ring.h"
#include "datapath/flow/filter.h"
#include "tests/unit/harness.h"

#define FLOWS 3000u

static void make_flows(struct harness *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char src[24];
		struct frame frame;
		struct packet p;

		snprintf(src, sizeof(src), "%s.%u", i & 1 ? "192.168.50" : "172.16.0",
			 i / 2 / 16 + 2);
		harness_send(h, VRACK,
			     &(struct probe){.src = src,
					     .sport = (uint16_t)(4000 + i / 2 % 16),
					     .dst = "10.10.0.10",
					     .dport = 53,
					     .proto = IPPROTO_UDP});
		assert_true(harness_take(h, VSPHERE, &frame, &p));
	}
	assert_int_equal(h->counters.flows, n);
}

static struct flow_filter of_source(const char *network)
{
	struct flow_filter filter = {.conditions = 1u << FILTER_SRC};

	assert_true(prefix_parse(network, &filter.src));
	return filter;
}

/* Return: how many it says were ended. @pieces: worker_work() calls of the lead. */
static uint64_t finish(struct harness *h, uint64_t number, unsigned *pieces)
{
	struct worker_status status;
	uint64_t before = h->counters.flows;

	*pieces = 0;
	do {
		harness_work(h, &status);
		++*pieces;
		/* bounded: 512 a worker */
		assert_in_range(before - h->counters.flows, 0, 512 * h->members);
		before = h->counters.flows;
		if (status.next_ns > h->now_ns && !status.ended)
			h->now_ns = status.next_ns;
	} while (!status.ended);
	assert_int_equal(status.ended_number, number);
	return status.ended_flows;
}

static void test_filter(void **state)
{
	struct harness *h = harness_open(harness_config, 8192);
	struct flow_filter filter = of_source("192.168.50.0/24");
	uint64_t mappings;
	unsigned pieces;

	(void)state;
	make_flows(h, FLOWS);
	mappings = h->counters.mappings;
	worker_end_flows(h->worker, &filter, UINT64_MAX, 7, h->now_ns);
	assert_int_equal(h->counters.flows, FLOWS); /* nothing ends before its turn */
	assert_int_equal(finish(h, 7, &pieces), FLOWS / 2);
	assert_true(pieces > 1);
	assert_int_equal(h->counters.flows, FLOWS / 2);
	assert_int_equal(h->counters.flows_ended, FLOWS / 2);
	assert_int_equal(h->counters.mappings, mappings / 2);
	for (uint32_t i = 0; i < 8192; i++) {
		struct flow *flow = worker_flow(h->worker, i);

		if (FLOW_WORD_STATE(atomic_load(&flow->word)) == FLOW_ACTIVE)
			assert_false(flow_filter_matches(&filter, flow, i));
	}
	/* none that match */
	worker_end_flows(h->worker, &filter, UINT64_MAX, 8, h->now_ns);
	assert_int_equal(finish(h, 8, &pieces), 0);
	filter = (struct flow_filter){.conditions = 0};
	worker_end_flows(h->worker, &filter, UINT64_MAX, 9, h->now_ns);
	assert_int_equal(finish(h, 9, &pieces), FLOWS / 2);
	assert_int_equal(h->counters.flows, 0);
	assert_int_equal(h->counters.mappings, 0);
	make_flows(h, 100); /* as if nothing had been */
	harness_close(h);
}

static void test_limit(void **state)
{
	struct harness *h = harness_open(harness_config, 8192);
	struct flow_filter filter = of_source("192.168.0.0/16");
	unsigned pieces;

	(void)state;
	make_flows(h, FLOWS);
	worker_end_flows(h->worker, &filter, 700, 1, h->now_ns);
	assert_int_equal(finish(h, 1, &pieces), 700);
	worker_end_flows(h->worker, &filter, 0, 2, h->now_ns);
	assert_int_equal(finish(h, 2, &pieces), 0);
	assert_int_equal(h->counters.flows, FLOWS - 700);
	harness_close(h);
}

static void test_id(void **state)
{
	struct harness *h = harness_open(harness_config, 256);
	struct flow_filter filter = {.conditions = 1u << FILTER_ID, .record = 3};
	unsigned pieces;

	(void)state;
	make_flows(h, 10);
	filter.generation = FLOW_WORD_GENERATION(atomic_load(&worker_flow(h->worker, 3)->word)) + 1;
	worker_end_flows(h->worker, &filter, UINT64_MAX, 1, h->now_ns);
	assert_int_equal(finish(h, 1, &pieces), 0); /* another flow's of that record */
	filter.generation--;
	worker_end_flows(h->worker, &filter, UINT64_MAX, 2, h->now_ns);
	assert_int_equal(finish(h, 2, &pieces), 1);
	assert_false(harness_end_flow(h, 3));
	assert_int_equal(h->counters.flows, 9);
	harness_close(h);
}

/* A new configuration comes while flows are being ended: both are done, and each is told. */
static void test_reload_meanwhile(void **state)
{
	struct harness *h = harness_open(harness_config, 8192);
	struct flow_filter filter = of_source("192.168.50.0/24");
	bool swept = false, ended = false;
	struct worker_status status;
	struct snapshot view;

	(void)state;
	make_flows(h, FLOWS);
	worker_end_flows(h->worker, &filter, UINT64_MAX, 5, h->now_ns);
	harness_work(h, &status);
	assert_false(status.ended);
	view = h->worker->snapshot;
	worker_snapshot(h->worker, &view, h->now_ns);
	while (!swept || !ended) {
		harness_work(h, &status);
		swept |= status.swept;
		ended |= status.ended;
		if (status.swept)
			assert_int_equal(status.swept_ended, 0);
		if (status.ended)
			assert_int_equal(status.ended_flows, FLOWS / 2);
	}
	assert_int_equal(h->counters.flows, FLOWS / 2);
	harness_close(h);
}

/* With a session log every end is told: who ends flows waits for the log's reader. */
static void test_log(void **state)
{
	const uint32_t capacity = 4096;
	void *memory = calloc(1, event_ring_bytes(capacity));
	struct harness *h = harness_open(harness_config, 8192);
	struct flow_filter filter = {.conditions = 0};
	struct worker_status status;
	bool ended = false;
	struct event_ring writer, reader;
	struct event events[256];
	unsigned sessions = 0;

	(void)state;
	make_flows(h, FLOWS);
	event_ring_format(memory, capacity);
	assert_null(event_ring_writer(&writer, memory, event_ring_bytes(capacity)));
	assert_null(event_ring_reader(&reader, memory, event_ring_bytes(capacity)));
	worker_log(h->worker, &writer, 0);
	worker_end_flows(h->worker, &filter, UINT64_MAX, 1, h->now_ns);
	for (unsigned turn = 0; !ended || event_ring_used(&writer); turn++) {
		unsigned n;

		assert_true(turn < 10000);
		harness_work(h, &status);
		ended |= status.ended;
		h->now_ns += MS_NS;
		n = event_ring_take(&reader, events, 256);
		for (unsigned i = 0; i < n; i++)
			sessions += events[i].type == EVENT_SESSION_DELETE;
		event_ring_done(&reader, n, 0);
	}
	assert_int_equal(sessions, FLOWS);
	assert_int_equal(h->counters.log_lost, 0);
	/* One that does not read is not waited for. */
	make_flows(h, FLOWS);
	worker_end_flows(h->worker, &filter, UINT64_MAX, 2, h->now_ns);
	for (unsigned turn = 0;; turn++) {
		assert_true(turn < 10000);
		harness_work(h, &status);
		if (status.ended)
			break;
		h->now_ns += MS_NS;
	}
	assert_int_equal(h->counters.flows, 0);
	worker_log(h->worker, NULL, 0);
	harness_close(h);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_id),     cmocka_unit_test(test_reload_meanwhile),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
