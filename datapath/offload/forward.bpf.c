// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward - TCP and UDP flows that user space has made, in the kernel: a tc program at each
 * portgroup's ingress, and before it, where that was chosen, an XDP program.
 *
 * They follow the same table as user space and do only what is plain (plain.h), inside the window,
 * and fits the way out. Everything else goes on as if the programs were not there, from XDP to tc
 * and from there up to user space, so they can never refuse a packet. Nothing is kept here:
 * removing a program, or the flow's key word (record.h), ends its part at once.
 *
 * The packet that comes out is the one that user space would have made, byte for byte: see
 * rewrite/rewrite.c and tests/unit/offload_bench.h.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include "datapath/offload/own.h"
#include "datapath/offload/receive.h"
#include "datapath/offload/record.h"

char LICENSE[] SEC("license") = "GPL";

/* Whether the segment size that a SYN-ACK offers need not be changed. */
static __always_inline bool mss_stays(const struct seen *seen, const struct offload_port *out)
{
	const struct offload_port *in;
	uint32_t port = seen->port;

	if (seen->proto != PROTO_TCP || !IS_ANSWER(seen))
		return true;
	in = bpf_map_lookup_elem(&ports, &port);
	return in && keeps_mss(seen, out->mss_max, in->mtu < out->mtu ? in->mtu : out->mtu);
}

/* --- tc: socket buffers, of up to 64 KB, whose checksum may be left to hardware --- */

/* Return: whether it is a packet that this program forwards, if it has a flow. */
static __always_inline bool read_headers(struct __sk_buff *skb, struct seen *seen)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	/* a driver may have left the headers in a fragment */
	if (data + UDP_FRAME > end || (data + TCP_FRAME > end && skb->len >= TCP_FRAME)) {
		if (bpf_skb_pull_data(skb, skb->len < TCP_FRAME ? skb->len : TCP_FRAME))
			return false;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		if (data + UDP_FRAME > end)
			return false;
	}
	if (!read_ip(data, skb->len, seen))
		return false;
	if (seen->proto == PROTO_UDP)
		return read_udp(data, seen);
	if (seen->proto != PROTO_TCP || data + TCP_FRAME > end || !read_tcp(data, seen))
		return false;
	return read_ends(data, end, seen, true);
}

/* Whether the frame is longer than its packet: padding of short ones, and other trailers. */
static __always_inline bool has_trailer(const struct __sk_buff *skb, const struct seen *seen)
{
	return skb->len > (uint32_t)seen->ip_len + AT_IP;
}

/* Whether each packet that leaves fits the next link as it is. */
static __always_inline bool fits(const struct __sk_buff *skb, const struct seen *seen, uint32_t mtu)
{
	uint32_t bytes = seen->ip_len;

	if (skb->gso_size && has_trailer(skb, seen))
		return false;
	if (skb->gso_size)
		bytes = IP_BYTES + seen->l4_header + skb->gso_size;
	return bytes <= mtu;
}

/* Packets that a super-packet is on the wire. */
static __always_inline uint32_t segments(const struct __sk_buff *skb, const struct seen *seen)
{
	uint32_t payload = seen->ip_len - IP_BYTES - seen->l4_header, size = skb->gso_size;

	return size && payload > size ? (payload + size - 1) / size : 1;
}

/* By the helpers, which know whether the checksum is complete or left to hardware. 0 and 0xffff are
 * both zero, nothing changes. Return: false only if the packet was left as it was. */
static __always_inline bool translate_unknown(struct __sk_buff *skb, const struct seen *seen,
					      const struct rewrite *to)
{
	uint32_t at = seen->proto == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK;
	uint64_t flags = seen->proto == PROTO_TCP ? 0 : BPF_F_MARK_MANGLED_0;
	uint16_t delta = ports_delta(seen, to);

	if (to->l3_delta != 0xffff && to->l3_delta != 0 &&
	    bpf_l4_csum_replace(skb, at, 0, to->l3_delta, flags | BPF_F_PSEUDO_HDR))
		return false;
	return delta == 0xffff || delta == 0 || !bpf_l4_csum_replace(skb, at, 0, delta, flags);
}

/* A single packet's checksum that is whole for certain is changed in place: the helpers cost more
 * than all else that is written. A sum over the packet that hardware has told changes by what
 * addresses do, which lie in no part of it but the IP header; the kernel knows whether it has one.
 */
static __always_inline bool translate_l4(struct __sk_buff *skb, const struct seen *seen,
					 const struct rewrite *to)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end, *at;

	at = data + (seen->proto == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK);
	if (at + 2 > end)
		return false;
	if (seen->proto == PROTO_UDP && !U16(at, 0))
		return true; /* its sender used none */
	if (skb->gso_size || !checksum_is_whole(data, seen, U16(at, 0)))
		return translate_unknown(skb, seen, to);
	U16(at, 0) = new_check(seen, to, U16(at, 0));
	bpf_csum_update(skb, (uint16_t)~to->l3_delta);
	return true;
}

static __always_inline bool translate(struct __sk_buff *skb, const struct seen *seen,
				      const struct rewrite *to, const struct offload_port *out)
{
	void *data;

	if (!translate_l4(skb, seen, to))
		return false;
	data = (void *)(long)skb->data;
	if (data + UDP_FRAME > (void *)(long)skb->data_end)
		return false;
	write_headers(data, seen, to, &out->mac);
	return true;
}

static __always_inline int forward_buffer(struct __sk_buff *skb)
{
	uint32_t side = 0, word = 0, now, packets, index = 0;
	struct flow_header *header = element(0);
	const struct offload_port *out;
	struct rewrite to = {0};
	struct seen seen = {0};
	struct flow *flow;

	if (!header || skb->vlan_present || skb->pkt_type != 0 /* PACKET_HOST */ ||
	    !find_port(skb->ifindex, &index))
		return TC_ACT_UNSPEC;
	seen.port = (uint8_t)index;
	if (!read_headers(skb, &seen))
		return TC_ACT_UNSPEC;
	flow = find(header, &seen, &side, &word);
	if (!flow || !read_record((void *)(long)skb->data, (void *)(long)skb->data_end, &seen, flow,
				  side, &to))
		return TC_ACT_UNSPEC;
	if (!alive(flow, &seen, to.state, &now))
		return TC_ACT_UNSPEC;
	out = bpf_map_lookup_elem(&ports, &to.port);
	if (!out || !out->ifindex || !out->up || !fits(skb, &seen, out->mtu))
		return TC_ACT_UNSPEC;
	to.ifindex = out->ifindex;
	if (!mss_stays(&seen, out) || !follow(header, flow, side, word, &seen, &to))
		return TC_ACT_UNSPEC;
	packets = segments(skb, &seen);
	choose_id(header, flow, &seen, packets, &to);
	if (has_trailer(skb, &seen) && bpf_skb_change_tail(skb, seen.ip_len + AT_IP, 0))
		return TC_ACT_UNSPEC;
	if (!translate(skb, &seen, &to, out))
		return TC_ACT_SHOT; /* half changed: nobody could use it */
	stamp(flow, to.state, now);
	count(&seen, flow, side, packets, to.port);
	return (int)bpf_redirect(to.ifindex, 0);
}

SEC("tc")
int pgw_forward(struct __sk_buff *skb)
{
	int action = forward_buffer(skb);

	if (action == TC_ACT_UNSPEC && is_own(skb))
		skb->tc_index = OWN_TC_INDEX;
	return action;
}

/* --- XDP: single frames, before there is a socket buffer --- */

/* Return: whether it is a packet that this program forwards, if it has a flow. @check: set to its
 * transport checksum; 0 for UDP without one. */
static __always_inline bool read_frame(void *data, void *end, const struct offload_port *in,
				       struct seen *seen, uint16_t *check)
{
	if (data + UDP_FRAME > end || U16(data, 12) != bpf_htons(ETH_P_IP))
		return false;
	if (!same_mac(data + AT_DST, in->mac.b))
		return false;
	if (!read_ip(data, (uint32_t)(end - data), seen))
		return false;
	if (seen->proto == PROTO_UDP) {
		*check = U16(data, AT_UDP_CHECK);
		return read_udp(data, seen) && (!*check || checksum_is_whole(data, seen, *check));
	}
	if (seen->proto != PROTO_TCP || data + TCP_FRAME > end || !read_tcp(data, seen))
		return false;
	*check = U16(data, AT_TCP_CHECK);
	if (!read_ends(data, end, seen, false))
		return false;
	return checksum_is_whole(data, seen, *check);
}

/* Return: XDP_PASS if the packet was left as it was. */
static __always_inline int forward(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	uint32_t side = 0, word = 0, now, in_port = 0;
	struct flow_header *header = element(0);
	const struct offload_port *in, *out;
	struct rewrite to = {0};
	struct seen seen = {0};
	uint16_t check = 0;
	struct flow *flow;

	if (!header || !find_port(xdp->ingress_ifindex, &in_port))
		return XDP_PASS;
	in = bpf_map_lookup_elem(&ports, &in_port);
	seen.port = (uint8_t)in_port;
	if (!in || !read_frame(data, end, in, &seen, &check))
		return XDP_PASS;
	flow = find(header, &seen, &side, &word);
	if (!flow || !read_record(data, end, &seen, flow, side, &to) ||
	    !alive(flow, &seen, to.state, &now))
		return XDP_PASS;
	out = bpf_map_lookup_elem(&ports, &to.port);
	if (!out || !out->ifindex || !out->up || !out->takes_xdp || seen.ip_len > out->mtu)
		return XDP_PASS;
	to.ifindex = out->ifindex;
	/* last of what may leave the packet alone, and first of what changes it */
	if (!mss_stays(&seen, out) || !follow(header, flow, side, word, &seen, &to))
		return XDP_PASS;
	choose_id(header, flow, &seen, 1, &to);
	if (data + seen.ip_len + AT_IP != end) {
		if (bpf_xdp_adjust_tail(xdp, (int)(seen.ip_len + AT_IP) - (int)(end - data)))
			return XDP_PASS;
		data = (void *)(long)xdp->data;
		end = (void *)(long)xdp->data_end;
		if (data + UDP_FRAME > end)
			return XDP_ABORTED; /* cannot be: it is as long as its IP packet */
	}
	if (seen.proto == PROTO_UDP) {
		if (check)
			U16(data, AT_UDP_CHECK) = new_check(&seen, &to, check);
	} else if (data + TCP_FRAME <= end) {
		U16(data, AT_TCP_CHECK) = new_check(&seen, &to, check);
	}
	write_headers(data, &seen, &to, &out->mac);
	stamp(flow, to.state, now);
	count(&seen, flow, side, 1, to.port);
	return (int)bpf_redirect(to.ifindex, 0);
}

SEC("xdp")
int pgw_forward_xdp(struct xdp_md *xdp)
{
	int action = forward(xdp);

	/* what is left goes to the datapath: by AF_XDP, if it has a socket there */
	return action == XDP_PASS ? receive(xdp) : action;
}
