/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - packets of our own about a packet that came in: ICMP errors (RFC 1812 4.3) and TCP
 * resets (RFC 9293 3.5.2). Written into a frame of the caller's, whose link addresses are left to
 * it.
 */
#ifndef PGW_REWRITE_ANSWER_H
#define PGW_REWRITE_ANSWER_H

#include "datapath/flow/layout.h"
#include "datapath/proto/packet.h"

#define ANSWER_BYTES_MAX (14u + 576u) /* RFC 1812 4.3.2.3 */

/* answer_allowed() - whether RFC 1812 4.3.2.7 lets a router send an error about @p. */
bool answer_allowed(const struct packet *p);

/**
 * answer_error() - write an ICMP error about @p, unchanged as it arrived, into @frame
 * @frame: at least ANSWER_BYTES_MAX
 * @from: our address that sends it
 * @mtu: of the next hop, for "fragmentation needed", else 0
 * Return: its length from the Ethernet header.
 */
uint32_t answer_error(uint8_t *frame, const struct packet *p, be32 from, uint8_t type, uint8_t code,
		      uint16_t mtu);

/* answer_reset() - write the RST that a host sends for a segment of no connection. Return: as
 * above. */
uint32_t answer_reset(uint8_t *frame, const struct packet *p);

/* answer_flow_reset() - write the RST that side 1 of TCP flow @f would send to side 0, with the
 * next sequence number, as the receiver expects (RFC 5961 3.2). Return: as above. */
uint32_t answer_flow_reset(uint8_t *frame, const struct flow *f);

#endif
