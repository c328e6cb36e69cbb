/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generator's frames and what each of the two sinks counts, run on frames in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "tools/bench/traffic.h" /* first: the skeleton needs it */

#include "load.skel.h"
#include "tools/bench/frame.h"

#define SKIPPED	  77
#define FLOWS_MAX 1024u

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static struct load_bpf *open_program(void)
{
	struct load_bpf *program = load_bpf__open_and_load();

	assert_non_null(program);
	return program;
}

static void put(const struct bpf_map *map, const void *value)
{
	const uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY), 0);
}

static void get(const struct bpf_map *map, void *value)
{
	const uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &zero, value), 0);
}

/* run_on() - Return: what the program says of @frame, which is as the program leaves it. */
static uint32_t run_on(const struct bpf_program *program, uint8_t *frame, uint32_t *bytes)
{
	uint8_t out[LOAD_LARGE_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = *bytes,
		    .data_out = out, .data_size_out = sizeof(out));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	*bytes = opts.data_size_out;
	memcpy(frame, out, *bytes);
	return opts.retval;
}

static uint32_t at_u32(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static uint32_t at_u16(const uint8_t *data)
{
	return (uint32_t)data[0] << 8 | data[1];
}

/* flow_of() - the number of the flow that a frame shows, checked as the server would */
static uint32_t flow_of(const uint8_t *frame, uint32_t bytes, uint32_t ports)
{
	uint32_t host = at_u32(frame + 26) - LOAD_HOST_FIRST,
		 port = at_u16(frame + 34) - LOAD_SPORT;

	assert_int_equal(frame_check(frame, bytes, false), FRAME_GOOD);
	assert_int_equal(at_u32(frame + 30), ntohl(inet_addr(SERVER_ADDR)));
	assert_in_range(port, 0, ports - 1);
	return host * ports + port;
}

/* All flows come once before any comes twice, wherever they begin, in frames that are whole. */
static void test_flows(void **state)
{
	static const struct traffic_plan plans[] = {
		{.frame_bytes = LOAD_SMALL_BYTES, .flows = 64, .ports = 64},
		{.frame_bytes = LOAD_SMALL_BYTES, .flows = 1008, .first = 5 * 63},
		{.frame_bytes = LOAD_SMALL_BYTES, .flows = 1, .first = 7},
		{.frame_bytes = LOAD_MIDDLE_BYTES, .flows = 1000, .first = 11, .stream = 3},
		{.frame_bytes = LOAD_SMALL_BYTES, .flows = 70, .count = 200},
	};
	struct load_bpf *program = open_program();

	(void)state;
	for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		const struct traffic_plan *plan = &plans[i];
		uint32_t ports = plan->ports ? (uint32_t)plan->ports : TRAFFIC_HOST_PORTS;
		struct load load = traffic_load(plan);
		unsigned seen[FLOWS_MAX] = {0};

		put(program->maps.load, &load);
		for (unsigned n = 0; n < 2 * plan->flows; n++) {
			uint8_t frame[LOAD_LARGE_BYTES] = {0};
			uint32_t bytes = plan->frame_bytes, flow;

			assert_int_equal(run_on(program->progs.generate, frame, &bytes),
					 XDP_REDIRECT);
			assert_int_equal(bytes, plan->frame_bytes);
			flow = flow_of(frame, bytes, ports) - (uint32_t)plan->first;
			assert_in_range(flow, 0, plan->flows - 1);
			assert_int_equal(seen[flow]++, n / plan->flows);
			assert_int_equal(at_u16(frame + 36), LOAD_DPORT + plan->stream);
		}
		get(program->maps.load, &load);
		assert_int_equal(load.sent, 2 * plan->flows);
	}
	load_bpf__destroy(program);
}

/* How many of @tries leave, of small frames unless it is the IMIX; their bytes. */
static unsigned leave(struct load_bpf *program, const struct traffic_plan *plan, unsigned tries,
		      uint32_t *all)
{
	struct load load = traffic_load(plan);
	unsigned n = 0;

	*all = 0;
	put(program->maps.load, &load);
	for (unsigned i = 0; i < tries; i++) {
		uint8_t frame[LOAD_LARGE_BYTES] = {0};
		uint32_t bytes =
			plan->frame_bytes == LOAD_IMIX ? LOAD_LARGE_BYTES : plan->frame_bytes;

		if (run_on(program->progs.generate, frame, &bytes) != XDP_REDIRECT)
			continue;
		n++;
		*all += bytes;
		assert_int_equal(frame_check(frame, bytes, false), FRAME_GOOD);
	}
	return n;
}

/* A frame leaves if it is due: by its number, by the window, by the rate. */
static void test_due(void **state)
{
	struct load_bpf *program = open_program();
	struct traffic_plan plan = {.frame_bytes = LOAD_SMALL_BYTES, .flows = 64, .count = 5};
	uint32_t bytes;

	(void)state;
	assert_int_equal(leave(program, &plan, 9, &bytes), 5);
	plan = (struct traffic_plan){.frame_bytes = LOAD_SMALL_BYTES, .flows = 64, .window = 3};
	/* the fourth waits for an arrival, and those after it only for a while */
	assert_int_equal(leave(program, &plan, 4, &bytes), 3);
	plan = (struct traffic_plan){.frame_bytes = LOAD_SMALL_BYTES, .flows = 64, .rate_pps = 1};
	assert_int_equal(leave(program, &plan, 1, &bytes), 0); /* the first is due in a second */
	plan = (struct traffic_plan){.frame_bytes = LOAD_SMALL_BYTES, .flows = 0};
	assert_int_equal(leave(program, &plan, 9, &bytes), 0);
	plan = (struct traffic_plan){.frame_bytes = LOAD_IMIX, .flows = 64};
	assert_int_equal(leave(program, &plan, 24, &bytes), 24);
	assert_int_equal(bytes,
			 2 * (7 * LOAD_SMALL_BYTES + 4 * LOAD_MIDDLE_BYTES + LOAD_LARGE_BYTES));
	load_bpf__destroy(program);
}

struct sample {
	const char *source;
	uint16_t dport;
	uint8_t at, value; /* a byte that is changed, 0: none */
	uint32_t bytes;	   /* 0: all of them */
	int stream;	   /* that it counts for; FOREIGN, OTHER */
};

enum { FOREIGN = -1, OTHER = -2 };

static const struct sample samples[] = {
	{"10.10.0.2", LOAD_DPORT, 0, 0, 0, 0},
	{"10.20.0.1", LOAD_DPORT + 1, 0, 0, 0, 1},
	{"10.20.0.9", LOAD_DPORT + 2, 0, 0, 0, 2},
	{"10.20.0.5", LOAD_DPORT + 3, 0, 0, 0, 3},
	{"10.20.0.10", LOAD_DPORT, 0, 0, 0, FOREIGN},
	{"10.20.0.0", LOAD_DPORT, 0, 0, 0, FOREIGN},
	{"172.16.0.10", LOAD_DPORT + 3, 0, 0, 0, FOREIGN},
	{"10.10.0.2", LOAD_DPORT + 4, 0, 0, 0, OTHER},
	{"10.10.0.2", LOAD_DPORT - 1, 0, 0, 0, OTHER},
	{"10.10.0.2", LOAD_DPORT, 23, 6, 0, OTHER},    /* TCP */
	{"10.10.0.2", LOAD_DPORT, 13, 6, 0, OTHER},    /* ARP */
	{"10.10.0.2", LOAD_DPORT, 12, 0x86, 0, OTHER}, /* not IPv4 */
	{"10.10.0.2", LOAD_DPORT, 0, 0, 41, OTHER},    /* shorter than its headers */
	{"10.10.0.2", LOAD_DPORT, 0, 0, LOAD_HEADER_BYTES, 0},
};

/* count_as() - @program on @sample; what it says and what it counts must be as promised. */
static void count_as(struct load_bpf *load, const struct bpf_program *program,
		     const struct sample *sample)
{
	bool xdp = program == load->progs.count_xdp;
	const uint32_t taken = xdp ? XDP_DROP : TC_ACT_SHOT, left = xdp ? XDP_PASS : TC_ACT_OK;
	struct frame_spec spec = {.src = inet_addr(sample->source),
				  .dst = inet_addr(SERVER_ADDR),
				  .sport = LOAD_SPORT,
				  .dport = sample->dport,
				  .bytes = LOAD_SMALL_BYTES};
	uint32_t bytes = sample->bytes ? sample->bytes : LOAD_SMALL_BYTES;
	uint8_t frame[LOAD_LARGE_BYTES];
	struct sink sink = {
		.source_first = {ntohl(inet_addr("10.10.0.2")), ntohl(inet_addr("10.20.0.1"))},
		.source_last = {ntohl(inet_addr("10.10.0.2")), ntohl(inet_addr("10.20.0.9"))},
		.watched = 1,
	};

	put(load->maps.sink, &sink);
	frame_udp(frame, &spec);
	if (sample->at)
		frame[sample->at] = sample->value;
	assert_int_equal(run_on(program, frame, &bytes), sample->stream == OTHER ? left : taken);
	get(load->maps.sink, &sink);
	for (int i = 0; i < (int)LOAD_STREAMS; i++)
		assert_int_equal(sink.good[i], i == sample->stream);
	assert_int_equal(sink.foreign, sample->stream == FOREIGN);
	if (sample->stream >= 0)
		assert_true(sink.last_ns[sample->stream] > 0);
}

/* Whichever sink a variant has, it counts and takes the same. */
static void test_sinks(void **state)
{
	struct load_bpf *load = open_program();

	(void)state;
	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		count_as(load, load->progs.count_xdp, &samples[i]);
		count_as(load, load->progs.count_tc, &samples[i]);
	}
	load_bpf__destroy(load);
}

static bool possible(void)
{
	struct load_bpf *probe;

	libbpf_set_print(say_nothing);
	probe = load_bpf__open_and_load();
	if (!probe && (errno == EPERM || errno == ENOSYS)) {
		puts("skipped: BPF programs are not permitted here");
		return false;
	}
	load_bpf__destroy(probe);
	return true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_sinks),
	};

	if (!possible())
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
