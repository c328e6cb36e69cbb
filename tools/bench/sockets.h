/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sockets - the loads' sockets; each returns a descriptor or -errno. */
#ifndef PGW_BENCH_SOCKETS_H
#define PGW_BENCH_SOCKETS_H

#include <stdint.h>

struct frame_spec;

int tcp_listen(uint16_t port);			     /* on every address, with SO_REUSEADDR */
int tcp_connect(const char *address, uint16_t port); /* bounded to about 5 s */
int udp_bind(uint16_t port);
int udp_connect(uint16_t port); /* to the server */

/* frame_addresses() - those of a client's frame to the server by way of the gateway. */
void frame_addresses(struct frame_spec *spec);

/* frame_socket() - a raw socket that sends frames on @device past the queueing discipline. */
int frame_socket(const char *device);

#endif
