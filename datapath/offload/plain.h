/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - the packets that the BPF programs forward: reading their headers, and writing them anew.
 *
 * Plain is IPv4 without options or fragmentation, with a right header checksum and a TTL above 1,
 * UDP, or TCP with ACK and without SYN and RST. Only these files of the kernel's part cast
 * raw bytes; who calls has compared the pointers with the packet's end.
 */
#ifndef PGW_OFFLOAD_PLAIN_H
#define PGW_OFFLOAD_PLAIN_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "datapath/flow/layout.h"
#include "datapath/flow/state.h"

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

/* What a plain packet says. */
struct seen {
	be32 src, dst;
	uint32_t ports; /* source and destination, as they lie in the packet */
	struct tcp_segment tcp;
	uint32_t l4_header; /* bytes */
	uint16_t ip_len;
	be16 id;
	uint16_t mss;	 /* of a SYN-ACK; 0: it offers none */
	uint32_t record; /* of its flow, once that was found */
	bool may_fragment;
	bool sound; /* a FIN without payload whose checksum is right */
	uint8_t proto;
	uint8_t port;
};

/* What a record says about such a packet, copied while the record was whole. */
struct rewrite {
	be32 src, dst;
	uint32_t ports;
	uint32_t mac_head;
	uint16_t mac_tail;
	uint16_t l3_delta; /* what the change of addresses adds to a sum */
	uint16_t l4_delta; /* and of ports as well */
	uint32_t port;
	uint32_t ifindex;
	be16 id; /* the new identification, if @new_id */
	bool new_id;
	uint8_t state; /* of the connection, before this packet */
};

/* Loads that are as wide as the field, wherever it lies. */
#define U8(data, at)  (*(volatile uint8_t *)((data) + (at)))
#define U16(data, at) (*(uint16_t *)((data) + (at)))
#define U32(data, at) (*(uint32_t *)((data) + (at)))

/* Ports as they lie in a packet, the other way round. */
#define TURN_PORTS(ports) ((ports) << 16 | (ports) >> 16)

/* A struct mac, of which the compiler knows no more than that it is bytes. */
static __always_inline bool same_mac(const void *a, const void *b)
{
	return U32(a, 0) == U32(b, 0) && U16(a, 4) == U16(b, 4);
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

/* sums_to_zero() - whether a sum of 16-bit words, or of pairs of them, is either zero of one's
 * complement: a multiple of 65535. Those are the numbers whose product with its inverse in 64 bits
 * is no more than there are. */
static __always_inline bool sums_to_zero(uint64_t sum)
{
	return sum * 0xfffeFFFEfffeFFFFull <= UINT64_MAX / 0xffff;
}

/* read_ip() - what is common to both protocols. @data: at least UDP_FRAME bytes of a frame of
 * @frame_bytes. Return: whether the packet is a plain one. */
static __always_inline bool read_ip(const void *data, uint32_t frame_bytes, struct seen *seen)
{
	uint64_t sum = (uint64_t)U32(data, AT_IP) + U32(data, AT_ID) + U32(data, AT_TTL) +
		       U32(data, AT_SADDR) + U32(data, AT_DADDR);
	uint16_t fragment = U16(data, AT_FRAGMENT);

	if (U8(data, AT_IP) != 0x45 || !sums_to_zero(sum) || U8(data, AT_TTL) <= 1)
		return false;
	if (fragment & ~bpf_htons(DONT_FRAGMENT))
		return false;
	seen->ip_len = bpf_ntohs(U16(data, AT_LENGTH));
	if ((uint32_t)seen->ip_len + AT_IP > frame_bytes)
		return false;
	seen->may_fragment = !fragment;
	seen->id = U16(data, AT_ID);
	seen->proto = U8(data, AT_PROTO);
	seen->src = U32(data, AT_SADDR);
	seen->dst = U32(data, AT_DADDR);
	seen->ports = U32(data, AT_SPORT);
	return true;
}

static __always_inline bool read_tcp(const void *data, struct seen *seen)
{
	uint8_t flags = U8(data, AT_FLAGS);

	if ((flags & (TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	seen->l4_header = (U8(data, AT_OFFSET) >> 4) * 4;
	if (seen->l4_header < TCP_BYTES_MIN || seen->ip_len < IP_BYTES + seen->l4_header)
		return false;
	seen->tcp.seq = bpf_ntohl(U32(data, AT_SEQ));
	seen->tcp.ack = bpf_ntohl(U32(data, AT_ACK));
	seen->tcp.window = bpf_ntohs(U16(data, AT_WINDOW));
	seen->tcp.flags = flags;
	seen->tcp.len = seen->ip_len - IP_BYTES - seen->l4_header + (flags & TCP_FIN) +
			(flags & TCP_SYN ? 1 : 0);
	return true;
}

static __always_inline bool read_udp(const void *data, struct seen *seen)
{
	uint32_t bytes = bpf_ntohs(U16(data, AT_UDP_LEN));

	seen->l4_header = UDP_BYTES;
	return bytes >= UDP_BYTES && IP_BYTES + bytes <= seen->ip_len;
}

/*
 * checksum_is_whole() - whether the transport checksum @check, of UDP not 0, is one for certain. A
 * sender on the same host, or a virtual one, may have left it to hardware, and filled in no more
 * than the sum of the pseudo-header. One whole checksum in 65,536 is the same, so it is said to be
 * none. Of a datagram with a trailer inside its IP packet the sum would be another one.
 */
static __always_inline bool checksum_is_whole(const void *data, const struct seen *seen,
					      uint16_t check)
{
	uint64_t sum = (uint64_t)seen->src + seen->dst + bpf_htons(seen->proto) +
		       bpf_htons(seen->ip_len - IP_BYTES) + (uint16_t)~check;

	if (seen->proto == PROTO_UDP && bpf_ntohs(U16(data, AT_UDP_LEN)) + IP_BYTES != seen->ip_len)
		return false;
	return !sums_to_zero(sum);
}

/* new_check() - of a whole one. RFC 1624, eqn. 3. A computed 0 of UDP is sent as 0xffff. */
static __always_inline uint16_t new_check(const struct seen *seen, const struct rewrite *to,
					  uint16_t check)
{
	uint16_t sum = (uint16_t)~fold((uint32_t)(uint16_t)~check + to->l4_delta);

	return seen->proto == PROTO_UDP && !sum ? 0xffff : sum;
}

/* write_headers() - all but the transport checksum. @data: UDP_FRAME bytes; @mac: ours on the way
 * out */
static __always_inline void write_headers(void *data, const struct seen *seen,
					  const struct rewrite *to, const struct mac *mac)
{
	uint32_t sum = to->l3_delta;

	U32(data, AT_DST) = to->mac_head;
	U16(data, AT_DST + 4) = to->mac_tail;
	U32(data, AT_SRC) = U32(mac->b, 0);
	U16(data, AT_SRC + 4) = U16(mac->b, 4);
	U32(data, AT_SADDR) = to->src;
	U32(data, AT_DADDR) = to->dst;
	U32(data, AT_SPORT) = to->ports;
	U8(data, AT_TTL) = U8(data, AT_TTL) - 1;
	sum += (uint16_t)~bpf_htons(0x0100);
	if (to->new_id) {
		U16(data, AT_ID) = to->id;
		sum += (uint16_t)~seen->id + to->id;
	}
	U16(data, AT_CHECK) = (uint16_t)~fold((uint16_t)~U16(data, AT_CHECK) + sum);
}

/* ports_delta() - what the change of ports adds to the sum under a transport checksum */
static __always_inline uint16_t ports_delta(const struct seen *seen, const struct rewrite *to)
{
	return fold64((uint64_t)(uint32_t)~seen->ports + to->ports);
}

#endif
