/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn - one client's connection: handshake, requests one after the other, their answers.
 *
 * States:
 *   handshake  TLS is being agreed upon
 *   reading    a request comes, or is waited for
 *   asking     its exchange is under way; nothing is read meanwhile
 *   held       the answer is there, and held back (penalty.h)
 *   writing    it goes out
 *   lingering  everything is said: what still comes is thrown away until the client closes, so
 *              that it gets the answer and not a reset
 *
 * A connection has a deadline in every state but asking (that is upstream's). The time for a
 * request runs from its first byte to its last, so whoever sends one byte at a time gains nothing.
 */
#ifndef PGW_API_CONN_H
#define PGW_API_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "control/api/exchange.h"
#include "control/api/penalty.h"
#include "control/api/stream.h"

#define CONN_HANDSHAKE_MS 10000
#define CONN_REQUEST_MS	  10000 /* from the first byte to the last */
#define CONN_IDLE_MS	  60000 /* between two requests */
#define CONN_WRITE_MS	  10000
#define CONN_LINGER_MS	  2000
#define CONN_BUFFER_BYTES 16384u

enum conn_state {
	CONN_HANDSHAKE,
	CONN_READING,
	CONN_ASKING,
	CONN_HELD,
	CONN_WRITING,
	CONN_LINGERING,
	CONN_DEAD /* to be freed by its owner */
};

struct conn;

/* What all connections share. */
struct conn_shared {
	int64_t now_ms;
	struct exchange_upstreams upstreams;
	struct penalty penalty;
	/* those whose answers have come while they were not in conn_work(): their owner looks at
	 * them before anything else happens */
	struct conn *moved[2 * UPSTREAM_WAITING_MAX];
	unsigned n_moved;
	char buffer[CONN_BUFFER_BYTES];
};

struct conn {
	enum conn_state state;
	struct conn_shared *shared;
	struct stream stream;
	struct exchange_origin origin;
	struct http *http;	   /* NULL: no byte of a request has come */
	struct exchange *exchange; /* asking, held */
	char *rest;		   /* bytes of further requests */
	size_t rest_bytes;
	char *out;
	size_t out_bytes, out_sent;
	bool close_after;    /* the answer is the last one */
	bool interim;	     /* what is being written is "100 Continue" */
	bool busy;	     /* in conn_work(): on_done() leaves the rest to it */
	bool moved;	     /* stands in shared->moved */
	int64_t deadline_ms; /* INT64_MAX: none */
	int64_t since_ms;    /* since when it does nothing of use: the oldest makes room */
	uint32_t watched;    /* events asked for; the owner's */
	unsigned place;	     /* the owner's */
};

/* conn_open() - @fd: taken over. Return: NULL without memory, @fd is closed then. */
struct conn *conn_open(struct conn_shared *shared, int fd, const struct exchange_origin *origin,
		       struct stream_identity *identity);
void conn_free(struct conn *conn);

/* conn_work() - go on, as far as it is possible without waiting; it may be dead then */
void conn_work(struct conn *conn);

/* conn_expire() - its deadline has come */
void conn_expire(struct conn *conn);

uint32_t conn_events(const struct conn *conn); /* EPOLLIN, EPOLLOUT or nothing */

/* conn_may_go() - whether it can be closed to make room without losing anything of use */
bool conn_may_go(const struct conn *conn);

#endif
