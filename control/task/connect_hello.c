/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connect_hello - the first message of a TLS client, as GnuTLS writes it. */
#include <errno.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "control/task/connect.h"

struct hello {
	uint8_t *bytes;
	size_t used;
};

static ssize_t keep(gnutls_transport_ptr_t pointer, const void *bytes, size_t n)
{
	struct hello *hello = pointer;

	if (n > CONNECT_DATA_BYTES - hello->used) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(hello->bytes + hello->used, bytes, n);
	hello->used += n;
	return (ssize_t)n;
}

/* Nobody answers here: the handshake ends with what it has said first. */
static ssize_t hear_nothing(gnutls_transport_ptr_t pointer, void *bytes, size_t n)
{
	(void)pointer;
	(void)bytes;
	(void)n;
	errno = EAGAIN;
	return -1;
}

static int speak(gnutls_session_t session, gnutls_certificate_credentials_t nobody,
		 struct hello *hello, const char *name)
{
	int code = gnutls_set_default_priority(session);

	if (!code)
		code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, nobody);
	if (!code)
		code = gnutls_server_name_set(session, GNUTLS_NAME_DNS, name, strlen(name));
	if (code)
		return code;
	gnutls_transport_set_ptr(session, hello);
	gnutls_transport_set_push_function(session, keep);
	gnutls_transport_set_pull_function(session, hear_nothing);
	return gnutls_handshake(session);
}

size_t connect_hello(uint8_t bytes[CONNECT_DATA_BYTES], const char *name)
{
	struct hello hello = {.bytes = bytes};
	gnutls_certificate_credentials_t nobody = NULL;
	gnutls_session_t session = NULL;
	int code = gnutls_certificate_allocate_credentials(&nobody);

	if (!code)
		code = gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (!code)
		code = speak(session, nobody, &hello, name);
	if (session)
		gnutls_deinit(session);
	if (nobody)
		gnutls_certificate_free_credentials(nobody);
	return code == GNUTLS_E_AGAIN ? hello.used : 0;
}
