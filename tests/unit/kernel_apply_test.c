/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_apply() and kernel_remove(): differences, ownership marks, all or nothing. */
#include "tests/unit/kernel_ns.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct config_portgroup portgroups[] = {PORTGROUP("vrack", "g1"),
					       PORTGROUP("vsphere", "g2")};

/* Two configurations that share some of everything. fill_*() because addresses need parsing. */
struct setup {
	struct config config;
	struct config_address addresses[3];
	struct config_route routes[2];
	struct config_service services[2];
	struct config_pool pool;
	be32 external[2];
};

static void fill_one(struct setup *s)
{
	*s = (struct setup){
		.addresses = {{.addr = ip("172.16.0.1"), .prefix_len = 24, .portgroup = "vrack"},
			      {.addr = ip("10.10.0.2"), .prefix_len = 24, .portgroup = "vsphere"}},
		.routes = {{.to = {ip("192.168.0.0"), 16}, .via = ip("172.16.0.254")},
			   {.to = {ip("10.99.0.0"), 24}, .via = ip("10.10.0.10")}},
		.services = {{.name = "vcenter",
			      .addr = ip("172.16.0.1"),
			      .protocol = IPPROTO_TCP,
			      .port = 443},
			     {.name = "esx1",
			      .addr = ip("172.16.0.11"),
			      .protocol = IPPROTO_UDP,
			      .port = 902}},
		.pool = {.name = "default",
			 .n_external = 2,
			 .port_first = 16384,
			 .port_last = 65535},
		.external = {ip("10.10.0.2"), ip("10.10.0.3")},
	};
	s->pool.external = s->external;
	s->config = (struct config){
		.portgroups = portgroups,
		.n_portgroups = 2,
		.addresses = s->addresses,
		.n_addresses = 2,
		.routes = s->routes,
		.n_routes = 2,
		.pools = &s->pool,
		.n_pools = 1,
		.services = s->services,
		.n_services = 2,
	};
}

static void fill_two(struct setup *s)
{
	fill_one(s);
	/* another prefix length, a moved route, other services, another range */
	s->addresses[0].prefix_len = 16;
	s->addresses[2] = (struct config_address){
		.addr = ip("172.31.0.1"), .prefix_len = 24, .portgroup = "vrack"};
	s->config.n_addresses = 3;
	s->routes[0].via = ip("172.16.0.253");
	s->config.n_routes = 1;
	s->services[1].addr = ip("172.16.0.12");
	s->external[1] = ip("10.10.0.4");
	s->pool.port_first = 1024;
}

static void add_foreign(void)
{
	sh("ip addr add 192.0.2.1/24 dev g1 && ip addr add 10.10.0.2/24 dev g2");
	sh("ip route add 198.51.100.0/24 via 192.0.2.2");
	sh("ip route add 198.51.101.0/24 via 10.10.0.9");
	sh("nft add table ip theirs && nft add chain ip theirs input "
	   "'{ type filter hook input priority 0; }' && "
	   "nft add rule ip theirs input tcp dport 1 drop");
	sh("sysctl -qw net.ipv4.ip_local_reserved_ports=8080,9000-9002 net.ipv4.ip_forward=1 "
	   "net.ipv4.conf.g1.rp_filter=1 net.ipv4.conf.g2.rp_filter=2");
}

static void apply_and_remove(void **state)
{
	struct net *net = *state;
	struct setup one;
	char *before;

	add_foreign();
	before = snapshot();
	fill_one(&one);
	apply(net, &one.config);
	assert_true(prints("ip -4 -o addr show dev g1", " 172.16.0.1/24 "));
	assert_true(prints("ip -4 -o addr show dev g1", " 172.16.0.11/32 "));
	assert_true(prints("ip -4 -o addr show dev g2", " 10.10.0.3/32 "));
	/* A pool address that an address statement has, and that was there before us. */
	assert_false(prints("ip -4 -o addr show dev g2", " 10.10.0.2/32 "));
	assert_true(prints("ip route show 192.168.0.0/16", "via 172.16.0.254 dev g1 proto 112"));
	assert_true(prints("sysctl -n net.ipv4.ip_local_reserved_ports",
			   "8080,9000-9002,16384-65535\n"));
	assert_true(prints("sysctl -n net.ipv4.ip_local_port_range", "12288\t16383\n"));
	assert_true(prints("sysctl net.ipv4.conf.g1", "arp_ignore = 1\n"));
	assert_true(prints("sysctl net.ipv4.conf.g2", "arp_announce = 2\n"));
	assert_true(prints("nft list table ip pgw", "172.16.0.11 . udp . 902"));
	assert_true(file_exists(net, "sysctl.saved"));
	drop(net);
	assert_snapshot(before);
	assert_false(file_exists(net, "sysctl.saved"));
	assert_false(file_exists(net, "sysctl.saved.new"));
	drop(net); /* once more changes nothing */
	assert_snapshot(before);
	free(before);
}

static void second_apply_changes_nothing(void **state)
{
	struct net *net = *state;
	struct setup one;
	char *before;

	fill_one(&one);
	apply(net, &one.config);
	(void)kernel_monitor_read(net->kernel);
	/* Handles count up with each object that is made anew. */
	before = output("nft -a list ruleset; ip -4 addr; ip route");
	apply(net, &one.config);
	restart(net);
	apply(net, &one.config);
	char *after = output("nft -a list ruleset; ip -4 addr; ip route");

	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* Addresses are compared one by one: their order tells in which order they came. */
#define PROGRAMMED                                                                                 \
	"ip route; nft -s list ruleset; sysctl -a -r '^net.ipv4.(conf|ip_local)' 2>/dev/null"

static void killed_run_is_mended(void **state)
{
	struct net *net = *state;
	struct setup one, two;
	char *before, *clean, *mended;

	add_foreign();
	before = snapshot();
	fill_one(&one);
	fill_two(&two);
	apply(net, &two.config);
	clean = output(PROGRAMMED);
	drop(net);
	assert_snapshot(before);

	apply(net, &one.config);
	restart(net);
	apply(net, &two.config);
	assert_false(prints("ip -4 -o addr", " 172.16.0.11/32 "));
	assert_false(prints("ip -4 -o addr", " 172.16.0.1/24 "));
	assert_false(prints("ip -4 -o addr", " 10.10.0.3/32 "));
	assert_true(prints("ip -4 -o addr", " 172.16.0.1/16 "));
	assert_true(prints("ip -4 -o addr", " 192.0.2.1/24 "));
	assert_true(prints("ip route show 192.168.0.0/16", "via 172.16.0.253"));
	assert_false(prints("ip route", "10.99.0.0/24"));
	assert_false(prints("nft list table ip pgw", "172.16.0.11"));
	mended = output(PROGRAMMED);
	assert_string_equal(clean, mended);
	free(mended);
	restart(net);
	drop(net);
	assert_snapshot(before);
	free(before);
	free(clean);
}

/* every_step_fails() - for each step of the apply of @config, make it fail; all is as before */
static size_t every_step_fails(struct net *net, const struct config *config)
{
	char *before = snapshot(), *saved, *now;
	char command[128];
	size_t step;

	(void)snprintf(command, sizeof(command), "cat %s/sysctl.saved 2>/dev/null", net->state_dir);
	saved = output(command);
	for (step = 1; step < 200; step++) {
		struct kernel_error error = {0};

		net->kernel->fault_step = step;
		if (!kernel_apply(net->kernel, config, &error))
			break;
		assert_non_null(strstr(error.text, "on demand"));
		assert_snapshot(before);
		now = output(command);
		assert_string_equal(saved, now);
		free(now);
	}
	net->kernel->fault_step = 0;
	free(before);
	free(saved);
	return step - 1;
}

static void all_or_nothing(void **state)
{
	struct net *net = *state;
	struct setup one, two;
	char *before;

	add_foreign();
	before = snapshot();
	fill_one(&one);
	fill_two(&two);
	assert_in_range(every_step_fails(net, &one.config), 16, 100);
	assert_in_range(every_step_fails(net, &two.config), 8, 100);
	/* down to a configuration without services and pools */
	two.config.n_services = two.config.n_pools = 0;
	assert_in_range(every_step_fails(net, &two.config), 4, 100);
	drop(net);
	assert_snapshot(before);
	free(before);
}

static void unreachable_next_hop_is_undone(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;
	char *before;

	add_foreign();
	before = snapshot();
	fill_one(&one);
	one.routes[1].via = ip("203.0.113.1");
	assert_int_equal(kernel_apply(net->kernel, &one.config, &error), -ENETUNREACH);
	assert_non_null(strstr(error.text, "cannot add route 10.99.0.0/24 via 203.0.113.1"));
	assert_non_null(strstr(error.text, "next hop must be in the network"));
	assert_snapshot(before);
	assert_false(file_exists(net, "sysctl.saved"));
	free(before);
}

static void route_of_another_is_not_replaced(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;
	char *before;

	add_foreign();
	sh("ip route add 192.168.0.0/16 via 192.0.2.9");
	before = snapshot();
	fill_one(&one);
	assert_int_equal(kernel_apply(net->kernel, &one.config, &error), -EEXIST);
	assert_string_equal(error.text, "route 192.168.0.0/16 via 172.16.0.254: the system has "
					"another route to 192.168.0.0/16; remove that one or this "
					"statement");
	assert_snapshot(before);
	free(before);
	/* One that is what we want is used, and stays. */
	sh("ip route del 192.168.0.0/16 && ip route add 10.99.0.0/24 via 10.10.0.10");
	before = snapshot();
	apply(net, &one.config);
	drop(net);
	assert_snapshot(before);
	free(before);
}

static void missing_interface(void **state)
{
	struct net *net = *state;
	struct config_portgroup list[] = {PORTGROUP("vrack", "eth9")};
	struct config config = {.portgroups = list, .n_portgroups = 1};
	struct kernel_error error = {0};
	struct kernel_link link;
	char *before = snapshot();

	assert_int_equal(kernel_apply(net->kernel, &config, &error), -ENODEV);
	assert_string_equal(error.text, "portgroup \"vrack\": interface \"eth9\" does not exist; "
					"create it or change its dev");
	assert_int_equal(kernel_portgroup(net->kernel, &list[0], &link, &error), 0);
	assert_int_equal(link.ifindex, 0);
	assert_snapshot(before);
	free(before);
}

static void uncovered_service_address(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;

	fill_one(&one);
	one.services[1].addr = ip("172.20.0.1");
	assert_int_equal(kernel_apply(net->kernel, &one.config, &error), -EADDRNOTAVAIL);
	assert_string_equal(error.text, "service \"esx1\": no portgroup's network covers "
					"172.20.0.1; add an address statement for its network");
}

static void pool_without_ports_left(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;
	struct config_pool pools[2];

	fill_one(&one);
	pools[0] = pools[1] = one.pool;
	pools[0].port_first = 1024;
	pools[1].port_first = 65000;
	one.config.pools = pools;
	one.config.n_pools = 2;
	assert_int_equal(kernel_apply(net->kernel, &one.config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "leave 256 ports of 1024-65535 to no pool"));
}

static void vlan_portgroup(void **state)
{
	struct net *net = *state;
	struct config_portgroup list[] = {PORTGROUP("vsphere", "g2"), PORTGROUP("vrack", "g1")};
	struct config config = {.portgroups = list, .n_portgroups = 2};
	struct kernel_error error = {0};
	struct kernel_link link;
	char *before = snapshot();
	int err;

	list[1].vlan = 5;
	err = kernel_apply(net->kernel, &config, &error);
	if (err) { /* a kernel without 802.1Q */
		assert_int_equal(err, -EOPNOTSUPP);
		assert_string_equal(
			error.text,
			"portgroup \"vrack\": this kernel has no 802.1Q support, which "
			"vlan 5 on \"g1\" needs; load the module 8021q (modprobe 8021q) "
			"or use an untagged interface");
		assert_snapshot(before);
	} else {
		assert_int_equal(kernel_portgroup(net->kernel, &list[1], &link, &error), 0);
		assert_string_equal(link.name, "g1.5");
		assert_true(link.up);
		assert_true(prints("ip -d link show g1.5", "alias pgw:vrack"));
		assert_true(prints("ip -d link show g1.5", "vlan protocol 802.1Q id 5"));
		restart(net);
		drop(net);
		assert_snapshot(before);
	}
	free(before);
}

static void interface_is_set_up(void **state)
{
	struct net *net = *state;
	struct kernel_error error;
	struct kernel_link link;
	struct setup one;

	sh("ip link set g1 down");
	fill_one(&one);
	assert_int_equal(kernel_portgroup(net->kernel, &portgroups[0], &link, &error), 0);
	assert_false(link.up);
	assert_string_equal(link.name, "g1");
	apply(net, &one.config);
	assert_true(prints("ip -o link show g1", ",UP"));
	assert_true(prints("ip route", "192.168.0.0/16"));
	drop(net);
	assert_true(prints("ip -o link show g1", ",UP"));
}

static void port_of_a_bridge(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;
	char *before;

	fill_one(&one);
	sh("ip link add br0 type bridge && ip link set g2 master br0");
	before = snapshot();
	assert_int_equal(kernel_apply(net->kernel, &one.config, &error), -EBUSY);
	assert_non_null(strstr(error.text, "portgroup \"vsphere\": interface \"g2\" is a port of "
					   "\"br0\""));
	assert_non_null(strstr(error.text, "ip link set dev g2 nomaster"));
	assert_snapshot(before);
	free(before);
	sh("ip link set g2 nomaster");
	apply(net, &one.config);
	/* Somebody puts it there later, and a change meets that. */
	sh("ip link set g2 master br0");
	before = snapshot();
	net->kernel->fault_step = 2; /* what has been done is undone */
	one.config.n_services = 1;
	assert_int_equal(kernel_change(net->kernel, &one.config, &one.config, &error), -EIO);
	net->kernel->fault_step = 0;
	assert_snapshot(before);
	free(before);
	assert_int_equal(kernel_change(net->kernel, &one.config, &one.config, &error), 0);
	assert_false(prints("ip -o link show g2", "master"));
}

static void rules_of_others_are_no_match(void **state)
{
	static const char *const changes[] = {
		("nft replace rule ip pgw prerouting handle $(nft -a list chain ip pgw prerouting |"
		 "	sed -n 's/.*@services .*# handle //p') accept"),
		"nft chain ip pgw prerouting '{ policy drop; }'",
		"nft add chain ip pgw other",
		"nft add set ip pgw other '{ type ipv4_addr; }'",
	};
	struct net *net = *state;
	struct setup one;
	char *before, *after;

	fill_one(&one);
	apply(net, &one.config);
	before = output("nft -s list ruleset");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		sh("%s", changes[i]);
		apply(net, &one.config);
		after = output("nft -s list ruleset");
		assert_string_equal(before, after);
		free(after);
	}
	free(before);
}

static void later_address_in_our_network_survives(void **state)
{
	struct net *net = *state;
	struct setup one;

	fill_one(&one);
	apply(net, &one.config);
	sh("ip addr add 172.16.0.9/24 dev g1"); /* a secondary of ours */
	drop(net);
	assert_true(prints("ip -4 -o addr show dev g1", " 172.16.0.9/24 "));
	assert_false(prints("ip -4 -o addr show dev g1", " 172.16.0.1/24 "));
	assert_true(prints("sysctl -n net.ipv4.conf.g1.promote_secondaries", "0"));
}

static void portgroup_given_up(void **state)
{
	struct net *net = *state;
	struct setup one;

	sh("sysctl -qw net.ipv4.conf.g1.rp_filter=1");
	fill_one(&one);
	apply(net, &one.config);
	assert_true(prints("sysctl -n net.ipv4.conf.g1.rp_filter", "0"));
	/* vrack leaves the configuration, and what belongs to it */
	one.config.portgroups = &portgroups[1];
	one.config.n_portgroups = 1;
	one.config.addresses = &one.addresses[1];
	one.config.n_addresses = 1;
	one.config.routes = &one.routes[1];
	one.config.n_routes = 1;
	one.config.n_services = 0;
	restart(net);
	apply(net, &one.config);
	assert_true(prints("sysctl -n net.ipv4.conf.g1.rp_filter", "1"));
	assert_true(prints("sysctl -n net.ipv4.conf.g1.arp_ignore", "0"));
	assert_true(prints("sysctl -n net.ipv4.conf.g2.arp_ignore", "1"));
	assert_false(prints("ip -4 -o addr", "172.16.0."));
	assert_true(file_exists(net, "sysctl.saved"));
}

static void unwritable_state_directory(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup one;
	char *before = snapshot();

	fill_one(&one);
	sh("rmdir %s", net->state_dir);
	assert_true(kernel_apply(net->kernel, &one.config, &error) < 0);
	assert_non_null(strstr(error.text, "cannot write"));
	assert_non_null(strstr(error.text, "sysctl.saved"));
	assert_snapshot(before);
	free(before);
}

static void missing_capability(void **state)
{
	struct net *net = *state;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
		struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
		struct kernel_error error = {0};
		struct kernel *kernel;

		if (syscall(SYS_capset, &header, none))
			_exit(2);
		if (kernel_open(&kernel, net->state_dir, &error) != -EPERM)
			_exit(3);
		_exit(strstr(error.text, "CAP_NET_ADMIN") ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		TEST(apply_and_remove),
		TEST(second_apply_changes_nothing),
		TEST(killed_run_is_mended),
		TEST(all_or_nothing),
		TEST(unreachable_next_hop_is_undone),
		TEST(route_of_another_is_not_replaced),
		TEST(missing_interface),
		TEST(uncovered_service_address),
		TEST(pool_without_ports_left),
		TEST(vlan_portgroup),
		TEST(interface_is_set_up),
		TEST(port_of_a_bridge),
		TEST(rules_of_others_are_no_match),
		TEST(later_address_in_our_network_survives),
		TEST(portgroup_given_up),
		TEST(unwritable_state_directory),
		TEST(missing_capability),
	};

	needs_root("kernel_apply_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
