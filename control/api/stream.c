/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Compression is gone from GnuTLS, renegotiation is not answered; early data is off. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

static gnutls_priority_t priorities;
static gnutls_datum_t ticket_key;

int stream_global(void)
{
	if (gnutls_priority_init(&priorities, PRIORITIES, NULL) ||
	    gnutls_session_ticket_key_generate(&ticket_key))
		return -ENOMEM;
	return 0;
}

struct stream_identity *stream_identity_new(const char *certificate, const char *key,
					    const char **why)
{
	const gnutls_datum_t certificate_pem = {(unsigned char *)certificate,
						(unsigned)strlen(certificate)};
	const gnutls_datum_t key_pem = {(unsigned char *)key, (unsigned)strlen(key)};
	struct stream_identity *identity = calloc(1, sizeof(*identity));
	int code;

	*why = "out of memory";
	if (!identity || gnutls_certificate_allocate_credentials(&identity->credentials)) {
		free(identity);
		return NULL;
	}
	identity->users = 1;
	code = gnutls_certificate_set_x509_key_mem2(identity->credentials, &certificate_pem,
						    &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code >= 0)
		return identity;
	*why = gnutls_strerror(code);
	stream_identity_put(identity);
	return NULL;
}

void stream_identity_put(struct stream_identity *identity)
{
	if (!identity || --identity->users)
		return;
	gnutls_certificate_free_credentials(identity->credentials);
	free(identity);
}

static int begin_tls(struct stream *stream, struct stream_identity *identity)
{
	static const gnutls_datum_t alpn = {(unsigned char *)"http/1.1", 8};
	int code =
		gnutls_init(&stream->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (code) {
		stream->session = NULL;
		return -ENOMEM;
	}
	if (gnutls_priority_set(stream->session, priorities) ||
	    gnutls_credentials_set(stream->session, GNUTLS_CRD_CERTIFICATE,
				   identity->credentials) ||
	    gnutls_session_ticket_enable_server(stream->session, &ticket_key) ||
	    gnutls_alpn_set_protocols(stream->session, &alpn, 1, 0)) {
		gnutls_deinit(stream->session);
		stream->session = NULL;
		return -ENOMEM;
	}
	gnutls_transport_set_int(stream->session, stream->fd);
	gnutls_handshake_set_timeout(stream->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_session_set_ptr(stream->session, identity);
	identity->users++;
	return 0;
}

int stream_open(struct stream *stream, int fd, struct stream_identity *identity)
{
	*stream = (struct stream){.fd = fd};
	return identity ? begin_tls(stream, identity) : 0;
}

void stream_close(struct stream *stream)
{
	if (stream->session) {
		stream_identity_put(gnutls_session_get_ptr(stream->session));
		gnutls_deinit(stream->session);
		stream->session = NULL;
	}
	close(stream->fd);
	stream->fd = -1;
}

static ssize_t tls_code(struct stream *stream, ssize_t code)
{
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
		stream->wants_write = gnutls_record_get_direction(stream->session);
		return -EAGAIN;
	}
	return -EPROTO;
}

int stream_handshake(struct stream *stream)
{
	int code;

	if (!stream->session)
		return 0;
	stream->wants_write = false;
	do
		code = gnutls_handshake(stream->session);
	while (code < 0 && !gnutls_error_is_fatal(code) && code != GNUTLS_E_AGAIN &&
	       code != GNUTLS_E_INTERRUPTED);
	return code < 0 ? (int)tls_code(stream, code) : 0;
}

ssize_t stream_read(struct stream *stream, void *bytes, size_t n)
{
	ssize_t got;

	stream->wants_write = false;
	if (!stream->session) {
		got = recv(stream->fd, bytes, n, MSG_DONTWAIT);
		return got < 0 ? (errno == EINTR ? -EAGAIN : -errno) : got;
	}
	got = gnutls_record_recv(stream->session, bytes, n);
	if (got == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	return got < 0 ? tls_code(stream, got) : got;
}

ssize_t stream_write(struct stream *stream, const void *bytes, size_t n)
{
	ssize_t sent;

	stream->wants_write = false;
	if (!stream->session) {
		sent = send(stream->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0)
			return sent;
		stream->wants_write = true;
		return errno == EINTR ? -EAGAIN : -errno;
	}
	sent = gnutls_record_send(stream->session, bytes, n);
	return sent < 0 ? tls_code(stream, sent) : sent;
}

bool stream_pending(const struct stream *stream)
{
	return stream->session && gnutls_record_check_pending(stream->session) > 0;
}

void stream_end(struct stream *stream)
{
	/* What the socket does not take now is not worth waiting for. */
	if (stream->session)
		gnutls_bye(stream->session, GNUTLS_SHUT_WR);
	shutdown(stream->fd, SHUT_WR);
}
