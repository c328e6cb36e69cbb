/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - the short look at the headers of a plain packet, which nearly every packet is.
 *
 * Plain is: an untagged frame, whole, to the port's own MAC; IPv4 without options, not a fragment,
 * with a right header checksum and a TTL above 1; UDP, or TCP with ACK and without SYN, FIN and
 * RST; no super-packet. What is not plain, or not certain, is packet_parse()'s: here nothing is
 * refused.
 *
 * What is left out: addresses and ports that no packet may have. No flow has them, so whoever
 * finds a flow of the packet's key need not look; whoever finds none calls packet_parse().
 */
#ifndef PGW_PROTO_PLAIN_H
#define PGW_PROTO_PLAIN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/proto/packet.h"

/* Offsets of such a frame. */
#define PLAIN_SADDR (ETHERNET_BYTES + 12u) /* addresses and ports: 12 bytes as in flow_tuple */
#define PLAIN_L4    (ETHERNET_BYTES + IP_BYTES_MIN)

static inline uint64_t plain_load64(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t plain_load32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* plain_bytes() - eight bytes as one number, the first in memory first. Constants fold. */
static inline uint64_t plain_bytes(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f)
{
	const uint8_t bytes[8] = {a, b, c, d, e, f};

	return plain_load64(bytes);
}

/* plain_mac() - what the first six of a frame's first eight bytes must be. */
static inline uint64_t plain_mac(const struct mac *own)
{
	return plain_bytes(own->b[0], own->b[1], own->b[2], own->b[3], own->b[4], own->b[5]);
}

static inline const struct tcp_header *plain_tcp(const uint8_t *data)
{
	return (const struct tcp_header *)(data + PLAIN_L4);
}

/* plain_segment() - of a frame for which plain_read() was true and which is TCP. */
static inline struct tcp_segment plain_segment(const uint8_t *data, uint32_t ip_len)
{
	const struct tcp_header *h = plain_tcp(data);

	return (struct tcp_segment){
		.seq = ntohl(h->seq),
		.ack = ntohl(h->ack),
		.len = ip_len - IP_BYTES_MIN - (h->offset >> 4) * 4u,
		.window = ntohs(h->window),
		.flags = h->flags,
	};
}

static inline uint32_t plain_ip_len(const uint8_t *data)
{
	return ntohs(((const struct ip_header *)(data + ETHERNET_BYTES))->total_len);
}

/* plain_read() - whether the frame is a plain packet. @own: plain_mac() of the port's link. */
static inline bool plain_read(const struct io_frame *frame, uint64_t own)
{
	/* gso_type and gso_size; a MAC; EtherType, version and header length: no more than that of
	 * the eight bytes that are read */
	const uint64_t gso = plain_bytes(0, 255, 0, 0, 255, 255);
	const uint64_t mac = plain_bytes(255, 255, 255, 255, 255, 255);
	const uint64_t start = plain_bytes(255, 255, 255, 0, 0, 0);
	const uint64_t ipv4 = plain_bytes(0x08, 0x00, 0x45, 0, 0, 0);
	const uint8_t *data = frame->data;
	const struct ip_header *ip = (const struct ip_header *)(data + ETHERNET_BYTES);
	uint32_t ip_len, l4_bytes, bytes;
	uint64_t sum;

	if (frame->len < PLAIN_L4 + sizeof(struct udp_header) || frame->len < frame->wire_len ||
	    (plain_load64(&frame->offload) & gso) | frame->vlan)
		return false;
	if (((plain_load64(data) ^ own) & mac) | ((plain_load64(data + 12) ^ ipv4) & start))
		return false;
	sum = (uint64_t)plain_load32(ip) + plain_load32(&ip->id) + plain_load32(&ip->ttl) +
	      plain_load32(&ip->src) + plain_load32(&ip->dst);
	if (sum % 0xffff) /* never 0: the version is in it */
		return false;
	ip_len = ntohs(ip->total_len);
	l4_bytes = ip_len - IP_BYTES_MIN; /* if that is negative, it is too large as well */
	if (ip->fragment & ~htons(IP_DF) || ip->ttl <= 1 || l4_bytes > frame->len - PLAIN_L4)
		return false;
	if (ip->proto == IPPROTO_UDP) {
		const struct udp_header *udp = (const struct udp_header *)(data + PLAIN_L4);

		bytes = ntohs(udp->len);
		return bytes >= sizeof(*udp) && bytes <= l4_bytes;
	}
	if (ip->proto == IPPROTO_TCP && l4_bytes >= sizeof(struct tcp_header)) {
		const struct tcp_header *tcp = plain_tcp(data);

		bytes = (tcp->offset >> 4) * 4u;
		return bytes >= sizeof(*tcp) && bytes <= l4_bytes &&
		       (tcp->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
	}
	return false;
}

#endif
