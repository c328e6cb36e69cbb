/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/harness.h"

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/config/model.h"
#include "datapath/base/checksum.h"

const struct mac vrack_mac = {{2, 0, 0, 0, 0, 1}}, vsphere_mac = {{2, 0, 0, 0, 0, 2}};
const struct mac router_mac = {{2, 0, 0, 0, 1, 1}}, server_mac = {{2, 0, 0, 0, 2, 2}};

const char harness_config[] =
	"portgroup add vrack dev eth1 realm private\n"
	"portgroup add vsphere dev eth2 realm vsphere\n"
	"address add 172.16.0.1/24 portgroup vrack\n"
	"address add 10.10.0.2/24 portgroup vsphere\n"
	"pool add default external-ip-address 10.10.0.2 ports 16384-65535\n"
	"nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool default\n"
	"service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443\n"
	"service add dns address 172.16.0.1 protocol udp port 53 backend 10.10.0.10:53\n"
	"allow add 192.168.50.0/24\n"
	"allow add 172.16.0.0/24\n";

be32 ip(const char *text)
{
	be32 addr = 0;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void resolve(void *context, uint32_t ifindex, be32 addr)
{
	struct harness *h = context;

	(void)ifindex;
	h->asked++;
	h->asked_addr = addr;
}

static void seeded_random(void *context, void *buffer, size_t bytes)
{
	struct harness *h = context;
	uint8_t *at = buffer;

	while (bytes--) { /* xorshift64*: repeatable */
		h->seed ^= h->seed >> 12;
		h->seed ^= h->seed << 25;
		h->seed ^= h->seed >> 27;
		*at++ = (uint8_t)(h->seed * 0x2545f4914f6cdd1dull >> 56);
	}
}

/* A port that is another one too. Its end is not the other's. */
struct same_port {
	struct io_port io;
	struct io_port *to;
};

static struct io_port *port_behind(const struct io_port *port)
{
	return ((const struct same_port *)(const void *)port)->to;
}

static unsigned same_rx(struct io_port *port, struct io_frame *frames, unsigned max)
{
	port = port_behind(port);
	return port->ops->rx(port, frames, max);
}

static void same_rx_release(struct io_port *port)
{
	port = port_behind(port);
	port->ops->rx_release(port);
}

static void same_tx(struct io_port *port, const struct io_send *send)
{
	port = port_behind(port);
	port->ops->tx(port, send);
}

static void same_tx_flush(struct io_port *port)
{
	port = port_behind(port);
	port->ops->tx_flush(port);
}

static uint64_t same_lost(struct io_port *port)
{
	(void)port;
	return 0;
}

static void same_close(struct io_port *port)
{
	free(port);
}

static struct io_port *same_port(struct io_port *to)
{
	static const struct io_ops same_ops = {
		.name = "same",
		.rx = same_rx,
		.rx_release = same_rx_release,
		.tx = same_tx,
		.tx_flush = same_tx_flush,
		.lost = same_lost,
		.close = same_close,
	};
	struct same_port *port = calloc(1, sizeof(*port));

	assert_non_null(port);
	port->io.ops = &same_ops;
	port->to = to;
	return &port->io;
}

static void any_random(void *context, void *buffer, size_t bytes)
{
	(void)context;
	assert_int_equal(getrandom(buffer, bytes, 0), bytes);
}

static void make_worker(struct harness *h)
{
	struct worker_options options = {.counters = &h->counters,
					 .resolve = resolve,
					 .random = seeded_random,
					 .context = h};
	struct worker_link vrack = {.ifindex = 11, .mtu = 1500, .up = true, .mac = vrack_mac};
	struct worker_link vsphere = {.ifindex = 12, .mtu = 1500, .up = true, .mac = vsphere_mac};

	for (unsigned m = 0; m < h->members; m++) {
		if (h->apart) {
			options.random = any_random;
			if (!h->apart_counters[m])
				h->apart_counters[m] = calloc(1, sizeof(h->counters));
			options.counters = h->apart_counters[m];
			assert_non_null(options.counters);
		}
		assert_int_equal(m ? worker_join(h->worker, &h->member[m], &options)
				   : worker_create(&h->worker, &options),
				 0);
		if (!m)
			h->member[0] = h->worker;
	}
	for (uint8_t i = 0; h->apart && i < 2; i++)
		for (unsigned m = 0; m < h->members; m++) {
			assert_int_equal(mem_port_create(worker_counters_of(h->member[m], i),
							 &h->apart_io[m][i]),
					 0);
			worker_port(h->member[m], i, i == VRACK ? &vrack : &vsphere,
				    h->apart_io[m][i]);
		}
	if (h->apart) {
		memcpy(h->io, h->apart_io[0], sizeof(h->io));
		return;
	}
	for (uint8_t i = 0; i < 2; i++) {
		assert_int_equal(mem_port_create(worker_counters_of(h->worker, i), &h->io[i]), 0);
		worker_port(h->worker, i, i == VRACK ? &vrack : &vsphere, h->io[i]);
		for (unsigned m = 1; m < h->members; m++)
			worker_port(h->member[m], i, i == VRACK ? &vrack : &vsphere,
				    same_port(h->io[i]));
	}
}

static unsigned members_wanted(void)
{
	const char *text = getenv("PGW_TEST_WORKERS");
	int n = text ? atoi(text) : 1;

	return n < 1 ? 1 : (unsigned)n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static struct harness *open_with(const char *config, uint32_t capacity, unsigned members,
				 bool apart)
{
	struct harness *h = calloc(1, sizeof(*h));
	uint8_t key[32];

	assert_non_null(h);
	h->members = members;
	h->apart = apart;
	h->seed = 88172645463325252ull;
	h->now_ns = 1000 * SECOND;
	h->table_bytes = flow_table_bytes(capacity);
	h->table = aligned_alloc(4096, h->table_bytes);
	assert_non_null(h->table);
	memset(h->table, 0, h->table_bytes);
	seeded_random(h, key, sizeof(key));
	flow_table_format(h->table, capacity, key, 0);
	make_worker(h);
	assert_int_equal(worker_attach_table(h->worker, h->table, h->table_bytes, h->now_ns), 0);
	harness_configure(h, config);
	harness_neighbour(h, VSPHERE, "10.10.0.10", &server_mac, NUD_REACHABLE);
	return h;
}

struct harness *harness_open(const char *config, uint32_t capacity)
{
	return open_with(config, capacity, members_wanted(), false);
}

struct harness *harness_open_apart(const char *config, uint32_t capacity, unsigned members)
{
	return open_with(config, capacity, members, true);
}

void harness_close(struct harness *h)
{
	worker_destroy(h->worker);
	for (unsigned m = 0; m < WORKERS_MAX; m++)
		free(h->apart_counters[m]);
	free(h->table);
	free(h->snapshot);
	free(h);
}

void harness_configure(struct harness *h, const char *text)
{
	struct config_runtime runtime = {
		.portgroup = {{.index = 0, .ifindex = 11}, {.index = 1, .ifindex = 12}}};
	uint16_t pool_index[CONFIG_POOLS_MAX];
	struct worker_status status;
	struct config_error error;
	struct config config;
	struct snapshot view;
	void *block;
	size_t bytes;

	config_init(&config);
	if (config_parse(&config, text, strlen(text), &error) || config_check(&config, &error))
		fail_msg("configuration line %u: %s", error.line, error.text);
	for (size_t i = 0; i < config.n_pools; i++)
		pool_index[i] = (uint16_t)i;
	runtime.pool_index = pool_index;
	runtime.reserved = h->reserved;
	runtime.n_reserved = h->n_reserved;
	runtime.backend_up = h->backend_up;
	/* portgroups are kept in the order of the configuration: vrack, vsphere */
	for (unsigned i = 0; i < config.n_portgroups; i++) {
		bool vrack = strcmp(config.portgroups[i].name, "vrack") == 0;

		runtime.portgroup[i].index = vrack ? VRACK : VSPHERE;
		runtime.portgroup[i].ifindex = vrack ? 11 : 12;
	}
	block = config_compile(&config, &runtime, &bytes);
	assert_non_null(block);
	assert_null(snapshot_open(&view, block, bytes));
	worker_snapshot(h->worker, &view, h->now_ns);
	free(h->snapshot);
	h->snapshot = block;
	config_free(&config);
	do
		harness_work(h, &status);
	while (!status.swept);
}

void harness_work(struct harness *h, struct worker_status *status)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned m = h->members; m-- > 0;) {
		worker_work(h->member[m], h->now_ns, status);
		if (status->next_ns < next_ns)
			next_ns = status->next_ns;
	}
	status->next_ns = next_ns;
}

void harness_restart(struct harness *h)
{
	struct snapshot view = h->worker->snapshot;
	int64_t flows = h->worker->table.used;

	/* what a killed process leaves is the table as it is; ending the worker does not touch it
	 */
	worker_destroy(h->worker);
	make_worker(h);
	assert_int_equal(worker_attach_table(h->worker, h->table, h->table_bytes, h->now_ns),
			 flows);
	worker_snapshot(h->worker, &view, h->now_ns);
	harness_advance(h, 0);
	harness_neighbour(h, VSPHERE, "10.10.0.10", &server_mac, NUD_REACHABLE);
}

bool harness_end_flow(struct harness *h, uint32_t record)
{
	struct worker *w = h->worker;
	uint32_t word = atomic_load(&worker_flow(w, record)->word);

	if (FLOW_WORD_STATE(word) != FLOW_ACTIVE)
		return false;
	if (w->owner)
		w = worker_member(w, w->owner[record]);
	worker_set_time(w, h->now_ns);
	worker_end(w, record);
	return true;
}

void harness_advance(struct harness *h, uint64_t ns)
{
	struct worker_status status;

	h->now_ns += ns;
	do
		harness_work(h, &status);
	while (status.next_ns <= h->now_ns);
}

void harness_neighbour(struct harness *h, uint8_t port, const char *addr, const struct mac *mac,
		       uint16_t state)
{
	worker_neighbour(h->worker, port == VRACK ? 11 : 12, ip(addr), mac, state, h->now_ns);
}

static void finish_checksum(struct frame *frame, const struct probe *probe,
			    const struct ip_header *h)
{
	uint32_t l4 = ETHERNET_BYTES + sizeof(*h), bytes = frame->len - l4;
	uint32_t at = probe->proto == IPPROTO_TCP ? 16 : probe->proto == IPPROTO_UDP ? 6 : 2;
	uint64_t pseudo = probe->proto == IPPROTO_ICMP
				  ? 0
				  : checksum_pseudo(h->src, h->dst, probe->proto, bytes);
	uint16_t check;

	if (probe->partial) {
		check = checksum_fold(pseudo);
		frame->offload.flags = IO_NEEDS_CSUM;
		frame->offload.csum_start = (uint16_t)l4;
		frame->offload.csum_offset = (uint16_t)at;
	} else {
		check = (uint16_t)~checksum_fold(checksum_add(pseudo, frame->data + l4, bytes));
		if (probe->proto == IPPROTO_UDP && check == 0)
			check = 0xffff;
	}
	if (!probe->no_checksum)
		memcpy(frame->data + l4 + at, &check, 2);
}

static uint32_t build_transport(uint8_t *at, const struct probe *probe)
{
	if (probe->later)
		return 0;
	if (probe->proto == IPPROTO_TCP) {
		struct tcp_header tcp = {.sport = htons(probe->sport),
					 .dport = htons(probe->dport),
					 .seq = htonl(probe->seq),
					 .ack = htonl(probe->ack),
					 .offset = (uint8_t)((5 + probe->option_bytes / 4) << 4),
					 .flags = probe->tcp_flags,
					 .window = htons(probe->window ? probe->window : 65535)};

		memcpy(at, &tcp, sizeof(tcp));
		memcpy(at + sizeof(tcp), probe->options, probe->option_bytes);
		return (uint32_t)sizeof(tcp) + probe->option_bytes;
	}
	if (probe->proto == IPPROTO_UDP) {
		struct udp_header udp = {.sport = htons(probe->sport),
					 .dport = htons(probe->dport),
					 .len = htons((uint16_t)(8 + probe->payload))};

		memcpy(at, &udp, sizeof(udp));
		return sizeof(udp);
	}
	if (probe->proto == IPPROTO_ICMP) {
		struct icmp_header icmp = {.type = probe->sport ? ICMP_ECHO_REQUEST
								: ICMP_ECHO_REPLY,
					   .id = htons(probe->sport ? probe->sport : probe->dport),
					   .sequence = htons(1)};

		memcpy(at, &icmp, sizeof(icmp));
		return sizeof(icmp);
	}
	return 0;
}

uint32_t harness_build(uint8_t port, const struct probe *probe, struct frame *frame)
{
	struct ethernet_header ethernet = {.dst = port == VRACK ? vrack_mac : vsphere_mac,
					   .src = probe->from_mac ? *probe->from_mac
						  : port == VRACK ? router_mac
								  : server_mac,
					   .type = ETHERTYPE_IP_BE};
	struct ip_header *h = (struct ip_header *)(frame->data + ETHERNET_BYTES);
	uint32_t l4 = ETHERNET_BYTES + sizeof(*h), header;

	memset(&frame->offload, 0, sizeof(frame->offload));
	memcpy(frame->data, &ethernet, sizeof(ethernet));
	header = build_transport(frame->data + l4, probe);
	for (uint32_t i = 0; i < probe->payload; i++)
		frame->data[l4 + header + i] = (uint8_t)(i * 7 + 1);
	frame->len = l4 + header + probe->payload;
	*h = (struct ip_header){.version_ihl = 0x45,
				.total_len = htons((uint16_t)(frame->len - ETHERNET_BYTES)),
				.id = htons(probe->id),
				.fragment = htons(probe->fragment),
				.ttl = probe->ttl ? probe->ttl : 64,
				.proto = probe->proto,
				.src = ip(probe->src),
				.dst = ip(probe->dst)};
	h->check = (uint16_t)~checksum_fold(checksum_add(0, h, sizeof(*h)));
	if (!probe->later && !(probe->fragment & IP_MF))
		finish_checksum(frame, probe, h);
	if (probe->gso_size) {
		frame->offload.gso_type =
			probe->proto == IPPROTO_TCP ? IO_GSO_TCPV4 : IO_GSO_UDP_L4;
		frame->offload.gso_size = probe->gso_size;
		frame->offload.hdr_len = (uint16_t)(l4 + header);
	}
	return frame->len;
}

void harness_run(struct harness *h)
{
	unsigned taken;

	do {
		struct worker *w = h->member[(++h->steered * 0x9e3779b1u >> 16) % h->members];

		taken = worker_receive(w, VRACK, h->now_ns) + worker_receive(w, VSPHERE, h->now_ns);
		for (unsigned m = 0; m < h->members; m++)
			taken += worker_take_over(h->member[m], h->now_ns);
	} while (taken);
}

void harness_build_options(uint8_t port, const struct probe *probe, const uint8_t *options,
			   uint16_t bytes, struct frame *frame)
{
	const struct ip_header *ip = (const struct ip_header *)(frame->data + ETHERNET_BYTES);
	struct tcp_header *tcp =
		(struct tcp_header *)(frame->data + ETHERNET_BYTES + sizeof(struct ip_header));
	uint32_t l4_bytes = (uint32_t)sizeof(*tcp) + bytes;
	struct probe whole = *probe;

	whole.payload = bytes; /* the options' place */
	harness_build(port, &whole, frame);
	memcpy(tcp + 1, options, bytes);
	tcp->offset = (uint8_t)((sizeof(*tcp) + bytes - probe->payload) / 4 << 4);
	if (probe->partial)
		return;
	tcp->check = 0;
	tcp->check = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(ip->src, ip->dst, IPPROTO_TCP, l4_bytes), tcp, l4_bytes));
}

void harness_send_frame(struct harness *h, uint8_t port, const struct frame *frame)
{
	assert_true(mem_port_push(h->io[port], frame->data, frame->len, &frame->offload, false));
	harness_run(h);
}

void harness_send(struct harness *h, uint8_t port, const struct probe *probe)
{
	struct frame *frame = calloc(1, sizeof(*frame));

	assert_non_null(frame);
	harness_build(port, probe, frame);
	harness_send_frame(h, port, frame);
	free(frame);
}

static void check_transport(const struct frame *frame, const struct packet *p)
{
	uint32_t bytes = frame->len - p->l4;
	uint64_t sum = p->proto == IPPROTO_ICMP
			       ? 0
			       : checksum_pseudo(p->tuple.src, p->tuple.dst, p->proto, bytes);
	uint16_t field;

	if (packet_is_fragment(p) || p->kind == PACKET_OTHER)
		return;
	if (frame->offload.flags & IO_NEEDS_CSUM) {
		memcpy(&field, frame->data + frame->offload.csum_start + frame->offload.csum_offset,
		       2);
		assert_int_equal(field, checksum_fold(sum));
		return;
	}
	if (p->proto == IPPROTO_UDP) {
		memcpy(&field, frame->data + p->l4 + 6, 2);
		if (field == 0)
			return;
	}
	assert_int_equal(checksum_fold(checksum_add(sum, frame->data + p->l4, bytes)), 0xffff);
}

bool harness_take(struct harness *h, uint8_t port, struct frame *frame, struct packet *p)
{
	const struct ethernet_header *ethernet = (const struct ethernet_header *)frame->data;

	frame->len = mem_port_pop(h->io[port], frame->data, sizeof(frame->data), &frame->offload);
	if (!frame->len)
		return false;
	*p = (struct packet){.data = frame->data, .len = frame->len, .offload = frame->offload};
	assert_int_equal(packet_parse(p), DROP_NONE);
	assert_int_equal(p->len, frame->len);
	if (!h->vmac || !mac_equal(&ethernet->src, h->vmac))
		assert_memory_equal(&ethernet->src, port == VRACK ? &vrack_mac : &vsphere_mac, 6);
	check_transport(frame, p);
	return true;
}

uint16_t harness_expect(struct harness *h, uint8_t port, const struct probe *wanted,
			struct packet *result)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	const struct ethernet_header *ethernet = (const struct ethernet_header *)frame->data;
	struct packet p;
	uint16_t sport;

	assert_non_null(frame);
	if (!harness_take(h, port, frame, &p))
		fail_msg("nothing was sent on port %u", port);
	/* of an ICMP error the tuple is that of the quote: compare with the header itself */
	if (wanted->src)
		assert_int_equal(packet_ip(&p)->src, ip(wanted->src));
	if (wanted->dst)
		assert_int_equal(packet_ip(&p)->dst, ip(wanted->dst));
	if (wanted->proto)
		assert_int_equal(p.proto, wanted->proto);
	if (wanted->sport)
		assert_int_equal(ntohs(p.tuple.sport), wanted->sport);
	if (wanted->dport)
		assert_int_equal(ntohs(p.tuple.dport), wanted->dport);
	if (wanted->ttl)
		assert_int_equal(p.ttl, wanted->ttl);
	if (wanted->from_mac) /* here: whom it goes to */
		assert_memory_equal(&ethernet->dst, wanted->from_mac, 6);
	sport = ntohs(p.tuple.sport);
	if (result)
		*result = p; /* its data is gone with the frame: fields only */
	free(frame);
	return sport;
}

void harness_expect_nothing(struct harness *h)
{
	assert_int_equal(mem_port_sent(h->io[VRACK]), 0);
	assert_int_equal(mem_port_sent(h->io[VSPHERE]), 0);
}

void harness_expect_drop(struct harness *h, enum drop_reason reason, uint64_t total)
{
	if (h->counters.dropped[reason] != total)
		for (unsigned i = 1; i < DROP_COUNT; i++)
			if (h->counters.dropped[i])
				print_message("dropped %s: %lu\n", drop_name(i),
					      (unsigned long)h->counters.dropped[i]);
	assert_int_equal(h->counters.dropped[reason], total);
}
