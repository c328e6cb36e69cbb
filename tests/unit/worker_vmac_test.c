/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual MACs in the worker: what is accepted, and which MAC each packet leaves with. */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "datapath/policy/snapshot.h"
#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define VIP    "172.16.0.11"

static const struct mac vmac = {{0x02, 0x00, 0x00, 0x12, 0x34, 0x56}};
static const struct mac stranger = {{0x02, 0x00, 0x00, 0x12, 0x34, 0x57}};

static const char *config(const char *more)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "%sservice add own address " VIP " protocol udp port 53 backend 10.10.0.10:53\n"
		 "service add tcp address " VIP " protocol tcp port 80 backend 10.10.0.10:80\n"
		 "set dead-flow rst\n%s",
		 harness_config, more);
	return text;
}

#define VMAC "vmac add 02:00:00:12:34:56 address " VIP " portgroup vrack type ovh name x\n"

static struct harness *open_vmac(const char *text, uint32_t capacity)
{
	struct harness *h = harness_open(text, capacity);

	h->vmac = &vmac;
	return h;
}

static void send_to(struct harness *h, const struct mac *mac, const struct probe *probe)
{
	struct frame frame;

	harness_build(VRACK, probe, &frame);
	memcpy(frame.data, mac, sizeof(*mac));
	harness_send_frame(h, VRACK, &frame);
	harness_run(h);
}

static void expect_from(struct harness *h, uint8_t port, const struct mac *mac)
{
	struct frame frame;
	struct packet p;

	assert_true(harness_take(h, port, &frame, &p));
	assert_memory_equal(packet_ethernet(&p)->src.b, mac->b, sizeof(mac->b));
}

static struct probe request(const char *dst)
{
	return (struct probe){.src = CLIENT,
			      .sport = 5000,
			      .dst = dst,
			      .dport = 53,
			      .proto = IPPROTO_UDP,
			      .payload = 32};
}

static uint16_t pass_request(struct harness *h, const struct mac *mac, const char *dst)
{
	struct probe probe = request(dst);
	struct frame frame;
	struct packet p;

	send_to(h, mac, &probe);
	assert_true(harness_take(h, VSPHERE, &frame, &p));
	assert_memory_equal(packet_ethernet(&p)->src.b, vsphere_mac.b, 6);
	return ntohs(p.tuple.sport);
}

static void answer(struct harness *h, uint16_t external)
{
	struct probe back = {.src = "10.10.0.10",
			     .sport = 53,
			     .dst = "10.10.0.2",
			     .dport = external,
			     .proto = IPPROTO_UDP,
			     .payload = 32};

	harness_send(h, VSPHERE, &back);
}

/* Both directions; the interface's own address keeps the interface's MAC. */
static void both_directions(void **state)
{
	struct harness *h = open_vmac(config(VMAC), 1024);
	struct flow *flow;
	uint16_t external;

	(void)state;
	external = pass_request(h, &vmac, VIP);
	answer(h, external);
	expect_from(h, VRACK, &vmac);
	external = pass_request(h, &vrack_mac, "172.16.0.1");
	answer(h, external);
	expect_from(h, VRACK, &vrack_mac);
	flow = &h->worker->table.records[0];
	if (flow->tuple[0].dst != ip(VIP))
		flow++;
	assert_int_equal(flow->tuple[0].dst, ip(VIP));
	assert_int_equal(flow->vmac[0], 1);
	assert_int_equal(flow->vmac[1], 0);
	assert_false(flow->flags & FLOW_OFFLOAD);
	harness_close(h);
}

static void other_stations(void **state)
{
	struct harness *h = open_vmac(config(VMAC), 1024);
	struct probe probe = request(VIP);
	struct frame frame;

	(void)state;
	send_to(h, &stranger, &probe);
	harness_expect_nothing(h);
	harness_expect_drop(h, DROP_LINK_DST, 1);
	/* of the other portgroup */
	probe = (struct probe){.src = "10.10.0.10",
			       .sport = 53,
			       .dst = "10.10.0.2",
			       .dport = 20000,
			       .proto = IPPROTO_UDP};
	harness_build(VSPHERE, &probe, &frame);
	memcpy(frame.data, &vmac, sizeof(vmac));
	harness_send_frame(h, VSPHERE, &frame);
	harness_run(h);
	harness_expect_drop(h, DROP_LINK_DST, 2);
	harness_close(h);
}

/* What we originate with the address: a reset; with the interface's address: an ICMP error. */
static void own_answers(void **state)
{
	struct harness *h = open_vmac(config(VMAC), 1024);
	struct probe probe = {.src = CLIENT,
			      .sport = 5001,
			      .dst = VIP,
			      .dport = 80,
			      .proto = IPPROTO_TCP,
			      .tcp_flags = TCP_ACK,
			      .seq = 1,
			      .ack = 1};

	(void)state;
	send_to(h, &vmac, &probe);
	expect_from(h, VRACK, &vmac);
	probe = request(VIP);
	probe.ttl = 1;
	send_to(h, &vmac, &probe);
	expect_from(h, VRACK, &vrack_mac);
	harness_close(h);
}

/* A packet that waited for its neighbour leaves with the MAC of its source, too. */
static void waiting(void **state)
{
	struct harness *h = open_vmac(config("vmac add 02:00:00:12:34:56 address 10.10.0.3 "
					     "portgroup vsphere type ovh name x\n"
					     "pool add second external-ip-address 10.10.0.3\n"
					     "nat add 5 from any to 10.10.0.77/32 pool second\n"),
				      1024);
	struct probe probe = request("10.10.0.77");

	(void)state;
	send_to(h, &vrack_mac, &probe);
	harness_expect_nothing(h);
	harness_neighbour(h, VSPHERE, "10.10.0.77", &server_mac, NUD_REACHABLE);
	expect_from(h, VSPHERE, &vmac);
	send_to(h, &vrack_mac, &probe);
	expect_from(h, VSPHERE, &vmac);
	harness_close(h);
}

/* A flow that lives when its address gets a MAC, and when it loses it; and over a restart. */
static void reload(void **state)
{
	struct harness *h = open_vmac(config(""), 1024);
	uint16_t external = pass_request(h, &vrack_mac, VIP);

	(void)state;
	answer(h, external);
	expect_from(h, VRACK, &vrack_mac);
	assert_true(h->worker->table.records[0].flags & FLOW_OFFLOAD);
	harness_configure(h, config(VMAC));
	assert_false(h->worker->table.records[0].flags & FLOW_OFFLOAD);
	answer(h, external);
	expect_from(h, VRACK, &vmac);
	harness_restart(h);
	answer(h, external);
	expect_from(h, VRACK, &vmac);
	assert_false(h->worker->table.records[0].flags & FLOW_OFFLOAD);
	harness_configure(h, config(""));
	answer(h, external);
	expect_from(h, VRACK, &vrack_mac);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions), cmocka_unit_test(other_stations),
		cmocka_unit_test(own_answers),	   cmocka_unit_test(waiting),
		cmocka_unit_test(reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
