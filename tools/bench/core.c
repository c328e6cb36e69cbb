/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core - the datapath in memory: what a packet costs without any I/O.
 *
 * A port of our own lends prepared frames and swallows what is sent, without copying. Bursts
 * are prepared outside of the measured time and lie in the cache, as frames do that a driver
 * has just delivered; the flow table does not: flows follow one another in a scattered order.
 * The first pass makes the sessions, later ones are established traffic. Names and
 * scales are CSIT's: hosts times 63 ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/config/model.h"
#include "control/netlink/hugepages.h"
#include "datapath/base/huge.h"
#include "datapath/flow/table.h"
#include "datapath/worker/worker.h"
#include "tools/bench/child.h"
#include "tools/bench/core.h"

#define HOST_PORTS    63u
#define CORE_SERVER   "10.10.0.10"
#define CORE_DPORT    9000
#define CORE_NEXT_HOP "172.16.0.254" /* the clients' router */
#define CORE_POOL     32u
#define FRAME_ROOM    128u
#define PACKETS_MIN   2000000u
#define CLOCK_ROUNDS  100000u
#define PIECE	      (IO_BURST * 64)

/* Ports 16384 to 65535 of CORE_POOL addresses: 1,572,864 mappings. */
static const char configuration[] =
	"portgroup add vrack dev bench0 realm private\n"
	"portgroup add vsphere dev bench1 realm vsphere\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"route add 10.128.0.0/9 via " CORE_NEXT_HOP "\n"
	"nat add 10 from 10.128.0.0/9 to 10.10.0.0/24 pool default\n"
	"allow add 10.128.0.0/9\n"
	"pool add default ports 16384-65535 mapping-type eim filtering-type edf"
	" external-ip-address ";

struct bench_port {
	struct io_port port; /* first: see io.h */
	uint8_t (*frames)[FRAME_ROOM];
	unsigned ready; /* frames to lend */
	uint64_t sent;
};

static unsigned bench_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	struct bench_port *bench = (struct bench_port *)(void *)port;
	unsigned n = bench->ready < max ? bench->ready : max;

	for (unsigned i = 0; i < n; i++)
		frames[i] = (struct io_frame){.data = bench->frames[i],
					      .len = FRAME_SMALL_BYTES,
					      .wire_len = FRAME_SMALL_BYTES};
	bench->ready = 0;
	return n;
}

static void bench_rx_release(struct io_port *port)
{
	(void)port;
}

static void bench_tx(struct io_port *port, const struct io_send *send)
{
	struct bench_port *bench = (struct bench_port *)(void *)port;

	(void)send;
	bench->sent++;
}

static void bench_tx_flush(struct io_port *port)
{
	(void)port;
}

static int bench_fd(const struct io_port *port)
{
	(void)port;
	return -1;
}

static uint64_t bench_lost(struct io_port *port)
{
	(void)port;
	return 0;
}

static void bench_close(struct io_port *port)
{
	struct bench_port *bench = (struct bench_port *)(void *)port;

	free(bench->frames);
	free(bench);
}

static const struct io_ops bench_ops = {
	.name = "bench",
	.rx = bench_rx,
	.rx_release = bench_rx_release,
	.tx = bench_tx,
	.tx_flush = bench_tx_flush,
	.fd = bench_fd,
	.lost = bench_lost,
	.close = bench_close,
};

struct core {
	struct worker *worker;
	struct worker_counters *counters;
	struct bench_port *port[2];
	void *block; /* snapshot */
	void *table;
	size_t table_bytes;
	uint32_t flows, ports; /* ports of each host */
	uint8_t template[FRAME_SMALL_BYTES];
	double clock_ns; /* what taking the time costs */
};

static void core_resolve(void *context, uint32_t ifindex, be32 addr)
{
	(void)context;
	(void)ifindex;
	(void)addr;
}

static void core_random(void *context, void *buffer, size_t bytes)
{
	(void)context;
	if (getrandom(buffer, bytes, 0) != (ssize_t)bytes)
		memset(buffer, 0x5a, bytes);
}

void core_close(struct core *core)
{
	if (!core)
		return;
	if (core->worker)
		worker_destroy(core->worker);
	if (core->table)
		munmap(core->table, core->table_bytes);
	free(core->block);
	free(core->counters);
	free(core);
}

static int core_add_port(struct core *core, uint8_t index)
{
	struct worker_link link = {.ifindex = index + 1u, .mtu = CORE_MTU, .up = true};
	struct bench_port *port = calloc(1, sizeof(*port));

	if (!port)
		return -ENOMEM;
	port->frames = calloc(IO_BURST, sizeof(*port->frames));
	if (!port->frames) {
		free(port);
		return -ENOMEM;
	}
	port->port.ops = &bench_ops;
	port->port.counters = worker_counters_of(core->worker, index);
	link.mac.b[0] = 2;
	link.mac.b[5] = (uint8_t)(index + 1);
	core->port[index] = port;
	worker_port(core->worker, index, &link, &port->port);
	return 0;
}

static void configuration_text(char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", configuration);

	for (unsigned i = 0; i < CORE_POOL && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "10.10.0.%u%c", 64 + i,
					 i + 1 < CORE_POOL ? ',' : '\n');
}

/* core_configure() - compile the configuration and give it to the worker */
static int core_configure(struct run *run, struct core *core)
{
	struct config config;
	struct config_error error;
	struct config_runtime runtime = {.revision = 1};
	const uint16_t pool_index = 0;
	struct snapshot snapshot;
	const char *wrong;
	size_t bytes = 0;
	char text[2048];

	configuration_text(text, sizeof(text));
	config_init(&config);
	if (config_parse(&config, text, strlen(text), &error) || config_check(&config, &error)) {
		config_free(&config);
		return run_fail(run, "the configuration, line %u: %s", error.line, error.text);
	}
	runtime.portgroup[0].index = CORE_CLIENTS;
	runtime.portgroup[0].ifindex = 1;
	runtime.portgroup[1].index = CORE_SERVERS;
	runtime.portgroup[1].ifindex = 2;
	runtime.pool_index = &pool_index;
	core->block = config_compile(&config, &runtime, &bytes);
	config_free(&config);
	if (!core->block)
		return run_fail(run, "no memory");
	wrong = snapshot_open(&snapshot, core->block, bytes);
	if (wrong)
		return run_fail(run, "the snapshot: %s", wrong);
	worker_snapshot(core->worker, &snapshot, now_ns());
	return 0;
}

static void core_neighbour(struct core *core, uint8_t index, const char *addr)
{
	struct mac mac = {{2, 0, 0, 0, 1, index}};

	worker_neighbour(core->worker, index + 1u, inet_addr(addr), &mac, NUD_PERMANENT, now_ns());
}

static uint32_t capacity(uint32_t hosts, uint32_t ports)
{
	return 2 * hosts * ports;
}

size_t core_table_bytes(uint32_t hosts, uint32_t ports)
{
	return flow_table_bytes(capacity(hosts, ports));
}

/* huge_share() - how much of what this process has of its mapping at @memory is in huge pages, in
 * per cent; NAN: not known. */
static double huge_share(const void *memory)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	size_t huge = 0, all = 0;
	bool here = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		uintmax_t first, last;

		if (sscanf(line, "%jx-%jx ", &first, &last) == 2)
			here = first == (uintptr_t)memory;
		else if (here && sscanf(line, "Rss: %zu kB", &all) != 1)
			(void)sscanf(line, "ShmemPmdMapped: %zu kB", &huge);
	}
	if (file)
		(void)fclose(file);
	return all ? 100.0 * (double)huge / (double)all : NAN;
}

/* core_map() - as pgwd makes the table's memory and pgw-datapath maps it */
static int core_map(struct core *core, uint32_t flows, int table_fd)
{
	int fd = table_fd;

	core->table_bytes = flow_table_bytes(flows);
	if (table_fd < 0) {
		fd = memfd_create("pgw-bench", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, (off_t)core->table_bytes))
			goto failed;
	}
	core->table = huge_map(core->table_bytes, PROT_READ | PROT_WRITE, fd);
	if (core->table == MAP_FAILED)
		goto failed;
	if (table_fd < 0) {
		huge_fill(core->table, core->table_bytes);
		close(fd);
	}
	return 0;

failed:
	core->table = NULL;
	if (table_fd < 0 && fd >= 0)
		close(fd);
	return -1;
}

static int core_create(struct run *run, struct core *core, uint32_t flows, int table_fd)
{
	struct worker_options options = {.resolve = core_resolve, .random = core_random};
	uint8_t key[32];
	int64_t adopted;

	core->counters = calloc(1, sizeof(*core->counters));
	options.counters = core->counters;
	if (!core->counters || worker_create(&core->worker, &options) ||
	    core_add_port(core, CORE_CLIENTS) || core_add_port(core, CORE_SERVERS))
		return run_fail(run, "no memory");
	if (core_configure(run, core))
		return -1;
	if (core_map(core, flows, table_fd))
		return run_fail(run, "no memory for %u flows: %s", flows, strerror(errno));
	core_random(NULL, key, sizeof(key));
	flow_table_format(core->table, flows, key, 0);
	adopted = worker_attach_table(core->worker, core->table, core->table_bytes, now_ns());
	if (adopted < 0)
		return run_fail(run, "the flow table: %s", strerror((int)-adopted));
	core_neighbour(core, CORE_CLIENTS, CORE_NEXT_HOP);
	core_neighbour(core, CORE_SERVERS, CORE_SERVER);
	return 0;
}

/* core_prepare() - frames of the flows @first and following, in an order that jumps about */
static unsigned core_prepare(struct core *core, uint64_t first, uint64_t last)
{
	struct bench_port *port = core->port[CORE_CLIENTS];
	unsigned n = 0;

	for (; n < IO_BURST && first + n < last; n++) {
		/* 2654435761 is a prime beyond any number of flows: each occurs once a pass. */
		uint32_t flow = (uint32_t)((first + n) * 2654435761u % core->flows);

		/* The datapath has changed the frame that lay here before. */
		memcpy(port->frames[n], core->template, FRAME_SMALL_BYTES);
		frame_rewrite(port->frames[n], htonl(CORE_HOST_FIRST + flow / core->ports),
			      (uint16_t)(CORE_PORT_FIRST + flow % core->ports), CORE_DPORT);
	}
	port->ready = n;
	return n;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double core_median(double *figures, size_t n)
{
	qsort(figures, n, sizeof(*figures), ascending);
	return n ? figures[n / 2] : NAN;
}

double core_pass(struct core *core, uint64_t packets, bool middle)
{
	uint64_t done = 0, sent = core->port[CORE_SERVERS]->sent;
	double spent = 0, all = 0, *pieces = calloc(packets / PIECE + 1, sizeof(*pieces));
	size_t n_pieces = 0;

	while (pieces && done < packets) {
		unsigned n = core_prepare(core, done, packets);
		struct worker_status status;
		uint64_t before = now_ns();

		while (core->port[CORE_CLIENTS]->ready)
			worker_receive(core->worker, CORE_CLIENTS, before);
		spent += (double)(now_ns() - before) - core->clock_ns;
		done += n;
		if (done % PIECE == 0) {
			pieces[n_pieces++] = spent / PIECE;
			all += spent;
			spent = 0;
			worker_work(core->worker, before, &status);
		}
		if (interrupted())
			break;
	}
	all = (all + spent) / (double)packets;
	if (middle && n_pieces)
		all = core_median(pieces, n_pieces);
	free(pieces);
	return core->port[CORE_SERVERS]->sent - sent == packets ? all : NAN;
}

/* clock_cost() - the least that two looks at the clock are apart, over many of them: what the
 * measured time holds of the measuring, and never more than that */
static double clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < CLOCK_ROUNDS; i++) {
		uint64_t before = now_ns(), took = now_ns() - before;

		if (took < least)
			least = took;
	}
	return (double)least;
}

int core_explain(struct run *run, const struct core *core)
{
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (core->counters->dropped[i])
			return run_fail(run, "%llu packets were dropped: %s",
					(unsigned long long)core->counters->dropped[i],
					drop_text((enum drop_reason)i));
	return run_fail(run, "packets were lost and not counted");
}

void core_frame(struct frame_spec *spec)
{
	*spec = (struct frame_spec){
		.source = {{2, 0, 0, 0, 1, CORE_CLIENTS}},
		.destination = {{2, 0, 0, 0, 0, CORE_CLIENTS + 1}},
		.src = htonl(CORE_HOST_FIRST),
		.dst = inet_addr(CORE_SERVER),
		.sport = CORE_PORT_FIRST,
		.dport = CORE_DPORT,
		.bytes = FRAME_SMALL_BYTES,
	};
}

struct core *core_open(struct run *run, uint32_t hosts, uint32_t ports, int table_fd)
{
	struct core *core = calloc(1, sizeof(*core));
	struct frame_spec spec;

	if (!core) {
		run_fail(run, "no memory");
		return NULL;
	}
	core->flows = hosts * ports;
	core->ports = ports;
	core_frame(&spec);
	frame_udp(core->template, &spec);
	core->clock_ns = clock_cost();
	if (!core_create(run, core, capacity(hosts, ports), table_fd))
		return core;
	core_close(core);
	return NULL;
}

int measure_core(struct run *run, double *values)
{
	uint32_t flows = run->measure->parameter * HOST_PORTS;
	uint64_t packets = flows > PACKETS_MIN ? flows : PACKETS_MIN;
	struct hugepages pages;
	struct core *core;
	int ret = -1;

	/* No pgwd runs that would do it. */
	hugepages_init(&pages, HUGEPAGES_PARAMETER, HUGEPAGES_RECORD);
	if (core_table_bytes(run->measure->parameter, HOST_PORTS) >= HUGE_WORTH_BYTES)
		(void)hugepages_take(&pages);
	core = core_open(run, run->measure->parameter, HOST_PORTS, -1);
	if (!core)
		goto out;
	packets -= packets % flows;
	values[1] = core_pass(core, flows, false);
	values[0] = core_pass(core, packets, true);
	values[2] = huge_share(core->table);
	ret = isnan(values[0]) || isnan(values[1]) ? core_explain(run, core) : 0;
	core_close(core);
out:
	hugepages_give_back(&pages);
	return ret;
}
