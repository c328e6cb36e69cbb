/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipeline_fuzz - packets through the whole datapath with a live flow table.
 *
 * Input: one byte (enum input_flags), then up to STEPS steps of
 *
 *   flags, more, time, arg, length (two bytes, low first), IP packet
 *
 * The worker lives on from input to input. An input begins with an empty table, unless it asks for
 * what the ones before it have left (KEEP); in the middle of a life the table is handed to a new
 * worker, as after a crash. So a crash may need the inputs before it: with PGW_FUZZ_HISTORY=FILE
 * all inputs of the present life stand in FILE, and PGW_FUZZ_REPLAY=FILE runs them again.
 *
 * What must hold, besides no crash, pipeline_oracle.h says.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/model.h"
#include "datapath/worker/state.h"
#include "tests/fuzz/pipeline_mend.h"
#include "tests/fuzz/pipeline_oracle.h"

#define LIFE		 2048u /* inputs for one table */
#define STEPS		 12u
#define CAPACITY	 64u
#define PACKET_MAX	 2048u /* bytes of a packet in the input; PAD makes it longer */
#define COPIES		 8u
#define MS		 1000000ull
#define SECOND		 (1000 * MS)
#define HISTORY_BYTES	 (LIFE * (4 + 4096u) + 4)
#define CONFIGS		 3u
#define RECONFIGURE_TIME 7u

enum input_flags {
	KEEP = 1,
};

enum step_flags {
	FROM_VSPHERE = 1,
	FIX_IP = 2,	  /* length, checksum, version */
	FIX_L4 = 4,	  /* lengths and checksums of TCP, UDP, ICMP and of a quoted IP header */
	TO_US = 8,	  /* destination becomes the pool's address, or a service's */
	FROM_CLIENT = 16, /* source becomes an allowed client's */
	OF_FLOW = 32,	  /* addresses and ports become those of a live flow */
	COPY = 64,	  /* one to COPIES of it in a burst, which differ in source port */
	LATER = 128,	  /* time moves by seconds, not milliseconds */
};

enum more_flags {
	SERVER_LOST = 1, /* the neighbour entry fails, or comes back */
	RECONFIGURE = 2, /* with a certain time, for it costs more than a packet */
	LINK = 4,	 /* MTU and state change */
	FROM_INTERNET = 8,
	BAD_FRAME = 16, /* arg: 1 VLAN tag, 2 cut by the interface, 4 other EtherType, 8 arg / 16
			   bytes long */
	OFFLOADED = 32, /* partial checksum, and a super-packet if it is long */
	PAD = 64,
	END_FLOW = 128, /* as the operator can */
};

static const char configuration[] =
	"portgroup add vrack dev eth1 realm private\n"
	"portgroup add vsphere dev eth2 realm vsphere\n"
	"portgroup add wan dev eth3 realm internet\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"address add 203.0.113.2/24 portgroup wan\n"
	"route add 192.168.60.0/24 via 172.16.0.254\n"
	"pool add default external-ip-address 10.10.0.2 ports 20000-20015 filtering-type eif\n"
	"pool add second external-ip-address 10.10.0.2 ports 20016-20031 mapping-type edm\n"
	"pool add third external-ip-address 10.10.0.2 ports 20032-20047 filtering-type adf\n"
	"nat add 10 from 172.16.0.0/25 to 10.10.0.0/24 pool second\n"
	"nat add 15 from 192.168.50.0/29 to 10.10.0.0/24 pool third\n"
	"nat add 20 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
	"service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443"
	" backend 10.10.0.11:443\n"
	"service add dns address 172.16.0.1 protocol udp port 53 backend 10.10.0.10:53\n"
	"allow add 192.168.0.0/16\n"
	"allow add 172.16.0.0/24\n"
	"set icmp-rate 1000\n";

static const struct mac gateway_mac[PORTS] = {
	{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {{2, 0, 0, 0, 0, 3}}};
static const struct mac server_mac = {{2, 0, 0, 0, 2, 2}};
static const uint32_t mtus[8] = {1500, 1280, 1500, 576, 1500, 9000, 68, 1500};

/* A port that lends a burst and shows the oracle what it is given. */
struct fuzz_port {
	struct io_port io;
	unsigned index, waiting;
	struct io_frame frame[COPIES];
};

static struct {
	struct worker *worker;
	struct fuzz_port port[PORTS];
	void *table;
	void *block[CONFIGS];
	struct snapshot snapshot[CONFIGS];
	uint64_t now_ns, seed;
	unsigned inputs;
	bool changed;	 /* links or neighbours are not as at the beginning */
	unsigned config; /* number of the present one */
	struct oracle oracle;
	uint8_t *history, *history_at;
	uint8_t *buffer[COPIES]; /* of IO_FRAME_BYTES; frames stand at the end, so that none is read
				    beyond */
	struct worker_counters counters;
} fuzz;

static unsigned port_rx(struct io_port *io, struct io_frame *frames, unsigned max)
{
	struct fuzz_port *port = (struct fuzz_port *)io;
	unsigned count = port->waiting < max ? port->waiting : max;

	memcpy(frames, port->frame, count * sizeof(*frames));
	port->waiting = 0;
	return count;
}

static void port_tx(struct io_port *io, const struct io_send *send)
{
	const struct fuzz_port *port = (const struct fuzz_port *)io;

	oracle_sent(&fuzz.oracle, port->index, &gateway_mac[port->index], send);
}

static void port_nothing(struct io_port *io)
{
	(void)io;
}

static int port_fd(const struct io_port *io)
{
	(void)io;
	return -1;
}

static uint64_t port_lost(struct io_port *io)
{
	(void)io;
	return 0;
}

static const struct io_ops fuzz_ops = {
	.name = "fuzz",
	.rx = port_rx,
	.rx_release = port_nothing,
	.tx = port_tx,
	.tx_flush = port_nothing,
	.fd = port_fd,
	.lost = port_lost,
	.close = port_nothing,
};

static void resolve(void *context, uint32_t ifindex, be32 addr)
{
	(void)context;
	(void)ifindex;
	(void)addr;
}

static void seeded(void *context, void *buffer, size_t bytes)
{
	uint8_t *at = buffer;

	(void)context;
	while (bytes--) {
		fuzz.seed = fuzz.seed * 6364136223846793005ull + 1442695040888963407ull;
		*at++ = (uint8_t)(fuzz.seed >> 56);
	}
}

/* One configuration in CONFIGS versions: as it is; with all limits; with other options. */
static void compile(void)
{
	struct config_runtime runtime = {0};
	const uint16_t pools[] = {0, 1, 2};
	struct config_error error;
	struct config config;
	size_t bytes;

	for (uint8_t i = 0; i < PORTS; i++)
		runtime.portgroup[i].ifindex = 11u + (runtime.portgroup[i].index = i);
	runtime.pool_index = pools;
	config_init(&config);
	must(!config_parse(&config, configuration, strlen(configuration), &error) &&
		     !config_check(&config, &error),
	     "the configuration is right");
	for (unsigned i = 0; i < CONFIGS; i++) {
		struct snapshot_header *header = config_compile(&config, &runtime, &bytes);

		must(header, "there is memory");
		if (i == 1) {
			header->connection_limit = 12;
			header->mapping_limit = 6;
			header->creation_rate = 20;
			header->icmp_rate = 2;
			for (unsigned t = 0; t < TIMER_COUNT; t++)
				header->timer_s[t] = 1 + t;
		} else if (i == 2) {
			header->mss_clamp = SNAPSHOT_MSS_PATH;
			header->options = SNAPSHOT_DEAD_FLOW_RST;
			header->timer_s[TIMER_HOLD_DOWN] = 0;
		}
		fuzz.block[i] = header;
		must(!snapshot_open(&fuzz.snapshot[i], header, bytes), "the snapshot is sound");
	}
	config_free(&config);
}

static void set_link(unsigned port, uint32_t mtu, bool up)
{
	struct worker_link link = {
		.ifindex = 11u + port, .mtu = mtu, .up = up, .mac = gateway_mac[port]};

	worker_link(fuzz.worker, &link);
}

static void use_config(unsigned number)
{
	fuzz.config = number;
	worker_snapshot(fuzz.worker, &fuzz.snapshot[number], fuzz.now_ns);
}

/* Links and neighbours as at the beginning. */
static void restore(void)
{
	fuzz.changed = false;
	for (unsigned i = 0; i < PORTS; i++)
		set_link(i, i == VSPHERE ? 1280 : 1500, true);
	for (uint8_t last = 10; last < 14; last++)
		worker_neighbour(fuzz.worker, 11 + VSPHERE, htonl(0x0a0a0000u | last), &server_mac,
				 NUD_REACHABLE, fuzz.now_ns);
	worker_neighbour(fuzz.worker, 11 + VRACK, htonl(0xac1000fe), &server_mac, NUD_REACHABLE,
			 fuzz.now_ns);
}

static void new_worker(void)
{
	struct worker_options options = {
		.counters = &fuzz.counters, .resolve = resolve, .random = seeded};

	memset(&fuzz.counters, 0, offsetof(struct worker_counters, rule));
	must(!worker_create(&fuzz.worker, &options), "there is memory for the worker");
	oracle_worker(&fuzz.oracle, fuzz.worker, &fuzz.counters);
	for (uint8_t i = 0; i < PORTS; i++) {
		struct worker_link link = {
			.ifindex = 11u + i, .mtu = 1500, .up = true, .mac = gateway_mac[i]};

		fuzz.port[i].io.ops = &fuzz_ops;
		fuzz.port[i].index = i;
		worker_port(fuzz.worker, i, &link, &fuzz.port[i].io);
	}
	use_config(0);
	restore();
}

static void begin_life(void)
{
	const size_t bytes = flow_table_bytes(CAPACITY);
	uint8_t key[32];

	worker_destroy(fuzz.worker);
	fuzz.seed = 1;
	fuzz.now_ns = 1000 * SECOND;
	fuzz.history_at = fuzz.history;
	new_worker();
	memset(fuzz.table, 0, bytes);
	seeded(NULL, key, sizeof(key));
	flow_table_format(fuzz.table, CAPACITY, key, 0);
	must(worker_attach_table(fuzz.worker, fuzz.table, bytes, fuzz.now_ns) == 0,
	     "the table is taken");
}

/* A worker that was killed left the table; another one goes on with it. */
static void hand_over(void)
{
	int64_t flows = fuzz.worker->table.used;

	worker_destroy(fuzz.worker);
	new_worker();
	must(worker_attach_table(fuzz.worker, fuzz.table, flow_table_bytes(CAPACITY),
				 fuzz.now_ns) == flows,
	     "all flows are adopted");
}

static void work(void)
{
	struct worker_status status;

	worker_work(fuzz.worker, fuzz.now_ns, &status);
}

static void reset(void)
{
	struct worker *w = fuzz.worker;

	if (fuzz.config)
		use_config(0);
	if (fuzz.changed)
		restore();
	fuzz.now_ns += 400 * SECOND; /* all timers but those of the flows themselves */
	fuzz.oracle.check_transport = fuzz.oracle.from_client = false;
	if (w->table.used)
		worker_end_flows(w, &(struct flow_filter){.conditions = 0}, UINT64_MAX, 0,
				 fuzz.now_ns);
	work();
	oracle_empty(&fuzz.oracle);
}

/* The packet becomes one of flow @arg as it comes in on @port, or an error about one that went out
 * there. Sequence numbers count from where the flow is. */
static void join_flow(struct ip_header *ip, uint32_t len, unsigned port, uint8_t arg)
{
	const struct flow_table *table = &fuzz.worker->table;
	const struct flow *flow = &table->records[arg % CAPACITY];
	uint32_t header = (ip->version_ihl & 0xfu) * 4;
	uint8_t *l4 = (uint8_t *)ip + header;
	const struct flow_tuple *tuple;
	struct tcp_header *tcp = (struct tcp_header *)l4;
	unsigned side = flow->port[1] == port && arg & 0x80;

	if (FLOW_WORD_STATE(flow->word) != FLOW_ACTIVE || header < IP_BYTES_MIN || len < header + 8)
		return;
	tuple = &flow->tuple[side];
	ip->src = tuple->src;
	ip->dst = tuple->dst;
	if (ip->proto == IPPROTO_ICMP && l4[0] != ICMP_ECHO_REQUEST && l4[0] != ICMP_ECHO_REPLY &&
	    len >= header + 8 + IP_BYTES_MIN + 8) {
		struct ip_header *quoted = (struct ip_header *)(l4 + 8);

		quoted->src = tuple->dst;
		quoted->dst = tuple->src;
		quoted->proto = flow->proto;
		memcpy(l4 + 28, &tuple->dport, 2);
		memcpy(l4 + 30, &tuple->sport, 2);
		return;
	}
	ip->proto = flow->proto;
	if (flow->proto == IPPROTO_ICMP) {
		l4[0] = tuple->sport ? ICMP_ECHO_REQUEST : ICMP_ECHO_REPLY;
		memcpy(l4 + 4, tuple->sport ? &tuple->sport : &tuple->dport, 2);
		return;
	}
	memcpy(l4, &tuple->sport, 2);
	memcpy(l4 + 2, &tuple->dport, 2);
	if (flow->proto != IPPROTO_TCP || len < header + sizeof(*tcp))
		return;
	tcp->seq = htonl(ntohl(tcp->seq) + flow->tcp[side].end);
	tcp->ack = htonl(ntohl(tcp->ack) + flow->tcp[1 - side].end);
}

/* Help a packet past the gates that a blind fuzzer would hardly find the key to. */
static void mend(const uint8_t head[4], unsigned port, struct ip_header *ip, uint32_t len)
{
	uint8_t flags = head[0];
	uint32_t header;

	if (len < sizeof(*ip))
		return;
	header = (ip->version_ihl & 0xfu) * 4;
	if (flags & FIX_IP) {
		if (header < sizeof(*ip) || header > len)
			header = sizeof(*ip);
		ip->version_ihl = (uint8_t)(0x40 | header / 4);
		ip->total_len = htons((uint16_t)len);
	}
	if (flags & TO_US)
		ip->dst = htonl(ip->id & 1 ? 0x0a0a0002 : 0xac100001);
	if (flags & FROM_CLIENT)
		ip->src = htonl(0xc0a83200u | (ip->id & 15));
	if (flags & OF_FLOW && header <= len)
		join_flow(ip, len, port, head[3]);
	if (flags & FIX_L4 && header >= sizeof(*ip) && header <= len)
		mend_transport(ip, (uint8_t *)ip + header, len - header);
	if (!(flags & FIX_IP))
		return;
	mend_ip(ip, header);
}

static struct io_offload offload_of(const struct ip_header *ip, uint32_t len, uint8_t arg)
{
	struct io_offload offload = {.flags = IO_NEEDS_CSUM};

	offload.csum_start = (uint16_t)(ETHERNET_BYTES + (ip->version_ihl & 0xf) * 4);
	offload.csum_offset = ip->proto == IPPROTO_UDP ? 6 : 16;
	if (len > 600) {
		offload.gso_type = ip->proto == IPPROTO_UDP ? IO_GSO_UDP_L4 : IO_GSO_TCPV4;
		offload.gso_size = (uint16_t)(arg * 8 + 1);
	}
	return offload;
}

static void spoil_frame(struct io_frame *frame, uint8_t arg)
{
	frame->vlan = arg & 1;
	if (arg & 4 && frame->len > ETHERNET_BYTES + 2)
		memcpy(frame->data + 12, frame->data + ETHERNET_BYTES, 2);
	if (arg & 8 && arg >> 4 < frame->len) {
		memmove(frame->data + frame->len - (arg >> 4), frame->data, arg >> 4);
		frame->data += frame->len - (arg >> 4);
		frame->len = frame->wire_len = arg >> 4;
	}
	frame->wire_len += arg & 2;
}

static void make_frame(struct io_frame *frame, unsigned copy, const uint8_t head[4],
		       const uint8_t *packet, uint32_t len, unsigned port)
{
	uint32_t padded = head[1] & PAD && head[3] * 256u > len ? head[3] * 256u : len;
	uint8_t *data = fuzz.buffer[copy] + IO_FRAME_BYTES - ETHERNET_BYTES - padded;
	struct ethernet_header *ethernet = (struct ethernet_header *)data;
	struct ip_header *ip = (struct ip_header *)(data + ETHERNET_BYTES);

	ethernet->dst = gateway_mac[port];
	ethernet->src = server_mac;
	ethernet->src.b[5] = head[2] & 3;
	ethernet->type = ETHERTYPE_IP_BE;
	memcpy(ip, packet, len);
	if (padded > len)
		memset((uint8_t *)ip + len, 0, padded - len);
	if (copy && len >= 24)
		((uint8_t *)ip)[21] = (uint8_t)(((uint8_t *)ip)[21] + copy);
	mend(head, port, ip, padded);
	*frame = (struct io_frame){.data = data, .len = ETHERNET_BYTES + padded};
	frame->wire_len = frame->len;
	if (head[1] & OFFLOADED && len >= IP_BYTES_MIN)
		frame->offload = offload_of(ip, padded, head[3]);
	if (head[1] & BAD_FRAME)
		spoil_frame(frame, head[3]);
}

/* What changes around the datapath. */
static void disturb(const uint8_t head[4])
{
	uint8_t arg = head[3];
	uint32_t record = arg % CAPACITY;
	uint32_t word = atomic_load(&fuzz.worker->table.records[record].word);

	if (!(head[1] & (SERVER_LOST | RECONFIGURE | LINK | END_FLOW)))
		return;
	fuzz.changed = true;
	if (head[1] & SERVER_LOST)
		worker_neighbour(fuzz.worker, 11 + VSPHERE, htonl(0x0a0a000a), &server_mac,
				 arg & 1   ? NUD_FAILED
				 : arg & 2 ? NUD_NONE
					   : NUD_REACHABLE,
				 fuzz.now_ns);
	if (head[1] & RECONFIGURE && head[2] == RECONFIGURE_TIME && fuzz.config != arg % CONFIGS)
		use_config(arg % CONFIGS);
	if (head[1] & LINK)
		set_link(arg % PORTS, mtus[arg >> 2 & 7], arg < 0xe0);
	if (head[1] & END_FLOW)
		worker_end_flows(fuzz.worker,
				 &(struct flow_filter){.conditions = 1u << FILTER_ID,
						       .record = record,
						       .generation = FLOW_WORD_GENERATION(word)},
				 UINT64_MAX, 0, fuzz.now_ns);
}

static void step(const uint8_t head[4], const uint8_t *packet, uint32_t len)
{
	unsigned index = head[1] & FROM_INTERNET  ? INTERNET
			 : head[0] & FROM_VSPHERE ? VSPHERE
						  : VRACK;
	unsigned copies = head[0] & COPY ? head[3] % COPIES + 1 : 1;
	struct fuzz_port *port = &fuzz.port[index];
	const struct worker *w = fuzz.worker;
	bool alone; /* what is sent is what comes in now */

	fuzz.oracle.check_transport = fuzz.oracle.from_client = false;
	fuzz.now_ns += head[2] * (head[0] & LATER ? SECOND : MS);
	disturb(head);
	work(); /* what was due comes first, as in the loop */
	alone = !w->frags.waiting && !w->neighbours.waiting;
	fuzz.oracle.from_client = alone && index != VSPHERE;
	fuzz.oracle.check_transport =
		alone && !(~head[0] & (FIX_IP | FIX_L4)) && !(head[1] & OFFLOADED);
	for (unsigned i = 0; i < copies; i++)
		make_frame(&port->frame[i], i, head, packet, len, index);
	port->waiting = copies;
	fuzz.oracle.frames_in += copies;
	fuzz.oracle.piece_end = NULL;
	worker_receive(fuzz.worker, (uint8_t)index, fuzz.now_ns);
	work();
	oracle_accounts(&fuzz.oracle);
}

static void run_input(const uint8_t *data, size_t size)
{
	if (fuzz.inputs % LIFE == 0)
		begin_life();
	else if (fuzz.inputs % LIFE == LIFE / 2)
		hand_over();
	fuzz.inputs++;
	if (!size)
		return;
	if (fuzz.history && fuzz.history_at + size + 8 <= fuzz.history + HISTORY_BYTES) {
		uint32_t length = (uint32_t)size, end = UINT32_MAX;

		memcpy(fuzz.history_at, &length, 4);
		memcpy(fuzz.history_at + 4, data, size);
		fuzz.history_at += 4 + size;
		memcpy(fuzz.history_at, &end, 4);
	}
	if (!(*data & KEEP))
		reset();
	data++;
	size--;
	for (unsigned steps = 0; size >= 6 && steps < STEPS; steps++) {
		uint32_t len = data[4] | (uint32_t)data[5] << 8;

		if (len > size - 6)
			len = (uint32_t)size - 6;
		if (len > PACKET_MAX)
			len = PACKET_MAX;
		step(data, data + 6, len);
		data += 6 + len;
		size -= 6 + len;
	}
}

/* All inputs of a life once more. */
static void replay(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	const uint8_t *data, *end;
	uint32_t length;

	must(fd >= 0 && !fstat(fd, &status) && status.st_size >= 4, "the history can be read");
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	must(data != MAP_FAILED, "the history can be read");
	for (end = data + status.st_size; end - data >= 4; data += 4 + length) {
		memcpy(&length, data, 4);
		if (length > (size_t)(end - data - 4))
			break;
		run_input(data + 4, length);
	}
	printf("replayed %u inputs of %s\n", fuzz.inputs, path);
	exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *history = getenv("PGW_FUZZ_HISTORY"), *repeat = getenv("PGW_FUZZ_REPLAY");

	(void)argc;
	(void)argv;
	fuzz.table = aligned_alloc(4096, flow_table_bytes(CAPACITY));
	must(fuzz.table, "there is memory");
	for (unsigned i = 0; i < COPIES; i++)
		fuzz.buffer[i] = malloc(IO_FRAME_BYTES);
	for (unsigned i = 0; i < COPIES; i++)
		must(fuzz.buffer[i], "there is memory");
	compile();
	if (repeat)
		replay(repeat);
	if (history) {
		int fd = open(history, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		must(fd >= 0 && !ftruncate(fd, HISTORY_BYTES), "the history can be written");
		fuzz.history = mmap(NULL, HISTORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		must(fuzz.history != MAP_FAILED, "the history can be written");
		close(fd);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_input(data, size);
	return 0;
}
