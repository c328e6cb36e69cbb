/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_wire - the socket below a tunnel, with TLS (OpenSSL) or without.
 *
 * OpenSSL's own socket BIO calls read() and write(); this process may only recv() and send().
 * Buffers of TLS are given back while nothing is under way, so that an idle tunnel is small.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "datapath/relay/tunnel.h"

static int wire_bio_read(BIO *bio, char *data, int n)
{
	const struct tunnel_wire *wire = BIO_get_data(bio);
	ssize_t got = recv(wire->fd, data, (size_t)n, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)got;
}

static int wire_bio_write(BIO *bio, const char *data, int n)
{
	const struct tunnel_wire *wire = BIO_get_data(bio);
	ssize_t put = send(wire->fd, data, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)put;
}

static long wire_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire_method(void)
{
	static BIO_METHOD *method; /* made once, the same for all */

	if (method)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tunnel");
	if (method && (BIO_meth_set_read(method, wire_bio_read) != 1 ||
		       BIO_meth_set_write(method, wire_bio_write) != 1 ||
		       BIO_meth_set_ctrl(method, wire_bio_ctrl) != 1)) {
		BIO_meth_free(method);
		method = NULL;
	}
	return method;
}

static bool use_chain(SSL_CTX *context, BIO *memory)
{
	X509 *certificate = PEM_read_bio_X509_AUX(memory, NULL, NULL, NULL);
	bool good = certificate && SSL_CTX_use_certificate(context, certificate) == 1;

	X509_free(certificate);
	while (good) {
		X509 *next = PEM_read_bio_X509(memory, NULL, NULL, NULL);

		if (!next)
			break;
		good = SSL_CTX_add0_chain_cert(context, next) == 1; /* it owns it now */
	}
	ERR_clear_error(); /* of the end of the file */
	return good;
}

/* No question on the terminal. */
static int no_password(char *buffer, int size, int rwflag, void *unused)
{
	(void)buffer;
	(void)size;
	(void)rwflag;
	(void)unused;
	return -1;
}

static bool use_key(SSL_CTX *context, BIO *memory)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, no_password, NULL);
	bool good = key && SSL_CTX_use_PrivateKey(context, key) == 1 &&
		    SSL_CTX_check_private_key(context) == 1;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

/* HTTP/1.1, which the WebSocket needs; a client that offers nothing gets nothing. */
static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_bytes,
		       const unsigned char *in, unsigned in_bytes, void *unused)
{
	static const unsigned char http[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)tls;
	(void)unused;
	if (SSL_select_next_proto(&chosen, out_bytes, http, sizeof(http) - 1, in, in_bytes) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *tunnel_tls_context(const char *certificate, const char *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	BIO *chain = BIO_new_mem_buf(certificate, -1), *secret = BIO_new_mem_buf(key, -1);
	bool good = context && chain && secret && wire_method() && use_chain(context, chain) &&
		    use_key(context, secret) &&
		    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;

	BIO_free(chain);
	BIO_free(secret);
	if (!good) {
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
	return context;
}

int tunnel_wire_secure(struct tunnel_wire *wire, SSL_CTX *context)
{
	BIO *bio = BIO_new(wire_method());

	wire->tls = SSL_new(context);
	if (!wire->tls || !bio) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, wire);
	BIO_set_init(bio, 1);
	SSL_set_bio(wire->tls, bio, bio);
	SSL_set_accept_state(wire->tls);
	return 0;
}

/* tls_result() - what a result <= 0 means */
static int tls_result(struct tunnel_wire *wire, int result)
{
	int error = SSL_get_error(wire->tls, result);

	ERR_clear_error();
	switch (error) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		wire->wants_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return -ECONNRESET;
	default:
		return -EPROTO;
	}
}

int tunnel_wire_handshake(struct tunnel_wire *wire)
{
	int result = SSL_do_handshake(wire->tls);

	if (result == 1) {
		wire->tls_ready = true;
		return 0;
	}
	result = tls_result(wire, result);
	return result ? result : -EPROTO;
}

long tunnel_wire_read(struct tunnel_wire *wire, uint8_t *data, size_t n)
{
	ssize_t got;

	if (wire->tls) {
		got = SSL_read(wire->tls, data, (int)n);
		return got > 0 ? got : tls_result(wire, (int)got);
	}
	got = recv(wire->fd, data, n, 0);
	if (got >= 0)
		return got;
	return errno == EINTR ? -EAGAIN : -errno;
}

long tunnel_wire_write(struct tunnel_wire *wire, const uint8_t *data, size_t n)
{
	ssize_t put;

	if (wire->tls) {
		put = SSL_write(wire->tls, data, (int)n);
		if (put > 0)
			return put;
		put = tls_result(wire, (int)put);
		return put ? put : -EPIPE;
	}
	put = send(wire->fd, data, n, MSG_NOSIGNAL);
	if (put >= 0)
		return put;
	if (errno == EAGAIN || errno == EINTR) {
		wire->wants_write = true;
		return -EAGAIN;
	}
	return -errno;
}

bool tunnel_wire_holds_more(const struct tunnel_wire *wire)
{
	return wire->tls && SSL_pending(wire->tls) > 0;
}

void tunnel_wire_close(struct tunnel_wire *wire)
{
	if (wire->tls && wire->tls_ready)
		SSL_shutdown(wire->tls); /* close_notify, if the socket takes it */
	ERR_clear_error();
	SSL_free(wire->tls);
	wire->tls = NULL;
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
}
