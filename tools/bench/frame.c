/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/frame.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define ETHER_BYTES 14u

/* As they lie in a frame: at any address. */
typedef struct iphdr __attribute__((aligned(1))) ip_header;
typedef struct udphdr __attribute__((aligned(1))) udp_header;

/* The benchmark checks the datapath, so it computes checksums by itself. */
static uint32_t sum_bytes(const uint8_t *data, size_t bytes, uint32_t sum)
{
	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (bytes & 1)
		sum += (uint32_t)data[bytes - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t sum_pseudo(const ip_header *ip, size_t l4_bytes)
{
	return sum_bytes((const uint8_t *)&ip->saddr, 8, ip->protocol + (uint32_t)l4_bytes);
}

void frame_udp(uint8_t *frame, const struct frame_spec *spec)
{
	ip_header *ip = (ip_header *)(void *)(frame + ETHER_BYTES);
	udp_header *udp = (udp_header *)(void *)(frame + ETHER_BYTES + sizeof(*ip));

	memset(frame, 0, spec->bytes);
	memcpy(frame, spec->destination.b, 6);
	memcpy(frame + 6, spec->source.b, 6);
	frame[12] = ETHERTYPE_IP >> 8;
	frame[13] = ETHERTYPE_IP & 0xff;
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons((uint16_t)(spec->bytes - ETHER_BYTES));
	ip->frag_off = htons(IP_DF);
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->daddr = spec->dst;
	udp->len = htons((uint16_t)(spec->bytes - ETHER_BYTES - sizeof(*ip)));
	frame_rewrite(frame, spec->src, spec->sport, spec->dport);
}

void frame_rewrite(uint8_t *frame, be32 src, uint16_t sport, uint16_t dport)
{
	ip_header *ip = (ip_header *)(void *)(frame + ETHER_BYTES);
	udp_header *udp = (udp_header *)(void *)(frame + ETHER_BYTES + sizeof(*ip));
	uint16_t bytes = ntohs(udp->len), check;

	ip->saddr = src;
	ip->check = 0;
	ip->check = htons((uint16_t)~fold(sum_bytes((const uint8_t *)ip, sizeof(*ip), 0)));
	udp->source = htons(sport);
	udp->dest = htons(dport);
	udp->check = 0;
	/* The payload is zero: header and pseudo-header are all there is to sum. */
	check = (uint16_t)~fold(
		sum_bytes((const uint8_t *)udp, sizeof(*udp), sum_pseudo(ip, bytes)));
	udp->check = htons(check ? check : 0xffff);
}

enum frame_verdict frame_check(const uint8_t *frame, size_t bytes, bool partial)
{
	struct iphdr ip;
	const uint8_t *l4;
	size_t header, l4_bytes, offset;
	uint16_t check, sum;

	if (bytes < ETHER_BYTES + sizeof(ip) || frame[12] != (ETHERTYPE_IP >> 8) ||
	    frame[13] != (ETHERTYPE_IP & 0xff))
		return FRAME_OTHER;
	memcpy(&ip, frame + ETHER_BYTES, sizeof(ip));
	header = ip.ihl * 4u;
	if (ip.version != 4 || header < sizeof(ip) || ntohs(ip.tot_len) < header ||
	    ntohs(ip.tot_len) > bytes - ETHER_BYTES)
		return FRAME_BAD_IP;
	if (fold(sum_bytes(frame + ETHER_BYTES, header, 0)) != 0xffff)
		return FRAME_BAD_IP;
	if ((ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_TCP) ||
	    (ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)))
		return FRAME_OTHER;
	l4 = frame + ETHER_BYTES + header;
	l4_bytes = ntohs(ip.tot_len) - header;
	offset = ip.protocol == IPPROTO_UDP ? offsetof(struct udphdr, check)
					    : offsetof(struct tcphdr, th_sum);
	if (l4_bytes < (ip.protocol == IPPROTO_UDP ? sizeof(struct udphdr) : sizeof(struct tcphdr)))
		return FRAME_BAD_L4;
	check = (uint16_t)(l4[offset] << 8 | l4[offset + 1]);
	if (partial)
		return check == fold(sum_pseudo(&ip, l4_bytes)) ? FRAME_GOOD : FRAME_BAD_L4;
	if (ip.protocol == IPPROTO_UDP && check == 0)
		return FRAME_GOOD;
	sum = fold(sum_bytes(l4, l4_bytes, sum_pseudo(&ip, l4_bytes)));
	return sum == 0xffff ? FRAME_GOOD : FRAME_BAD_L4;
}
