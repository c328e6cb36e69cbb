/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps - what the BPF programs and user space share, besides the flow table (flow/layout.h), which
 * is the map "flows": an mmapable array of the table's elements.
 */
#ifndef PGW_OFFLOAD_MAPS_H
#define PGW_OFFLOAD_MAPS_H

#include "datapath/flow/layout.h"

#define OFFLOAD_PORTS 32u /* portgroup indexes */

#define OFFLOAD_MSS_LEAVE 0u /* not told yet: SYN-ACKs are left to user space */
#define OFFLOAD_MSS_PATH  1u /* what both links' MTU leaves */
#define OFFLOAD_MSS_ANY	  0xffffu

/* The map "ports", by portgroup index: written by user space when a link changes. */
struct offload_port {
	uint32_t ifindex; /* 0: nothing may leave here */
	uint32_t mtu;	  /* bytes of the largest IP packet */
	struct mac mac;	  /* our address there */
	uint8_t up;
	uint8_t made_qdisc; /* for user space only: the clsact there is of our making */
	uint8_t takes_xdp;  /* the XDP program may send out there */
	uint8_t inside;	    /* it leads to sockets of this host: pgw-relay's, chronyd's */
	uint16_t mss_max;   /* OFFLOAD_MSS_*, or bytes: of a SYN-ACK that leaves here */
};
static_assert(sizeof(struct offload_port) == 20, "layout");

/* What the map "links" says of most interfaces, without a look-up: by the lowest bits of ifindex,
 * for the first that has these. */
#define OFFLOAD_NEAR 64u
struct offload_near {
	uint32_t ifindex; /* 0: none; written last */
	uint32_t index;	  /* of the portgroup */
};

/* The map "counters", per processor, by portgroup index. */
struct offload_counters {
	uint64_t rcvd_packets,
		rcvd_bytes; /* that arrived there and were forwarded by the program */
	uint64_t sent_packets, sent_bytes; /* that the program sent out there */
};

/* The map "settings", one element: what a packet may do to timers. */
struct offload_settings {
	uint32_t timeout_tick_tcp,
		timeout_tick_udp; /* a flow idle for longer is left to user space */
	uint32_t clock_lag_tick; /* the kernel's coarse clock may be so much behind its exact one */
	uint32_t timeout_tick_tcp_trans; /* the same for one that is not established, at least */
};

#endif
