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
	uint8_t state; /* of the connection, before this packet */
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

/* read_ip() - what is common to both protocols. @data: at least UDP_FRAME bytes of a frame of
 * @frame_bytes. Return: whether the packet is a plain one. */
static __always_inline bool read_ip(const void *data, uint32_t frame_bytes, struct seen *seen)
{
	uint64_t sum = (uint64_t)U32(data, AT_IP) + U32(data, AT_ID) + U32(data, AT_TTL) +
		       U32(data, AT_SADDR) + U32(data, AT_DADDR);
	uint16_t fragment = U16(data, AT_FRAGMENT);

	if (U8(data, AT_IP) != 0x45 || fold64(sum) != 0xffff || U8(data, AT_TTL) <= 1)
		return false;
	if (fragment & ~bpf_htons(DONT_FRAGMENT))
		return false;
	seen->ip_len = bpf_ntohs(U16(data, AT_LENGTH));
	if ((uint32_t)seen->ip_len + AT_IP > frame_bytes)
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

	if ((flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	seen->l4_header = (U8(data, AT_OFFSET) >> 4) * 4;
	if (seen->l4_header < TCP_BYTES_MIN || seen->ip_len < IP_BYTES + seen->l4_header)
		return false;
	seen->tcp.seq = bpf_ntohl(U32(data, AT_SEQ));
	seen->tcp.ack = bpf_ntohl(U32(data, AT_ACK));
	seen->tcp.window = bpf_ntohs(U16(data, AT_WINDOW));
	seen->tcp.flags = flags;
	seen->tcp.len = seen->ip_len - IP_BYTES - seen->l4_header + (flags & TCP_FIN);
	return true;
}

static __always_inline bool read_udp(const void *data, struct seen *seen)
{
	uint32_t bytes = bpf_ntohs(U16(data, AT_UDP_LEN));

	seen->l4_header = UDP_BYTES;
	return bytes >= UDP_BYTES && IP_BYTES + bytes <= seen->ip_len;
}

/* write_headers() - all but the transport checksum. @data: UDP_FRAME bytes; @mac: ours on the way
 * out */
static __always_inline void write_headers(void *data, const struct seen *seen,
					  const struct rewrite *to, const struct mac *mac)
{
	uint32_t sum = to->l3_delta;

	copy_mac(data + AT_DST, to->mac);
	copy_mac(data + AT_SRC, mac->b);
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
}

/* ports_delta() - what the change of ports adds to the sum under a transport checksum */
static __always_inline uint16_t ports_delta(const struct seen *seen, const struct rewrite *to)
{
	return fold((uint32_t)(uint16_t)~seen->tuple.sport + to->to.dport +
		    (uint16_t)~seen->tuple.dport + to->to.sport);
}

#endif
