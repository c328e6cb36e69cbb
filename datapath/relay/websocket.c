/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * websocket - see the header.
 *
 * State: between frames, or within one (libwslay keeps where); between messages or within a
 * fragmented one (fragmented). A control frame may come between the fragments. A client's frame
 * must be masked (section 5.1), without extensions (RSV), its control frames whole and short.
 */
#include "datapath/relay/websocket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <wslay/wslay.h>

#define CONTROL_MAX 125u

struct websocket {
	wslay_frame_context_ptr frames;
	const uint8_t *input; /* not taken yet, during websocket_input() */
	size_t input_bytes;
	struct ssh_buffer *output; /* during a call that writes */
	bool fragmented;
	uint8_t control[CONTROL_MAX]; /* of a control frame that is coming in */
	size_t control_bytes;
	uint64_t frame_left; /* payload of the present frame that has not come */
	bool within;	     /* a frame has begun and not ended */
};

static ssize_t give_input(uint8_t *buffer, size_t n, int flags, void *context)
{
	struct websocket *websocket = context;

	(void)flags;
	if (n > websocket->input_bytes)
		n = websocket->input_bytes;
	if (!n)
		return -1; /* libwslay: would block */
	memcpy(buffer, websocket->input, n);
	websocket->input += n;
	websocket->input_bytes -= n;
	return (ssize_t)n;
}

static ssize_t take_output(const uint8_t *data, size_t n, int flags, void *context)
{
	struct websocket *websocket = context;

	(void)flags;
	return ssh_buffer_append(websocket->output, data, n) ? -1 : (ssize_t)n;
}

/* A server does not mask. */
static int no_mask(uint8_t *buffer, size_t n, void *context)
{
	(void)buffer;
	(void)n;
	(void)context;
	return -1;
}

struct websocket *websocket_create(void)
{
	static const struct wslay_frame_callbacks callbacks = {take_output, give_input, no_mask};
	struct websocket *websocket = calloc(1, sizeof(*websocket));

	if (websocket && wslay_frame_context_init(&websocket->frames, &callbacks, websocket)) {
		free(websocket);
		return NULL;
	}
	return websocket;
}

void websocket_free(struct websocket *websocket)
{
	if (!websocket)
		return;
	wslay_frame_context_free(websocket->frames);
	free(websocket);
}

static int send_frame(struct websocket *websocket, uint8_t opcode, const uint8_t *data, size_t n,
		      struct ssh_buffer *frames)
{
	struct wslay_frame_iocb frame = {
		.fin = 1, .opcode = opcode, .payload_length = n, .data = data, .data_length = n};

	websocket->output = frames;
	return wslay_frame_send(websocket->frames, &frame) == (ssize_t)n ? 0 : -ENOMEM;
}

long websocket_output(struct websocket *websocket, const uint8_t *data, size_t n,
		      struct ssh_buffer *frames)
{
	if (n > WEBSOCKET_FRAME_MAX)
		n = WEBSOCKET_FRAME_MAX;
	/* so that header and payload lie in one piece */
	if (!ssh_buffer_reserve(frames, n + 16))
		return -ENOMEM;
	return send_frame(websocket, WSLAY_BINARY_FRAME, data, n, frames) ? -ENOMEM : (long)n;
}

int websocket_close(struct websocket *websocket, enum websocket_close code,
		    struct ssh_buffer *frames)
{
	const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	return send_frame(websocket, WSLAY_CONNECTION_CLOSE, payload, sizeof(payload), frames);
}

static int refuse(struct websocket *websocket, enum websocket_close code, struct ssh_buffer *answer)
{
	return websocket_close(websocket, code, answer) ? -ENOMEM : -EPROTO;
}

/* take_control() - Return: as websocket_input() */
static int take_control(struct websocket *websocket, const struct wslay_frame_iocb *frame,
			struct ssh_buffer *answer)
{
	if (frame->payload_length > CONTROL_MAX || !frame->fin)
		return refuse(websocket, WEBSOCKET_PROTOCOL_ERROR, answer);
	memcpy(websocket->control + websocket->control_bytes, frame->data, frame->data_length);
	websocket->control_bytes += frame->data_length;
	if (websocket->control_bytes < frame->payload_length)
		return 0;
	switch (frame->opcode) {
	case WSLAY_PING:
		return send_frame(websocket, WSLAY_PONG, websocket->control,
				  websocket->control_bytes, answer);
	case WSLAY_PONG:
		return 0;
	case WSLAY_CONNECTION_CLOSE:
		send_frame(websocket, WSLAY_CONNECTION_CLOSE, websocket->control,
			   websocket->control_bytes < 2 ? 0 : 2, answer);
		return -ECONNRESET;
	default:
		return refuse(websocket, WEBSOCKET_PROTOCOL_ERROR, answer);
	}
}

static int take_frame(struct websocket *websocket, const struct wslay_frame_iocb *frame,
		      struct ssh_buffer *payload, struct ssh_buffer *answer, bool begins)
{
	if (frame->rsv || !frame->mask)
		return refuse(websocket, WEBSOCKET_PROTOCOL_ERROR, answer);
	if (wslay_is_ctrl_frame(frame->opcode)) {
		if (begins)
			websocket->control_bytes = 0;
		return take_control(websocket, frame, answer);
	}
	if (begins) {
		bool continues = frame->opcode == WSLAY_CONTINUATION_FRAME;

		if (continues != websocket->fragmented)
			return refuse(websocket, WEBSOCKET_PROTOCOL_ERROR, answer);
		if (!continues && frame->opcode != WSLAY_BINARY_FRAME)
			return refuse(websocket, WEBSOCKET_UNACCEPTABLE, answer);
		websocket->fragmented = !frame->fin;
	}
	return ssh_buffer_append(payload, frame->data, frame->data_length);
}

/* begins() - is this the first piece of a frame? libwslay does not say. */
static bool begins(struct websocket *websocket, const struct wslay_frame_iocb *frame)
{
	bool first = !websocket->within;

	if (first)
		websocket->frame_left = frame->payload_length;
	websocket->frame_left -= frame->data_length;
	websocket->within = websocket->frame_left != 0;
	return first;
}

int websocket_input(struct websocket *websocket, const uint8_t *data, size_t n,
		    struct ssh_buffer *payload, struct ssh_buffer *answer)
{
	int error = 0;

	websocket->input = data;
	websocket->input_bytes = n;
	while (!error) {
		struct wslay_frame_iocb frame;
		ssize_t got = wslay_frame_recv(websocket->frames, &frame);

		if (got == WSLAY_ERR_WANT_READ)
			break;
		if (got < 0)
			return refuse(websocket, WEBSOCKET_PROTOCOL_ERROR, answer);
		error = take_frame(websocket, &frame, payload, answer, begins(websocket, &frame));
	}
	return error;
}
