/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "pgw explain" says comes to pass: random packets among random sessions, configurations of
 * every kind; each is explained first, from configuration and flow table alone, and then really
 * sent through a worker. Verdict and drop reason must be the same, and so must addresses and ports
 * where they were foretold.
 */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/explain/trace.h"
#include "tests/unit/harness.h"

#define ROUNDS	1500
#define CONFIGS (sizeof(configs) / sizeof(configs[0]))

#define BASE                                                                                       \
	"portgroup add vrack dev eth1 realm private%s\n"                                           \
	"portgroup add vsphere dev eth2 realm vsphere\n"                                           \
	"address add 172.16.0.1/24 portgroup vrack\n"                                              \
	"address add 10.10.0.2/24 portgroup vsphere\n"                                             \
	"service add vcenter address 172.16.0.1 protocol tcp port 443 backend 10.10.0.10:443 "     \
	"backend 10.10.0.11:443\n"                                                                 \
	"service add dead address 172.16.0.3 protocol tcp port 443 backend 10.10.0.12:443\n"       \
	"service add dns address 172.16.0.1 protocol udp port 53 backend 10.10.0.10:53\n"          \
	"allow add 192.168.50.0/24\nallow add 172.16.0.0/25\nallow add 10.10.0.0/24\n"             \
	"set timer hold-down-timeout 0\n" /* which ports rest cannot be seen */

static const struct {
	const char *portgroup, *rest;
} configs[] = {
	{"", "pool add p external-ip-address 10.10.0.2 ports 20000-20063 filtering-type eif\n"
	     "nat add 10 from 0.0.0.0/0 to 10.10.0.0/24 pool p\n"},
	{"", "pool add p external-ip-address 10.10.0.2,10.10.0.3 ports 20000-20015 filtering-type "
	     "adf\nset connection-limits 3\n"
	     "nat add 10 from 0.0.0.0/0 to 0.0.0.0/0 pool p\n"},
	{" last-hop off",
	 "pool add p external-ip-address 10.10.0.2 ports 20000-20007 port-quota 3\n"
	 "pool add q external-ip-address 172.16.0.9 ports 30000-30063 filtering-type eif\n"
	 "route add 192.168.50.0/24 via 172.16.0.254\nset mapping-limits 4\n"
	 "nat add 1 from 172.16.0.0/24 to 192.168.50.0/24 nat-pass-through\n"
	 "nat add 5 from 192.168.50.0/25 to 10.10.0.10/32 nat-pass-through\n"
	 "nat add 10 from 192.168.50.0/24 to 10.10.0.0/24 protocol tcp pool p\n"
	 "nat add 20 from 172.16.0.0/24 to 10.10.0.0/24 pool p\n"
	 "nat add 30 from 10.10.0.0/24 to 0.0.0.0/0 pool q\nroute add default via 172.16.0.254\n"},
	{" reverse-path off",
	 "pool add p external-ip-address 10.10.0.2 mapping-type edm filtering-type edf\n"
	 "nat add 7 from 0.0.0.0/0 to 0.0.0.0/0 pool p\nroute add default via 172.16.0.254\n"},
};

struct fixture {
	struct harness *h;
	struct flow_table table;
	struct snapshot snapshot;
};

static void link_of(void *context, uint8_t port, struct trace_link *link)
{
	(void)context;
	*link = (struct trace_link){.ifindex = 11u + port, .mtu = 1500, .up = true};
}

static enum trace_neighbour neighbour_of(void *context, uint8_t port, be32 addr, struct mac *mac)
{
	(void)context;
	(void)port;
	(void)addr;
	*mac = server_mac;
	return TRACE_NEIGHBOUR_KNOWN;
}

static uint32_t pick(struct harness *h, uint32_t n)
{
	h->seed = h->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(h->seed >> 33) % n;
}

#define PICK(h, array) (array)[pick(h, sizeof(array) / sizeof((array)[0]))]

static const char *const addresses[] = {
	"192.168.50.9", "192.168.50.10", "192.168.50.200", "172.16.0.50", "172.16.0.200",
	"10.10.0.10",	"10.10.0.11",	 "10.10.0.12",	   "10.10.0.99",  "10.10.0.2",
	"172.16.0.1",	"172.16.0.3",	 "10.10.0.3",	   "172.16.0.9",  "198.51.100.7",
	"127.0.0.1",	"224.0.0.1",	 "10.10.0.255",	   "172.16.0.0",  "0.0.0.0",
};

static void choose(struct harness *h, const char *src[1], const char *dst[1], struct probe *probe)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint16_t ports[] = {443, 443, 53, 80, 20000, 20003, 20005, 20009, 30001, 0};

	*src = addresses[pick(h, 12)];
	*dst = PICK(h, addresses);
	if (!pick(h, 2)) /* often where there is something */
		*dst = (const char *[]){"172.16.0.1", "172.16.0.3", "10.10.0.10"}[pick(h, 3)];
	if (!pick(h, 20))
		*src = PICK(h, addresses);
	*probe = (struct probe){.src = *src,
				.dst = *dst,
				.proto = PICK(h, protocols),
				.sport = (uint16_t)(4000 + pick(h, 12)),
				.dport = PICK(h, ports),
				.tcp_flags = TCP_SYN};
	if (probe->proto == IPPROTO_ICMP)
		probe->dport = 0;
}

/* The external side of some session, so that mappings are met. */
static void aim_at_mapping(struct fixture *f, struct probe *probe, char text[ADDR_TEXT_BYTES])
{
	uint32_t high = flow_table_high(&f->table);
	struct flow flow;

	for (unsigned i = 0; high && i < 8; i++) {
		if (!flow_copy(&f->table, pick(f->h, high), &flow) || !(flow.flags & FLOW_SNAT) ||
		    flow.proto == IPPROTO_ICMP)
			continue;
		probe->dst = addr_text(flow.tuple[1].dst, text);
		probe->proto = flow.proto;
		probe->dport = ntohs(flow.tuple[1].dport);
		return;
	}
}

/* A packet of some session, from either side. */
static void aim_at_session(struct fixture *f, struct probe *probe, uint8_t *port,
			   char src[ADDR_TEXT_BYTES], char dst[ADDR_TEXT_BYTES])
{
	uint32_t high = flow_table_high(&f->table);
	unsigned side = pick(f->h, 2);
	struct flow flow;

	if (!high || !flow_copy(&f->table, pick(f->h, high), &flow) || flow.proto == IPPROTO_TCP)
		return;
	*probe = (struct probe){.src = addr_text(flow.tuple[side].src, src),
				.dst = addr_text(flow.tuple[side].dst, dst),
				.sport = ntohs(flow.tuple[side].sport),
				.dport = ntohs(flow.tuple[side].dport),
				.proto = flow.proto};
	*port = flow.port[side];
}

static uint64_t dropped(const struct harness *h)
{
	uint64_t sum = 0;

	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++)
		sum += h->counters.dropped[i];
	return sum;
}

static void describe(const struct trace *trace, const struct probe *probe, unsigned config,
		     const char *really)
{
	print_message("config %u: %s:%u -> %s:%u protocol %u; really: %s\n", config, probe->src,
		      probe->sport, probe->dst, probe->dport, probe->proto, really);
	for (unsigned i = 0; i < trace->n_steps; i++)
		print_message("  %-12s %d %s\n", trace->steps[i].topic, trace->steps[i].outcome,
			      trace->steps[i].text);
	fail_msg("explained otherwise: verdict %d, %s", trace->verdict,
		 trace->reason ? drop_name(trace->reason) : "");
}

/* Sends it, and compares. Return: the verdict. */
static enum trace_verdict compare(struct fixture *f, unsigned config, uint8_t port,
				  const struct probe *probe, const struct trace *trace)
{
	struct harness *h = f->h;
	uint64_t drops[DROP_COUNT], drops_before = dropped(h);
	uint64_t kernel = h->counters.port[port].kernel_packets;
	static struct frame frame;
	unsigned forwarded = 0;
	struct packet p;

	memcpy(drops, h->counters.dropped, sizeof(drops));
	harness_send(h, port, probe);
	harness_run(h);
	for (uint8_t out = 0; out < 2; out++) {
		while (harness_take(h, out, &frame, &p)) {
			/* Not an answer of the gateway's own: an ICMP error, a reset. */
			if (p.kind != PACKET_TRANSPORT ||
			    (p.proto == IPPROTO_TCP && p.tcp.flags & TCP_RST))
				continue;
			forwarded++;
			if (trace->verdict != TRACE_FORWARDED)
				continue;
			assert_int_equal(out, trace->port);
			assert_int_equal(p.tuple.src, trace->src);
			assert_int_equal(p.tuple.dst, trace->dst);
			if (p.proto != IPPROTO_ICMP)
				assert_int_equal(p.tuple.dport, trace->dport);
			if (trace->sport)
				assert_int_equal(p.tuple.sport, trace->sport);
		}
	}
	if (h->counters.port[port].kernel_packets != kernel) {
		if (trace->verdict != TRACE_KERNEL)
			describe(trace, probe, config, "left to the kernel");
	} else if (dropped(h) != drops_before) {
		for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++)
			if (h->counters.dropped[i] != drops[i] &&
			    (trace->verdict != TRACE_DROPPED || trace->reason != i))
				describe(trace, probe, config, drop_name((enum drop_reason)i));
	} else if (trace->verdict != TRACE_FORWARDED || !forwarded) {
		describe(trace, probe, config, forwarded ? "forwarded" : "nothing");
	}
	return trace->verdict;
}

static void one(struct fixture *f, unsigned config, unsigned verdicts[3],
		unsigned reasons[DROP_COUNT], unsigned *of_session)
{
	const struct trace_world world = {.snapshot = &f->snapshot,
					  .table = &f->table,
					  .now_tick = FLOW_TICK(f->h->now_ns),
					  .link = link_of,
					  .neighbour = neighbour_of};
	uint8_t port = (uint8_t)pick(f->h, 2);
	const char *src, *dst;
	char text[ADDR_TEXT_BYTES], other[ADDR_TEXT_BYTES];
	struct probe probe;
	struct trace trace;

	choose(f->h, &src, &dst, &probe);
	if (pick(f->h, 6)) /* mostly from where it belongs */
		port = !strncmp(probe.src, "10.", 3);
	if (!pick(f->h, 4))
		aim_at_mapping(f, &probe, text);
	else if (!pick(f->h, 8))
		aim_at_session(f, &probe, &port, text, other);
	trace_packet(&trace, &world,
		     &(struct trace_question){.src = ip(probe.src),
					      .dst = ip(probe.dst),
					      .sport = htons(probe.sport),
					      .dport = htons(probe.dport),
					      .proto = probe.proto,
					      .port = port});
	assert_in_range(trace.n_steps, 1, TRACE_STEPS_MAX);
	/* A SYN within a connection may be judged by its state. */
	if (trace.has_flow && trace.flow.proto == IPPROTO_TCP)
		return;
	*of_session += trace.has_flow;
	verdicts[compare(f, config, port, &probe, &trace)]++;
	if (trace.verdict == TRACE_DROPPED)
		reasons[trace.reason]++;
}

static void test_comes_to_pass(void **state)
{
	unsigned verdicts[3] = {0}, reasons[DROP_COUNT] = {0}, of_session = 0, kinds = 0;
	static const uint8_t up[] = {1, 0, 0, 1}; /* vcenter's two, dead's, dns' */

	(void)state;
	for (unsigned c = 0; c < CONFIGS; c++) {
		char *text = NULL;
		struct fixture f;

		assert_true(asprintf(&text, BASE "%s", configs[c].portgroup, configs[c].rest) > 0);
		f.h = harness_open(text, 1024);
		f.h->backend_up = up;
		harness_configure(f.h, text);
		free(text);
		for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
			for (uint8_t port = 0; port < 2; port++)
				harness_neighbour(f.h, port, addresses[i], &server_mac,
						  NUD_REACHABLE);
		harness_neighbour(f.h, VRACK, "172.16.0.254", &router_mac, NUD_REACHABLE);
		assert_int_equal(flow_table_view(&f.table, f.h->table, f.h->table_bytes), 0);
		f.snapshot = f.h->worker->snapshot;
		for (unsigned i = 0; i < ROUNDS; i++) {
			one(&f, c, verdicts, reasons, &of_session);
			harness_advance(f.h, pick(f.h, 16) ? SECOND / 5 : 20 * SECOND);
		}
		harness_close(f.h);
	}
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		kinds += reasons[i] != 0;
		if (reasons[i])
			print_message("%s %u, ", drop_name((enum drop_reason)i), reasons[i]);
	}
	print_message(
		"%u forwarded, %u to the kernel, %u dropped for %u reasons; %u of a session\n",
		verdicts[TRACE_FORWARDED], verdicts[TRACE_KERNEL], verdicts[TRACE_DROPPED], kinds,
		of_session);
	/* or it would have shown little */
	assert_true(verdicts[TRACE_FORWARDED] > 200 && verdicts[TRACE_KERNEL] > 50 && kinds >= 12 &&
		    of_session > 20);
	assert_true(reasons[DROP_NOT_ALLOWED] && reasons[DROP_NO_RULE] && reasons[DROP_NO_ROUTE] &&
		    reasons[DROP_NO_BACKEND] && reasons[DROP_REVERSE_PATH] &&
		    reasons[DROP_FILTERED] && reasons[DROP_CONNECTION_LIMIT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_comes_to_pass)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
