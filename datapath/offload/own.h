/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own - which packets are for a TCP connection of this host itself: of pgw-relay to a backend, of
 * an operator's SSH. The datapath would only find out that they are none of its business.
 *
 * That the kernel has a connection with these addresses and ports is the whole condition: its ports
 * are never those of services or pools (netlink/suppress.h). What opens a connection is left to the
 * datapath to look at, as is what the program does not look into: fragments, options of IPv4.
 */
#ifndef PGW_OFFLOAD_OWN_H
#define PGW_OFFLOAD_OWN_H

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "datapath/io/own.h"
#include "datapath/offload/plain.h"

static __always_inline bool is_own(struct __sk_buff *skb)
{
	const void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct bpf_sock_tuple tuple = {0};
	struct bpf_sock *socket;
	bool own;

	if (skb->protocol != bpf_htons(ETH_P_IP) || data + TCP_FRAME > end)
		return false;
	if (U8(data, AT_IP) != 0x45 || U8(data, AT_PROTO) != PROTO_TCP ||
	    U16(data, AT_FRAGMENT) & ~bpf_htons(DONT_FRAGMENT) ||
	    (U8(data, AT_FLAGS) & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return false;
	tuple.ipv4.saddr = U32(data, AT_SADDR);
	tuple.ipv4.daddr = U32(data, AT_DADDR);
	tuple.ipv4.sport = U16(data, AT_SPORT);
	tuple.ipv4.dport = U16(data, AT_DPORT);
	socket = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	own = socket->state != BPF_TCP_LISTEN;
	bpf_sk_release(socket);
	return own;
}

#endif
