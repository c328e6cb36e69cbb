/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - one flow of the datapath's table as operators see it.
 *
 * Its ends, internal and external: datapath/flow/filter.h. Where a flow came in through a mapping,
 * internal-src-address is still the inside host.
 */
#ifndef PGW_TOOL_SESSION_H
#define PGW_TOOL_SESSION_H

#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/flow/filter.h"
#include "datapath/flow/table.h"
#include "datapath/policy/snapshot.h"
#include "tools/pgw/pgw.h"

struct session {
	struct flow flow;      /* a copy that does not change */
	uint32_t record, word; /* word: its key word */
	unsigned inner;	       /* the side of the inside host */
	struct flow_ends ends;
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

/* session_id() - its FLOW_ID: printed, and taken by `id` */
uint64_t session_id(const struct session *session);

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
