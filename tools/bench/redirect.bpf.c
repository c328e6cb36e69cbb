// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redirect - passes every IPv4 packet for the gateway on by its other interface, with new MACs and
 * nothing else: no look-up, no translation, no counter. No program that forwards by tc or by XDP
 * can cost less than this one.
 *
 * By XDP only the generator's packets go: their checksums are whole, which those of sockets of the
 * same host need not be, and those cannot be completed there.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/offload/bpf_types.h"
#include "tools/bench/load.h"
#include "tools/bench/redirect.h"

char LICENSE[] SEC("license") = "GPL";

#define PROTO_UDP 17
#define AT_PROTO  23
#define AT_DPORT  36

struct redirect_hop hops[REDIRECT_HOPS];

/* Return: where what came in by @ifindex leaves, or NULL. */
static __always_inline const struct redirect_hop *hop_of(uint32_t ifindex)
{
	for (unsigned i = 0; i < REDIRECT_HOPS; i++)
		if (hops[i].from == ifindex)
			return &hops[i];
	return NULL;
}

/* Whether the frame is IPv4, and its MACs are rewritten. */
static __always_inline bool readdress(void *data, const void *end, const struct redirect_hop *hop)
{
	struct ethhdr *ethernet = data;

	if ((void *)(ethernet + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return false;
	__builtin_memcpy(ethernet, hop->ethernet, sizeof(hop->ethernet));
	return true;
}

SEC("tc")
int redirect_tc(struct __sk_buff *skb)
{
	const struct redirect_hop *hop = hop_of(skb->ifindex);

	if (!hop || skb->pkt_type != 0 /* PACKET_HOST */ ||
	    !readdress((void *)(long)skb->data, (void *)(long)skb->data_end, hop))
		return TC_ACT_UNSPEC;
	return (int)bpf_redirect(hop->to, 0);
}

SEC("xdp")
int redirect_xdp(struct xdp_md *xdp)
{
	const struct redirect_hop *hop = hop_of(xdp->ingress_ifindex);
	uint8_t *data = (void *)(long)xdp->data;
	const void *end = (void *)(long)xdp->data_end;
	uint16_t port;

	if (!hop || data + LOAD_HEADER_BYTES > (const uint8_t *)end || data[AT_PROTO] != PROTO_UDP)
		return XDP_PASS;
	port = bpf_ntohs(*(uint16_t *)(data + AT_DPORT));
	if (port < LOAD_DPORT || port >= LOAD_DPORT + LOAD_STREAMS || !readdress(data, end, hop))
		return XDP_PASS;
	return (int)bpf_redirect(hop->to, 0);
}
