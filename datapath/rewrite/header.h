/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header - the changes to a single header, inline: rewrite.c makes of them what any packet needs,
 * the worker's short way (worker/plain.h) what a plain one does.
 *
 * @to: the other side's key; what leaves is that, turned round.
 */
#ifndef PGW_REWRITE_HEADER_H
#define PGW_REWRITE_HEADER_H

#include <arpa/inet.h>

#include "datapath/base/checksum.h"
#include "datapath/flow/layout.h"
#include "datapath/proto/packet.h"

/* header_delta() - a delta of the flow, as it is for packets that arrive on @side. */
static inline uint16_t header_delta(uint16_t delta, unsigned side)
{
	return (uint16_t)(delta ^ (0u - side));
}

/* header_take_ttl() - take one from a TTL that is not 0. Return: what that adds to the checksum's
 * sum. TTL is the high byte of its word: whatever it was, the word gets 0x0100 less. */
static inline uint32_t header_take_ttl(struct ip_header *ip)
{
	ip->ttl--;
	return (uint16_t)~htons(0x0100);
}

/* header_ip() - @new_id: 0 keeps the identification. */
static inline void header_ip(struct ip_header *ip, const struct flow_tuple *to, uint16_t l3_delta,
			     be16 new_id)
{
	uint32_t delta = l3_delta + header_take_ttl(ip);

	ip->src = to->dst;
	ip->dst = to->src;
	if (new_id) {
		delta += (uint16_t)~ip->id + (uint32_t)new_id;
		ip->id = new_id;
	}
	ip->check = checksum_update32(ip->check, delta);
}

/* A checksum left to hardware (@partial) holds the pseudo-header's sum only: addresses, no ports,
 * not complemented. */
static inline uint16_t header_l4_check(uint16_t check, uint16_t l3_delta, uint16_t l4_delta,
				       bool partial)
{
	return partial ? checksum_fold32((uint32_t)check + l3_delta)
		       : checksum_update32(check, l4_delta);
}

static inline void header_tcp(struct tcp_header *tcp, const struct flow_tuple *to,
			      uint16_t l3_delta, uint16_t l4_delta, bool partial)
{
	tcp->sport = to->dport;
	tcp->dport = to->sport;
	tcp->check = header_l4_check(tcp->check, l3_delta, l4_delta, partial);
}

static inline void header_udp(struct udp_header *udp, const struct flow_tuple *to,
			      uint16_t l3_delta, uint16_t l4_delta, bool partial)
{
	udp->sport = to->dport;
	udp->dport = to->sport;
	if (!partial && !udp->check) /* the sender used none (RFC 768) */
		return;
	udp->check = header_l4_check(udp->check, l3_delta, l4_delta, partial);
	if (!partial && udp->check == 0)
		udp->check = 0xffff;
}

#endif
