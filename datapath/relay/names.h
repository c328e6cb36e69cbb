/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names - TLS-name routing: several services on one address and port, told apart by the server name
 * in the client's first message, without decrypting anything.
 *
 * A connection (connection.h) is of one listener; the first it says decides which service it is of.
 */
#ifndef PGW_RELAY_NAMES_H
#define PGW_RELAY_NAMES_H

#include "datapath/relay/hello.h"
#include "datapath/relay/services.h"
#include "datapath/relay/splice.h"

enum reason {
#define REASON(symbol, name, text) REASON_##symbol,
#include "datapath/relay/reason.def"
#undef REASON
	REASON_COUNT
};

#define NAMES_HELLOS_MAX 2048u	/* connections without a whole ClientHello; then the oldest goes */
#define NAMES_HELLO_MS	 10000u /* for the whole ClientHello */
#define NAMES_CONNECT_MS 5000u	/* for a backend to take the connection, then the next is tried */
#define NAMES_FILES_OWN	 64u	/* descriptors that all the rest may need */
#define NAMES_FILES_EACH 6u	/* of a connection: two sockets, two pipes */

struct connection;

struct connection_list {
	struct connection *first, *last;
	size_t n;
};

struct names {
	struct relay *relay;
	struct loop *loop;
	struct services now, next; /* next: prepared */
	bool prepared;
	struct names_listener {
		struct loop_source source;
		struct names *names;
		const struct service_listener *of;
		uint64_t round; /* when it was ready last */
		unsigned burst; /* connections that it may bring in this one */
	} * listeners, *next_listeners;
	size_t n_listeners;
	struct loop_timer accept_again;	       /* after there was no descriptor for a connection */
	struct connection_list hellos, routed; /* each with the oldest first */
	size_t routed_max;
	uint64_t next_id;
	uint64_t accepted, ended[REASON_COUNT];
	struct splice_pool pool;
	uint8_t scratch[HELLO_BYTES_MAX], received[HELLO_BYTES_MAX];
};

extern const struct relay_part names_part;

const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);

#endif
