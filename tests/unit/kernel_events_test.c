/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells: events, neighbours, sockets; and who is believed. */
#include "tests/unit/kernel_ns.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/resource.h>

#include "control/netlink/netlink.h"

static struct config_portgroup portgroups[] = {PORTGROUP("vrack", "g1"),
					       PORTGROUP("vsphere", "g2")};

struct setup {
	struct config config;
	struct config_address addresses[2];
	struct config_route route;
	struct config_service service;
};

static void fill(struct setup *s)
{
	*s = (struct setup){
		.addresses = {{.addr = ip("172.16.0.1"), .prefix_len = 24, .portgroup = "vrack"},
			      {.addr = ip("10.10.0.2"), .prefix_len = 24, .portgroup = "vsphere"}},
		.route = {.to = {ip("192.168.0.0"), 16}, .via = ip("172.16.0.254")},
		.service = {.name = "vcenter",
			    .addr = ip("172.16.0.1"),
			    .protocol = IPPROTO_TCP,
			    .port = 443},
	};
	s->config = (struct config){
		.portgroups = portgroups,
		.n_portgroups = 2,
		.addresses = s->addresses,
		.n_addresses = 2,
		.routes = &s->route,
		.n_routes = 1,
		.services = &s->service,
		.n_services = 1,
	};
}

/* told() - whether the monitor tells of something within the bound. Drains it. */
static bool told(struct net *net, int wait_ms)
{
	struct pollfd poller = {.fd = kernel_monitor_fd(net->kernel), .events = POLLIN};
	long end = now_ms() + wait_ms;

	do {
		int left = (int)(end - now_ms()), got;

		if (poll(&poller, 1, left > 0 ? left : 0) != 1)
			return false;
		got = kernel_monitor_read(net->kernel);
		assert_in_range(got, 0, 1);
		if (got)
			return true;
	} while (now_ms() < end);
	return false;
}

static void quiet(struct net *net)
{
	while (told(net, 50))
		;
}

static void monitor_tells_and_apply_mends(void **state)
{
	static const struct {
		const char *harm, *check, *part;
	} harms[] = {
		{"ip addr del 172.16.0.1/24 dev g1", "ip -4 -o addr", " 172.16.0.1/24 "},
		{"ip route del 192.168.0.0/16", "ip route", "192.168.0.0/16 via 172.16.0.254"},
		{"ip link set g1 down", "ip -o link show g1", ",UP"},
		{"ip link set g1 down && ip link set g1 up", "ip route", "192.168.0.0/16 via"},
		{"ip route del 172.16.0.0/24 dev g1", "ip route",
		 "172.16.0.0/24 dev g1 proto kernel scope link src 172.16.0.1"},
		{"ip route flush table main", "ip route", "192.168.0.0/16 via 172.16.0.254"},
		{"nft flush ruleset", "nft list ruleset", "172.16.0.1 . tcp . 443"},
		{"nft flush chain ip pgw prerouting", "nft list ruleset", "@services"},
		{"nft add table ip pgw '{ flags dormant; }'",
		 "nft list table ip pgw | grep -c dormant || echo active", "active"},
		{"nft insert rule ip pgw prerouting accept",
		 "nft list chain ip pgw prerouting | grep -cx '[[:space:]]*accept' || echo none",
		 "none"},
		/* what is not ours in our table, as versions before had it */
		{"nft 'table ip pgw { set interfaces { type ifname; elements = { g1 }; }; "
		 "chain elsewhere { type filter hook prerouting priority 300; "
		 "iifname @interfaces drop; }; }'",
		 "nft list table ip pgw | grep -c interfaces || echo none", "none"},
		{"sysctl -qw net.ipv4.ip_forward=1", "sysctl net.ipv4.conf.g1.forwarding", "= 0"},
	};
	struct net *net = *state;
	struct setup s;

	fill(&s);
	apply(net, &s.config);
	quiet(net);
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		assert_true(prints(harms[i].check, harms[i].part));
		sh("%s", harms[i].harm);
		if (!told(net, TEST_WAIT_MS))
			fail_msg("not told of: %s", harms[i].harm);
		apply(net, &s.config);
		if (!prints(harms[i].check, harms[i].part))
			fail_msg("not mended: %s", harms[i].harm);
		quiet(net); /* of our own changes */
	}
	/* Of no interest, or every routing daemon would keep us busy. */
	sh("ip route add 198.51.100.0/24 via 172.16.0.9 && ip route del 198.51.100.0/24");
	sh("nft add table ip other && nft delete table ip other");
	assert_false(told(net, 100));
}

static bool may(void *context, const struct kernel_change *change)
{
	(void)context;
	(void)change;
	return true;
}

/* done() - note the words of the last change */
static void done(void *context, const struct kernel_change *change, int err, const char *why)
{
	if (err)
		fail_msg("%s: %s", change->what, why);
	(void)snprintf(context, KERNEL_CHANGE_BYTES, "%s", change->what);
}

/* Of a route in the place of ours the kernel tells as new, not of the loss of ours. */
static void route_in_the_place_of_ours(void **state)
{
	static const char *const harms[] = {
		"ip route replace 192.168.0.0/16 via 172.16.0.9",
		"ip route replace blackhole 192.168.0.0/16",
		"ip route del 192.168.0.0/16 && ip route add 192.168.0.0/16 via 10.10.0.10",
	};
	static const char want[] = "192.168.0.0/16 via 172.16.0.254 dev g1 proto 112";
	char what[KERNEL_CHANGE_BYTES] = "";
	const struct kernel_mend mend = {.may = may, .done = done, .context = what};
	struct kernel_error error = {0};
	struct net *net = *state;
	struct setup s;

	fill(&s);
	apply(net, &s.config);
	quiet(net);
	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		sh("%s", harms[i]);
		assert_true(told(net, TEST_WAIT_MS));
		assert_int_equal(kernel_mend(net->kernel, &s.config, &mend, &error), 0);
		assert_string_equal(what, "route 192.168.0.0/16 via 172.16.0.254 set");
		assert_true(prints("ip route", want));
		quiet(net);
	}
	/* A change that does not concern it is not refused for it. */
	sh("%s", harms[0]);
	assert_int_equal(kernel_change(net->kernel, &s.config, &s.config, &error), 0);
	assert_true(prints("ip route", want));
	/* One that was there before the statement is left alone. */
	drop(net);
	sh("ip addr add 172.16.0.1/24 dev g1 && ip route add 192.168.0.0/16 via 172.16.0.9");
	assert_int_equal(kernel_apply(net->kernel, &s.config, &error), -EEXIST);
	/* Others' routes are of no interest. */
	sh("ip route replace 198.51.100.0/24 via 172.16.0.9");
	quiet(net);
	sh("ip route replace 198.51.100.0/24 via 172.16.0.8");
	assert_false(told(net, 100));
}

static void parameters_are_read(void **state)
{
	struct net *net = *state;
	struct setup s;

	fill(&s);
	apply(net, &s.config);
	assert_true(kernel_parameters_kept(net->kernel));
	sh("sysctl -qw net.ipv4.conf.g1.arp_ignore=8");
	assert_false(kernel_parameters_kept(net->kernel));
	apply(net, &s.config);
	assert_true(kernel_parameters_kept(net->kernel));
	sh("sysctl -qw net.ipv4.ip_local_port_range='1024 65000'");
	assert_false(kernel_parameters_kept(net->kernel));
	apply(net, &s.config);
	assert_true(kernel_parameters_kept(net->kernel));
	sh("ip link del g2"); /* it took its parameters along */
	assert_true(kernel_parameters_kept(net->kernel));
	/* Another of its name has parameters of its own, in files of the same names. */
	sh("ip link add g2 type veth peer name g2-peer");
	assert_false(kernel_parameters_kept(net->kernel));
	sh("for p in forwarding=0 arp_ignore=1 arp_announce=2 rp_filter=0 promote_secondaries=1; "
	   "do "
	   "sysctl -qw net.ipv4.conf.g2.$p; done");
	assert_true(kernel_parameters_kept(net->kernel));
	sh("sysctl -qw net.ipv4.conf.g2.arp_ignore=8");
	assert_false(kernel_parameters_kept(net->kernel));
}

/* They are read again where no file can be opened any more. */
static void parameters_stay_open(void **state)
{
	struct net *net = *state;
	struct rlimit limit, none;
	struct setup s;
	bool kept;

	fill(&s);
	apply(net, &s.config);
	assert_true(kernel_parameters_kept(net->kernel));
	sh("sysctl -qw net.ipv4.conf.g1.arp_ignore=8");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	kept = kernel_parameters_kept(net->kernel);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(kept);
}

static void interface_returns(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup s;

	fill(&s);
	sh("sysctl -qw net.ipv4.conf.g1.rp_filter=1");
	apply(net, &s.config);
	quiet(net);
	sh("ip link del g1");
	assert_true(told(net, TEST_WAIT_MS));
	assert_int_equal(kernel_apply(net->kernel, &s.config, &error), -ENODEV);
	sh("ip link add g1 type veth peer name g1-peer && ip link set g1-peer up");
	sh("sysctl -qw net.ipv4.conf.g1.rp_filter=2");
	assert_true(told(net, TEST_WAIT_MS));
	apply(net, &s.config);
	assert_true(prints("ip route", "192.168.0.0/16 via 172.16.0.254 dev g1"));
	drop(net);
	/* what the new interface had, not what the old one had */
	assert_true(prints("sysctl -n net.ipv4.conf.g1.rp_filter", "2"));
}

static bool neighbour(struct net *net, be32 addr, struct kernel_neighbour *out)
{
	struct kernel_neighbour *list;
	bool found = false;
	size_t n;

	assert_int_equal(kernel_neighbours(net->kernel, &list, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (list[i].addr != addr)
			continue;
		*out = list[i];
		found = true;
	}
	free(list);
	return found;
}

static void neighbour_is_resolved(void **state)
{
	struct net *net = *state;
	struct kernel_neighbour got = {0};
	long end = now_ms() + TEST_WAIT_MS;
	be32 router = ip("172.16.0.254");
	int events = kernel_events();
	uint32_t g1 = if_nametoindex("g1");
	bool event_seen = false;
	char mac[MAC_TEXT_BYTES];
	struct setup s;

	assert_true(events >= 0);
	assert_int_equal(fcntl(events, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(events, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	fill(&s);
	apply(net, &s.config);
	assert_false(neighbour(net, router, &got));
	assert_int_equal(kernel_resolve(net->kernel, g1, router), 0);
	while (!neighbour(net, router, &got) || !(got.state & NUD_REACHABLE))
		assert_true(now_ms() < end);
	assert_int_equal(got.ifindex, g1);
	enter(net->a);
	assert_true(prints("ip link show a1", mac_text(got.mac, mac)));
	enter(net->g);
	while (!event_seen) {
		char buffer[8192] __attribute__((aligned(4)));
		const struct nlmsghdr *header = (const void *)buffer;
		ssize_t bytes = netlink_receive(events, buffer, sizeof(buffer), 0);

		assert_true(bytes > 0);
		event_seen = header->nlmsg_type == RTM_NEWNEIGH;
	}
	close(events);
	/* Neighbours of other links are none of ours. */
	sh("ip link add o1 type veth peer name o2 && ip link set o1 up");
	sh("ip neigh add 203.0.113.9 lladdr 02:00:00:00:00:01 dev o1");
	assert_false(neighbour(net, ip("203.0.113.9"), &got));
	/* Whoever made an entry permanent has it left alone. */
	sh("ip neigh replace 192.168.77.3 lladdr 02:00:00:00:00:03 dev g1 nud permanent");
	assert_int_equal(kernel_resolve(net->kernel, g1, ip("192.168.77.3")), 0);
	assert_true(prints("ip neigh show 192.168.77.3", "02:00:00:00:00:03 PERMANENT"));
	assert_int_equal(kernel_resolve(net->kernel, g1, router), 0); /* again */
	/* No such link: an error, no crash. */
	assert_int_equal(kernel_resolve(net->kernel, 4711, router), -ENODEV);
}

static int bound(int family, int type, const char *addr, unsigned port)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	if (family == AF_INET) {
		four.sin_addr.s_addr = ip(addr);
		assert_int_equal(bind(fd, (const struct sockaddr *)&four, sizeof(four)), 0);
	} else {
		assert_int_equal(inet_pton(AF_INET6, addr, &six.sin6_addr), 1);
		assert_int_equal(bind(fd, (const struct sockaddr *)&six, sizeof(six)), 0);
	}
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void sockets_are_listed_once(void **state)
{
	const int fds[] = {
		bound(AF_INET, SOCK_STREAM, "0.0.0.0", 22),
		bound(AF_INET, SOCK_STREAM, "0.0.0.0", 22),   /* twice */
		bound(AF_INET, SOCK_STREAM, "127.0.0.1", 22), /* covered by the first */
		bound(AF_INET, SOCK_STREAM, "127.0.0.1", 25),
		bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 53),
		bound(AF_INET6, SOCK_STREAM, "::", 8443), /* takes IPv4 too */
		bound(AF_INET6, SOCK_DGRAM, "::1", 123),  /* does not */
		bound(AF_INET6, SOCK_DGRAM, "::ffff:127.0.0.1", 124),
	};
	const struct snapshot_reserved want[] = {
		{0, htons(22), IPPROTO_TCP, 0},
		{ip("127.0.0.1"), htons(25), IPPROTO_TCP, 0},
		{0, htons(8443), IPPROTO_TCP, 0},
		{ip("127.0.0.1"), htons(53), IPPROTO_UDP, 0},
		{ip("127.0.0.1"), htons(124), IPPROTO_UDP, 0},
	};
	struct snapshot_reserved *list;
	size_t n;

	(void)state;
	assert_int_equal(kernel_listening(&list, &n), 0);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	assert_memory_equal(list, want, sizeof(want));
	free(list);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}

static void only_the_kernel_is_believed(void **state)
{
	struct net *net = *state;
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} forged = {
		.header = {.nlmsg_len = sizeof(forged), .nlmsg_type = RTM_NEWLINK},
	};
	socklen_t length = sizeof(to);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char buffer[512];

	quiet(net);
	assert_int_equal(
		getsockname(net->kernel->monitor_route_fd, (struct sockaddr *)&to, &length), 0);
	to.nl_groups = 0;
	assert_int_equal(
		sendto(fd, &forged, sizeof(forged), 0, (const struct sockaddr *)&to, sizeof(to)),
		sizeof(forged));
	assert_true(recv(net->kernel->monitor_route_fd, buffer, sizeof(buffer),
			 MSG_PEEK | MSG_DONTWAIT) == sizeof(forged));
	assert_int_equal(kernel_monitor_read(net->kernel), 0);
	close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		TEST(monitor_tells_and_apply_mends),
		TEST(route_in_the_place_of_ours),
		TEST(parameters_are_read),
		TEST(parameters_stay_open),
		TEST(interface_returns),
		TEST(neighbour_is_resolved),
		TEST(sockets_are_listed_once),
		TEST(only_the_kernel_is_believed),
	};

	needs_root("kernel_events_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
