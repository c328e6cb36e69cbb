/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace - what would happen to a packet, step by step, with the reason for each.
 *
 * It decides by the functions with which the datapath decides: packet_parse() on a frame that is
 * made for the purpose, flow_find(), admit_*() and policy_*(), in the order of worker/create.c.
 * What the datapath keeps to itself (mappings, counts per client) is read off the flow table, from
 * which the datapath makes it anew, too. Nothing is changed; a look at all sessions is made only
 * where mappings or limits decide.
 *
 * What it cannot know: whether the client has spent its creation rate, whether external ports that
 * no session uses are resting, and which of several backends has its turn. The steps say so.
 */
#ifndef PGW_EXPLAIN_TRACE_H
#define PGW_EXPLAIN_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/flow/table.h"
#include "datapath/policy/admit.h"

#define TRACE_STEPS_MAX 20u
#define TRACE_TEXT	200

enum trace_verdict { TRACE_FORWARDED, TRACE_KERNEL, TRACE_DROPPED };

enum trace_outcome { TRACE_PASSES, TRACE_STOPS, TRACE_NOTE };

/* What of the configuration a step rests on. */
enum trace_statement {
	TRACE_OF_NONE,
	TRACE_OF_PORTGROUP, /* name */
	TRACE_OF_ADDRESS,   /* addr */
	TRACE_OF_NETWORK,   /* addr: the address statement whose network has it */
	TRACE_OF_ROUTE,	    /* prefix */
	TRACE_OF_POOL,	    /* name */
	TRACE_OF_NAT,	    /* number */
	TRACE_OF_SERVICE,   /* name */
	TRACE_OF_ALLOW,	    /* addr: the most specific entry that has it */
	TRACE_OF_VMAC,	    /* addr */
	TRACE_OF_SETTING,   /* name */
};

struct trace_step {
	const char *topic; /* "portgroup" "packet" "session" "address" "service" … */
	enum trace_outcome outcome;
	char text[TRACE_TEXT];
	enum trace_statement statement;
	char name[SNAPSHOT_NAME];
	be32 addr;
	struct prefix prefix;
	uint16_t number;
};

struct trace_link {
	uint32_t ifindex; /* 0: absent */
	uint32_t mtu;
	bool up;
};

enum trace_neighbour { TRACE_NEIGHBOUR_UNKNOWN, TRACE_NEIGHBOUR_KNOWN, TRACE_NEIGHBOUR_FAILED };

struct trace_world {
	const struct snapshot *snapshot;
	const struct flow_table *table; /* flow_table_view() will do */
	uint32_t now_tick;
	void (*link)(void *context, uint8_t port, struct trace_link *link);
	enum trace_neighbour (*neighbour)(void *context, uint8_t port, be32 addr, struct mac *mac);
	void *context;
};

struct trace_question {
	be32 src, dst;
	be16 sport, dport; /* ICMP: identifier of an echo request, of a reply */
	uint8_t proto;
	uint8_t port; /* portgroup on which it arrives */
};

struct trace {
	enum trace_verdict verdict;
	enum drop_reason reason; /* TRACE_DROPPED */
	struct trace_step steps[TRACE_STEPS_MAX + 1];
	unsigned n_steps;
	/* As it leaves, where it is forwarded. */
	uint8_t port;
	be32 src, dst;
	be16 sport, dport; /* sport 0: not chosen yet */
	struct flow flow;  /* of the session it belongs to, if has_flow */
	bool has_flow;
	uint32_t record; /* of that session */
};

void trace_packet(struct trace *trace, const struct trace_world *world,
		  const struct trace_question *question);

/* trace_arrival() - the portgroup on which packets of @src most likely arrive; @dst helps where no
 * route leads back. Return: its index; -1: there is no portgroup. */
int trace_arrival(const struct snapshot *snapshot, be32 src, be32 dst);

/* The files' own. */
struct trace_step *trace_add(struct trace *trace, const char *topic, enum trace_outcome outcome,
			     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What the flow table shows of an external address and port. */
struct trace_mapping {
	be32 internal;
	be16 internal_port;
	uint8_t port;
	uint16_t pool;
	struct mac mac; /* next hop towards it */
	bool permitted; /* a flow between it and the remote asked for exists */
};
bool trace_mapping_external(const struct trace_world *world, be32 addr, be16 l4_port, uint8_t proto,
			    be32 remote, struct trace_mapping *mapping);
/* trace_mapping_internal() - whether an inside host and port has a mapping of @pool; its external
 * side. */
bool trace_mapping_internal(const struct trace_world *world, const struct flow_tuple *tuple,
			    uint8_t proto, uint8_t port, uint16_t pool, be32 *external,
			    be16 *external_port);
/* trace_usage() - what a client uses: flows, mappings, external ports of @pool. */
struct trace_usage {
	uint32_t flows, mappings, pool_ports;
};
void trace_usage(const struct trace_world *world, be32 addr, uint8_t port, uint16_t pool,
		 struct trace_usage *usage);
/* trace_ports_used() - external ports of @pool that mappings on @addr have, for one protocol. */
uint32_t trace_ports_used(const struct trace_world *world, be32 addr, uint8_t proto,
			  const struct snapshot_pool *pool);

#endif
