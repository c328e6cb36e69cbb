/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * websocket_head - the head of an HTTP request (RFC 9112), read strictly, and the opening handshake
 * of a WebSocket (RFC 6455 section 4.2).
 *
 * What several readers could understand differently is refused: bare CR or LF, folded lines, white
 * space before a colon, control characters, a body, two headers where one decides.
 */
#ifndef PGW_RELAY_WEBSOCKET_HEAD_H
#define PGW_RELAY_WEBSOCKET_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_wire.h"

#define WEBSOCKET_HEAD_MAX    8192u /* bytes, with the empty line */
#define WEBSOCKET_HEADERS_MAX 64u
#define WEBSOCKET_ACCEPT      29 /* base64 of SHA-1, NUL */

struct websocket_head {
	struct ssh_text method, target; /* they lie in the bytes that were read */
	unsigned n_headers;
	struct {
		struct ssh_text name, value;
	} headers[WEBSOCKET_HEADERS_MAX];
};

/*
 * websocket_head_read() - Return: bytes of the head; 0: it has not come whole; -EPROTO: it is none,
 * or longer than WEBSOCKET_HEAD_MAX.
 */
long websocket_head_read(struct websocket_head *head, const uint8_t *data, size_t n);

/* websocket_head_find() - the value of a header; empty if it is not there; @n: set to how often */
struct ssh_text websocket_head_find(const struct websocket_head *head, const char *name,
				    unsigned *n);

/* websocket_head_is_upgrade() - does it ask for a WebSocket at all? */
bool websocket_head_is_upgrade(const struct websocket_head *head);

/*
 * websocket_head_accept() - check the opening handshake
 * @accept: receives Sec-WebSocket-Accept
 * Return: 0, or the HTTP status that refuses it (400; 426: another version).
 */
unsigned websocket_head_accept(const struct websocket_head *head, const char *protocol,
			       char accept[WEBSOCKET_ACCEPT]);

#endif
