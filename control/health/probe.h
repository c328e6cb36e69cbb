/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - one check of one backend, without ever waiting.
 *
 *   tcp   connect
 *   tls   connect --> handshake --> say goodbye --> the server closes
 *   http  connect --> send the request --> read the status line --> the server closes
 *   icmp  send an echo request --> read the reply
 *
 * The verdict is known before the last step, which only lets the server see an orderly end instead
 * of a reset in its log; the deadline may cut it off.
 *
 * Whoever drives it watches probe.fd for probe_events() and keeps the deadline. What comes from
 * the backend is hostile: PROBE_STATUS_BYTES of an HTTP answer are looked at, one echo reply at a
 * time, and what GnuTLS reads of a handshake; PROBE_REST_BYTES more are read and thrown away.
 */
#ifndef PGW_HEALTH_PROBE_H
#define PGW_HEALTH_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "control/config/model.h"

#define PROBE_REASON_BYTES  80
#define PROBE_STATUS_BYTES  12 /* "HTTP/1.1 200" */
#define PROBE_REST_BYTES    16384
#define PROBE_REQUEST_BYTES (CONFIG_TEXT + 128)
#define PROBE_NONCE_BYTES   16

enum probe_result {
	PROBE_GOES_ON,
	PROBE_PASSED,
	PROBE_FAILED,
	PROBE_UNKNOWN, /* it could not be made, for a reason of our own: says nothing about the
			  backend */
};

struct probe_spec {
	enum check_kind kind;
	be32 addr;
	uint16_t port;	  /* host order */
	be32 source;	  /* our address, 0: the kernel's choice */
	uint32_t ifindex; /* the portgroup's link, by which it leaves */
	const char *path; /* HTTP */
};

struct probe {
	int fd; /* -1: none */
	enum check_kind kind;
	enum { PROBE_CONNECTING, PROBE_HANDSHAKE, PROBE_SENDING, PROBE_READING, PROBE_ENDING } step;
	enum probe_result verdict; /* from PROBE_ENDING on */
	gnutls_session_t tls;
	char bytes[PROBE_REQUEST_BYTES]; /* HTTP: the request; then the answer's first bytes */
	size_t used, done;
	uint16_t echo_id;
	uint8_t nonce[PROBE_NONCE_BYTES]; /* ICMP: only the reply to this request counts */
	char reason[PROBE_REASON_BYTES];  /* why it failed or could not be made */
};

/**
 * probe_start() - begin a check
 * @credentials: for CHECK_TLS
 * Return: PROBE_GOES_ON, or what is known already; probe_stop() is due in any case.
 */
enum probe_result probe_start(struct probe *probe, const struct probe_spec *spec,
			      gnutls_certificate_credentials_t credentials);

/* probe_ready() - probe.fd is ready. */
enum probe_result probe_ready(struct probe *probe);
uint32_t probe_events(const struct probe *probe); /* EPOLLIN or EPOLLOUT */
/* probe_stop() - Return: what is known of it: PROBE_GOES_ON if that is nothing yet. */
enum probe_result probe_stop(struct probe *probe);

/* probe_http_status() - judge the first @n bytes of an answer: GOES_ON if there are too few. */
enum probe_result probe_http_status(const char *bytes, size_t n, char reason[PROBE_REASON_BYTES]);

/* probe_icmp.c */
enum probe_result probe_icmp_start(struct probe *probe);
enum probe_result probe_icmp_ready(struct probe *probe);
/* probe_icmp_is_reply() - whether @n bytes from the IP header are the reply to this request */
bool probe_icmp_is_reply(const struct probe *probe, const uint8_t *bytes, size_t n);

/* probe_error() - what an errno of a socket to a backend says. */
enum probe_result probe_error(struct probe *probe, int code);

#endif
