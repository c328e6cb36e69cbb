/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * greeting - what a backend gets first: the PROXY header where it wants one, then what the client
 * has said until its ClientHello was whole.
 *
 * First it grows by what comes (greeting_keep()), then it may get the header in front
 * (greeting_proxy(), once), then it goes out in as many pieces as the backend takes
 * (greeting_send()), and its memory goes. How much is kept is bounded by who reads:
 * HELLO_BYTES_MAX.
 */
#ifndef PGW_RELAY_GREETING_H
#define PGW_RELAY_GREETING_H

#include <stdbool.h>
#include <stddef.h>

#include "datapath/relay/proxy.h"

/* All zero: nothing came yet. */
struct greeting {
	uint8_t *bytes; /* NULL: nothing came yet, or all of it was passed on */
	size_t used, size, sent;
};

/* greeting_keep() - append what came. Return: false without memory. */
bool greeting_keep(struct greeting *greeting, const uint8_t *bytes, size_t n);

/* greeting_proxy() - put the PROXY header, PROXY_BYTES, in front. Nothing is kept afterwards.
 * Arguments: see proxy_header(). Return: false without memory. */
bool greeting_proxy(struct greeting *greeting, be32 client, uint16_t client_port, be32 service,
		    uint16_t service_port);

/* greeting_send() - send what @fd takes now; all of it was when greeting->sent has reached
 * greeting->used. Return: 0, -errno: the connection broke. */
int greeting_send(struct greeting *greeting, int fd);

void greeting_drop(struct greeting *greeting);

#endif
