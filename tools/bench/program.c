/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * program - what the kernel's programs take for a packet of an established flow, without any I/O.
 *
 * The worker in memory (core.h) makes the flows in a table that is a BPF map. Then
 * BPF_PROG_TEST_RUN runs rotate.bpf.c, which writes a frame of the next flow and hands it to the
 * gateway's tc or XDP program; what it takes by itself is measured beside it and subtracted.
 * That each frame was forwarded is told by the program's own counters.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tools/bench/rotate.h" /* first: the skeleton needs it */

#include "control/offload/map.h"
#include "datapath/offload/maps.h"
#include "forward.skel.h"
#include "rotate.skel.h"
#include "tools/bench/child.h"
#include "tools/bench/core.h"

#define LOOPBACK 1u /* the device that test runs come in on; its address is zero */
#define PIECE	 (1u << 17)
#define PIECES	 24u
#define NEVER	 0x7fffffffu /* ticks */

struct program {
	struct core *core;
	struct forward_bpf *forward;
	struct rotate_bpf *rotate;
	int table_fd;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int put(const struct bpf_map *map, uint32_t key, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY);
}

/* Frames come in at the loopback device, as the clients' portgroup; out at any, as a test run
 * sends nothing. */
static int set_maps(const struct program *p)
{
	const struct offload_settings settings = {.timeout_tick_tcp = NEVER,
						  .timeout_tick_udp = NEVER,
						  .timeout_tick_tcp_trans = NEVER};
	const struct offload_port port = {
		.ifindex = LOOPBACK, .mtu = CORE_MTU, .up = 1, .takes_xdp = 1};
	const uint32_t clients = CORE_CLIENTS;
	int tc = bpf_program__fd(p->forward->progs.pgw_forward);
	int xdp = bpf_program__fd(p->forward->progs.pgw_forward_xdp);

	p->forward->bss->near[LOOPBACK] =
		(struct offload_near){.ifindex = LOOPBACK, .index = CORE_CLIENTS};
	return put(p->forward->maps.settings, 0, &settings) ||
	       put(p->forward->maps.ports, CORE_CLIENTS, &port) ||
	       put(p->forward->maps.ports, CORE_SERVERS, &port) ||
	       put(p->forward->maps.links, LOOPBACK, &clients) ||
	       put(p->rotate->maps.next_tc, 0, &tc) || put(p->rotate->maps.next_xdp, 0, &xdp);
}

/* Words as they lie in memory: a sum of such is in that order as well. */
static uint32_t sum_words(const uint8_t *data, size_t bytes)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i < bytes; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* next_step() - about the golden section of @n, and without a common divisor with it */
static uint32_t next_step(uint32_t n)
{
	uint32_t step = (uint32_t)((double)n * 0.618), a, b, rest;

	for (;; step++) {
		for (a = n, b = step; b; a = b, b = rest)
			rest = a % b;
		if (a == 1)
			return step % n;
	}
}

static void set_frame(struct rotate *r, uint32_t hosts, uint32_t ports)
{
	struct frame_spec spec;
	uint8_t frame[FRAME_SMALL_BYTES];

	memset(r, 0, sizeof(*r));
	core_frame(&spec);
	memset(&spec.destination, 0, sizeof(spec.destination)); /* the loopback device's */
	frame_udp(frame, &spec);
	memset(frame + 24, 0, 6); /* checksum and source; then the port, and the other checksum */
	memset(frame + 34, 0, 2);
	memset(frame + 40, 0, 2);
	memcpy(r->frame, frame, ROTATE_BYTES);
	r->ip_sum = sum_words(frame + 14, 20);
	r->udp_sum = sum_words(frame + 30, 4) + sum_words(frame + 34, 8) +
		     sum_words(frame + 38, 2) + htons(IPPROTO_UDP);
	r->hosts = hosts;
	r->host_step = next_step(hosts);
	r->ports = ports;
	r->host_first = CORE_HOST_FIRST;
	r->port_first = CORE_PORT_FIRST;
}

static void program_close(struct program *p)
{
	core_close(p->core);
	forward_bpf__destroy(p->forward);
	rotate_bpf__destroy(p->rotate);
	if (p->table_fd >= 0)
		close(p->table_fd);
}

static int program_open(struct run *run, struct program *p, uint32_t hosts, uint32_t ports)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	bool loaded;

	*p = (struct program){.table_fd = map_create(core_table_bytes(hosts, ports))};
	if (p->table_fd < 0)
		return run_fail(run, "no BPF map for the flow table: %s", strerror(-p->table_fd));
	p->core = core_open(run, hosts, ports, p->table_fd);
	if (!p->core)
		return -1;
	p->forward = forward_bpf__open();
	p->rotate = rotate_bpf__open();
	loaded = p->forward && p->rotate &&
		 !bpf_map__reuse_fd(p->forward->maps.flows, p->table_fd) &&
		 !forward_bpf__load(p->forward) && !rotate_bpf__load(p->rotate) && !set_maps(p);
	libbpf_set_print(before);
	if (!loaded)
		return run_fail(run, "the kernel does not take the programs: %s", strerror(errno));
	set_frame(&p->rotate->bss->rotate, hosts, ports);
	return isnan(core_pass(p->core, (uint64_t)hosts * ports, false))
		       ? core_explain(run, p->core)
		       : 0;
}

/* forwarded() - frames that the program has forwarded so far */
static uint64_t forwarded(const struct program *p)
{
	int processors = libbpf_num_possible_cpus();
	struct offload_counters *each = calloc((size_t)processors, sizeof(*each));
	const uint32_t key = CORE_SERVERS;
	uint64_t total = 0;

	if (each && !bpf_map_lookup_elem(bpf_map__fd(p->forward->maps.counters), &key, each))
		for (int i = 0; i < processors; i++)
			total += each[i].sent_packets;
	free(each);
	return total;
}

/* run_piece() - ns of a run of @program, of PIECE runs. */
static double run_piece(const struct bpf_program *program)
{
	uint8_t frame[FRAME_SMALL_BYTES] = {0};
	struct bpf_test_run_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.data_in = frame;
	opts.data_size_in = sizeof(frame);
	opts.repeat = PIECE;
	frame[12] = 0x08; /* IPv4: the kernel looks at that once, when it makes the buffer */
	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts) ? NAN
								       : (double)opts.duration;
}

int measure_program(struct run *run, double *values)
{
	bool tc = !strcmp(run->variant->offload, "tc");
	double idle[PIECES], busy[PIECES];
	uint64_t before;
	struct program p;
	int ret = program_open(run, &p, run->measure->parameter,
			       run->measure->parameter == 1 ? 64 : 63);

	for (unsigned i = 0; !ret && i < PIECES && !interrupted(); i++) {
		before = forwarded(&p);
		busy[i] = run_piece(tc ? p.rotate->progs.rotate_tc : p.rotate->progs.rotate_xdp);
		if (forwarded(&p) - before != PIECE)
			ret = run_fail(run, "of %u frames the program forwarded %llu", PIECE,
				       (unsigned long long)(forwarded(&p) - before));
		idle[i] = run_piece(tc ? p.rotate->progs.idle_tc : p.rotate->progs.idle_xdp);
	}
	if (!ret && !interrupted())
		values[0] = core_median(busy, PIECES) - core_median(idle, PIECES);
	program_close(&p);
	return ret;
}
