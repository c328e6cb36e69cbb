/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel does with packets once the gateway has been programmed: it answers nothing
 * that the datapath owns, forwards nothing, answers ARP for the right addresses, and its own
 * connections go on. No datapath runs here, so silence means that the kernel was silent.
 */
#include "tests/unit/kernel_ns.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netpacket/packet.h>

#define MANY 10000

static struct config_portgroup portgroups[] = {PORTGROUP("vrack", "g1"),
					       PORTGROUP("vsphere", "g2")};

struct setup {
	struct config config;
	struct config_address addresses[2];
	struct config_service services[2];
	struct config_pool pool;
	be32 external[1];
};

static void fill(struct setup *s, uint16_t port_first, uint16_t port_last)
{
	*s = (struct setup){
		.addresses = {{.addr = ip("172.16.0.1"), .prefix_len = 24, .portgroup = "vrack"},
			      {.addr = ip("10.10.0.2"), .prefix_len = 24, .portgroup = "vsphere"}},
		.services = {{.name = "vcenter",
			      .addr = ip("172.16.0.1"),
			      .protocol = IPPROTO_TCP,
			      .port = 443},
			     {.name = "esx1",
			      .addr = ip("172.16.0.11"),
			      .protocol = IPPROTO_UDP,
			      .port = 902}},
		.pool = {.name = "default", .n_external = 1},
		.external = {ip("10.10.0.2")},
	};
	s->pool.external = s->external;
	s->pool.port_first = port_first;
	s->pool.port_last = port_last;
	s->config = (struct config){
		.portgroups = portgroups,
		.n_portgroups = 2,
		.addresses = s->addresses,
		.n_addresses = 2,
		.pools = &s->pool,
		.n_pools = 1,
		.services = s->services,
		.n_services = 2,
	};
}

static struct sockaddr_in endpoint(const char *addr, unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = ip(addr),
	};
}

/* begin() - a socket of namespace @ns that has sent a SYN or a datagram to an endpoint */
static int begin(int ns, int home, int type, const char *addr, unsigned port)
{
	struct sockaddr_in to = endpoint(addr, port);
	int fd;

	enter(ns);
	fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		assert_int_equal(errno, EINPROGRESS);
	if (type == SOCK_DGRAM)
		assert_int_equal(send(fd, "x", 1, 0), 1);
	enter(home);
	return fd;
}

/* outcome() - wait for what becomes of it. Return: 0 connected, or its errno. */
static int outcome(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int type = 0, err = 0;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length), 0);
	if (type == SOCK_DGRAM)
		poller.events = POLLIN; /* ends with POLLERR */
	if (poll(&poller, 1, TEST_WAIT_MS) == 0)
		return ETIMEDOUT;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length), 0);
	return err;
}

/* dropped() - packets that the rule with this text has dropped */
static unsigned long dropped(const char *rule)
{
	char *text = output("nft list table ip pgw"), *at = strstr(text, rule);
	unsigned long packets = 0;

	assert_non_null(at);
	at = strstr(at, "counter packets ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "counter packets %lu", &packets), 1);
	free(text);
	return packets;
}

/* assert_silent() - a packet to this endpoint meets the rule, and nothing comes back */
static void assert_silent(struct net *net, int ns, int type, const char *addr, unsigned port,
			  const char *rule)
{
	unsigned long before = dropped(rule);
	int fd = begin(ns, net->g, type, addr, port), err = 0;
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLOUT};
	long end = now_ms() + TEST_WAIT_MS;
	socklen_t length = sizeof(err);

	while (dropped(rule) == before)
		assert_true(now_ms() < end);
	/* An answer is made in the same softirq as the arrival: it would be here by now. */
	(void)poll(&poller, 1, 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length), 0);
	assert_int_equal(err, 0);
	close(fd);
}

static void assert_answered(struct net *net, int ns, int type, const char *addr, unsigned port,
			    int want)
{
	int fd = begin(ns, net->g, type, addr, port);

	assert_int_equal(outcome(fd), want);
	close(fd);
}

static int listen_on(const char *addr, unsigned port)
{
	struct sockaddr_in at = endpoint(addr, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void kernel_does_not_answer(void **state)
{
	struct net *net = *state;
	struct setup s;
	int wild, one;

	fill(&s, 16384, 65535);
	enter(net->g);
	sh("ip addr add 10.10.0.2/24 dev g2 && ip addr add 172.16.0.1/24 dev g1");
	/* Without us it does. */
	assert_answered(net, net->a, SOCK_STREAM, "172.16.0.1", 443, ECONNREFUSED);
	wild = listen_on("0.0.0.0", 20000);
	one = listen_on("10.10.0.2", 20001);
	apply(net, &s.config);

	assert_silent(net, net->a, SOCK_STREAM, "172.16.0.1", 443, "@services");
	assert_silent(net, net->a, SOCK_DGRAM, "172.16.0.11", 902, "@services");
	assert_silent(net, net->b, SOCK_STREAM, "10.10.0.2", 16384, "@pool_16384_65535");
	assert_silent(net, net->b, SOCK_DGRAM, "10.10.0.2", 65535, "@pool_16384_65535");
	/* Not ours: another protocol, another port, another address. */
	assert_answered(net, net->a, SOCK_DGRAM, "172.16.0.1", 443, ECONNREFUSED);
	assert_answered(net, net->a, SOCK_STREAM, "172.16.0.1", 444, ECONNREFUSED);
	assert_answered(net, net->a, SOCK_STREAM, "172.16.0.11", 443, ECONNREFUSED);
	assert_answered(net, net->b, SOCK_STREAM, "10.10.0.2", 16383, ECONNREFUSED);
	/* The gateway's own servers inside the pool's range. */
	assert_answered(net, net->b, SOCK_STREAM, "10.10.0.2", 20000, 0);
	assert_answered(net, net->b, SOCK_STREAM, "10.10.0.2", 20001, 0);
	close(wild);
	close(one);

	/* It stays when the process dies, and goes with kernel_remove(). */
	restart(net);
	assert_silent(net, net->a, SOCK_STREAM, "172.16.0.1", 443, "@services");
	drop(net);
	assert_answered(net, net->a, SOCK_STREAM, "172.16.0.1", 443, ECONNREFUSED);
}

static void later_fragments_are_dropped(void **state)
{
	struct net *net = *state;
	struct sockaddr_in to = endpoint("172.16.0.11", 0);
	struct {
		struct iphdr ip;
		char data[64];
	} packet = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .id = 7},
	};
	long end = now_ms() + TEST_WAIT_MS;
	unsigned long before;
	struct setup s;
	int fd, on = 1;

	fill(&s, 16384, 65535);
	apply(net, &s.config);
	before = dropped("ip frag-off");
	packet.ip.tot_len = htons(sizeof(packet));
	packet.ip.frag_off = htons(100); /* units of 8 bytes, and the last one */
	packet.ip.daddr = to.sin_addr.s_addr;
	enter(net->a);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)), 0);
	assert_int_equal(
		sendto(fd, &packet, sizeof(packet), 0, (const struct sockaddr *)&to, sizeof(to)),
		sizeof(packet));
	close(fd);
	enter(net->g);
	while (dropped("ip frag-off") == before)
		assert_true(now_ms() < end);
}

/* own_connection() - the gateway connects from the pool's own address to a server in B */
static void own_connection(struct net *net, unsigned first, unsigned last)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	int server, fd;

	enter(net->b);
	server = listen_on("10.10.0.10", 80);
	enter(net->g);
	fd = begin(net->g, net->g, SOCK_STREAM, "10.10.0.10", 80);
	assert_int_equal(outcome(fd), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &length), 0);
	assert_int_equal(from.sin_addr.s_addr, ip("10.10.0.2"));
	assert_in_range(ntohs(from.sin_port), first, last);
	close(fd);
	close(server);
}

static bool listed(const struct net *net, uint8_t proto, unsigned port)
{
	struct snapshot_reserved *list;
	bool found[2] = {false, false};
	size_t n;

	for (unsigned kept = 0; kept < 2; kept++) {
		assert_int_equal(kept ? kernel_listening_kept(net->kernel, &list, &n)
				      : kernel_listening(&list, &n),
				 0);
		for (size_t i = 0; i < n; i++)
			found[kept] |= list[i].proto == proto && ntohs(list[i].port) == port &&
				       !list[i].addr;
		free(list);
	}
	assert_int_equal(found[0], found[1]);
	return found[0];
}

static void own_connections_go_on(void **state)
{
	struct net *net = *state;
	struct setup s;

	fill(&s, 16384, 65535);
	apply(net, &s.config);
	own_connection(net, 12288, 16383);
	assert_false(listed(net, IPPROTO_TCP, 12288));
	/* All ports to the pool: some are carved, the datapath is told, and no longer suppressed.
	 */
	fill(&s, 1024, 65535);
	apply(net, &s.config);
	own_connection(net, 64512, 65535);
	assert_true(listed(net, IPPROTO_TCP, 64512) && listed(net, IPPROTO_UDP, 65535));
	assert_false(listed(net, IPPROTO_TCP, 64511));
	assert_silent(net, net->b, SOCK_STREAM, "10.10.0.2", 64511, "@pool_1024_64511");
	assert_answered(net, net->b, SOCK_STREAM, "10.10.0.2", 64512, ECONNREFUSED);
}

static void kernel_does_not_forward(void **state)
{
	struct net *net = *state;
	struct setup s;
	int server;

	fill(&s, 16384, 65535);
	sh("ip addr add 10.10.0.2/24 dev g2 && ip addr add 172.16.0.1/24 dev g1");
	sh("sysctl -qw net.ipv4.ip_forward=1");
	enter(net->b);
	server = listen_on("10.10.0.10", 80);
	assert_answered(net, net->a, SOCK_STREAM, "10.10.0.10", 80, 0);
	apply(net, &s.config);
	assert_true(prints("sysctl -n net.ipv4.ip_forward", "1"));
	enter(net->a);
	assert_true(prints("ping -c 2 -i 0.2 -W 1 10.10.0.10", "100% packet loss"));
	enter(net->g);
	drop(net);
	assert_answered(net, net->a, SOCK_STREAM, "10.10.0.10", 80, 0);
	close(server);
}

/* arp_asks() - who-has @target, as @sender, from a1. Return: whether somebody answered. */
static bool arp_asks(struct net *net, const char *sender, const char *target)
{
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
	struct {
		struct ether_header ether;
		struct ether_arp arp;
	} __attribute__((packed)) frame = {
		.ether = {.ether_dhost = {255, 255, 255, 255, 255, 255},
			  .ether_shost = {2, 0, 0, 0, 0, 9},
			  .ether_type = htons(ETH_P_ARP)},
		.arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
				   .ar_pro = htons(ETH_P_IP),
				   .ar_hln = 6,
				   .ar_pln = 4,
				   .ar_op = htons(ARPOP_REQUEST)},
			.arp_sha = {2, 0, 0, 0, 0, 9}},
	};
	be32 from = ip(sender), to = ip(target);
	bool answered = false;
	int fd, on = 1;

	memcpy(frame.arp.arp_spa, &from, 4);
	memcpy(frame.arp.arp_tpa, &to, 4);
	enter(net->a);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP));
	assert_true(fd >= 0);
	link.sll_ifindex = (int)if_nametoindex("a1");
	assert_int_equal(bind(fd, (const struct sockaddr *)&link, sizeof(link)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(send(fd, &frame, sizeof(frame), 0), sizeof(frame));
	/* Across veth the answer is made within the sending call or shortly after: 300 ms bound. */
	for (long end = now_ms() + 300; !answered && now_ms() < end;) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		struct ether_arp answer;

		if (poll(&poller, 1, 50) != 1)
			continue;
		if (recv(fd, &frame, sizeof(frame), 0) < (ssize_t)sizeof(frame))
			continue;
		answer = frame.arp;
		answered = answer.ea_hdr.ar_op == htons(ARPOP_REPLY) &&
			   !memcmp(answer.arp_spa, &to, 4);
	}
	close(fd);
	enter(net->g);
	return answered;
}

static void arp_is_answered_for_the_right_addresses(void **state)
{
	struct net *net = *state;
	struct setup s;

	sh("sysctl -qw net.ipv4.conf.g1.rp_filter=1");
	fill(&s, 16384, 65535);
	apply(net, &s.config);
	assert_true(arp_asks(net, "172.16.0.254", "172.16.0.1"));
	assert_true(arp_asks(net, "172.16.0.254", "172.16.0.11"));
	/* a neighbour of a subnet to which the gateway has no route */
	assert_true(arp_asks(net, "192.168.77.2", "172.16.0.1"));
	/* the address of another portgroup */
	assert_false(arp_asks(net, "172.16.0.254", "10.10.0.2"));
	drop(net);
	assert_false(arp_asks(net, "172.16.0.254", "172.16.0.11"));
}

static void many_services(void **state)
{
	struct net *net = *state;
	struct config_service *services = calloc(MANY, sizeof(*services));
	char *handles, *again;
	struct setup s;
	long start;

	assert_non_null(services);
	fill(&s, 16384, 65535);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(services[i].name, sizeof(services[i].name), "s%u", i);
		services[i].addr = ip("172.16.0.11");
		services[i].protocol = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;
		services[i].port = (uint16_t)(1000 + i / 2);
	}
	s.config.services = services;
	s.config.n_services = MANY;
	start = now_ms();
	apply(net, &s.config);
	assert_in_range(now_ms() - start, 0, 2000);
	assert_silent(net, net->a, SOCK_STREAM, "172.16.0.11", 1000 + MANY / 2 - 1, "@services");
	assert_answered(net, net->a, SOCK_STREAM, "172.16.0.11", 1000 + MANY / 2, ECONNREFUSED);
	/* Reading it back finds no difference; one element taken out is one. */
	handles = output("nft -a list chain ip pgw prerouting | grep handle | grep -o 'handle.*'");
	apply(net, &s.config);
	again = output("nft -a list chain ip pgw prerouting | grep handle | grep -o 'handle.*'");
	assert_string_equal(handles, again);
	free(again);
	sh("nft delete element ip pgw services '{ 172.16.0.11 . tcp . 1000 }'");
	apply(net, &s.config);
	sh("nft get element ip pgw services '{ 172.16.0.11 . tcp . 1000 }' >/dev/null");
	free(handles);
	drop(net);
	assert_false(prints("nft list tables", "pgw"));
	free(services);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		TEST(kernel_does_not_answer),
		TEST(later_fragments_are_dropped),
		TEST(own_connections_go_on),
		TEST(kernel_does_not_forward),
		TEST(arp_is_answered_for_the_right_addresses),
		TEST(many_services),
	};

	needs_root("kernel_traffic_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
