/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame - UDP frames of the load, with valid checksums, and the check of received ones. */
#ifndef PGW_BENCH_FRAME_H
#define PGW_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"

/* 64 bytes on the wire with the 4 bytes of FCS that a veth does not have. */
#define FRAME_SMALL_BYTES 60u

struct frame_spec {
	struct mac source, destination;
	be32 src, dst;
	uint16_t sport, dport; /* host order */
	uint32_t bytes;	       /* of the frame, Ethernet header included; at least 42 */
};

/* frame_udp() - build a UDP frame of zero payload at @frame. */
void frame_udp(uint8_t *frame, const struct frame_spec *spec);

/* frame_rewrite() - change source and ports of a frame that frame_udp() made; checksums follow. */
void frame_rewrite(uint8_t *frame, be32 src, uint16_t sport, uint16_t dport);

enum frame_verdict { FRAME_OTHER, FRAME_GOOD, FRAME_BAD_IP, FRAME_BAD_L4 };

/**
 * frame_check() - checksums of a received TCP or UDP over IPv4 frame
 * @partial: the L4 checksum is still to be completed by the receiver: only the
 *           pseudo-header's sum must be there
 * Return: FRAME_OTHER if it is something else or a fragment.
 */
enum frame_verdict frame_check(const uint8_t *frame, size_t bytes, bool partial);

#endif
