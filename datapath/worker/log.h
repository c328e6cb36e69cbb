/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - what a worker tells the session log (base/event_ring.h). Private to datapath/worker.
 *
 * Off (no ring), each call is one branch, and the ports of each pool are counted all the same, so
 * that the log can be switched on at any time. Nothing here waits: what finds no room is counted as
 * lost.
 *
 * A refusal is told at most LOG_REFUSALS_PER_S times a second and cause, with the number of those
 * that were kept back: whoever provokes refusals must not fill the log (RFC 8158, 5.2). A fill is
 * told once when it reaches the mark, and again only after it was LOG_HYSTERESIS per cent below.
 */
#ifndef PGW_WORKER_LOG_H
#define PGW_WORKER_LOG_H

#include "datapath/base/counters.h"
#include "datapath/base/event_ring.h"
#include "datapath/policy/mapping.h"

#define LOG_REFUSALS_PER_S 10u
#define LOG_HYSTERESIS	   10u

struct worker_log {
	struct event_ring *ring;	      /* NULL: off */
	uint32_t percent;		      /* mark, 0: none */
	uint8_t pool_alarmed[COUNTERS_POOLS]; /* bit: protocol */
	bool table_alarmed;
	struct log_refused {
		uint64_t since_ns;  /* begin of the second that is counted */
		uint32_t told;	    /* in it */
		uint32_t kept_back; /* since the last that was told */
	} refused[EVENT_CAUSE_COUNT];
};

struct flow;
struct worker;

/* worker_log_flow() - @type: EVENT_SESSION_CREATE or _DELETE */
void worker_log_flow(struct worker *w, const struct flow *flow, enum event_type type);
/* worker_log_mapping() - a mapping has been made (1) or goes (-1): counts its port and tells.
 * worker_log_adopted() - one was made anew from a predecessor's flows: counts it. */
void worker_log_mapping(struct worker *w, const struct mapping *mapping, int by);
void worker_log_adopted(struct worker *w, const struct mapping *mapping);
/* worker_log_refused() - @flow: as far as it was planned */
void worker_log_refused(struct worker *w, const struct flow *flow, enum drop_reason reason);
/* worker_log_forget() - the table goes, and with it all mappings. */
void worker_log_forget(struct worker *w);

#endif
