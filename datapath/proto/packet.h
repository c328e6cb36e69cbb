/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet - a received frame and what its headers say. The only place where headers of
 * arriving packets are read; everything later uses the fields found here.
 *
 * After packet_parse() has returned DROP_NONE these hold:
 *   - data[0 .. 14 + ip_len) is the frame without trailer, ip_len >= ip_header_len
 *   - unless fragment_offset > 0, the transport header is whole within the frame
 */
#ifndef PGW_PROTO_PACKET_H
#define PGW_PROTO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/base/counters.h"
#include "datapath/flow/window.h"
#include "datapath/io/io.h"

#define ETHERNET_BYTES	14u
#define IP_BYTES_MIN	20u
#define ETHERTYPE_IP_BE __builtin_bswap16(0x0800)
#define IP_DF		0x4000u
#define IP_MF		0x2000u
#define IP_OFFSET_MASK	0x1fffu

struct ethernet_header {
	struct mac dst, src;
	be16 type;
} __attribute__((packed));

struct ip_header {
	uint8_t version_ihl, tos;
	be16 total_len, id, fragment;
	uint8_t ttl, proto;
	uint16_t check;
	be32 src, dst;
} __attribute__((packed));

struct tcp_header {
	be16 sport, dport;
	be32 seq, ack;
	uint8_t offset, flags;
	be16 window;
	uint16_t check;
	be16 urgent;
} __attribute__((packed));

struct udp_header {
	be16 sport, dport, len;
	uint16_t check;
} __attribute__((packed));

struct icmp_header {
	uint8_t type, code;
	uint16_t check;
	be16 id, sequence; /* of echo; an error's MTU stands in the place of sequence */
} __attribute__((packed));

#define ICMP_ECHO_REPLY		   0
#define ICMP_UNREACHABLE	   3
#define ICMP_ECHO_REQUEST	   8
#define ICMP_TIME_EXCEEDED	   11
#define ICMP_PARAMETER		   12
#define ICMP_UNREACHABLE_NET	   0
#define ICMP_UNREACHABLE_HOST	   1
#define ICMP_UNREACHABLE_PORT	   3
#define ICMP_UNREACHABLE_NEED_FRAG 4

enum packet_kind {
	PACKET_TRANSPORT,      /* TCP, UDP, ICMP echo: tuple is set */
	PACKET_LATER_FRAGMENT, /* tuple has addresses only */
	PACKET_ICMP_ERROR,     /* tuple is that of the flow's side it came in on; see quote_* */
	PACKET_OTHER, /* addresses only: only the kernel may want it (reason tells why we do not) */
	PACKET_KERNEL, /* link or IP broadcast or multicast: not for us */
};

struct packet {
	uint8_t *data; /* Ethernet header */
	uint32_t len;  /* 14 + ip_len */
	struct io_offload offload;
	bool headroom; /* see struct io_frame */
	uint8_t port;  /* portgroup it arrived on */
	uint8_t proto;
	uint8_t kind; /* enum packet_kind */
	uint8_t ttl;
	uint16_t ip_len;	  /* total length, host order */
	uint16_t l4;		  /* offset of the transport header from data */
	uint16_t fragment_offset; /* bytes */
	uint16_t ip_id;		  /* as on the wire */
	bool more_fragments, dont_fragment;
	uint8_t reason; /* PACKET_OTHER: enum drop_reason if it is not for the kernel */
	struct flow_tuple tuple;
	struct tcp_segment tcp; /* TCP with its header in this frame */
	uint16_t quote_l4;	/* PACKET_ICMP_ERROR: offset of the quoted transport header */
	uint8_t quote_proto;
	uint32_t quote_seq; /* of a quoted TCP header */
	uint64_t hash;	    /* of tuple: set by the worker */
	uint32_t ref; /* FLOW_REF that it most likely belongs to, or FLOW_NONE: set by the worker */
	uint16_t new_ip_id; /* non-zero: replaces the IP identification (wire order) */
};

/* Headers at offsets that packet_parse() has checked. */
static inline struct ethernet_header *packet_ethernet(const struct packet *p)
{
	return (struct ethernet_header *)p->data;
}

static inline struct ip_header *packet_ip(const struct packet *p)
{
	return (struct ip_header *)(p->data + ETHERNET_BYTES);
}

/* packet_l4() - the transport header if @bytes of it are in this frame, else NULL. */
static inline void *packet_l4(const struct packet *p, uint32_t bytes)
{
	return p->l4 + bytes <= p->len ? p->data + p->l4 : NULL;
}

static inline bool packet_is_fragment(const struct packet *p)
{
	return p->more_fragments || p->fragment_offset;
}

/**
 * packet_parse() - read and check the headers of a received frame
 * @p: data, len, offload and port are set; everything else is set here, len is trimmed
 * Return: DROP_NONE, or why the packet cannot be used.
 */
enum drop_reason packet_parse(struct packet *p);

/* packet_tcp_is_sound() - whether a TCP segment is as it was sent, as far as its checksum can tell
 * here. */
bool packet_tcp_is_sound(const struct packet *p);

/* packet_complete_checksum() - fill in a transport checksum left to hardware (IO_NEEDS_CSUM),
 * for whoever has to cut the packet. */
void packet_complete_checksum(struct packet *p);

#endif
