/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame - lines on a UNIX stream socket: what has been read of the next ones, what has not yet
 * been written, and the descriptors that travel beside an answer.
 */
#ifndef PGW_CTL_FRAME_H
#define PGW_CTL_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#define FRAME_REQUEST_BYTES_MAX (4u << 20)  /* a request line, newline included */
#define FRAME_ANSWER_BYTES_MAX	(64u << 20) /* an answer line, newline included */
#define FRAME_FDS_MAX		2

struct frame_in {
	char *bytes;
	size_t size;	/* allocated */
	size_t start;	/* first byte not yet taken by frame_line() */
	size_t scanned; /* no newline lies before this one */
	size_t end;	/* bytes received */
};

struct frame_out {
	char *bytes;
	size_t size, start, end;
	int fds[FRAME_FDS_MAX]; /* to go with the next byte written; owned */
	unsigned n_fds;
};

/**
 * frame_fill() - receive what has come
 * @limit: longest line, bytes
 * @fds: FRAME_FDS_MAX places to receive descriptors into, -1 where there is none yet; NULL:
 *       any descriptor that comes is closed
 * Return: 1 something came; 0 the peer closed; -EAGAIN nothing now; -EMSGSIZE a line is longer
 * than @limit; -ENOMEM; other -errno.
 */
int frame_fill(struct frame_in *in, int fd, size_t limit, int *fds);

/**
 * frame_line() - take the next whole line
 * @length: bytes without the newline. The line may hold NUL bytes; one more ends it.
 * Return: the line, valid until the next frame_fill(); NULL if none is whole yet.
 */
char *frame_line(struct frame_in *in, size_t *length);
void frame_in_free(struct frame_in *in);

/* frame_put() - queue @text and a newline. Return: 0 or -ENOMEM (nothing is queued then). */
int frame_put(struct frame_out *out, const char *text, size_t length);
/* frame_put_fds() - send descriptors with the next byte; takes them over. The queue must be
 * empty, or they would travel with an earlier line. */
void frame_put_fds(struct frame_out *out, const int *fds, unsigned n_fds);
/* frame_flush() - write what the socket takes. Return: 0 all gone; -EAGAIN; other -errno. */
int frame_flush(struct frame_out *out, int fd);
size_t frame_waiting(const struct frame_out *out); /* bytes queued */
void frame_out_free(struct frame_out *out);

/* frame_nested() - whether @text nests brackets deeper than @depth. The parser recurses, so
 * this is looked at first. */
bool frame_nested(const char *text, size_t length, unsigned depth);

/* frame_ascii() - make @text UTF-8 for certain: '?' for every byte that is not ASCII. For what
 * quotes foreign bytes, or was cut within a character. */
void frame_ascii(char *text);

#endif
