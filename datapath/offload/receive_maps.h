/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receive_maps - what the XDP program that fills AF_XDP sockets shares with user space.
 *
 * The map "sockets" has the AF_XDP socket of each portgroup index. The others say which packets
 * are the datapath's without any doubt; each that is not found in them goes up the kernel's stack,
 * and so to the packet socket, as if the program were not there.
 */
#ifndef PGW_OFFLOAD_RECEIVE_MAPS_H
#define PGW_OFFLOAD_RECEIVE_MAPS_H

#define RECEIVE_TUPLES_MAX 131072u
#define RECEIVE_POOLS_MAX  16384u
#define RECEIVE_RANGES	   4u /* of one pool address; ports of further ones go the other way */

/* The map "receivers", by ifindex: where there is an AF_XDP socket. */
struct receive_port {
	uint32_t index; /* of the portgroup */
	struct mac mac; /* our address there */
	uint16_t spare; /* zero */
};
static_assert(sizeof(struct receive_port) == 12, "layout");

/* The map "tuples": destinations. */
struct receive_tuple {
	be32 addr; /* 0: every address of this host */
	be16 port;
	uint8_t proto; /* 0, as the port: the address itself, which is one of this host */
	uint8_t spare; /* zero */
};
static_assert(sizeof(struct receive_tuple) == 8, "no padding");
enum receive_verdict {
	RECEIVE_TAKE = 1, /* a service: the datapath's */
	RECEIVE_LEAVE,	  /* a socket of this host listens there: the kernel's */
	RECEIVE_LOCAL,	  /* an address */
};

/* The map "pools", by tuples without a port: ranges of them that are the datapath's. */
struct receive_ranges {
	struct {
		uint16_t first, last; /* host order; 0-0: none */
	} range[RECEIVE_RANGES];
};

#endif
