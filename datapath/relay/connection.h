/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection - one client of a TLS-name service, from its first byte to its last.
 *
 *   HELLO       until the ClientHello is whole (a buffer that grows with it, NAMES_HELLO_MS)
 *   CONNECTING  to a backend (NAMES_CONNECT_MS); if it does not take the connection, to another
 *   GREETING    what the client has said so far, and the PROXY header, go to the backend
 *   RELAYING    two ways (splice.h), each ended by itself; idle for tcp-idle-timeout ends both
 *   LEAVING     refused: the client has been told; what it still says is thrown away, for a while,
 *               because a reset would destroy the alert on its way
 *   ENDED       counted, closed; freed at the end of the round
 *
 * A client's end of stream is passed on when all before it was; a reset is passed on as a reset.
 */
#ifndef PGW_RELAY_CONNECTION_H
#define PGW_RELAY_CONNECTION_H

#include "datapath/relay/greeting.h"
#include "datapath/relay/names.h"

enum connection_state {
	CONNECTION_HELLO,
	CONNECTION_CONNECTING,
	CONNECTION_GREETING,
	CONNECTION_RELAYING,
	CONNECTION_LEAVING,
	CONNECTION_ENDED,
	CONNECTION_STATE_COUNT
};

struct connection {
	struct names *names;
	struct connection *before, *after; /* in hellos or routed */
	struct connection_list *list;
	enum connection_state state;
	struct loop_source client, backend;
	struct loop_timer timer; /* what the state waits for */
	struct loop_deferred turn, freeing;
	uint64_t id, since_ms, active_ms;
	be32 client_addr;
	uint16_t client_port;
	char listener[SOCKETS_KEY];
	size_t listener_at;	  /* its place among those of the configuration when it came */
	struct greeting greeting; /* until RELAYING */
	size_t hello_need;	  /* bytes of it before there is anything new to see */
	char *name;		  /* NULL: not known, or none */
	bool encrypted;
	struct service *service; /* from CONNECTING on; of names.now */
	struct service_backend *to;
	uint64_t tried;		    /* backends that did not take it, a bit each */
	bool connected_once;	    /* a backend had time to answer, and did not */
	struct splice_way up, down; /* from the client, to the client */
};

/* connection_open() - @fd: accepted; the connection's, closed if there is no memory. */
void connection_open(struct names *names, const struct service_listener *listener, int fd,
		     be32 client_addr, uint16_t client_port);

/* connection_end() - close both sides, count the reason. Nothing is called afterwards. */
void connection_end(struct connection *connection, enum reason reason);

/* connection_follow() - the configuration is another: find the place in it, or end. */
void connection_follow(struct connection *connection);

json_t *connection_show(const struct connection *connection);

const char *connection_state_name(enum connection_state state);

#endif
