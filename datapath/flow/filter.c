/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/flow/filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static_assert(FILTER_CONDITIONS < 32, "a bit each");

/* A flow's side 0 is its initiator's. For most flows that is the inside, so internal is tuple[0]
 * as received, and external is tuple[1], what arrives from beyond, read backwards. A flow that
 * came in through a mapping has its inside host on side 1. */
struct flow_ends flow_ends(const struct flow *flow)
{
	unsigned inner = flow->flags & FLOW_INBOUND ? 1 : 0;
	const struct flow_tuple *in = &flow->tuple[inner], *out = &flow->tuple[!inner];

	return (struct flow_ends){
		.address = {[INTERNAL_SRC] = in->src,
			    [INTERNAL_DST] = in->dst,
			    [EXTERNAL_SRC] = out->dst,
			    [EXTERNAL_DST] = out->src},
		.port = {[INTERNAL_SRC] = in->sport,
			 [INTERNAL_DST] = in->dport,
			 [EXTERNAL_SRC] = out->dport,
			 [EXTERNAL_DST] = out->sport},
	};
}

const char *flow_filter_check(const struct flow_filter *filter)
{
	if (filter->conditions >> FILTER_CONDITIONS)
		return "a condition that does not exist";
	for (unsigned end = 0; end < FLOW_ENDS; end++)
		if (filter->address[end].len > 32)
			return "a prefix of more than 32 bits";
	if (filter->src.len > 32 || filter->dst.len > 32)
		return "a prefix of more than 32 bits";
	return filter->state < FILTER_STATES ? NULL : "a state that does not exist";
}

static bool has(const struct flow_filter *filter, unsigned condition)
{
	return filter->conditions >> condition & 1;
}

static bool in_range(const struct flow_range *range, be16 port)
{
	return ntohs(port) >= range->first && ntohs(port) <= range->last;
}

static bool ends_match(const struct flow_filter *filter, const struct flow_ends *ends)
{
	for (unsigned end = 0; end < FLOW_ENDS; end++)
		if ((has(filter, FILTER_ADDRESS + end) &&
		     !prefix_covers(filter->address[end], ends->address[end])) ||
		    (has(filter, FILTER_PORT + end) &&
		     !in_range(&filter->port[end], ends->port[end])))
			return false;
	return (!has(filter, FILTER_SRC) ||
		prefix_covers(filter->src, ends->address[INTERNAL_SRC]) ||
		prefix_covers(filter->src, ends->address[EXTERNAL_SRC])) &&
	       (!has(filter, FILTER_DST) ||
		prefix_covers(filter->dst, ends->address[INTERNAL_DST]) ||
		prefix_covers(filter->dst, ends->address[EXTERNAL_DST])) &&
	       (!has(filter, FILTER_SPORT) || in_range(&filter->sport, ends->port[INTERNAL_SRC]) ||
		in_range(&filter->sport, ends->port[EXTERNAL_SRC])) &&
	       (!has(filter, FILTER_DPORT) || in_range(&filter->dport, ends->port[INTERNAL_DST]) ||
		in_range(&filter->dport, ends->port[EXTERNAL_DST]));
}

static unsigned state_of(const struct flow *flow)
{
	if (flow->proto == IPPROTO_TCP)
		return flow->tcp_state;
	return flow->flags & FLOW_REPLIED ? FILTER_REPLIED : FILTER_UNREPLIED;
}

static bool of_service(const struct flow_filter *filter, const struct flow *flow)
{
	return flow->flags & FLOW_DNAT && flow->tuple[0].dst == filter->service_address &&
	       flow->tuple[0].dport == filter->service_port &&
	       flow->proto == filter->service_protocol;
}

bool flow_filter_matches(const struct flow_filter *filter, const struct flow *flow, uint32_t record)
{
	struct flow_ends ends;

	if (!filter->conditions)
		return true;
	if (has(filter, FILTER_ID) &&
	    (filter->record != record ||
	     filter->generation !=
		     FLOW_WORD_GENERATION(atomic_load_explicit(&flow->word, memory_order_relaxed))))
		return false;
	if (has(filter, FILTER_PROTOCOL) && flow->proto != filter->protocol)
		return false;
	if (has(filter, FILTER_PORTGROUP) && flow->port[0] != filter->portgroup &&
	    flow->port[1] != filter->portgroup)
		return false;
	if (has(filter, FILTER_POOL) && flow->pool != filter->pool)
		return false;
	if (has(filter, FILTER_SERVICE) && !of_service(filter, flow))
		return false;
	if (has(filter, FILTER_STATE) && state_of(flow) != filter->state)
		return false;
	ends = flow_ends(flow);
	return ends_match(filter, &ends);
}
