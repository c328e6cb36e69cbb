/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracing - a trace that is being made: what the files of trace.h share. */
#ifndef PGW_EXPLAIN_TRACING_H
#define PGW_EXPLAIN_TRACING_H

#include "control/explain/trace.h"

struct tracing {
	struct trace *trace;
	const struct trace_world *world;
	const struct snapshot *s;
	struct flow_tuple tuple;
	uint8_t proto, port;
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];
};

/* tracing_of_name() - which statement a step is about, by its name */
void tracing_of_name(struct trace_step *step, enum trace_statement statement, const char *name);
/* tracing_drop() - that is the verdict */
void tracing_drop(struct tracing *t, enum drop_reason reason);

/* tracing_limits() - Return: whether @client may have one more session, and one more external port
 * of
 * @pool (NULL: it needs none). @mapped: it is a mapping */
bool tracing_limits(struct tracing *t, be32 client, uint8_t port, const struct snapshot_pool *pool,
		    bool mapped);
/* tracing_pool() - the source's translation, of what leaves on @port. Return: whether it can be
 * had. */
bool tracing_pool(struct tracing *t, const struct snapshot_pool *pool, uint8_t port);
/* tracing_paired() - the external address that the packet's sender has of @pool */
be32 tracing_paired(const struct tracing *t, const struct snapshot_pool *pool);

#endif
