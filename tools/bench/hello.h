/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello - the first message of a TLS client, with a name, for gateways that look at it. */
#ifndef PGW_BENCH_HELLO_H
#define PGW_BENCH_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define HELLO_NAME	"bench.example.net"
#define HELLO_BYTES_MAX 256u

/* hello_make() - a ClientHello of TLS 1.2 and 1.3 with HELLO_NAME. Return: its bytes. */
size_t hello_make(uint8_t hello[HELLO_BYTES_MAX]);

#endif
