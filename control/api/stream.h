/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream - bytes of one client, through TLS or as they are. Never blocks.
 *
 * All functions return -EAGAIN where the socket has to be waited for; stream_events() says for
 * what. Other negative values: the connection is of no more use.
 */
#ifndef PGW_API_STREAM_H
#define PGW_API_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <gnutls/gnutls.h>

struct stream {
	int fd;
	gnutls_session_t session; /* NULL: no TLS */
	bool wants_write;	  /* what has to be waited for after -EAGAIN */
};

/* A certificate with its key; streams keep the one that they began with. */
struct stream_identity {
	gnutls_certificate_credentials_t credentials;
	unsigned users;
};

/* stream_global() - what all share: priorities, the key of session tickets. Return: 0 or -errno. */
int stream_global(void);

/**
 * stream_identity_new() - from PEM
 * @why: set to the reason where it fails
 * Return: NULL if it is of no use.
 */
struct stream_identity *stream_identity_new(const char *certificate, const char *key,
					    const char **why);
void stream_identity_put(struct stream_identity *identity); /* NULL is permitted */

/* stream_open() - @identity: NULL: no TLS. Return: 0 or -errno; @fd stays the caller's then. */
int stream_open(struct stream *stream, int fd, struct stream_identity *identity);
void stream_close(struct stream *stream);

int stream_handshake(struct stream *stream); /* Return: 0 done, at once without TLS */
/* stream_read() - Return: bytes, 0 the client has ended */
ssize_t stream_read(struct stream *stream, void *bytes, size_t n);
ssize_t stream_write(struct stream *stream, const void *bytes, size_t n);
/* stream_pending() - whether bytes have been decrypted that epoll does not know of */
bool stream_pending(const struct stream *stream);
/* stream_end() - tell the client that no more will come */
void stream_end(struct stream *stream);

#endif
