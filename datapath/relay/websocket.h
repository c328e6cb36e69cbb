/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * websocket - the server's end of one WebSocket (RFC 6455), as bytes in and bytes out.
 *
 * Its messages are one stream of bytes in each direction: where a message begins or ends means
 * nothing here. The client may send fragments; only binary messages are taken. Frames are read and
 * written by libwslay; the opening handshake is websocket_head.
 */
#ifndef PGW_RELAY_WEBSOCKET_H
#define PGW_RELAY_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_buffer.h"

#define WEBSOCKET_FRAME_MAX 65535u /* bytes of payload in one frame of ours */

enum websocket_close { /* RFC 6455 section 7.4.1 */
		       WEBSOCKET_GOING_AWAY = 1001,
		       WEBSOCKET_PROTOCOL_ERROR = 1002,
		       WEBSOCKET_UNACCEPTABLE = 1003,
};

struct websocket;

struct websocket *websocket_create(void); /* NULL without memory */
void websocket_free(struct websocket *websocket);

/*
 * websocket_input() - take what came
 * @payload: what it carried is appended
 * @answer: frames that answer pings and closes are appended
 * Return: 0; -ECONNRESET the peer closed, -EPROTO a frame that must not be (@answer says so to it),
 * -ENOMEM.
 */
int websocket_input(struct websocket *websocket, const uint8_t *data, size_t n,
		    struct ssh_buffer *payload, struct ssh_buffer *answer);

/* websocket_output() - frame up to WEBSOCKET_FRAME_MAX bytes; Return: how many, or -ENOMEM */
long websocket_output(struct websocket *websocket, const uint8_t *data, size_t n,
		      struct ssh_buffer *frames);

/* websocket_close() - append a close frame */
int websocket_close(struct websocket *websocket, enum websocket_close code,
		    struct ssh_buffer *frames);

#endif
