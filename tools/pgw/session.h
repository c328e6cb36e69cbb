/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - one flow of the datapath's table as operators see it.
 *
 * internal-* is what packets of the inside host show where they arrive; external-* is what they
 * show beyond the gateway, as sent by the gateway. A flow's side 0 is its initiator's. For most
 * flows that is the inside, so internal is tuple[0] as received, and external is tuple[1], what
 * arrives from beyond, read backwards. A flow that came in through a mapping (FLOW_INBOUND) has
 * its inside host on side 1: there the two sides change places, and internal-src-address is
 * still the inside host.
 */
#ifndef PGW_TOOL_SESSION_H
#define PGW_TOOL_SESSION_H

#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/flow/table.h"
#include "datapath/policy/snapshot.h"
#include "tools/pgw/pgw.h"

enum session_end { INTERNAL_SRC, INTERNAL_DST, EXTERNAL_SRC, EXTERNAL_DST, SESSION_ENDS };

struct session {
	struct flow flow;      /* a copy that does not change */
	uint32_t record, word; /* word: its key word, as `session-end` takes it */
	unsigned inner;	       /* the side of the inside host */
	be32 address[SESSION_ENDS];
	be16 port[SESSION_ENDS];
	const struct snapshot_service *service; /* NULL = by no service that still exists */
};

/* The flow table and the snapshot, both mapped read-only. */
struct session_table {
	struct flow_table flows;
	uint32_t records; /* that were ever used: the others need no look */
	struct snapshot snapshot;
	const char *portgroups[COUNTERS_PORTS]; /* names; NULL = none has this index */
	/* Bit sets of portgroups whose packets a tc program sees first, and an XDP program before
	 * it. */
	uint32_t offloaded, offloaded_xdp;
	uint64_t now_ns; /* CLOCK_MONOTONIC, as the datapath stamps flows */
	void *flow_memory, *snapshot_memory;
	size_t flow_bytes, snapshot_bytes;
};

/* session_table_open() - get both from pgwd. Return: EXIT_DONE or EXIT_REFUSED (message). */
int session_table_open(struct session_table *table, struct pgw *pgw);
void session_table_close(struct session_table *table);

/* session_read() - the flow of one record. Return: false if there is none. */
bool session_read(const struct session_table *table, uint32_t record, struct session *session);

/* A session's identity, unique while pgwd's table lives: printed, and taken by `id`. */
uint64_t session_id(const struct session *session);
#define SESSION_ID_RECORD(id)	  ((uint32_t)((id)&0xffffff))
#define SESSION_ID_GENERATION(id) ((uint32_t)((id) >> 24))

const char *session_state(const struct session *session);

/* session_timeout_s() - seconds of silence after which the session ends, by its state */
uint32_t session_timeout_s(const struct session_table *table, const struct session *session);
uint64_t session_idle_ms(const struct session_table *table, const struct session *session);
uint64_t session_age_s(const struct session_table *table, const struct session *session);

/* session_datapath() - "tc": the kernel forwards its packets; "raw": the datapath does. */
const char *session_datapath(const struct session_table *table, const struct session *session);

/* session_row() - print one; the columns are session_columns. */
extern const struct print_table session_columns;
void session_row(struct printer *printer, const struct session_table *table,
		 const struct session *session);

#endif
