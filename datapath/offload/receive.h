/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receive - which frames go to a portgroup's AF_XDP socket, past the kernel's stack.
 *
 * Taken is IPv4 without options or fragmentation, UDP or TCP, to the interface's own MAC, that is
 * for a service, for a pool's port, or for another host than this one. All of these the kernel
 * would drop (netlink/suppress.h; it forwards nothing). Everything else goes on up to it and to the
 * packet socket: ICMP, fragments, broadcasts, virtual MACs, what this host's own sockets wait for,
 * and a DHCP server's answer to a client that has no address yet.
 */
#ifndef PGW_OFFLOAD_RECEIVE_H
#define PGW_OFFLOAD_RECEIVE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "datapath/offload/plain.h"
#include "datapath/offload/receive_maps.h"

#define PORT_DHCP_CLIENT 68
#define FIRST_MULTICAST	 224u /* first byte of an address: multicast, class E, broadcast */

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 32); /* OFFLOAD_PORTS */
	__type(key, uint32_t);
	__type(value, uint32_t);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32); /* OFFLOAD_PORTS */
	__type(key, uint32_t);
	__type(value, struct receive_port);
} receivers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RECEIVE_TUPLES_MAX);
	__type(key, struct receive_tuple);
	__type(value, uint32_t);
} tuples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RECEIVE_POOLS_MAX);
	__type(key, struct receive_tuple);
	__type(value, struct receive_ranges);
} pools SEC(".maps");

/* In the order of the chain of netlink/suppress.h. */
static __always_inline bool is_ours(be32 addr, uint8_t proto, be16 port)
{
	struct receive_tuple tuple = {.addr = addr, .port = port, .proto = proto};
	const struct receive_ranges *ranges;
	const uint32_t *verdict = bpf_map_lookup_elem(&tuples, &tuple);
	uint16_t number = bpf_ntohs(port);

	if (verdict)
		return *verdict == RECEIVE_TAKE;
	tuple.port = 0;
	ranges = bpf_map_lookup_elem(&pools, &tuple);
	if (!ranges)
		return false;
	tuple.addr = 0;
	tuple.port = port;
	if (bpf_map_lookup_elem(&tuples, &tuple))
		return false;
	for (unsigned i = 0; i < RECEIVE_RANGES; i++)
		if (number && number >= ranges->range[i].first && number <= ranges->range[i].last)
			return true;
	return false;
}

static __always_inline int receive(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	uint32_t ifindex = xdp->ingress_ifindex;
	const struct receive_port *port = bpf_map_lookup_elem(&receivers, &ifindex);
	struct receive_tuple host = {0};
	uint8_t proto;
	be16 to;

	/* a socket takes frames of one receive queue */
	if (!port || xdp->rx_queue_index || data + UDP_FRAME > end)
		return XDP_PASS;
	if (U16(data, 12) != bpf_htons(ETH_P_IP) || U8(data, AT_IP) != 0x45 ||
	    U16(data, AT_FRAGMENT) & ~bpf_htons(DONT_FRAGMENT))
		return XDP_PASS;
	if (U16(data, AT_DST) != U16(port->mac.b, 0) ||
	    U16(data, AT_DST + 2) != U16(port->mac.b, 2) ||
	    U16(data, AT_DST + 4) != U16(port->mac.b, 4))
		return XDP_PASS;
	proto = U8(data, AT_PROTO);
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return XDP_PASS;
	host.addr = U32(data, AT_DADDR);
	to = U16(data, AT_DPORT);
	if (bpf_map_lookup_elem(&tuples, &host)) {
		if (!is_ours(host.addr, proto, to))
			return XDP_PASS;
	} else if ((bpf_ntohl(host.addr) >> 24) >= FIRST_MULTICAST ||
		   (proto == PROTO_UDP && to == bpf_htons(PORT_DHCP_CLIENT))) {
		return XDP_PASS;
	}
	return (int)bpf_redirect_map(&sockets, port->index, XDP_PASS);
}

#endif
