/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/health/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WARNINGS_MAX 8u /* of TLS, that are looked at in one go */

#ifndef SO_BINDTOIFINDEX /* linux/socket.h, since 5.1 */
#define SO_BINDTOIFINDEX 62
#endif

enum probe_result probe_error(struct probe *probe, int code)
{
	static const int refusals[] = {ECONNREFUSED, ECONNRESET,   ETIMEDOUT, EHOSTUNREACH,
				       ENETUNREACH,  EHOSTDOWN,	   EPIPE,     ENOPROTOOPT,
				       EACCES,	     ECONNABORTED, EPROTO};

	snprintf(probe->reason, sizeof(probe->reason), "%s", strerror(code));
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (code == refusals[i])
			return PROBE_FAILED;
	/* No descriptor, port or memory left: that is our own trouble. */
	return PROBE_UNKNOWN;
}

static enum probe_result failed(struct probe *probe, const char *what, const char *why)
{
	snprintf(probe->reason, sizeof(probe->reason), "%s%s", what, why);
	return PROBE_FAILED;
}

/* A socket that leaves by the portgroup's link, from our address there. */
static int open_socket(const struct probe_spec *spec)
{
	const struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = spec->source};
	bool icmp = spec->kind == CHECK_ICMP;
	int fd = socket(AF_INET, (icmp ? SOCK_RAW : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			icmp ? IPPROTO_ICMP : IPPROTO_TCP);
	const int ifindex = (int)spec->ifindex, on = 1;
	int code;

	if (fd < 0)
		return -errno;
	/* The port is chosen when the other end is known, so that one serves many backends. */
	if (!setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) &&
	    (icmp || !setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on))) &&
	    !bind(fd, (const struct sockaddr *)&source, sizeof(source)))
		return fd;
	code = -errno;
	close(fd);
	return code;
}

static bool prepare_request(struct probe *probe, const struct probe_spec *spec)
{
	char text[ADDR_TEXT_BYTES];
	int n = snprintf(probe->bytes, sizeof(probe->bytes),
			 "GET %s HTTP/1.0\r\nHost: %s:%u\r\nUser-Agent: pgwd\r\n"
			 "Connection: close\r\n\r\n",
			 spec->path, addr_text(spec->addr, text), spec->port);

	probe->used = (size_t)n;
	return n > 0 && probe->used < sizeof(probe->bytes);
}

static enum probe_result prepare_tls(struct probe *probe,
				     gnutls_certificate_credentials_t credentials)
{
	int code = gnutls_init(&probe->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (code) {
		probe->tls = NULL;
	} else {
		code = gnutls_set_default_priority(probe->tls);
		if (!code)
			code = gnutls_credentials_set(probe->tls, GNUTLS_CRD_CERTIFICATE,
						      credentials);
	}
	if (code) {
		failed(probe, "TLS: ", gnutls_strerror(code));
		return PROBE_UNKNOWN;
	}
	gnutls_transport_set_int(probe->tls, probe->fd);
	return PROBE_GOES_ON;
}

/* Reads on until the server closes, so that closing here does not reset the connection. */
static enum probe_result read_rest(struct probe *probe)
{
	while (probe->done < PROBE_REST_BYTES) {
		char bytes[2048];
		ssize_t got = recv(probe->fd, bytes, sizeof(bytes), 0);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return PROBE_GOES_ON;
		if (got <= 0)
			break;
		probe->done += (size_t)got;
	}
	return probe->verdict;
}

static enum probe_result end(struct probe *probe, enum probe_result verdict)
{
	probe->verdict = verdict;
	probe->step = PROBE_ENDING;
	probe->done = 0;
	if (probe->tls)
		gnutls_bye(probe->tls, GNUTLS_SHUT_WR);
	return read_rest(probe);
}

static enum probe_result handshake(struct probe *probe)
{
	unsigned warnings = 0;
	int code;

	/* Warnings may come before the handshake is over. */
	do
		code = gnutls_handshake(probe->tls);
	while (code < 0 && code != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(code) &&
	       warnings++ < WARNINGS_MAX);
	if (code == GNUTLS_E_SUCCESS)
		return end(probe, PROBE_PASSED);
	if (code == GNUTLS_E_AGAIN)
		return PROBE_GOES_ON;
	return failed(probe, "TLS: ", gnutls_strerror(code));
}

static enum probe_result send_request(struct probe *probe)
{
	ssize_t sent = send(probe->fd, probe->bytes + probe->done, probe->used - probe->done,
			    MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? PROBE_GOES_ON
							 : probe_error(probe, errno);
	probe->done += (size_t)sent;
	if (probe->done == probe->used) {
		probe->step = PROBE_READING;
		probe->used = 0;
	}
	return PROBE_GOES_ON;
}

enum probe_result probe_http_status(const char *bytes, size_t n, char reason[PROBE_REASON_BYTES])
{
	static const char pattern[] = "HTTP/1.# ###"; /* # is a digit */

	for (size_t i = 0; i < n && i < PROBE_STATUS_BYTES; i++) {
		bool digit = bytes[i] >= '0' && bytes[i] <= '9';

		if (pattern[i] == '#' ? !digit : bytes[i] != pattern[i]) {
			snprintf(reason, PROBE_REASON_BYTES, "the answer is not HTTP");
			return PROBE_FAILED;
		}
	}
	if (n < PROBE_STATUS_BYTES)
		return PROBE_GOES_ON;
	if (bytes[9] == '2' || bytes[9] == '3')
		return PROBE_PASSED;
	snprintf(reason, PROBE_REASON_BYTES, "HTTP status %.3s", bytes + 9);
	return PROBE_FAILED;
}
static_assert(PROBE_STATUS_BYTES == sizeof("HTTP/1.# ###") - 1, "the pattern's length");

static enum probe_result read_status(struct probe *probe)
{
	ssize_t got =
		recv(probe->fd, probe->bytes + probe->used, PROBE_STATUS_BYTES - probe->used, 0);
	enum probe_result result;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? PROBE_GOES_ON
							 : probe_error(probe, errno);
	if (got == 0)
		return failed(probe, "the connection was closed without an answer", "");
	probe->used += (size_t)got;
	result = probe_http_status(probe->bytes, probe->used, probe->reason);
	return result == PROBE_GOES_ON ? result : end(probe, result);
}

static enum probe_result connected(struct probe *probe)
{
	int code = 0;
	socklen_t bytes = sizeof(code);

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &code, &bytes))
		code = errno;
	if (code)
		return probe_error(probe, code);
	switch (probe->kind) {
	case CHECK_TLS:
		probe->step = PROBE_HANDSHAKE;
		return handshake(probe);
	case CHECK_HTTP:
		probe->step = PROBE_SENDING;
		return send_request(probe);
	default:
		return PROBE_PASSED;
	}
}

enum probe_result probe_start(struct probe *probe, const struct probe_spec *spec,
			      gnutls_certificate_credentials_t credentials)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_addr.s_addr = spec->addr,
				       .sin_port =
					       spec->kind == CHECK_ICMP ? 0 : htons(spec->port)};
	enum probe_result result = PROBE_GOES_ON;

	*probe = (struct probe){.fd = -1, .kind = spec->kind, .step = PROBE_CONNECTING};
	if (!spec->ifindex)
		return failed(probe, "the portgroup is absent", "");
	if (spec->kind == CHECK_HTTP && !prepare_request(probe, spec))
		return failed(probe, "the path is too long", "");
	probe->fd = open_socket(spec);
	if (probe->fd < 0) {
		/* An address that is being added is nobody's fault. */
		result = probe_error(probe, -probe->fd);
		probe->fd = -1;
		return result == PROBE_FAILED ? PROBE_UNKNOWN : result;
	}
	if (spec->kind == CHECK_TLS)
		result = prepare_tls(probe, credentials);
	if (result != PROBE_GOES_ON)
		return result;
	if (connect(probe->fd, (const struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		return probe_error(probe, errno);
	return spec->kind == CHECK_ICMP ? probe_icmp_start(probe) : PROBE_GOES_ON;
}

enum probe_result probe_ready(struct probe *probe)
{
	if (probe->kind == CHECK_ICMP)
		return probe_icmp_ready(probe);
	switch (probe->step) {
	case PROBE_CONNECTING:
		return connected(probe);
	case PROBE_HANDSHAKE:
		return handshake(probe);
	case PROBE_SENDING:
		return send_request(probe);
	case PROBE_READING:
		return read_status(probe);
	case PROBE_ENDING:
		return read_rest(probe);
	}
	return PROBE_FAILED;
}

uint32_t probe_events(const struct probe *probe)
{
	switch (probe->step) {
	case PROBE_HANDSHAKE:
		return gnutls_record_get_direction(probe->tls) ? EPOLLOUT : EPOLLIN;
	case PROBE_READING:
	case PROBE_ENDING:
		return EPOLLIN;
	case PROBE_CONNECTING:
	case PROBE_SENDING:
		break;
	}
	return EPOLLOUT;
}

enum probe_result probe_stop(struct probe *probe)
{
	if (probe->tls)
		gnutls_deinit(probe->tls);
	if (probe->fd >= 0)
		close(probe->fd);
	probe->tls = NULL;
	probe->fd = -1;
	return probe->step == PROBE_ENDING ? probe->verdict : PROBE_GOES_ON;
}
