// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward - established TCP and UDP flows, in the kernel: a tc program at each portgroup's
 * ingress.
 *
 * It follows the same table as user space and does only what is plain: whole packets without
 * options, TTL above 1, no SYN, FIN or RST, inside the window, that fit the way out. Everything else goes up
 * as if the program were not there (TC_ACT_OK), so it can never refuse a packet. Nothing is
 * kept here: removing the program, or the flow's key word, ends its part at once.
 *
 * A record may be ended and made anew while it is read here. Its key word is read before and
 * compared again after the rest; a record that changed is left to user space. What may still
 * happen is that a packet is counted for a flow that has just ended.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/flow/hash.h"
#include "datapath/flow/window.h"
#include "datapath/offload/maps.h"

#define ETH_BYTES    14
#define IP_BYTES     20
#define PROTO_TCP    6
#define PROTO_UDP    17
#define IP_CHECK     (ETH_BYTES + 10)
#define L4	     (ETH_BYTES + IP_BYTES)
#define TCP_CHECK    (L4 + 16)
#define UDP_CHECK    (L4 + 6)
#define ESTABLISHED  TCP_ESTABLISHED

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set when it is loaded */
	__uint(key_size, 4);
	__uint(value_size, FLOW_ELEMENT_BYTES);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, struct offload_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, struct offload_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct offload_settings);
} settings SEC(".maps");

/* By ifindex: portgroup index + 1. One program serves all portgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OFFLOAD_PORTS);
	__type(key, uint32_t);
	__type(value, uint32_t);
} links SEC(".maps");

/* What a plain packet says. */
struct seen {
	struct flow_tuple tuple;
	struct tcp_segment tcp;
	uint16_t ip_len;
	uint8_t proto;
	uint8_t port;
};

struct headers {
	uint8_t dst[6], src[6];
	uint16_t type;
	uint8_t version_ihl, tos;
	uint16_t total_len, id, fragment;
	uint8_t ttl, proto;
	uint16_t check;
	uint32_t saddr, daddr;
	uint16_t sport, dport;
	uint32_t seq, ack; /* TCP; of UDP: length and checksum in seq */
	uint8_t offset, flags;
	uint16_t window;
} __attribute__((packed));

/* Return: whether it is a packet that this program forwards, if it has a flow. */
static __always_inline bool read_headers(struct __sk_buff *skb, struct seen *seen)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct headers *h = data;
	uint32_t header_len;

	if (data + L4 + 8 > end || h->type != bpf_htons(0x0800) || h->version_ihl != 0x45 ||
	    h->ttl <= 1 || h->fragment & bpf_htons(0x3fff))
		return false;
	seen->proto = h->proto;
	seen->ip_len = bpf_ntohs(h->total_len);
	if (seen->ip_len + ETH_BYTES != skb->len) /* trailers are cut off in user space */
		return false;
	seen->tuple.src = h->saddr;
	seen->tuple.dst = h->daddr;
	seen->tuple.sport = h->sport;
	seen->tuple.dport = h->dport;
	if (h->proto == PROTO_UDP)
		return seen->ip_len >= IP_BYTES + 8;
	if (h->proto != PROTO_TCP || data + L4 + 20 > end)
		return false;
	if ((h->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	header_len = (h->offset >> 4) * 4;
	if (header_len < 20 || seen->ip_len < IP_BYTES + header_len)
		return false;
	seen->tcp.seq = bpf_ntohl(h->seq);
	seen->tcp.ack = bpf_ntohl(h->ack);
	seen->tcp.window = bpf_ntohs(h->window);
	seen->tcp.flags = h->flags;
	seen->tcp.len = seen->ip_len - IP_BYTES - header_len;
	return true;
}

static __always_inline void *element(uint32_t index)
{
	return bpf_map_lookup_elem(&flows, &index);
}

/* The record whose side @side has this key, or NULL. */
static __always_inline struct flow *find(const struct flow_header *header, const struct seen *seen,
					 uint32_t *side)
{
	uint64_t hash = flow_hash_keyed(header->hash_key, &seen->tuple, seen->proto, seen->port);
	uint32_t mask = header->buckets - 1, tag = flow_tag(hash);

#pragma unroll
	for (unsigned choice = 0; choice < 2; choice++) {
		uint32_t bucket = flow_bucket(hash, mask, choice);
		uint8_t *pair = element(header->index_first + (bucket >> 1));
		uint64_t *slot;

		if (!pair)
			return NULL;
		slot = (uint64_t *)(pair + (bucket & 1) * sizeof(struct flow_bucket));
#pragma unroll
		for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++) {
			uint64_t value = slot[i];
			struct flow *flow;
			const struct flow_tuple *key;

			if (value >> 32 != tag)
				continue;
			flow = element(header->record_first + ((uint32_t)value >> 1));
			if (!flow)
				return NULL;
			*side = value & 1;
			key = *side ? &flow->tuple[1] : &flow->tuple[0];
			if (key->src == seen->tuple.src && key->dst == seen->tuple.dst &&
			    key->sport == seen->tuple.sport && key->dport == seen->tuple.dport &&
			    flow->proto == seen->proto &&
			    (*side ? flow->port[1] : flow->port[0]) == seen->port)
				return flow;
		}
	}
	return NULL;
}

/* Whether the packet as it is fits the next link. */
static __always_inline bool fits(const struct __sk_buff *skb, const struct seen *seen,
				 const struct offload_port *out)
{
	if (!skb->gso_segs || !skb->gso_size)
		return seen->ip_len <= out->mtu;
	/* headers of each segment: at most 60 bytes of TCP's; a tighter look is user space's */
	return skb->gso_size + IP_BYTES + 60 <= out->mtu + 8 ||
	       skb->gso_size + IP_BYTES + 32 <= out->mtu;
}

static __always_inline bool alive(const struct flow *flow, const struct seen *seen, uint32_t now)
{
	const struct offload_settings *s;
	uint32_t zero = 0, idle = now - flow->seen_tick;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s)
		return false;
	if (idle > UINT32_MAX / 2) /* stamped a moment after we looked at the clock */
		return true;
	return idle < (seen->proto == PROTO_TCP ? s->timeout_tick_tcp : s->timeout_tick_udp);
}

static __always_inline uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32 & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Return: false only if the packet was left as it was. */
static __always_inline bool translate(struct __sk_buff *skb, const struct seen *seen,
				      const struct flow *flow, uint32_t side,
				      const struct offload_port *out)
{
	const struct flow_tuple *to = side ? &flow->tuple[0] : &flow->tuple[1];
	const struct mac *mac = side ? &flow->mac[0] : &flow->mac[1];
	uint16_t l3_delta = side ? ~flow->l3_delta : flow->l3_delta;
	uint32_t check_at = seen->proto == PROTO_TCP ? TCP_CHECK : UDP_CHECK;
	uint64_t flags = seen->proto == PROTO_TCP ? 0 : BPF_F_MARK_MANGLED_0;
	uint64_t ports_delta;
	struct headers *h;
	void *data, *end;

	ports_delta = (uint64_t)(uint16_t)~seen->tuple.sport + to->dport +
		      (uint16_t)~seen->tuple.dport + to->sport;
	/* the helpers know whether the checksum is complete or left to hardware */
	if (bpf_l4_csum_replace(skb, check_at, 0, l3_delta, flags | BPF_F_PSEUDO_HDR) ||
	    bpf_l4_csum_replace(skb, check_at, 0, fold(ports_delta), flags))
		return false;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	h = data;
	if (data + L4 + 8 > end)
		return false;
	__builtin_memcpy(h->dst, mac->b, 6);
	__builtin_memcpy(h->src, out->mac.b, 6);
	h->saddr = to->dst;
	h->daddr = to->src;
	h->sport = to->dport;
	h->dport = to->sport;
	/* one off the TTL is one off the low byte of its word in memory order */
	h->ttl--;
	h->check = (uint16_t)~fold((uint64_t)(uint16_t)~h->check + l3_delta + (uint16_t)~1u);
	return true;
}

static __always_inline bool from(const struct __sk_buff *skb, const struct mac *mac)
{
	const uint8_t *data = (const uint8_t *)(long)skb->data;

	if (data + ETH_BYTES > (const uint8_t *)(long)skb->data_end)
		return false;
	return *(const uint16_t *)(data + 6) == *(const uint16_t *)mac->b &&
	       *(const uint32_t *)(data + 8) ==
		       (*(const uint16_t *)(mac->b + 2) | (uint32_t) * (const uint16_t *)(mac->b + 4) << 16);
}

static __always_inline void count(struct __sk_buff *skb, const struct seen *seen, struct flow *flow,
				  uint32_t side, uint32_t out_port)
{
	uint32_t in_port = seen->port, segments = skb->gso_segs ? skb->gso_segs : 1;
	struct offload_counters *c = bpf_map_lookup_elem(&counters, &in_port);

	if (side) {
		flow->packets[1]++;
		flow->bytes[1] += seen->ip_len;
	} else {
		flow->packets[0]++;
		flow->bytes[0] += seen->ip_len;
	}
	if (c) {
		c->rcvd_packets += segments;
		c->rcvd_bytes += skb->wire_len;
	}
	c = bpf_map_lookup_elem(&counters, &out_port);
	if (c) {
		c->sent_packets += segments;
		c->sent_bytes += skb->wire_len;
	}
}

SEC("tc")
int forward(struct __sk_buff *skb)
{
	uint32_t side = 0, word, now, ifindex = skb->ifindex, out_port;
	const struct flow_header *header = element(0);
	const uint32_t *link = bpf_map_lookup_elem(&links, &ifindex);
	const struct offload_port *out;
	struct seen seen = {0};
	struct flow *flow;

	if (!link || !header || skb->vlan_present || skb->pkt_type != 0 /* PACKET_HOST */)
		return TC_ACT_OK;
	seen.port = (uint8_t)*link;
	if (!read_headers(skb, &seen))
		return TC_ACT_OK;
	flow = find(header, &seen, &side);
	if (!flow)
		return TC_ACT_OK;
	word = *(volatile uint32_t *)&flow->word;
	if (FLOW_WORD_STATE(word) != FLOW_ACTIVE || !(flow->flags & FLOW_OFFLOAD))
		return TC_ACT_OK;
	/* a client's router may change: user space takes note (last hop) */
	if ((side ? flow->neigh[1] : flow->neigh[0]) == FLOW_NEIGH_LAST_HOP &&
	    !from(skb, side ? &flow->mac[1] : &flow->mac[0]))
		return TC_ACT_OK;
	now = FLOW_TICK(bpf_ktime_get_ns());
	if (!alive(flow, &seen, now))
		return TC_ACT_OK;
	out_port = side ? flow->port[0] : flow->port[1];
	out = bpf_map_lookup_elem(&ports, &out_port);
	if (!out || !out->ifindex || !out->up || !fits(skb, &seen, out))
		return TC_ACT_OK;
	if (seen.proto == PROTO_TCP) {
		struct flow_tcp_side *self = side ? &flow->tcp[1] : &flow->tcp[0];
		struct flow_tcp_side *peer = side ? &flow->tcp[0] : &flow->tcp[1];

		if (flow->tcp_state != ESTABLISHED || !tcp_in_window(self, peer, &seen.tcp))
			return TC_ACT_OK;
		if (*(volatile uint32_t *)&flow->word != word)
			return TC_ACT_OK;
		tcp_follow_window(self, peer, &seen.tcp);
	} else if (*(volatile uint32_t *)&flow->word != word) {
		return TC_ACT_OK;
	}
	if (!translate(skb, &seen, flow, side, out))
		return TC_ACT_SHOT; /* half changed: nobody could use it */
	flow->seen_tick = now;
	count(skb, &seen, flow, side, out_port);
	return (int)bpf_redirect(out->ifindex, 0);
}
