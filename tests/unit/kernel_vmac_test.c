/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of virtual MACs: made, answered for, mended, undone, removed. */
#include "tests/unit/kernel_ns.h"

#include <errno.h>

static struct config_portgroup portgroups[] = {PORTGROUP("vrack", "g1"),
					       PORTGROUP("vsphere", "g2")};

#define MAC_ONE "02:00:00:12:34:56"
#define MAC_TWO "02:00:00:12:34:57"

struct setup {
	struct config config;
	struct config_address addresses[2];
	struct config_service service;
	struct config_vmac vmacs[3];
};

static struct mac mac(const char *text)
{
	struct mac value;

	assert_true(mac_parse(text, &value));
	return value;
}

/* One MAC with the service's address and another, one MAC on the other portgroup. */
static void fill(struct setup *s)
{
	*s = (struct setup){
		.addresses = {{.addr = ip("172.16.0.1"), .prefix_len = 24, .portgroup = "vrack"},
			      {.addr = ip("10.10.0.2"), .prefix_len = 24, .portgroup = "vsphere"}},
		.service = {.name = "esx1",
			    .addr = ip("172.16.0.11"),
			    .protocol = IPPROTO_TCP,
			    .port = 902},
		.vmacs = {{.mac = mac(MAC_ONE),
			   .addr = ip("172.16.0.11"),
			   .portgroup = "vrack",
			   .type = VMAC_OVH,
			   .name = "a"},
			  {.mac = mac(MAC_ONE),
			   .addr = ip("172.16.0.12"),
			   .portgroup = "vrack",
			   .type = VMAC_OVH,
			   .name = "b"},
			  {.mac = mac(MAC_TWO),
			   .addr = ip("10.10.0.9"),
			   .portgroup = "vsphere",
			   .type = VMAC_OVH,
			   .name = "c"}},
	};
	s->config = (struct config){
		.portgroups = portgroups,
		.n_portgroups = 2,
		.addresses = s->addresses,
		.n_addresses = 2,
		.services = &s->service,
		.n_services = 1,
		.vmacs = s->vmacs,
		.n_vmacs = 3,
	};
}

static size_t count(const char *command, const char *part)
{
	char *text = output(command);
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		n++;
	free(text);
	return n;
}

/* asks() - what the neighbour on g1 learns about an address by asking */
static bool answered_by(const struct net *net, const char *addr, const char *by)
{
	char command[128];
	bool found;

	enter(net->a);
	(void)snprintf(command, sizeof(command),
		       "ip neigh flush dev a1; ping -c1 -W1 %s >&2; ip neigh "
		       "show %s nud reachable nud stale nud delay",
		       addr, addr);
	found = prints(command, by);
	enter(net->g);
	return found;
}

static void assert_complete(const struct net *net)
{
	assert_int_equal(count("ip -d -o link", " macvlan mode private"), 2);
	assert_int_equal(count("ip -o link show up", "pgwvm"), 2);
	assert_int_equal(count("ip link show group 112", "pgwvm"), 2);
	assert_true(prints("ip link", "alias pgw:vmac " MAC_ONE));
	assert_true(prints("ip link", "alias pgw:vmac " MAC_TWO));
	assert_true(prints("ip -4 -o addr show dev pgwvm0", " 172.16.0.11/32 "));
	assert_true(prints("ip -4 -o addr show dev pgwvm0", " 172.16.0.12/32 "));
	assert_true(prints("ip -4 -o addr show dev pgwvm1", " 10.10.0.9/32 "));
	assert_false(prints("ip -4 -o addr show dev g1", " 172.16.0.11/"));
	assert_int_equal(
		count("sysctl net.ipv4.conf.pgwvm0 net.ipv4.conf.pgwvm1", "arp_ignore = 1\n"), 2);
	assert_int_equal(
		count("sysctl net.ipv4.conf.pgwvm0 net.ipv4.conf.pgwvm1", "arp_announce = 2\n"), 2);
	assert_true(answered_by(net, "172.16.0.11", MAC_ONE));
	assert_true(answered_by(net, "172.16.0.12", MAC_ONE));
	assert_false(answered_by(net, "172.16.0.1", MAC_ONE));
}

static void apply_and_remove(void **state)
{
	struct net *net = *state;
	struct setup s;
	char *before = snapshot();

	fill(&s);
	apply(net, &s.config);
	assert_complete(net);
	apply(net, &s.config);
	assert_int_equal(kernel_changes(net->kernel), 0);
	s.config.n_vmacs = 1; /* an address, and a MAC with its only one */
	apply(net, &s.config);
	assert_false(prints("ip -4 -o addr", " 172.16.0.12/"));
	assert_int_equal(count("ip -o link", "pgwvm"), 1);
	assert_true(answered_by(net, "172.16.0.11", MAC_ONE));
	assert_false(answered_by(net, "172.16.0.12", "lladdr"));
	s.config.n_vmacs = 0; /* the service's address goes back to the interface */
	apply(net, &s.config);
	assert_int_equal(count("ip -o link", "pgwvm"), 0);
	assert_true(prints("ip -4 -o addr show dev g1", " 172.16.0.11/32 "));
	s.config.n_vmacs = 3;
	apply(net, &s.config);
	drop(net);
	assert_snapshot(before);
	free(before);
}

/* Whatever was damaged while nobody looked, and what a kill in the middle has left. */
static void mended(void **state)
{
	struct net *net = *state;
	struct setup s;

	fill(&s);
	sh("ip link add link g2 address " MAC_TWO
	   " name pgwvm1 group 112 type macvlan mode private");
	apply(net, &s.config);
	assert_complete(net);
	restart(net);
	sh("ip addr del 172.16.0.12/32 dev pgwvm0 && ip link set pgwvm0 alias x down && "
	   "sysctl -qw net.ipv4.conf.pgwvm0.arp_ignore=0 && ip link del pgwvm1");
	apply(net, &s.config);
	assert_complete(net);
}

/* Each step that fails takes back all before it. */
static void undone(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup s, none;
	char *before;
	size_t step;

	fill(&none);
	none.config.n_vmacs = 0;
	apply(net, &none.config);
	before = snapshot();
	fill(&s);
	for (step = 1; step < 64; step++) {
		net->kernel->fault_step = step;
		if (!kernel_apply(net->kernel, &s.config, &error))
			break;
		assert_snapshot(before);
	}
	assert_in_range(step, 4, 63);
	net->kernel->fault_step = 0;
	assert_complete(net);
	free(before);
	/* the way back, too */
	for (step = 1; step < 64; step++) {
		net->kernel->fault_step = step;
		if (!kernel_apply(net->kernel, &none.config, &error))
			break;
		assert_complete(net);
	}
	assert_in_range(step, 4, 63);
}

static void taken(void **state)
{
	struct net *net = *state;
	struct kernel_error error = {0};
	struct setup s;
	char *before;

	sh("ip link set g2 address " MAC_ONE);
	sh("ip link add link g1 name theirs type macvlan mode private");
	before = snapshot();
	fill(&s);
	assert_int_equal(kernel_apply(net->kernel, &s.config, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "interface \"g2\" has this MAC address itself"));
	assert_snapshot(before);
	sh("ip link set g2 address 02:00:00:00:00:02");
	apply(net, &s.config);
	drop(net);
	assert_true(prints("ip link", "theirs"));
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(apply_and_remove, net_setup, net_teardown),
		cmocka_unit_test_setup_teardown(mended, net_setup, net_teardown),
		cmocka_unit_test_setup_teardown(undone, net_setup, net_teardown),
		cmocka_unit_test_setup_teardown(taken, net_setup, net_teardown),
	};

	needs_root("kernel_vmac_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
