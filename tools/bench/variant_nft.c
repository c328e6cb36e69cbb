/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variant_nft - the peers that the kernel provides: nftables masquerade, to which everything
 * is compared, and forwarding without translation, which bounds what a kernel path can do.
 *
 * The size of conntrack's table belongs to the whole system. Where a measure holds more
 * sessions it is raised, and put back after the run.
 */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/catalog.h"
#include "tools/bench/child.h"
#include "tools/bench/files.h"

#define CONNTRACK_MAX	  "/proc/sys/net/netfilter/nf_conntrack_max"
#define CONNTRACK_BUCKETS "/sys/module/nf_conntrack/parameters/hashsize"
#define UDP_TIMEOUT	  "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"

static uint64_t former_max, former_buckets; /* 0: not changed */

static int kernel_forwarding(struct run *run)
{
	if (topology_ip(run, run->topology.gateway,
			"address add " GATEWAY_C_ADDR PREFIX_BITS " dev " GATEWAY_C_DEV "\n"
			"address add " GATEWAY_S_ADDR PREFIX_BITS " dev " GATEWAY_S_DEV "\n"
			"route add " CLIENTS_NET " via " CLIENT_ADDR "\n"))
		return -1;
	return topology_sysctl(run, run->topology.gateway, "/proc/sys/net/ipv4/ip_forward", "1");
}

static void raise_to(const char *path, uint64_t wanted, uint64_t *former)
{
	uint64_t now = file_number(path);
	char text[24];

	if (now == 0 || now >= wanted)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)wanted);
	if (file_write(path, text) == 0)
		*former = now;
}

static void put_back(const char *path, uint64_t *former)
{
	char text[24];

	if (!*former)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)*former);
	file_write(path, text);
	*former = 0;
}

static int make_room(struct run *run)
{
	uint64_t wanted = catalog_capacity(run->measure);
	char kept[16];

	if (!run->measure->sessions)
		return 0;
	raise_to(CONNTRACK_MAX, wanted, &former_max);
	raise_to(CONNTRACK_BUCKETS, run->measure->sessions, &former_buckets);
	if (file_number(CONNTRACK_MAX) < run->measure->sessions)
		return run_fail(run, "conntrack holds %llu sessions and cannot be told otherwise",
				(unsigned long long)file_number(CONNTRACK_MAX));
	snprintf(kept, sizeof(kept), "%u", SESSIONS_KEPT_S);
	return topology_sysctl(run, run->topology.gateway, UDP_TIMEOUT, kept);
}

static int nft_setup(struct run *run)
{
	char output[200];
	int status;

	if (kernel_forwarding(run))
		return -1;
	status = command((struct place){run->topology.gateway, -1},
			 (const char *const[]){"nft", "-f", "-", NULL},
			 run->measure->sessions ? "table ip bench {\n"
						  "  chain post {\n"
						  "    type nat hook postrouting priority srcnat;\n"
						  "    oifname " GATEWAY_S_DEV
						  " ip saddr " CLIENTS_NET " snat to " POOL_FIRST
						  "-" POOL_LAST "\n"
						  "    oifname " GATEWAY_S_DEV " masquerade\n"
						  "  }\n"
						  "}\n"
						: "table ip bench {\n"
						  "  chain post {\n"
						  "    type nat hook postrouting priority srcnat;\n"
						  "    oifname " GATEWAY_S_DEV " masquerade\n"
						  "  }\n"
						  "}\n",
			 output, sizeof(output));
	if (status)
		return run_fail(run, "nft failed (%d): %s; install nftables", status, output);
	return make_room(run);
}

static void nft_teardown(struct run *run)
{
	(void)run; /* the rules end with their namespace */
	put_back(CONNTRACK_BUCKETS, &former_buckets);
	put_back(CONNTRACK_MAX, &former_max);
}

static int forward_setup(struct run *run)
{
	if (kernel_forwarding(run))
		return -1;
	/* The only variant whose answers go to the client's own address. */
	return topology_ip(run, run->topology.server,
			   "route add " CLIENT_NET " via " GATEWAY_S_ADDR "\n");
}

static void forward_teardown(struct run *run)
{
	(void)run;
}

const struct variant variant_nft = {
	.name = "nft",
	.title = "kernel, nftables masquerade",
	.program = "nft",
	.translates = true,
	.setup = nft_setup,
	.teardown = nft_teardown,
};

const struct variant variant_forward = {
	.name = "forward",
	.title = "kernel forwarding, no translation",
	.setup = forward_setup,
	.teardown = forward_teardown,
};
