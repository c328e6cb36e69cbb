/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter - which flows a question is about: pgw lists by it, the datapath ends by it.
 *
 * Flat, without pointers and names, so that it can be sent. A zeroed one chooses every flow.
 * internal-* is what packets of the inside host show where they arrive, external-* what they show
 * beyond the gateway, as sent by the gateway.
 */
#ifndef PGW_FLOW_FILTER_H
#define PGW_FLOW_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/flow/layout.h"

enum flow_end { INTERNAL_SRC, INTERNAL_DST, EXTERNAL_SRC, EXTERNAL_DST, FLOW_ENDS };

/* The four ends of a flow. */
struct flow_ends {
	be32 address[FLOW_ENDS];
	be16 port[FLOW_ENDS];
};
struct flow_ends flow_ends(const struct flow *flow);

/* The conditions, each a bit of filter.conditions. All that are set must hold. */
enum flow_condition {
	FILTER_ADDRESS,				  /* one for each end */
	FILTER_PORT = FILTER_ADDRESS + FLOW_ENDS, /* one for each end */
	FILTER_SRC = FILTER_PORT + FLOW_ENDS,	  /* these four: internal or external */
	FILTER_DST,
	FILTER_SPORT,
	FILTER_DPORT,
	FILTER_PROTOCOL,
	FILTER_STATE,
	FILTER_ID,
	FILTER_PORTGROUP,
	FILTER_POOL,
	FILTER_SERVICE,
	FILTER_CONDITIONS
};

/* A flow's identity, unique while the table lives: its record and the record's generation. */
#define FLOW_ID(record, word)  ((uint64_t)FLOW_WORD_GENERATION(word) << 24 | (record))
#define FLOW_ID_RECORD(id)     ((uint32_t)((id)&0xffffff))
#define FLOW_ID_GENERATION(id) ((uint32_t)((id) >> 24))
static_assert(FLOW_CAPACITY_MAX <= FLOW_ID_RECORD(UINT64_MAX) + 1, "an identity holds any record");

/* A state: enum flow_tcp_state of a TCP flow, or of any other flow one of these. */
enum { FILTER_REPLIED = TCP_STATE_COUNT, FILTER_UNREPLIED, FILTER_STATES };

struct flow_range {
	uint16_t first, last; /* host order, inclusive */
};

struct flow_filter {
	uint32_t conditions;
	struct prefix address[FLOW_ENDS], src, dst;
	struct flow_range port[FLOW_ENDS], sport, dport;
	uint32_t record, generation; /* FILTER_ID */
	be32 service_address;	     /* the service's own, as clients know it */
	be16 service_port;
	uint16_t pool; /* index */
	uint8_t service_protocol;
	uint8_t protocol;
	uint8_t state;
	uint8_t portgroup; /* index, on either side */
};

/* flow_filter_check() - Return: NULL, or what is wrong with a filter that a stranger sent (static
 * text). */
const char *flow_filter_check(const struct flow_filter *filter);

/* flow_filter_matches() - @flow: the one in @record, active */
bool flow_filter_matches(const struct flow_filter *filter, const struct flow *flow,
			 uint32_t record);

#endif
