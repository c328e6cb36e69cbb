/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports - those of the server that TCP loads use; a proxy listens on all of them. */
#ifndef PGW_BENCH_PORTS_H
#define PGW_BENCH_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_BULK     5001u
#define PORT_RTT      5002u
#define PORT_VERIFY   5003u
#define PORT_CONNECT  6000u
#define PORTS_CONNECT 64u
#define PORTS_ALL     (PORTS_CONNECT + 2u)

static inline uint16_t ports_at(unsigned i)
{
	return (uint16_t)(i == 0 ? PORT_BULK : i == 1 ? PORT_VERIFY : PORT_CONNECT + i - 2);
}

static inline bool ports_has(uint16_t port)
{
	return port == PORT_BULK || port == PORT_VERIFY ||
	       (port >= PORT_CONNECT && port < PORT_CONNECT + PORTS_CONNECT);
}

#endif
