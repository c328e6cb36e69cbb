/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rewrite - change a packet's bytes. Decides nothing; every checksum is updated by difference,
 * never recomputed, so that damage on the way in stays visible (RFC 1624), except where a
 * message is made anew.
 */
#ifndef PGW_REWRITE_REWRITE_H
#define PGW_REWRITE_REWRITE_H

#include "datapath/flow/layout.h"
#include "datapath/proto/packet.h"

/* rewrite_deltas() - compute l3_delta and l4_delta of a flow whose tuples are set. */
void rewrite_deltas(struct flow *flow);

/* rewrite_packet() - translate a packet that arrived on @side to what the other side sees, and
 * take one from its TTL. p->new_ip_id, if set, replaces the identification. */
void rewrite_packet(struct packet *p, const struct flow *flow, unsigned side);

/* rewrite_icmp_error() - translate an ICMP error that arrived on @side of the flow whose packet
 * it quotes: quoted headers become what the other side had sent (RFC 5508 REQ-4, REQ-5). */
void rewrite_icmp_error(struct packet *p, const struct flow *flow, unsigned side);

/* rewrite_source() - give a packet another source address; for packets without a pseudo-header. */
void rewrite_source(struct packet *p, be32 src);

/* rewrite_clamp_mss() - lower the MSS option of a SYN to @mss bytes; it is never raised (RFC
 * 4459 3.2). */
void rewrite_clamp_mss(struct packet *p, uint16_t mss);

/* One fragment: a header of its own, and a piece of the packet's payload. */
struct rewrite_fragment {
	uint8_t head[ETHERNET_BYTES + 60];
	uint32_t head_len;
	const uint8_t *payload;
	uint32_t payload_len;
};

/**
 * rewrite_fragment() - cut the next piece for @mtu off a packet (RFC 791 3.2)
 * @p: complete (no checksum left to hardware)
 * @done: payload bytes already cut, 0 at first
 * Return: payload bytes in this piece; 0 when nothing is left or @mtu is too small to carry any.
 */
uint32_t rewrite_fragment(struct rewrite_fragment *piece, const struct packet *p, uint32_t mtu,
			  uint32_t done);

#endif
