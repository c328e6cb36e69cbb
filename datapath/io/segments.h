/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * segments - what a frame will be on the wire, for the counters.
 *
 * A super-packet (gso_size set) is counted as the segments into which the interface, or the
 * last interface of the host, cuts it: packet and byte counts then mean the same with offloads
 * on or off, and compare with those of a switch.
 */
#ifndef PGW_IO_SEGMENTS_H
#define PGW_IO_SEGMENTS_H

#include "datapath/io/io.h"

struct io_segments {
	uint32_t packets;
	uint32_t bytes; /* of all of them, Ethernet headers included */
};

/* io_segments() - @len: bytes of the frame as one piece. */
static inline struct io_segments io_segments(const struct io_offload *offload, uint32_t len)
{
	struct io_segments segments = {.packets = 1, .bytes = len};
	uint32_t headers = offload->hdr_len;

	if (!offload->gso_size || offload->gso_type == IO_GSO_NONE || len <= headers)
		return segments;
	segments.packets = (len - headers + offload->gso_size - 1) / offload->gso_size;
	segments.bytes = len + (segments.packets - 1) * headers;
	return segments;
}

#endif
