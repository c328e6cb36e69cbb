/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/rewrite/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/base/checksum.h"

#define ANSWER_TTL 64

bool answer_allowed(const struct packet *p)
{
	if (p->kind == PACKET_ICMP_ERROR || p->kind == PACKET_KERNEL || p->fragment_offset)
		return false;
	return !(packet_ethernet(p)->dst.b[0] & 1);
}

/* As much as 576 bytes hold (RFC 1812 4.3.2.3), but no more than makes the answer as long as the
 * question, nor less than the eight bytes by which a flow is known: whoever forges sources must not
 * find us an amplifier. */
static uint32_t quote_bytes(const struct packet *p)
{
	const uint32_t own = sizeof(struct ip_header) + sizeof(struct icmp_header);
	uint32_t least = p->l4 - ETHERNET_BYTES + 8u, quote = 576 - own;

	if (quote + own > p->ip_len)
		quote = p->ip_len > own + least ? p->ip_len - own : least;
	return quote < p->ip_len ? quote : p->ip_len;
}

uint32_t answer_error(uint8_t *frame, const struct packet *p, be32 from, uint8_t type, uint8_t code,
		      uint16_t mtu)
{
	struct ethernet_header *ethernet = (struct ethernet_header *)frame;
	struct ip_header *ip = (struct ip_header *)(frame + ETHERNET_BYTES);
	struct icmp_header *icmp = (struct icmp_header *)(ip + 1);
	uint32_t quote = quote_bytes(p);

	ethernet->type = ETHERTYPE_IP_BE;
	*ip = (struct ip_header){
		.version_ihl = 0x45,
		.tos = 0xc0, /* internetwork control (RFC 1812 4.3.2.5) */
		.total_len = htons((uint16_t)(sizeof(*ip) + sizeof(*icmp) + quote)),
		.ttl = ANSWER_TTL,
		.proto = IPPROTO_ICMP,
		.src = from,
		.dst = p->tuple.src,
	};
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	*icmp = (struct icmp_header){.type = type, .code = code, .sequence = htons(mtu)};
	memcpy(icmp + 1, packet_ip(p), quote);
	icmp->check = (uint16_t)~checksum_fold(checksum_add(0, icmp, sizeof(*icmp) + quote));
	return ETHERNET_BYTES + (uint32_t)sizeof(*ip) + (uint32_t)sizeof(*icmp) + quote;
}

/* A segment without data. */
static uint32_t write_segment(uint8_t *frame, be32 src, be32 dst, const struct tcp_header *segment)
{
	struct ethernet_header *ethernet = (struct ethernet_header *)frame;
	struct ip_header *ip = (struct ip_header *)(frame + ETHERNET_BYTES);
	struct tcp_header *tcp = (struct tcp_header *)(ip + 1);

	ethernet->type = ETHERTYPE_IP_BE;
	*ip = (struct ip_header){
		.version_ihl = 0x45,
		.total_len = htons(sizeof(*ip) + sizeof(*tcp)),
		.fragment = htons(IP_DF),
		.ttl = ANSWER_TTL,
		.proto = IPPROTO_TCP,
		.src = src,
		.dst = dst,
	};
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	*tcp = *segment;
	tcp->offset = sizeof(*tcp) / 4 << 4;
	tcp->check = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(ip->src, ip->dst, IPPROTO_TCP, sizeof(*tcp)), tcp, sizeof(*tcp)));
	return ETHERNET_BYTES + (uint32_t)sizeof(*ip) + (uint32_t)sizeof(*tcp);
}

uint32_t answer_reset(uint8_t *frame, const struct packet *p)
{
	bool acked = p->tcp.flags & TCP_ACK;
	const struct tcp_header segment = {
		.sport = p->tuple.dport,
		.dport = p->tuple.sport,
		.seq = acked ? htonl(p->tcp.ack) : 0,
		.ack = acked ? 0 : htonl(p->tcp.seq + p->tcp.len),
		.flags = acked ? TCP_RST : TCP_RST | TCP_ACK,
	};

	return write_segment(frame, p->tuple.dst, p->tuple.src, &segment);
}

uint32_t answer_flow_reset(uint8_t *frame, const struct flow *f)
{
	const struct tcp_header segment = {
		.sport = f->tuple[0].dport,
		.dport = f->tuple[0].sport,
		.seq = f->tcp[1].flags & FLOW_TCP_SEEN ? htonl(f->tcp[1].end) : 0,
		.ack = htonl(f->tcp[0].end),
		.flags = TCP_RST | TCP_ACK,
	};

	return write_segment(frame, f->tuple[0].dst, f->tuple[0].src, &segment);
}
