/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "load.skel.h"
#include "tools/bench/child.h"
#include "tools/bench/frame.h"
#include "tools/bench/ingress.h"
#include "tools/bench/sockets.h"
#include "tools/bench/verify.h"

#define REPEAT	     (1u << 22) /* frames per call: a call begins with milliseconds of set-up */
#define FLOOD_BATCH  128u	/* frames without a pause, of 256 that a veth's queue holds */
#define SETTLE_NS    20000000u
#define SETTLE_TRIES 250
#define ALONE_NS     300000000u
#define WARM_UP_NS   50000000u
#define WARM_UP_MS   5000

struct traffic {
	struct load_bpf *program;
	volatile struct load *load;
	volatile struct sink *sink;
	pid_t pid;
	const char *device; /* where the generator sends */
	uint32_t frame_bytes;
	atomic_int ended; /* -errno */
};

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE); /* both maps have one small element */
}

static void *mapped(const struct bpf_map *map)
{
	void *memory =
		mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct attach {
	const struct load_bpf *program;
	bool by_xdp;
};

/* attach_main() - in the server's namespace: the sink at its ingress. Return: 0 or errno. */
static int attach_main(void *arg)
{
	const struct attach *attach = arg;
	int fd = bpf_program__fd(attach->program->progs.count_tc);

	if (!attach->by_xdp)
		return -ingress_attach(SERVER_DEV, fd);
	fd = bpf_program__fd(attach->program->progs.count_xdp);
	return -bpf_xdp_attach((int)if_nametoindex(SERVER_DEV), fd, XDP_FLAGS_DRV_MODE, NULL);
}

static int attach(struct run *run, const struct traffic *traffic)
{
	struct attach attach = {traffic->program, run->variant->frames};
	pid_t pid = child_start((struct place){run->topology.server, -1}, attach_main, &attach);
	int status = pid < 0 ? pid : child_wait(pid, COMMAND_TIMEOUT_MS);

	if (status == 0)
		return 0;
	return run_fail(run, "cannot attach the sink: %s", strerror(abs(status)));
}

static void promise(struct traffic *traffic, const struct variant *variant)
{
	volatile struct sink *sink = traffic->sink;

	sink->source_first[0] = sink->source_last[0] = ntohl(inet_addr(verify_source(variant)));
	sink->source_first[1] = variant->translates ? ntohl(inet_addr(POOL_FIRST))
						    : ntohl(inet_addr(CLIENTS_FIRST));
	sink->source_last[1] =
		variant->translates ? ntohl(inet_addr(POOL_LAST)) : ntohl(inet_addr(CLIENTS_LAST));
}

struct traffic *traffic_open(struct run *run)
{
	struct traffic *traffic = shared(sizeof(*traffic));

	if (!traffic) {
		run_fail(run, "no memory");
		return NULL;
	}
	libbpf_set_print(quiet);
	traffic->program = load_bpf__open_and_load();
	if (!traffic->program) {
		run_fail(run, "cannot load the generator: %s; root and BPF are needed",
			 strerror(errno));
		goto fail;
	}
	traffic->load = mapped(traffic->program->maps.load);
	traffic->sink = mapped(traffic->program->maps.sink);
	if (!traffic->load || !traffic->sink) {
		run_fail(run, "cannot map the generator's memory: %s", strerror(errno));
		goto fail;
	}
	promise(traffic, run->variant);
	if (attach(run, traffic) == 0)
		return traffic;
fail:
	traffic_close(traffic);
	return NULL;
}

void traffic_stop(struct traffic *traffic)
{
	child_end(traffic->pid);
	traffic->pid = 0;
}

void traffic_close(struct traffic *traffic)
{
	if (!traffic)
		return;
	traffic_stop(traffic);
	if (traffic->program) {
		if (traffic->load)
			munmap((void *)traffic->load, page_bytes());
		if (traffic->sink)
			munmap((void *)traffic->sink, page_bytes());
		load_bpf__destroy(traffic->program);
	}
	unshared(traffic, sizeof(*traffic));
}

static int generator_main(void *arg)
{
	struct traffic *traffic = arg;
	uint8_t frame[LOAD_LARGE_BYTES] = {0};
	union bpf_attr attr;

	traffic->load->ifindex = if_nametoindex(traffic->device);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)bpf_program__fd(traffic->program->progs.generate);
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in =
		traffic->frame_bytes == LOAD_IMIX ? LOAD_LARGE_BYTES : traffic->frame_bytes;
	attr.test.repeat = REPEAT;
	attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	/* Without pauses the sink's turn comes only between two batches. Fewer, larger ones leave
	 * more of the core; a whole queue's worth would overflow the sink's. */
	if (!traffic->load->rate_pps && !traffic->load->window)
		attr.test.batch_size = FLOOD_BATCH;
	while (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) >= 0)
		;
	atomic_store(&traffic->ended, -errno);
	return 1;
}

struct load traffic_load(const struct traffic_plan *plan)
{
	struct frame_spec spec = {.sport = 0};
	struct load load = {
		.rate_pps = plan->rate_pps,
		.burst = plan->burst ? plan->burst : 1,
		.window = plan->window,
		.limit = plan->count,
		.first = (uint32_t)plan->first,
		.flows = (uint32_t)plan->flows,
		.step = plan->flows ? (uint32_t)(LOAD_SCATTER % plan->flows) : 0,
		.ports = plan->ports ? (uint32_t)plan->ports : TRAFFIC_HOST_PORTS,
		.frame_bytes = plan->frame_bytes,
		.stream = plan->stream,
	};

	frame_addresses(&spec);
	load.daddr_be = spec.dst;
	memcpy(load.ethernet, spec.destination.b, 6);
	memcpy(load.ethernet + 6, spec.source.b, 6);
	load.ethernet[12] = ETHERTYPE_IP >> 8;
	return load;
}

static int start_on(struct run *run, struct traffic *traffic, const struct traffic_plan *plan,
		    int netns, const char *device)
{
	struct load load = traffic_load(plan);

	traffic_stop(traffic);
	load.good_first = traffic->sink->good[plan->stream];
	*traffic->load = load;
	traffic->frame_bytes = plan->frame_bytes;
	traffic->device = device;
	atomic_store(&traffic->ended, 0);
	traffic->pid = child_start(
		(struct place){netns, run->options->split ? run->options->load_cpu : -1},
		generator_main, traffic);
	if (traffic->pid > 0)
		return 0;
	return run_fail(run, "cannot start the generator: %s", strerror(-traffic->pid));
}

int traffic_start(struct run *run, struct traffic *traffic, const struct traffic_plan *plan)
{
	return start_on(run, traffic, plan, run->topology.client, CLIENT_DEV);
}

int traffic_check(struct run *run, const struct traffic *traffic)
{
	int ended = atomic_load(&traffic->ended);

	if (!ended)
		return 0;
	return run_fail(run, "the generator ended: %s; a kernel of 5.18 or later is expected",
			strerror(-ended));
}

static bool has_begun(const void *arg)
{
	const struct traffic *traffic = arg;

	return traffic_sent(traffic) != 0 || atomic_load(&traffic->ended);
}

static bool is_sent(const void *arg)
{
	const struct traffic *traffic = arg;

	return traffic_sent(traffic) >= traffic->load->limit || atomic_load(&traffic->ended);
}

int traffic_send(struct run *run, struct traffic *traffic, const struct traffic_plan *plan)
{
	uint64_t ms = plan->rate_pps ? plan->count * 1000 / plan->rate_pps : plan->count / 20;
	bool sent;

	if (traffic_start(run, traffic, plan))
		return -1;
	/* Not the time, but the program decides when it ends; this is the bound of a wait. */
	sent = wait_until(is_sent, traffic, (unsigned)(3 * ms) + WARM_UP_MS);
	traffic_stop(traffic);
	if (traffic_check(run, traffic))
		return -1;
	return sent ? 0
		    : run_fail(run, "the generator sent only %llu of %llu frames",
			       (unsigned long long)traffic_sent(traffic),
			       (unsigned long long)plan->count);
}

uint64_t traffic_sent(const struct traffic *traffic)
{
	return traffic->load->sent;
}

uint64_t traffic_missed(const struct traffic *traffic)
{
	return traffic->load->missed;
}

uint64_t traffic_ns(const struct traffic *traffic)
{
	uint64_t begin = traffic->load->begin_ns;

	return begin ? traffic->load->end_ns - begin : 0;
}

uint64_t sink_count(const struct traffic *traffic, uint32_t stream)
{
	return traffic->sink->good[stream];
}

int sink_check(struct run *run, const struct traffic *traffic)
{
	uint64_t foreign = traffic->sink->foreign;

	if (!foreign)
		return 0;
	return run_fail(run, "%llu packets showed a source that %s does not promise",
			(unsigned long long)foreign, run->variant->name);
}

void sink_watch(struct traffic *traffic)
{
	traffic->sink->watched = 0;
	for (unsigned i = 0; i < LOAD_STREAMS; i++)
		traffic->sink->gap_ns[i] = traffic->sink->last_ns[i] = 0;
	traffic->sink->watched = 1;
}

double sink_gap_ms(const struct traffic *traffic, uint32_t stream)
{
	uint64_t gap = traffic->sink->gap_ns[stream], last = traffic->sink->last_ns[stream];
	uint64_t now = now_ns(), open = last && now > last ? now - last : 0;

	return (double)(open > gap ? open : gap) / 1e6;
}

static uint64_t sink_all(const struct traffic *traffic)
{
	uint64_t all = traffic->sink->foreign;

	for (unsigned i = 0; i < LOAD_STREAMS; i++)
		all += traffic->sink->good[i];
	return all;
}

/* settle() - Return: whether no more came before SETTLE_TRIES ended */
static bool settle(const struct traffic *traffic)
{
	uint64_t last = UINT64_MAX;

	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		uint64_t now = sink_all(traffic);

		if (now == last)
			return true;
		last = now;
		if (!wait_ns(SETTLE_NS))
			return false;
	}
	return false;
}

int sink_settle(struct run *run, const struct traffic *traffic)
{
	if (settle(traffic))
		return sink_check(run, traffic);
	return run_fail(run, interrupted() ? "interrupted"
					   : "packets still arrive 5 s after the last was sent");
}

double traffic_alone(struct run *run, struct traffic *traffic, uint32_t frame_bytes)
{
	const struct traffic_plan plan = {
		.frame_bytes = frame_bytes, .flows = 64, .ports = 64, .stream = LOAD_STREAMS - 1};
	uint64_t foreign = traffic->sink->foreign, first, begin;
	double rate;

	if (sink_settle(run, traffic) ||
	    start_on(run, traffic, &plan, run->topology.gateway, GATEWAY_S_DEV) ||
	    !wait_until(has_begun, traffic, WARM_UP_MS) || !wait_ns(WARM_UP_NS))
		return NAN;
	first = sink_all(traffic);
	begin = now_ns();
	if (!wait_ns(ALONE_NS))
		return NAN;
	rate = (double)(sink_all(traffic) - first) * 1e9 / (double)(now_ns() - begin);
	traffic_stop(traffic);
	if (traffic_check(run, traffic))
		return NAN;
	settle(traffic);
	traffic->sink->foreign = foreign; /* these were meant to be untranslated */
	return rate;
}
