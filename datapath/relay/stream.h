/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream - a non-blocking stream socket in the loop, with bounded memory and back-pressure.
 *
 *   reading:  what arrives is shown to received() where it lies, and it says how much it took.
 *             The rest is kept (at most STREAM_READ_BYTES) and reading pauses until
 *             stream_resume(); so the peer is slowed down by its TCP window.
 *   writing:  stream_send() sends at once what the socket takes and keeps the rest, up to the
 *             limit of stream_open(); it never takes more than that. room() tells when half of the
 *             limit is free again after something was refused.
 *   ending:   ended() once, at the peer's end of stream, after all of it was taken.
 *             stream_finish() ends our direction once what is kept was sent.
 *             broken() once, when the socket failed; nothing is called after it.
 *
 * An idle stream has no buffers. After stream_close() nothing is called any more; the memory of
 * the stream must live until the end of the loop's round (loop_defer()).
 */
#ifndef PGW_RELAY_STREAM_H
#define PGW_RELAY_STREAM_H

#include <stddef.h>

#include "datapath/relay/loop.h"

#define STREAM_READ_BYTES 16384u

struct stream;

struct stream_ops {
	/* received() - @bytes: valid during the call. Return: how many of them were taken. */
	size_t (*received)(struct stream *stream, const uint8_t *bytes, size_t n);
	void (*ended)(struct stream *stream);
	void (*room)(struct stream *stream);		  /* may be NULL */
	void (*broken)(struct stream *stream, int error); /* errno, positive */
};

struct stream {
	struct loop *loop;
	const struct stream_ops *ops;
	struct loop_source source; /* source.fd: -1 once closed */
	struct loop_timer again;   /* calls received() for what is kept after stream_resume() */
	uint8_t *in, *out;	   /* NULL: empty */
	size_t in_used;
	size_t out_from, out_used, out_size, out_limit;
	uint64_t received_bytes, sent_bytes;
	bool paused, ended, refused, finishing, finished, connecting;
};

/**
 * stream_open() - follow a connected or connecting socket
 * @fd: non-blocking; the stream's on success
 * @out_limit: bytes that may wait to be sent
 * Return: 0 or -errno. A connecting socket becomes writable, or broken() tells why not.
 */
int stream_open(struct stream *stream, struct loop *loop, int fd, const struct stream_ops *ops,
		size_t out_limit);

/* stream_send() - Return: bytes taken, less than @n where the limit is reached. Never calls back.
 */
size_t stream_send(struct stream *stream, const void *bytes, size_t n);
size_t stream_room(const struct stream *stream); /* bytes that stream_send() would take for sure */
size_t stream_waiting(const struct stream *stream); /* bytes that wait to be sent */

void stream_pause(struct stream *stream);  /* receive no more for now */
void stream_resume(struct stream *stream); /* received() is called again, not from within */
void stream_finish(struct stream *stream);
void stream_close(struct stream *stream); /* at once; kept bytes are lost */
void stream_reset(struct stream *stream); /* the same, and the peer gets a RST */

#endif
