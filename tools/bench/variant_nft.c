/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * variant_nft - the peers that the kernel provides: nftables masquerade, to which everything
 * is compared, and forwarding without translation, which bounds what a kernel path can do.
 */
#include "tools/bench/bench.h"
#include "tools/bench/child.h"

static int kernel_forwarding(struct run *run)
{
	if (topology_ip(run, run->topology.gateway,
			"address add " GATEWAY_C_ADDR PREFIX_BITS " dev " GATEWAY_C_DEV "\n"
			"address add " GATEWAY_S_ADDR PREFIX_BITS " dev " GATEWAY_S_DEV "\n"))
		return -1;
	return topology_sysctl(run, run->topology.gateway, "/proc/sys/net/ipv4/ip_forward", "1");
}

static int nft_setup(struct run *run)
{
	char output[200];
	int status;

	if (kernel_forwarding(run))
		return -1;
	status = command((struct place){run->topology.gateway, -1},
			 (const char *const[]){"nft", "-f", "-", NULL},
			 "table ip bench {\n"
			 "  chain post {\n"
			 "    type nat hook postrouting priority srcnat;\n"
			 "    oifname " GATEWAY_S_DEV " masquerade\n"
			 "  }\n"
			 "}\n",
			 output, sizeof(output));
	if (status)
		return run_fail(run, "nft failed (%d): %s; install nftables", status, output);
	return 0;
}

static int forward_setup(struct run *run)
{
	if (kernel_forwarding(run))
		return -1;
	return topology_ip(run, run->topology.server,
			   "route add " CLIENT_NET " via " GATEWAY_S_ADDR "\n");
}

static void nothing(struct run *run)
{
	(void)run; /* it all ends with the namespace */
}

const struct variant variant_nft = {
	.name = "nft",
	.title = "kernel, nftables masquerade",
	.translates = true,
	.setup = nft_setup,
	.teardown = nothing,
};

const struct variant variant_forward = {
	.name = "forward",
	.title = "kernel, forwarding without translation",
	.setup = forward_setup,
	.teardown = nothing,
};
