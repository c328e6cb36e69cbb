// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward - established TCP and UDP flows, in the kernel: a tc program at each portgroup's
 * ingress.
 *
 * It follows the same table as user space and does only what is plain: whole packets without
 * options, TTL above 1, no SYN, FIN or RST, inside the window, that fit the way out. Everything
 * else goes on as if the program were not there (TC_ACT_UNSPEC), up to user space, so it can
 * never refuse a packet. Nothing is kept here: removing the program, or the flow's key word, ends
 * its part at once.
 *
 * A record may be ended and made anew while it is read here. So its key word is read first, then
 * its key and all that the packet needs is copied, and then the word is compared: a record that
 * changed meanwhile is left to user space. What may still happen is that a packet is counted for a
 * flow that has just ended; its record rests for a while before it is used again.
 *
 * The packet that comes out is the one that user space would have made, byte for byte: see
 * rewrite/rewrite.c and tests/unit/offload_program_test.c.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/flow/hash.h"
#include "datapath/flow/window.h"
#include "datapath/offload/maps.h"

#define PROTO_TCP     6
#define PROTO_UDP     17
#define TCP_BYTES_MIN 20
#define UDP_BYTES     8
#define IP_BYTES      20
#define DONT_FRAGMENT 0x4000

/* Offsets in the frames that are handled here. */
#define AT_DST	     0
#define AT_SRC	     6
#define AT_IP	     14
#define AT_LENGTH    (AT_IP + 2)
#define AT_ID	     (AT_IP + 4)
#define AT_FRAGMENT  (AT_IP + 6)
#define AT_TTL	     (AT_IP + 8)
#define AT_PROTO     (AT_IP + 9)
#define AT_CHECK     (AT_IP + 10)
#define AT_SADDR     (AT_IP + 12)
#define AT_DADDR     (AT_IP + 16)
#define AT_L4	     (AT_IP + IP_BYTES)
#define AT_SPORT     AT_L4
#define AT_DPORT     (AT_L4 + 2)
#define AT_UDP_LEN   (AT_L4 + 4)
#define AT_UDP_CHECK (AT_L4 + 6)
#define AT_SEQ	     (AT_L4 + 4)
#define AT_ACK	     (AT_L4 + 8)
#define AT_OFFSET    (AT_L4 + 12)
#define AT_FLAGS     (AT_L4 + 13)
#define AT_WINDOW    (AT_L4 + 14)
#define AT_TCP_CHECK (AT_L4 + 16)
#define UDP_FRAME    (AT_L4 + UDP_BYTES)
#define TCP_FRAME    (AT_L4 + TCP_BYTES_MIN)

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

/* By ifindex: portgroup index. One program serves all portgroups. */
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
	uint32_t l4_header; /* bytes */
	uint16_t ip_len;
	be16 id;
	bool may_fragment;
	uint8_t proto;
	uint8_t port;
};

/* What a record says about such a packet, copied while the record was whole. */
struct rewrite {
	struct flow_tuple to; /* the other side's key */
	uint16_t mac[3];
	uint16_t l3_delta;
	uint32_t port;
	uint32_t ifindex;
	be16 id; /* the new identification, if @new_id */
	bool new_id;
};

/* Loads that are as wide as the field, wherever it lies. */
#define U8(data, at)  (*(volatile uint8_t *)((data) + (at)))
#define U16(data, at) (*(uint16_t *)((data) + (at)))
#define U32(data, at) (*(uint32_t *)((data) + (at)))

/* A struct mac, of which the compiler knows no more than that it is bytes. */
static __always_inline void copy_mac(void *to, const void *from)
{
	U16(to, 0) = U16(from, 0);
	U16(to, 2) = U16(from, 2);
	U16(to, 4) = U16(from, 4);
}

static __always_inline uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static __always_inline uint16_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return fold((uint32_t)((sum & 0xffffffff) + (sum >> 32)));
}

/* Read what is common to both protocols. Return: whether the packet is a plain one. */
static __always_inline bool read_ip(const void *data, const struct __sk_buff *skb,
				    struct seen *seen)
{
	uint64_t sum = (uint64_t)U32(data, AT_IP) + U32(data, AT_ID) + U32(data, AT_TTL) +
		       U32(data, AT_SADDR) + U32(data, AT_DADDR);
	uint16_t fragment = U16(data, AT_FRAGMENT);

	if (U8(data, AT_IP) != 0x45 || fold64(sum) != 0xffff || U8(data, AT_TTL) <= 1)
		return false;
	if (fragment & ~bpf_htons(DONT_FRAGMENT))
		return false;
	seen->ip_len = bpf_ntohs(U16(data, AT_LENGTH));
	if ((uint32_t)seen->ip_len + AT_IP > skb->len)
		return false;
	seen->may_fragment = !fragment;
	seen->id = U16(data, AT_ID);
	seen->proto = U8(data, AT_PROTO);
	seen->tuple.src = U32(data, AT_SADDR);
	seen->tuple.dst = U32(data, AT_DADDR);
	seen->tuple.sport = U16(data, AT_SPORT);
	seen->tuple.dport = U16(data, AT_DPORT);
	return true;
}

static __always_inline bool read_tcp(const void *data, struct seen *seen)
{
	uint8_t flags = U8(data, AT_FLAGS);

	if ((flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	seen->l4_header = (U8(data, AT_OFFSET) >> 4) * 4;
	if (seen->l4_header < TCP_BYTES_MIN || seen->ip_len < IP_BYTES + seen->l4_header)
		return false;
	seen->tcp.seq = bpf_ntohl(U32(data, AT_SEQ));
	seen->tcp.ack = bpf_ntohl(U32(data, AT_ACK));
	seen->tcp.window = bpf_ntohs(U16(data, AT_WINDOW));
	seen->tcp.flags = flags;
	seen->tcp.len = seen->ip_len - IP_BYTES - seen->l4_header;
	return true;
}

static __always_inline bool read_udp(const void *data, struct seen *seen)
{
	uint32_t bytes = bpf_ntohs(U16(data, AT_UDP_LEN));

	seen->l4_header = UDP_BYTES;
	return bytes >= UDP_BYTES && IP_BYTES + bytes <= seen->ip_len;
}

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
	if (!read_ip(data, skb, seen))
		return false;
	if (seen->proto == PROTO_UDP)
		return read_udp(data, seen);
	return seen->proto == PROTO_TCP && data + TCP_FRAME <= end && read_tcp(data, seen);
}

static __always_inline void *element(uint32_t index)
{
	return bpf_map_lookup_elem(&flows, &index);
}

static __always_inline uint32_t key_word(const struct flow *flow)
{
	return *(const volatile uint32_t *)&flow->word;
}

/* The active record whose side @side has this key, or NULL. @word: its key word, read before the
 * key. */
static __always_inline struct flow *find(const struct flow_header *header, const struct seen *seen,
					 uint32_t *side, uint32_t *word)
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
			const struct flow_tuple *key;
			struct flow *flow;

			if (value >> 32 != tag)
				continue;
			flow = element(header->record_first + ((uint32_t)value >> 1));
			if (!flow)
				return NULL;
			*side = value & 1;
			*word = key_word(flow);
			if (FLOW_WORD_STATE(*word) != FLOW_ACTIVE)
				continue;
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

/* Whether it came from where answers go. If not, a client's router has changed, and user space
 * takes note (last hop). */
static __always_inline bool from(const struct __sk_buff *skb, const struct mac *mac)
{
	void *data = (void *)(long)skb->data;

	if (data + AT_IP > (void *)(long)skb->data_end)
		return false;
	return U16(data, AT_SRC) == U16(mac->b, 0) && U16(data, AT_SRC + 2) == U16(mac->b, 2) &&
	       U16(data, AT_SRC + 4) == U16(mac->b, 4);
}

/*
 * Whether the flow's timer still runs; then @now is set to what the timer starts from again.
 *
 * The coarse clock costs a tenth of the exact one, and stands still between the kernel's own ticks.
 * What it may lag is added, so that no timer ever ends early; user space takes a stamp that is
 * ahead of its clock as one of this moment.
 */
static __always_inline bool alive(const struct flow *flow, const struct seen *seen, uint32_t *now)
{
	const struct offload_settings *s;
	uint32_t zero = 0, idle;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s)
		return false;
	*now = FLOW_TICK(bpf_ktime_get_coarse_ns()) + s->clock_lag_tick;
	idle = *now - flow->seen_tick;
	if ((int32_t)idle < 0)
		return true;
	return idle < (seen->proto == PROTO_TCP ? s->timeout_tick_tcp : s->timeout_tick_udp);
}

/* Whether each packet that leaves fits the next link as it is. */
static __always_inline bool fits(const struct __sk_buff *skb, const struct seen *seen, uint32_t mtu)
{
	uint32_t bytes = seen->ip_len;

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

/* A datagram that may still be fragmented and whose source is ours gets an identification of our
 * own, from the row that user space takes them from (RFC 6864). */
static __always_inline void choose_id(struct flow_header *header, const struct flow *flow,
				      const struct seen *seen, uint32_t packets, struct rewrite *to)
{
	to->new_id = seen->may_fragment && flow->flags & FLOW_SNAT;
	if (to->new_id)
		to->id = bpf_htons((uint16_t)(__sync_fetch_and_add(&header->ip_id, packets) + 1));
}

/* Return: false only if the packet was left as it was. */
static __always_inline bool translate_l4(struct __sk_buff *skb, const struct seen *seen,
					 const struct rewrite *to)
{
	uint32_t at = seen->proto == PROTO_TCP ? AT_TCP_CHECK : AT_UDP_CHECK;
	uint64_t flags = seen->proto == PROTO_TCP ? 0 : BPF_F_MARK_MANGLED_0;
	uint16_t ports_delta;

	ports_delta = fold((uint32_t)(uint16_t)~seen->tuple.sport + to->to.dport +
			   (uint16_t)~seen->tuple.dport + to->to.sport);
	/* the helpers know whether the checksum is complete or left to hardware; 0 and 0xffff are
	 * both zero, nothing changes */
	if (to->l3_delta != 0xffff && to->l3_delta != 0 &&
	    bpf_l4_csum_replace(skb, at, 0, to->l3_delta, flags | BPF_F_PSEUDO_HDR))
		return false;
	return ports_delta == 0xffff || ports_delta == 0 ||
	       !bpf_l4_csum_replace(skb, at, 0, ports_delta, flags);
}

static __always_inline bool translate(struct __sk_buff *skb, const struct seen *seen,
				      const struct rewrite *to, const struct offload_port *out)
{
	uint32_t sum = to->l3_delta;
	void *data;

	if (!translate_l4(skb, seen, to))
		return false;
	data = (void *)(long)skb->data;
	if (data + UDP_FRAME > (void *)(long)skb->data_end)
		return false;
	copy_mac(data + AT_DST, to->mac);
	copy_mac(data + AT_SRC, out->mac.b);
	U32(data, AT_SADDR) = to->to.dst;
	U32(data, AT_DADDR) = to->to.src;
	U16(data, AT_SPORT) = to->to.dport;
	U16(data, AT_DPORT) = to->to.sport;
	U8(data, AT_TTL) = U8(data, AT_TTL) - 1;
	sum += (uint16_t)~bpf_htons(0x0100);
	if (to->new_id) {
		U16(data, AT_ID) = to->id;
		sum += (uint16_t)~seen->id + to->id;
	}
	U16(data, AT_CHECK) = (uint16_t)~fold((uint16_t)~U16(data, AT_CHECK) + sum);
	return true;
}

static __always_inline void count(const struct seen *seen, struct flow *flow, uint32_t side,
				  uint32_t packets, uint32_t out_port)
{
	uint32_t in_port = seen->port;
	uint64_t bytes = AT_IP + seen->ip_len + (packets - 1) * (AT_L4 + seen->l4_header);
	struct offload_counters *c = bpf_map_lookup_elem(&counters, &in_port);

	if (side) {
		flow->packets[1]++;
		flow->bytes[1] += seen->ip_len;
	} else {
		flow->packets[0]++;
		flow->bytes[0] += seen->ip_len;
	}
	if (c) {
		c->rcvd_packets += packets;
		c->rcvd_bytes += bytes;
	}
	c = bpf_map_lookup_elem(&counters, &out_port);
	if (c) {
		c->sent_packets += packets;
		c->sent_bytes += bytes;
	}
}

/* Copy what the packet needs. Return: whether the flow is one for this program. */
static __always_inline bool read_record(const struct __sk_buff *skb, const struct seen *seen,
					const struct flow *flow, uint32_t side, struct rewrite *to)
{
	const struct mac *back = side ? &flow->mac[1] : &flow->mac[0];
	/* of side 1 nothing has been seen yet: user space takes note of the first answer */
	uint8_t needed = side ? FLOW_OFFLOAD | FLOW_REPLIED : FLOW_OFFLOAD;

	if ((flow->flags & needed) != needed)
		return false;
	if (seen->proto == PROTO_TCP && flow->tcp_state != TCP_ESTABLISHED)
		return false;
	if (flow->vmac[0] | flow->vmac[1]) /* that is not the address of the interface */
		return false;
	if ((side ? flow->neigh[1] : flow->neigh[0]) == FLOW_NEIGH_LAST_HOP && !from(skb, back))
		return false;
	to->to = side ? flow->tuple[0] : flow->tuple[1];
	copy_mac(to->mac, side ? flow->mac[0].b : flow->mac[1].b);
	to->port = side ? flow->port[0] : flow->port[1];
	to->l3_delta = side ? ~flow->l3_delta : flow->l3_delta;
	return true;
}

SEC("tc")
int pgw_forward(struct __sk_buff *skb)
{
	uint32_t side = 0, word = 0, now, packets, ifindex = skb->ifindex;
	const uint32_t *link = bpf_map_lookup_elem(&links, &ifindex);
	struct flow_header *header = element(0);
	const struct offload_port *out;
	struct rewrite to = {0};
	struct seen seen = {0};
	struct flow *flow;

	if (!link || !header || skb->vlan_present || skb->pkt_type != 0 /* PACKET_HOST */)
		return TC_ACT_UNSPEC;
	seen.port = (uint8_t)*link;
	if (!read_headers(skb, &seen))
		return TC_ACT_UNSPEC;
	flow = find(header, &seen, &side, &word);
	if (!flow || !read_record(skb, &seen, flow, side, &to))
		return TC_ACT_UNSPEC;
	if (!alive(flow, &seen, &now))
		return TC_ACT_UNSPEC;
	out = bpf_map_lookup_elem(&ports, &to.port);
	if (!out || !out->ifindex || !out->up || !fits(skb, &seen, out->mtu))
		return TC_ACT_UNSPEC;
	to.ifindex = out->ifindex;
	if (seen.proto == PROTO_TCP) {
		struct flow_tcp_side *self = side ? &flow->tcp[1] : &flow->tcp[0];
		struct flow_tcp_side *peer = side ? &flow->tcp[0] : &flow->tcp[1];

		if (!tcp_in_window(self, peer, &seen.tcp) || key_word(flow) != word)
			return TC_ACT_UNSPEC;
		tcp_follow_window(self, peer, &seen.tcp);
	} else if (key_word(flow) != word) {
		return TC_ACT_UNSPEC;
	}
	packets = segments(skb, &seen);
	choose_id(header, flow, &seen, packets, &to);
	/* padding of short frames, and other trailers */
	if (skb->len > (uint32_t)seen.ip_len + AT_IP &&
	    (skb->gso_size || bpf_skb_change_tail(skb, seen.ip_len + AT_IP, 0)))
		return TC_ACT_UNSPEC;
	if (!translate(skb, &seen, &to, out))
		return TC_ACT_SHOT; /* half changed: nobody could use it */
	flow->seen_tick = now;
	count(&seen, flow, side, packets, to.port);
	return (int)bpf_redirect(to.ifindex, 0);
}
