// SPDX-License-Identifier: GPL-2.0-or-later
/* receive - the XDP program of a portgroup with "io xdp" whose flows XDP does not forward by itself
 * (forward.bpf.c does both). */
#include <linux/bpf.h>

#include "datapath/offload/receive.h"

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int pgw_receive_xdp(struct xdp_md *xdp)
{
	return receive(xdp);
}
