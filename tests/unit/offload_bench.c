/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/offload_bench.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "control/offload/map.h"
#include "datapath/offload/maps.h"
#include "forward.skel.h"

#define CAPACITY 256u
#define LOOPBACK 1u /* the device that test runs come in on */
/* The kernel's coarse clock may lag; the program adds as much to its stamps. */
#define CLOCK_LAG_TICK 10u

enum hook bench_hooks[] = {HOOK_TC, HOOK_XDP};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The program stamps flows by the kernel's clock; the worker's has to be that. */
static void set_clock(struct bench *b)
{
	struct worker_status status;

	b->h->now_ns = monotonic_ns();
	worker_work(b->h->worker, b->h->now_ns, &status);
}

static void set_map(const struct bpf_map *map, uint32_t key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), 0);
}

static struct offload_port port_of(const struct bench *b, uint32_t index)
{
	return (struct offload_port){.ifindex = 11 + index,
				     .mtu = MTU,
				     .mac = index == VRACK ? vrack_mac : vsphere_mac,
				     .up = true,
				     .takes_xdp = true,
				     .inside = b->inside >> index & 1,
				     .mss_max = OFFLOAD_MSS_ANY};
}

void bench_set_port(struct bench *b, uint32_t index, uint32_t mtu, bool up)
{
	struct offload_port port = port_of(b, index);

	port.mtu = mtu;
	port.up = up;
	set_map(b->program->maps.ports, index, &port);
}

void bench_set_inside(struct bench *b, uint32_t index)
{
	b->inside |= 1u << index;
	bench_set_port(b, index, MTU, true);
}

void bench_refuse_xdp(struct bench *b, uint32_t index)
{
	struct offload_port port = port_of(b, index);

	port.takes_xdp = false;
	set_map(b->program->maps.ports, index, &port);
}

void bench_limit_mss(struct bench *b, uint32_t index, uint16_t mss_max)
{
	struct offload_port port = port_of(b, index);

	port.mss_max = mss_max;
	set_map(b->program->maps.ports, index, &port);
}

static void make_table(struct bench *b)
{
	uint8_t key[32];

	b->bytes = flow_table_bytes(CAPACITY);
	b->table_fd = map_create(b->bytes);
	assert_true(b->table_fd >= 0);
	b->table = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->table_fd, 0);
	assert_true(b->table != MAP_FAILED);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 5);
	flow_table_format(b->table, CAPACITY, key, 0);
}

struct bench *bench_open(void **state)
{
	const struct offload_settings settings = {.timeout_tick_tcp = 7000000,
						  .timeout_tick_udp = 280000,
						  .timeout_tick_tcp_trans = BENCH_TRANS_TICKS,
						  .clock_lag_tick = CLOCK_LAG_TICK};
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->hook = *(const enum hook *)*state;
	b->h = talk_open(harness_config, CAPACITY);
	b->h->now_ns = monotonic_ns();
	make_table(b);
	assert_int_equal(worker_attach_table(b->h->worker, b->table, b->bytes, b->h->now_ns), 0);
	b->program = forward_bpf__open();
	assert_non_null(b->program);
	assert_int_equal(bpf_map__reuse_fd(b->program->maps.flows, b->table_fd), 0);
	assert_int_equal(forward_bpf__load(b->program), 0);
	set_map(b->program->maps.settings, 0, &settings);
	bench_set_port(b, VRACK, MTU, true);
	bench_set_port(b, VSPHERE, MTU, true);
	return b;
}

void bench_close(struct bench *b)
{
	forward_bpf__destroy(b->program);
	harness_close(b->h);
	munmap(b->table, b->bytes);
	close(b->table_fd);
	free(b);
}

/* The same frame as the loopback device sees it: to us is to no address. The verdict does not
 * depend on the address itself. */
static void show_loopback(const struct bench *b, uint8_t port, struct frame *shown)
{
	if (b->hook == HOOK_TC &&
	    mac_equal((const struct mac *)shown->data, port == VRACK ? &vrack_mac : &vsphere_mac))
		memset(shown->data, 0, 6);
}

/* The program is told of which portgroup the device is, and finds it out by the short way, by the
 * long one, and by that because another device has the place. */
static void find_by_turns(struct bench *b, uint32_t index)
{
	struct offload_near *near = &b->program->bss->near[LOOPBACK % OFFLOAD_NEAR];
	const uint32_t found[] = {LOOPBACK, 0, LOOPBACK + OFFLOAD_NEAR}, wrong = 1 - index;
	unsigned turn = b->runs++ % 3;

	near->ifindex = found[turn];
	near->index = turn == 0 ? index : wrong;
	set_map(b->program->maps.links, LOOPBACK, turn == 0 ? &wrong : &index);
}

/* run() - show @frame to the program as one that arrived at @port; @out gets what it made of it.
 * Return: whether it forwarded it. */
static bool run(struct bench *b, uint8_t port, const struct frame *frame, struct frame *out)
{
	struct __sk_buff skb = {.ifindex = LOOPBACK, .gso_size = frame->offload.gso_size};
	struct xdp_md xdp = {.data_end = frame->len, .ingress_ifindex = LOOPBACK};
	uint32_t index = port, payload = frame->len - frame->offload.hdr_len;
	static struct frame shown;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_size_in = frame->len, .data_out = out->data,
		    .data_size_out = sizeof(out->data));
	const struct bpf_program *program = b->program->progs.pgw_forward;
	bool forwarded = true;

	if (b->hook == HOOK_XDP) {
		program = b->program->progs.pgw_forward_xdp;
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	} else {
		if (skb.gso_size)
			skb.gso_segs = (payload + skb.gso_size - 1) / skb.gso_size;
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	shown.len = frame->len;
	memcpy(shown.data, frame->data, frame->len);
	show_loopback(b, port, &shown);
	opts.data_in = shown.data;
	find_by_turns(b, index);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	out->len = opts.data_size_out;
	if ((int)opts.retval == (b->hook == HOOK_XDP ? XDP_PASS : TC_ACT_UNSPEC)) {
		assert_int_equal(out->len, shown.len);
		assert_memory_equal(out->data, shown.data, shown.len);
		forwarded = false;
	} else {
		assert_int_equal(opts.retval, b->hook == HOOK_XDP ? XDP_REDIRECT : TC_ACT_REDIRECT);
	}
	return forwarded;
}

static bool same_but_zero(const uint8_t *a, const uint8_t *b)
{
	uint16_t x, y;

	memcpy(&x, a, 2);
	memcpy(&y, b, 2);
	return x == y || ((x == 0 || x == 0xffff) && (y == 0 || y == 0xffff));
}

/* TCP's checksum has two zeros, and both are right; all else is the same byte for byte. */
static void assert_same_frame(struct frame *program, const struct frame *worker)
{
	assert_int_equal(program->len, worker->len);
	if (program->data[23] == IPPROTO_TCP &&
	    same_but_zero(program->data + 50, worker->data + 50))
		memcpy(program->data + 50, worker->data + 50, 2);
	assert_memory_equal(program->data, worker->data, worker->len);
}

/* @begin_tick: the clock before the program ran; the worker's stamp is that, if there is one */
static void assert_same_record(const struct flow *before, const struct flow *program,
			       const struct flow *worker, uint32_t begin_tick)
{
	struct flow a = *program, b = *worker;
	uint32_t passed = FLOW_TICK(monotonic_ns()) - begin_tick;

	if (b.seen_tick == begin_tick) {
		assert_in_range(a.seen_tick - begin_tick, 0, passed + CLOCK_LAG_TICK + 1);
		a.seen_tick = b.seen_tick = 0;
	}
	/* what the program has closed, the worker would have counted already */
	if (before->tcp_state != TCP_CLOSED && a.tcp_state == TCP_CLOSED) {
		assert_int_equal(a.untold, 1);
		a.untold = 0;
	}
	assert_memory_equal(&a, &b, sizeof(a));
}

static struct flow *flow_of(struct bench *b, const struct frame *frame, uint8_t port)
{
	struct flow_table *table = &b->h->worker->table;
	struct flow_tuple key;
	uint32_t ref;

	memcpy(&key, frame->data + 26, 8);
	memcpy(&key.sport, frame->data + 34, 4);
	ref = flow_find(table, &key, frame->data[23], port,
			flow_hash(table, &key, frame->data[23], port));
	return ref == FLOW_NONE ? NULL : &table->records[FLOW_REF_INDEX(ref)];
}

bool bench_compare(struct bench *b, uint8_t port, const struct frame *frame)
{
	static struct frame out, expected;
	uint8_t other = port == VRACK ? VSPHERE : VRACK;
	struct flow_header *header = b->table;
	struct flow *flow = flow_of(b, frame, port), before, after;
	uint32_t id = atomic_load(&header->ip_id), begin_tick;

	set_clock(b);
	begin_tick = FLOW_TICK(b->h->now_ns);
	if (flow)
		before = *flow;
	if (!run(b, port, frame, &out)) {
		if (flow)
			assert_memory_equal(flow, &before, sizeof(before));
		return false;
	}
	assert_non_null(flow);
	after = *flow;
	*flow = before;
	atomic_store(&header->ip_id, id);
	harness_send_frame(b->h, port, frame);
	expected.len = mem_port_pop(b->h->io[other], expected.data, sizeof(expected.data),
				    &expected.offload);
	if (!expected.len)
		fail_msg("the program forwarded what the worker did not");
	assert_same_frame(&out, &expected);
	assert_same_record(&before, &after, flow, begin_tick);
	harness_expect_nothing(b->h);
	return true;
}

bool bench_arrives(struct bench *b, uint8_t port, const struct frame *frame, struct frame *out)
{
	set_clock(b);
	if (run(b, port, frame, out))
		return true;
	harness_send_frame(b->h, port, frame);
	out->len = mem_port_pop(b->h->io[port == VRACK ? VSPHERE : VRACK], out->data,
				sizeof(out->data), &out->offload);
	return out->len;
}

void bench_talk(struct bench *b, struct talk *talk)
{
	struct probe answer;

	memset(talk, 0, sizeof(*talk));
	talk->tcp = (struct connection){.h = b->h, .port = 5000, .to = 443, .seq = {1000, 90000}};
	talk_connect(&talk->tcp);
	talk_tcp(&talk->tcp, 1, TCP_ACK, 10);
	talk->udp_external = talk_udp(b->h, CLIENT, 4000, VC, 53);
	answer = datagram(VC, 53, GW, talk->udp_external);
	assert_true(talk_passes(b->h, VSPHERE, &answer));
}

void bench_age(const struct connection *c, uint32_t ticks)
{
	const struct flow *flow = talk_flow(c);

	assert_non_null(flow);
	c->h->worker->table.records[flow - c->h->worker->table.records].seen_tick =
		FLOW_TICK(monotonic_ns()) - ticks;
}

bool bench_forwards(struct bench *b, uint8_t port, const struct probe *probe)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	bool result;

	assert_non_null(frame);
	harness_build(port, probe, frame);
	result = bench_compare(b, port, frame);
	talk_discard(b->h, VRACK);
	talk_discard(b->h, VSPHERE);
	free(frame);
	return result;
}

struct probe bench_datagram(uint16_t payload)
{
	return (struct probe){.src = CLIENT,
			      .sport = 4000,
			      .dst = VC,
			      .dport = 53,
			      .proto = IPPROTO_UDP,
			      .payload = payload};
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

bool bench_possible(void)
{
	struct forward_bpf *probe;

	libbpf_set_print(say_nothing);
	probe = forward_bpf__open_and_load();
	if (!probe && (errno == EPERM || errno == ENOSYS)) {
		puts("skipped: BPF programs are not permitted here");
		return false;
	}
	forward_bpf__destroy(probe);
	return true;
}
