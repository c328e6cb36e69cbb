/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit - what the configuration says about the first packet of a flow, and whether it would
 * still say so about an existing one. Pure functions of a snapshot: the datapath decides with
 * them, control counts with them which sessions a change would end.
 */
#ifndef PGW_POLICY_ADMIT_H
#define PGW_POLICY_ADMIT_H

#include <stdbool.h>

#include "datapath/base/counters.h"
#include "datapath/flow/layout.h"
#include "datapath/policy/snapshot.h"

enum admit_kind {
	ADMIT_DROP,	/* reason says why */
	ADMIT_KERNEL,	/* the gateway's own: left to the kernel's stack */
	ADMIT_EXTERNAL, /* to an external address and port of pool: a mapping decides */
	ADMIT_SERVICE,	/* to service; its backends and a rule for each decide further */
	ADMIT_TRANSIT,	/* to somewhere else, under rule */
};

struct admit {
	enum admit_kind kind;
	enum drop_reason reason;
	const struct snapshot_service *service; /* ADMIT_SERVICE */
	const struct snapshot_rule *rule;	/* ADMIT_TRANSIT */
	const struct snapshot_pool *pool;	/* ADMIT_EXTERNAL: whose address and port it is */
};

/* admit_first() - judge a packet that belongs to no flow. @tuple as it arrived on portgroup @port.
 */
struct admit admit_first(const struct snapshot *s, const struct flow_tuple *tuple, uint8_t proto,
			 uint8_t port);

/* admit_source() - the source checks of every new flow: own address, reverse path, allow list. */
enum drop_reason admit_source(const struct snapshot *s, be32 src, uint8_t port);

/* admit_service() - the checks of a flow from @src on portgroup @port to @service, beside those of
 * admit_source(), whose answer is @reason. */
enum drop_reason admit_service(const struct snapshot *s, const struct snapshot_service *service,
			       uint8_t port, enum drop_reason reason);

/* admit_route() - whether @dst may be sent to by @route, its own: there is one (NULL: none), and it
 * is no directed broadcast. */
enum drop_reason admit_route(const struct snapshot_route *route, be32 dst);

/* admit_external_pool() - the pool that has external address and L4 port (host order) in its
 * range, NULL if none. ICMP identifiers count as in range everywhere. */
const struct snapshot_pool *admit_external_pool(const struct snapshot *s, be32 addr, uint8_t proto,
						uint16_t l4_port);

/**
 * admit_external() - judge a packet to an external address and port that a mapping has
 * @inside, @inside_port: of the mapping: its host and that one's portgroup
 * @rule: set to the rule by which the sender, an inside host too, goes out and comes in again (a
 * hairpin); NULL: it is an outside host
 * Return: DROP_NONE: the pool's filtering decides.
 */
enum drop_reason admit_external(const struct snapshot *s, const struct flow_tuple *tuple,
				uint8_t proto, uint8_t port, be32 inside, uint8_t inside_port,
				const struct snapshot_rule **rule);

/* policy_timer() - which timer ends a flow. */
enum timer policy_timer(const struct flow *f);

/* policy_client_side() - the side of a flow on which the host is that it counts for. */
static inline unsigned policy_client_side(const struct flow *f)
{
	return f->flags & FLOW_INBOUND && !(f->flags & FLOW_HAIRPIN);
}

/**
 * policy_backend() - where a flow to a service goes
 * @f: with FLOW_DNAT
 * @service: set to the service that the flow was made for, if @s has it
 * Return: its backend; NULL if @s has not got both.
 */
const struct snapshot_backend *policy_backend(const struct snapshot *s, const struct flow *f,
					      const struct snapshot_service **service);

/* policy_admits() - whether @s would still admit the existing flow @f as it is translated. */
bool policy_admits(const struct snapshot *s, const struct flow *f);

#endif
