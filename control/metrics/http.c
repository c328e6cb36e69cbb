/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/metrics/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/metrics/exposition.h"

#define BACKLOG	     16
#define MEMORY_BYTES 16384u /* of a connection: a longer request is refused */
#define LINE_BYTES   400u

struct http {
	struct http_pages pages;
	struct MHD_Daemon *daemon;
	struct MHD_Response *metrics; /* made last; NULL: none yet */
	int64_t made_ms;
	uint64_t edition; /* when it was made */
};

static enum MHD_Result send_line(struct MHD_Connection *connection, unsigned status,
				 const char *line)
{
	char text[LINE_BYTES + 2];
	size_t used = (size_t)snprintf(text, sizeof(text), "%.*s\n", (int)LINE_BYTES, line);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(used, text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				    "text/plain; charset=utf-8") &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
	    (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
	     MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD")))
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *make_metrics(const struct http *http)
{
	size_t bytes = 0;
	char *text = http->pages.metrics(http->pages.context, &bytes);
	struct MHD_Response *response = NULL;

	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(bytes, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, EXPOSITION_TYPE))
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static enum MHD_Result send_metrics(struct http *http, struct MHD_Connection *connection)
{
	int64_t now_ms = http->pages.now_ms(http->pages.context);
	uint64_t edition = http->pages.edition(http->pages.context);

	if (!http->metrics || edition != http->edition || now_ms - http->made_ms >= HTTP_FRESH_MS) {
		struct MHD_Response *fresh = make_metrics(http);

		if (!fresh)
			return send_line(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		if (http->metrics)
			MHD_destroy_response(http->metrics);
		http->metrics = fresh;
		http->made_ms = now_ms;
		http->edition = edition;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, http->metrics);
}

static enum MHD_Result send_ready(struct http *http, struct MHD_Connection *connection)
{
	char line[LINE_BYTES];
	bool ready = http->pages.ready(http->pages.context, line, sizeof(line));

	return send_line(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, line);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *body,
			      size_t *body_bytes, void **state)
{
	struct http *http = context;

	(void)version;
	(void)body;
	/* Called first with the header alone; a body, if one comes, is refused unread. */
	if (!*state && !*body_bytes) {
		*state = http;
		if (!strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD))
			return MHD_YES;
		return send_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD");
	}
	if (*body_bytes)
		return MHD_NO;
	if (!strcmp(url, "/metrics"))
		return send_metrics(http, connection);
	if (!strcmp(url, "/healthz"))
		return send_line(connection, MHD_HTTP_OK, "alive");
	if (!strcmp(url, "/readyz"))
		return send_ready(http, connection);
	return send_line(connection, MHD_HTTP_NOT_FOUND, "expected /metrics, /healthz or /readyz");
}

/* libmicrohttpd's own messages are about clients that broke off or sent nonsense. */
static void say_nothing(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

/* Return: a listening socket, or -errno with @error set. */
static int listen_at(be32 addr, uint16_t port, struct ctl_error *error)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, code;
	char text[ADDR_TEXT_BYTES];

	/* FREEBIND: one of the gateway's own addresses may come later, or go and come back. */
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) &&
	    !bind(fd, (const struct sockaddr *)&address, sizeof(address)) && !listen(fd, BACKLOG))
		return fd;
	code = fault(error, -errno, "cannot listen at %s:%u: %s", addr_text(addr, text), port,
		     strerror(errno));
	if (fd >= 0)
		close(fd);
	return code;
}

int http_open(struct http **out, be32 addr, uint16_t port, const struct http_pages *pages,
	      struct ctl_error *error)
{
	int fd = listen_at(addr, port, error);
	struct http *http;

	if (fd < 0)
		return fd;
	http = calloc(1, sizeof(*http));
	if (http) {
		http->pages = *pages;
		http->daemon = MHD_start_daemon(
			MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, http,
			MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_CONNECTION_LIMIT, HTTP_CLIENTS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
			MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	}
	if (!http || !http->daemon) {
		free(http);
		close(fd);
		return fault(error, -ENOMEM,
			     "cannot start the HTTP server: out of memory or "
			     "descriptors");
	}
	*out = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon); /* closes the socket, too */
	if (http->metrics)
		MHD_destroy_response(http->metrics);
	free(http);
}

int http_fd(const struct http *http)
{
	const union MHD_DaemonInfo *info =
		http ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;

	return info ? info->epoll_fd : -1;
}

int64_t http_due_ms(const struct http *http, int64_t now_ms)
{
	MHD_UNSIGNED_LONG_LONG left_ms;

	if (!http || MHD_get_timeout(http->daemon, &left_ms) != MHD_YES)
		return INT64_MAX;
	return now_ms + (int64_t)left_ms;
}

void http_work(struct http *http)
{
	if (http)
		MHD_run(http->daemon);
}
