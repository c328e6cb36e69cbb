/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange - one request from its last byte to its answer: found in the table, authenticated by
 * pgwd, checked, done by pgwd, answered.
 *
 * States: (exchange_begin) -> asking who it is -> asking for what was asked -> answered. Each may
 * be the last; done() is called exactly once, perhaps before exchange_begin() returns, unless
 * exchange_cancel() comes first.
 */
#ifndef PGW_API_EXCHANGE_H
#define PGW_API_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/api/http.h"
#include "control/api/page.h"
#include "control/api/reply.h"
#include "control/api/route.h"
#include "control/api/upstream.h"

/* Where a request came in. */
struct exchange_origin {
	bool tls;
	uint16_t port; /* of the listener; 0: a UNIX socket */
	char from[48]; /* the client's address, or "unix" */
};

/* Requests that change something have a connection of their own, because there an answer may take
 * long, and those behind it wait. */
struct exchange_upstreams {
	struct upstream read, change;
};

struct exchange {
	struct exchange_upstreams *upstreams;
	const struct http *http; /* borrowed until it is done */
	struct exchange_origin origin;
	void (*done)(struct exchange *exchange, void *context);
	void *context;
	struct route route;
	struct page_form form;
	struct reply reply;
	char query_id[REPLY_QUERY_ID_BYTES];
	char by[80];	    /* who it is, once that is known */
	enum api_role role; /* so too */
	int64_t credential; /* the number of the credential, once it is known; else 0 */
	bool unproven;	    /* who it is could not be proven: the answer may be held back */
	int64_t now_ms;
	bool finished;
};

/* exchange_begin() - @http: whole or bad. The caller has set upstreams, http, origin, done,
 * context and now_ms; everything else is 0. */
void exchange_begin(struct exchange *exchange);

/* exchange_cancel() - nobody wants the answer any more; done() will not be called */
void exchange_cancel(struct exchange *exchange);

void exchange_free(struct exchange *exchange);

/* exchange_base() - "https://HOST/1.0", as the client called it */
void exchange_base(const struct exchange *exchange, char *text, size_t bytes);

#endif
