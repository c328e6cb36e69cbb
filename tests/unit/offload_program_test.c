/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_program_test - the tc and the XDP program of datapath/offload, run by the kernel's
 * BPF_PROG_TEST_RUN on frames of the test's making, against what the worker makes of the same.
 *
 * Worker and program work on one flow table, a BPF map. A frame is shown to the program first. If
 * it leaves it alone, then the frame and the flow must be as they were. If it forwards it, then all
 * is put back, the worker gets the frame, and must send the same bytes and leave the same record.
 *
 * Needs root and BPF; exits with 77 (skipped) without.
 */
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
#include "tests/unit/talk.h"

#define SKIPPED	 77
#define CAPACITY 256u
#define LOOPBACK 1u /* the device that test runs come in on */
#define ROUNDS	 60000u
#define MTU	 1500u
/* The kernel's coarse clock may lag; the program adds as much to its stamps. */
#define CLOCK_LAG_TICK 10u

enum hook { HOOK_TC, HOOK_XDP };
static enum hook hooks[] = {HOOK_TC, HOOK_XDP};

struct bench {
	enum hook hook; /* the program under test */
	struct harness *h;
	struct forward_bpf *program;
	int table_fd;
	void *table;
	size_t bytes;
};

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

static void set_port(struct bench *b, uint32_t index, uint32_t mtu, bool up)
{
	const struct offload_port port = {.ifindex = 11 + index,
					  .mtu = mtu,
					  .mac = index == VRACK ? vrack_mac : vsphere_mac,
					  .up = up,
					  .takes_xdp = true};

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

/* @state: of the test, its hook */
static struct bench *bench_open(void **state)
{
	const struct offload_settings settings = {.timeout_tick_tcp = 7000000,
						  .timeout_tick_udp = 280000,
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
	set_port(b, VRACK, MTU, true);
	set_port(b, VSPHERE, MTU, true);
	return b;
}

static void bench_close(struct bench *b)
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

/* run() - show @frame to the program as one that arrived at @port; @out gets what it made of it.
 * Return: whether it forwarded it. */
static bool run(struct bench *b, uint8_t port, const struct frame *frame, struct frame *out)
{
	struct __sk_buff skb = {.ifindex = LOOPBACK, .gso_size = frame->offload.gso_size};
	struct xdp_md xdp = {.data_end = frame->len, .ingress_ifindex = LOOPBACK};
	uint32_t index = port, payload = frame->len - frame->offload.hdr_len;
	struct frame *shown = calloc(1, sizeof(*shown));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_size_in = frame->len, .data_out = out->data,
		    .data_size_out = sizeof(out->data));
	const struct bpf_program *program = b->program->progs.pgw_forward;
	bool forwarded = true;

	assert_non_null(shown);
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
	*shown = *frame;
	show_loopback(b, port, shown);
	opts.data_in = shown->data;
	set_map(b->program->maps.links, LOOPBACK, &index);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	out->len = opts.data_size_out;
	if ((int)opts.retval == (b->hook == HOOK_XDP ? XDP_PASS : TC_ACT_UNSPEC)) {
		assert_int_equal(out->len, shown->len);
		assert_memory_equal(out->data, shown->data, shown->len);
		forwarded = false;
	} else {
		assert_int_equal(opts.retval, b->hook == HOOK_XDP ? XDP_REDIRECT : TC_ACT_REDIRECT);
	}
	free(shown);
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

/* @begin_tick: the clock before the program ran; the worker's stamp is that */
static void assert_same_record(const struct flow *program, const struct flow *worker,
			       uint32_t begin_tick)
{
	struct flow a = *program, b = *worker;
	uint32_t passed = FLOW_TICK(monotonic_ns()) - begin_tick;

	assert_in_range(a.seen_tick - begin_tick, 0, passed + CLOCK_LAG_TICK + 1);
	a.seen_tick = b.seen_tick = 0;
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

/* compare() - the property. Return: whether the program forwarded @frame. */
static bool compare(struct bench *b, uint8_t port, const struct frame *frame)
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
	assert_same_record(&after, flow, begin_tick);
	harness_expect_nothing(b->h);
	return true;
}

/* A frame of every kind of flow that the harness's configuration makes. */
struct talk {
	struct connection tcp; /* through the pool */
	uint16_t udp_external; /* of CLIENT:4000 to VC:53 */
};

static void talk_begin(struct bench *b, struct talk *talk)
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

static bool forwarded(struct bench *b, uint8_t port, const struct probe *probe)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	bool result;

	assert_non_null(frame);
	harness_build(port, probe, frame);
	result = compare(b, port, frame);
	talk_discard(b->h, VRACK);
	talk_discard(b->h, VSPHERE);
	free(frame);
	return result;
}

static struct probe out_of(const struct talk *talk, uint16_t payload)
{
	(void)talk;
	return (struct probe){.src = CLIENT,
			      .sport = 4000,
			      .dst = VC,
			      .dport = 53,
			      .proto = IPPROTO_UDP,
			      .payload = payload};
}

static void test_plain(void **state)
{
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	p = out_of(&talk, 100);
	assert_true(forwarded(b, VRACK, &p));
	p.id = 77; /* may be fragmented: gets an identification of ours */
	assert_true(forwarded(b, VRACK, &p));
	p.fragment = IP_DF;
	assert_true(forwarded(b, VRACK, &p));
	p.no_checksum = true;
	assert_true(forwarded(b, VRACK, &p));
	p = datagram(VC, 53, GW, talk.udp_external);
	assert_true(forwarded(b, VSPHERE, &p));
	for (unsigned side = 0; side < 2; side++) {
		p = talk_segment(&talk.tcp, side, TCP_ACK, 300);
		assert_true(forwarded(b, side ? VSPHERE : VRACK, &p));
		talk.tcp.seq[side] += 300;
	}
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 2800);
	p.gso_size = 1400;
	assert_int_equal(forwarded(b, VRACK, &p), b->hook == HOOK_TC);
	bench_close(b);
}

/* What must go up to user space. */
static void test_left_alone(void **state)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST,
					TCP_RST | TCP_ACK};
	static const struct mac elsewhere = {{2, 0, 0, 0, 9, 9}};
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	for (unsigned i = 0; i < sizeof(flags); i++) {
		p = talk_segment(&talk.tcp, 0, flags[i], 0);
		assert_false(forwarded(b, VRACK, &p));
	}
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	p.seq += 1u << 30; /* outside the window */
	assert_false(forwarded(b, VRACK, &p));
	p = out_of(&talk, 100);
	p.ttl = 1;
	assert_false(forwarded(b, VRACK, &p));
	p = out_of(&talk, 1473); /* 1501 bytes */
	p.fragment = IP_DF;
	assert_false(forwarded(b, VRACK, &p));
	p = out_of(&talk, 96);
	p.fragment = IP_MF;
	assert_false(forwarded(b, VRACK, &p));
	p = out_of(&talk, 100);
	p.from_mac = &elsewhere; /* the client's router has changed */
	assert_false(forwarded(b, VRACK, &p));
	p = datagram(CLIENT, 4001, VC, 53); /* no flow */
	assert_false(forwarded(b, VRACK, &p));
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 2800);
	p.gso_size = 1461;
	assert_false(forwarded(b, VRACK, &p));
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	assert_true(forwarded(b, VRACK, &p));
	for (unsigned side = 0; side < 2; side++) { /* a virtual MAC on either side */
		struct flow *flow = (struct flow *)(uintptr_t)talk_flow(&talk.tcp);

		flow->vmac[side] = 1;
		assert_false(forwarded(b, VRACK, &p));
		flow->vmac[side] = 0;
	}
	p = out_of(&talk, 100);
	set_port(b, VSPHERE, MTU, false);
	assert_false(forwarded(b, VRACK, &p));
	set_port(b, VSPHERE, 127, true);
	assert_false(forwarded(b, VRACK, &p));
	set_port(b, VSPHERE, 128, true);
	assert_true(forwarded(b, VRACK, &p));
	bench_close(b);
}

/* The first answer is user space's to see: the session is "replied" from then on. */
static void test_first_answer(void **state)
{
	struct bench *b = bench_open(state);
	uint16_t external = talk_udp(b->h, CLIENT, 4000, VC, 53);
	struct probe answer = datagram(VC, 53, GW, external);

	assert_false(forwarded(b, VSPHERE, &answer));
	assert_true(talk_passes(b->h, VSPHERE, &answer));
	assert_true(forwarded(b, VSPHERE, &answer));
	bench_close(b);
}

/* No packet is forwarded for a flow that has ended, by whatever way. */
static void test_ended(void **state)
{
	static const char deny[] =
		"portgroup add vrack dev eth1 realm private\n"
		"portgroup add vsphere dev eth2 realm vsphere\n"
		"address add 172.16.0.1/24 portgroup vrack\n"
		"address add 10.10.0.2/24 portgroup vsphere\n"
		"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
		"nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
		"allow add 172.16.0.0/24\n";
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 10);
	assert_true(forwarded(b, VRACK, &p));
	harness_configure(b->h, deny);
	assert_false(forwarded(b, VRACK, &p));
	p = out_of(&talk, 10);
	assert_false(forwarded(b, VRACK, &p));
	bench_close(b);
}

/* A connection in which a FIN has passed is user space's. */
static void test_closing(void **state)
{
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	talk_tcp(&talk.tcp, 0, TCP_FIN | TCP_ACK, 0);
	p = talk_segment(&talk.tcp, 1, TCP_ACK, 10);
	assert_false(forwarded(b, VSPHERE, &p));
	bench_close(b);
}

/* The next hop has moved: nothing goes to where it was. */
static void test_neighbour_moved(void **state)
{
	static const struct mac elsewhere = {{2, 0, 0, 0, 9, 9}};
	struct bench *b = bench_open(state);
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	p = out_of(&talk, 10);
	assert_true(forwarded(b, VRACK, &p));
	harness_neighbour(b->h, VSPHERE, VC, &elsewhere, NUD_REACHABLE);
	harness_advance(b->h, 0);
	assert_false(forwarded(b, VRACK, &p));
	harness_send(b->h, VRACK, &p);
	harness_expect(b->h, VSPHERE, &(struct probe){.from_mac = &elsewhere}, NULL);
	assert_true(forwarded(b, VRACK, &p));
	bench_close(b);
}

/* A frame padded to the least that Ethernet carries comes out as the worker would send it. */
static void test_padding(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct talk talk;
	struct probe p;

	assert_non_null(frame);
	talk_begin(b, &talk);
	p = talk_segment(&talk.tcp, 0, TCP_ACK, 0);
	harness_build(VRACK, &p, frame);
	assert_int_equal(frame->len, 54);
	memset(frame->data + frame->len, 0, 6);
	frame->len = 60;
	assert_true(compare(b, VRACK, frame));
	free(frame);
	bench_close(b);
}

/* A sender on this host may leave the checksum to hardware that is not there: what stands in its
 * place is the pseudo-header's sum. The XDP program must not take it for a checksum. */
static void test_partial_checksum(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	struct talk talk;
	struct probe p[2];

	assert_non_null(frame);
	talk_begin(b, &talk);
	p[0] = talk_segment(&talk.tcp, 0, TCP_ACK, 100);
	p[1] = out_of(&talk, 100);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *check;
		uint64_t sum;
		uint16_t partial;

		harness_build(VRACK, &p[i], frame);
		check = frame->data + (i ? 40 : 50);
		memcpy(&partial, check, 2);
		assert_int_not_equal(partial, 0);
		sum = checksum_pseudo(inet_addr(CLIENT), inet_addr(VC), p[i].proto,
				      (uint16_t)(frame->len - 34));
		partial = checksum_fold(sum);
		memcpy(check, &partial, 2);
		if (b->hook == HOOK_XDP)
			assert_false(compare(b, VRACK, frame));
		harness_build(VRACK, &p[i], frame);
		assert_true(compare(b, VRACK, frame));
		talk_discard(b->h, VSPHERE);
	}
	free(frame);
	bench_close(b);
}

/* Where the way out does not take frames from XDP they are left to tc. */
static void test_way_out(void **state)
{
	struct bench *b = bench_open(state);
	struct offload_port port = {
		.ifindex = 11 + VSPHERE, .mtu = MTU, .mac = vsphere_mac, .up = true};
	struct talk talk;
	struct probe p;

	talk_begin(b, &talk);
	p = out_of(&talk, 100);
	assert_true(forwarded(b, VRACK, &p));
	set_map(b->program->maps.ports, VSPHERE, &port);
	assert_int_equal(forwarded(b, VRACK, &p), b->hook == HOOK_TC);
	bench_close(b);
}

static uint32_t pick(struct bench *b, uint32_t n)
{
	b->h->seed ^= b->h->seed >> 12;
	b->h->seed ^= b->h->seed << 25;
	b->h->seed ^= b->h->seed >> 27;
	return (uint32_t)((b->h->seed * 0x2545f4914f6cdd1dull >> 33) % n);
}

static void random_segment(struct bench *b, struct talk *talk, struct probe *p, uint8_t *port)
{
	static const uint8_t odd[] = {0,    TCP_SYN, TCP_FIN | TCP_ACK, TCP_RST, 0x10 | 0x20,
				      0x18, 0xff};
	unsigned side = pick(b, 2);
	uint8_t flags = pick(b, 12) ? TCP_ACK | (pick(b, 2) ? 8 : 0) : odd[pick(b, sizeof(odd))];

	/* these would end the connection for all rounds to come */
	if (flags & (TCP_FIN | TCP_RST) && pick(b, 40))
		flags = TCP_ACK;
	*p = talk_segment(&talk->tcp, side, flags, (uint16_t)pick(b, 1500));
	p->window = (uint16_t)pick(b, 65536);
	if (!pick(b, 4))
		p->seq += pick(b, 200000) - 100000;
	if (!pick(b, 4))
		p->ack += pick(b, 200000) - 100000;
	if (b->hook == HOOK_TC && !pick(b, 6)) /* XDP meets single frames only */
		p->gso_size = (uint16_t)(1 + pick(b, 1600));
	*port = side ? VSPHERE : VRACK;
}

static void random_datagram(struct bench *b, struct talk *talk, struct probe *p, uint8_t *port)
{
	*port = (uint8_t)pick(b, 2);
	*p = *port == VRACK ? out_of(talk, (uint16_t)pick(b, 1600))
			    : datagram(VC, 53, GW, talk->udp_external);
	if (*port == VSPHERE)
		p->payload = (uint16_t)pick(b, 1600);
	p->no_checksum = !pick(b, 4);
}

/* Whatever else can be wrong with a frame: bytes of its headers, its length. */
static void damage(struct bench *b, struct frame *frame)
{
	if (!pick(b, 4))
		frame->data[pick(b, 54)] = (uint8_t)pick(b, 256);
	if (!pick(b, 6) && frame->len < 3000) {
		uint32_t more = pick(b, 40);

		memset(frame->data + frame->len, 0xa5, more);
		frame->len += more;
	}
	if (!pick(b, 12))
		frame->len = 14 + pick(b, frame->len - 13);
}

/* Make the header's checksum right again, so that the field that was changed is what is judged. */
static void mend(struct frame *frame)
{
	struct ip_header *ip_header = (struct ip_header *)(frame->data + ETHERNET_BYTES);

	if (frame->len < 34)
		return;
	ip_header->check = 0;
	ip_header->check = (uint16_t)~checksum_fold(checksum_add(0, ip_header, 20));
}

static void test_random(void **state)
{
	struct bench *b = bench_open(state);
	struct frame *frame = calloc(1, sizeof(*frame));
	unsigned done = 0;
	struct talk talk;

	assert_non_null(frame);
	talk_begin(b, &talk);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct probe p;
		uint8_t port;

		if (pick(b, 2))
			random_segment(b, &talk, &p, &port);
		else
			random_datagram(b, &talk, &p, &port);
		if (!pick(b, 3))
			p.fragment = IP_DF;
		else if (!pick(b, 10))
			p.fragment = (uint16_t)(pick(b, 2) ? IP_MF : pick(b, 0x2000));
		p.id = (uint16_t)pick(b, 65536);
		p.ttl = (uint8_t)(pick(b, 8) ? 64 : 1 + pick(b, 3));
		harness_build(port, &p, frame);
		if (!pick(b, 3)) {
			damage(b, frame);
			if (pick(b, 2))
				mend(frame);
		}
		/* what a test run takes: a whole IP header, and no more than a page */
		if (frame->len < 34 || frame->len > 3000)
			continue;
		done += compare(b, port, frame);
		talk_discard(b->h, VRACK);
		talk_discard(b->h, VSPHERE);
		if (!talk_flow(&talk.tcp) || talk_flow(&talk.tcp)->tcp_state != TCP_ESTABLISHED) {
			bench_close(b);
			b = bench_open(state);
			b->h->seed += i;
			talk_begin(b, &talk);
		}
	}
	print_message("%u of %u frames were forwarded by the program\n", done, ROUNDS);
	assert_true(done > ROUNDS / 10);
	free(frame);
	bench_close(b);
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Each test for each of the two programs. */
#define BOTH(name)                                                                                 \
	cmocka_unit_test_prestate(test_##name, &hooks[HOOK_TC]),                                   \
	{                                                                                          \
		"test_" #name "_xdp", test_##name, NULL, NULL, &hooks[HOOK_XDP]                    \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(plain),   BOTH(left_alone),      BOTH(first_answer), BOTH(ended),
		BOTH(closing), BOTH(neighbour_moved), BOTH(padding),	  BOTH(partial_checksum),
		BOTH(way_out), BOTH(random),
	};
	struct forward_bpf *probe;

	libbpf_set_print(say_nothing);
	probe = forward_bpf__open_and_load();
	if (!probe && (errno == EPERM || errno == ENOSYS)) {
		puts("skipped: BPF programs are not permitted here");
		return SKIPPED;
	}
	forward_bpf__destroy(probe);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
