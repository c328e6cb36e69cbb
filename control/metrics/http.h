/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http - serves figures and health over HTTP (libmicrohttpd), in pgwd's own loop.
 *
 *   GET /metrics   what http_pages.metrics() says
 *   GET /healthz   200: this process and its loop live
 *   GET /readyz    200 where packets are forwarded as configured, else 503; a line says why
 *
 * Nothing waits for a client: at most HTTP_CLIENTS_MAX connections, each with bounded memory and
 * HTTP_IDLE_S to go on. However often /metrics is asked for, it is made anew at most once in
 * HTTP_FRESH_MS, and when something has happened that a client may have been told of elsewhere: a
 * page from before that is never served. It accepts no request body.
 */
#ifndef PGW_METRICS_HTTP_H
#define PGW_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ctl/client.h"
#include "datapath/base/addr.h"

#define HTTP_CLIENTS_MAX 32u
#define HTTP_IDLE_S	 3u
#define HTTP_FRESH_MS	 200

struct http;

struct http_pages {
	/* metrics() - Return: the text, malloc'ed, NULL without memory */
	char *(*metrics)(void *context, size_t *bytes);
	/* ready() - Return: whether it is, with a line that says so or why not */
	bool (*ready)(void *context, char *line, size_t bytes);
	/* edition() - Return: another number than before when an older page would be wrong */
	uint64_t (*edition)(void *context);
	int64_t (*now_ms)(void *context);
	void *context;
};

/**
 * http_open() - listen; the address need not be one of this host's yet
 * @pages: copied
 * Return: 0, or -errno with @error set.
 */
int http_open(struct http **http, be32 addr, uint16_t port, const struct http_pages *pages,
	      struct ctl_error *error);
void http_close(struct http *http); /* NULL is permitted */

/* The loop's calls; @http may be NULL. */
int http_fd(const struct http *http); /* readable when there is work; -1: none */
int64_t http_due_ms(const struct http *http, int64_t now_ms); /* INT64_MAX: nothing is due */
void http_work(struct http *http);

#endif
