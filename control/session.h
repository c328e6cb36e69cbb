/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session - operations on the flow table. */
#ifndef PGW_CONTROL_SESSION_H
#define PGW_CONTROL_SESSION_H

#include "control/ctl/request.h"
#include "control/gateway.h"

/* session_count_affected() - sessions that run and that @wanted would not admit.
 * Return: 0 or -errno with @error set. */
int session_count_affected(struct gateway *gateway, const struct config *wanted, uint64_t *count,
			   struct ctl_error *error);

/* What the flows of one nat rule that live now have carried, in both directions. */
struct session_traffic {
	uint64_t flows, packets, bytes;
};

/* session_rule_traffic() - by number of the rule, COUNTERS_RULES elements, to be freed. It looks
 * at every flow: about 50 ms for a million.
 * Return: 0 or -errno with @error set. */
int session_rule_traffic(const struct gateway *gateway, struct session_traffic **traffic,
			 struct ctl_error *error);

/* Operations, see struct request_ops. */
int session_table(void *gateway, struct request_result *result);
int session_end(void *gateway, const struct flow_filter *filter, const struct filter_text *text,
		uint64_t limit, struct request_result *result);

#endif
