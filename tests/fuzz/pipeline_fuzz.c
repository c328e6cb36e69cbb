/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets through the whole datapath with a live flow table.
 *
 * Input: any number of steps {flags, time, length (two bytes, low first), IP packet}. The worker lives
 * on from input to input, so that the table, fragments and neighbours are never fresh; it is made
 * anew every so often.
 *
 * What must hold, besides no crash: whatever is sent is a sound IP packet; what leaves towards
 * vSphere has a source address of the gateway's own; counters add up.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/model.h"
#include "datapath/base/checksum.h"
#include "datapath/worker/state.h"

#define LIFE	   4096u /* inputs for one worker */
#define CAPACITY   256u
#define PACKET_MAX 4096u
#define MS	   1000000ull

enum step_flags {
	FROM_VSPHERE = 1,
	FIX_IP = 2, /* length, checksum, version */
	FIX_L4 = 4, /* ICMP checksum, and that of a quoted IP header */
	TO_US = 8, /* destination becomes the pool's address */
	FROM_CLIENT = 16, /* source becomes an allowed client's */
	OFFLOADED = 32, /* partial checksum, and a super-packet if it is long */
	SERVER_LOST = 64, /* the neighbour entry fails, or comes back */
	LATER = 128, /* time moves by seconds, not milliseconds */
};

static const char configuration[] =
	"portgroup add vrack dev eth1 realm private\n"
	"portgroup add vsphere dev eth2 realm vsphere\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"pool add default external-ip-address 10.10.0.2 ports 20000-20063 filtering-type eif\n"
	"pool add second external-ip-address 10.10.0.3 mapping-type edm\n"
	"nat add 10 from 172.16.0.0/24 to 10.10.0.0/24 pool second\n"
	"nat add 20 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
	"service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443\n"
	"service add dns address 172.16.0.1 protocol udp port 53 backend 10.10.0.10:53\n"
	"allow add 192.168.50.0/24\n"
	"allow add 172.16.0.0/24\n"
	"set icmp-rate 1000\n";

static const struct mac gateway_mac[2] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
static const struct mac server_mac = {{2, 0, 0, 0, 2, 2}};

/* A port that lends one frame at a time and checks what it is given. */
struct fuzz_port {
	struct io_port io;
	unsigned index;
	bool waiting;
	struct io_frame frame;
};

static struct {
	struct worker *worker;
	struct worker_counters counters;
	struct fuzz_port port[2];
	void *table, *snapshot;
	uint64_t now_ns, seed;
	unsigned inputs;
	uint8_t frame[ETHERNET_BYTES + PACKET_MAX];
} fuzz;

static unsigned port_rx(struct io_port *io, struct io_frame *frames, unsigned max)
{
	struct fuzz_port *port = (struct fuzz_port *)io;

	if (!port->waiting || !max)
		return 0;
	port->waiting = false;
	frames[0] = port->frame;
	return 1;
}

static void port_release(struct io_port *io)
{
	(void)io;
}

static void wrong(const char *what)
{
	fprintf(stderr, "sent %s\n", what);
	abort();
}

static void port_tx(struct io_port *io, const struct io_send *send)
{
	static uint8_t copy[IO_FRAME_BYTES];
	struct fuzz_port *port = (struct fuzz_port *)io;
	const struct ip_header *ip = (const struct ip_header *)(copy + ETHERNET_BYTES);
	uint32_t len = send->head_len + send->tail_len;

	if (len > sizeof(copy) || send->head_len < ETHERNET_BYTES + IP_BYTES_MIN)
		wrong("a frame of impossible length");
	memcpy(copy, send->head, send->head_len);
	if (send->tail_len)
		memcpy(copy + send->head_len, send->tail, send->tail_len);
	if (memcmp(copy + 6, &gateway_mac[port->index], 6))
		wrong("from another station's address");
	if (ntohs(ip->total_len) + ETHERNET_BYTES != len || (ip->version_ihl & 0xf) < 5)
		wrong("a length that is not the frame's");
	if (checksum_fold(checksum_add(0, ip, (ip->version_ihl & 0xfu) * 4)) != 0xffff)
		wrong("a wrong IP checksum");
	if (ip->ttl == 0)
		wrong("a TTL of 0");
	if (port->index == 1 && ntohl(ip->src) != 0x0a0a0002 && ntohl(ip->src) != 0x0a0a0003)
		wrong("an untranslated source");
}

static void port_flush(struct io_port *io)
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

static void port_close(struct io_port *io)
{
	(void)io;
}

static const struct io_ops fuzz_ops = {
	.name = "fuzz",
	.rx = port_rx,
	.rx_release = port_release,
	.tx = port_tx,
	.tx_flush = port_flush,
	.fd = port_fd,
	.lost = port_lost,
	.close = port_close,
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

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "set-up failed: %s\n", what);
	abort();
}

static void configure(void)
{
	struct config_runtime runtime = {.portgroup = {{.index = 0, .ifindex = 11}, {.index = 1, .ifindex = 12}}};
	const uint16_t pools[] = {0, 1};
	struct config_error error;
	struct snapshot view;
	struct config config;
	size_t bytes;

	config_init(&config);
	must(!config_parse(&config, configuration, strlen(configuration), &error), "configuration");
	runtime.pool_index = pools;
	fuzz.snapshot = config_compile(&config, &runtime, &bytes);
	must(fuzz.snapshot && !snapshot_open(&view, fuzz.snapshot, bytes), "snapshot");
	worker_snapshot(fuzz.worker, &view, fuzz.now_ns);
	config_free(&config);
}

static void begin(void)
{
	struct worker_options options = {.counters = &fuzz.counters, .resolve = resolve, .random = seeded};
	uint8_t key[32];

	worker_destroy(fuzz.worker);
	free(fuzz.table);
	free(fuzz.snapshot);
	memset(&fuzz.counters, 0, sizeof(fuzz.counters));
	fuzz.seed = 1;
	fuzz.now_ns = 1000000 * MS;
	must(!worker_create(&fuzz.worker, &options), "worker");
	for (uint8_t i = 0; i < 2; i++) {
		struct worker_link link = {.ifindex = 11u + i, .mtu = i ? 1280 : 1500, .up = true, .mac = gateway_mac[i]};

		fuzz.port[i] = (struct fuzz_port){.io.ops = &fuzz_ops, .index = i};
		worker_port(fuzz.worker, i, &link, &fuzz.port[i].io);
	}
	fuzz.table = aligned_alloc(4096, flow_table_bytes(CAPACITY));
	must(fuzz.table, "memory");
	memset(fuzz.table, 0, flow_table_bytes(CAPACITY));
	seeded(NULL, key, sizeof(key));
	flow_table_format(fuzz.table, CAPACITY, key, 0);
	must(worker_attach_table(fuzz.worker, fuzz.table, flow_table_bytes(CAPACITY), fuzz.now_ns) == 0, "table");
	configure();
	for (uint8_t last = 10; last < 20; last++)
		worker_neighbour(fuzz.worker, 12, htonl(0x0a0a0000u | last), &server_mac, NUD_REACHABLE, fuzz.now_ns);
}

static void fix_icmp(struct ip_header *ip, uint32_t header, uint32_t len)
{
	struct icmp_header *icmp = (struct icmp_header *)((uint8_t *)ip + header);
	struct ip_header *quoted = (struct ip_header *)(icmp + 1);

	if (ip->proto != IPPROTO_ICMP || len < header + sizeof(*icmp))
		return;
	if (len >= header + sizeof(*icmp) + sizeof(*quoted) && icmp->type != ICMP_ECHO_REQUEST) {
		quoted->version_ihl = 0x45;
		quoted->check = 0;
		quoted->check = (uint16_t)~checksum_fold(checksum_add(0, quoted, sizeof(*quoted)));
	}
	icmp->check = 0;
	icmp->check = (uint16_t)~checksum_fold(checksum_add(0, icmp, len - header));
}

/* Help a packet past the gates that a blind fuzzer would hardly find the key to. */
static void mend(uint8_t flags, struct ip_header *ip, uint32_t len)
{
	uint32_t header;

	if (len < sizeof(*ip))
		return;
	if (flags & TO_US)
		ip->dst = htonl(ip->id & 1 ? 0x0a0a0002 : 0xac100001);
	if (flags & FROM_CLIENT)
		ip->src = htonl(0xc0a83200u | (ip->id & 7));
	if (!(flags & FIX_IP))
		return;
	header = (ip->version_ihl & 0xfu) * 4;
	if (header < sizeof(*ip) || header > len)
		header = sizeof(*ip);
	ip->version_ihl = (uint8_t)(0x40 | header / 4);
	ip->total_len = htons((uint16_t)len);
	if (flags & FIX_L4)
		fix_icmp(ip, header, len);
	ip->check = 0;
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, header));
}

static void step(const uint8_t head[4], const uint8_t *packet, uint32_t len)
{
	struct fuzz_port *port = &fuzz.port[head[0] & FROM_VSPHERE];
	struct ethernet_header *ethernet = (struct ethernet_header *)fuzz.frame;
	struct worker_status status;

	ethernet->dst = gateway_mac[port->index];
	ethernet->src = server_mac;
	ethernet->src.b[5] = head[1] & 3;
	ethernet->type = ETHERTYPE_IP_BE;
	memcpy(fuzz.frame + ETHERNET_BYTES, packet, len);
	mend(head[0], (struct ip_header *)(fuzz.frame + ETHERNET_BYTES), len);
	port->frame = (struct io_frame){.data = fuzz.frame, .len = ETHERNET_BYTES + len, .wire_len = ETHERNET_BYTES + len};
	if (head[0] & OFFLOADED) {
		port->frame.offload = (struct io_offload){.flags = IO_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
		if (len > 600) {
			port->frame.offload.gso_type = head[1] & 4 ? IO_GSO_TCPV4 : IO_GSO_UDP_L4;
			port->frame.offload.gso_size = 500;
		}
	}
	port->waiting = true;
	if (head[0] & SERVER_LOST)
		worker_neighbour(fuzz.worker, 12, htonl(0x0a0a000a), &server_mac,
				 head[1] & 1 ? NUD_FAILED : NUD_REACHABLE, fuzz.now_ns);
	fuzz.now_ns += head[1] * (head[0] & LATER ? 1000 * MS : MS);
	worker_receive(fuzz.worker, (uint8_t)port->index, fuzz.now_ns);
	worker_work(fuzz.worker, fuzz.now_ns, &status);
	must(fuzz.counters.flows == fuzz.worker->table.used, "the flow gauge agrees with the table");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (fuzz.inputs++ % LIFE == 0)
		begin();
	for (unsigned steps = 0; size >= 4 && steps < 16; steps++) {
		uint32_t len = data[2] | (uint32_t)data[3] << 8;

		if (len > size - 4)
			len = (uint32_t)size - 4;
		if (len > PACKET_MAX)
			len = PACKET_MAX;
		step(data, data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	return 0;
}
