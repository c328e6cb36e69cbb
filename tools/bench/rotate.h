/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rotate - what the program that shows frames to the gateway's (rotate.bpf.c) shares with user
 * space. */
#ifndef PGW_BENCH_ROTATE_H
#define PGW_BENCH_ROTATE_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define ROTATE_BYTES 42u /* Ethernet, IPv4, UDP: written each time; the rest is zero */

struct rotate {
	uint8_t frame[ROTATE_BYTES + 6]; /* of host 0 and port 0, without checksums */
	uint32_t ip_sum, udp_sum;	 /* of @frame */
	uint32_t host, hosts, host_step; /* steps that reach all: no common divisor */
	uint32_t port, ports;		 /* of each host; no common divisor with hosts */
	uint32_t host_first;		 /* address */
	uint16_t port_first, spare;
};

#endif
