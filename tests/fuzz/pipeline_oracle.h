/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipeline_oracle - what must hold of packets through the whole datapath, besides no crash: what is
 * sent is a sound IP packet, from an address that may be seen there, with a right transport
 * checksum if it came with one; each frame that came in is accounted for exactly once; and when all
 * flows have ended nothing is left of them.
 *
 * The target tells it of each worker, of frames that come in, and what is known of them.
 */
#ifndef PGW_FUZZ_PIPELINE_ORACLE_H
#define PGW_FUZZ_PIPELINE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/worker/state.h"

#define PORTS 3u
enum { VRACK, VSPHERE, INTERNET };

struct oracle {
	const struct worker *worker;
	const struct worker_counters *counters;
	uint64_t frames_in, datagrams_out;
	const uint8_t *piece_end; /* where the last piece of a cut datagram ended */
	unsigned resets;
	bool from_client;     /* what is sent now did not come from vSphere */
	bool check_transport; /* what is sent now came with right checksums */
};

void must(bool condition, const char *what); /* else say so and abort */

/* oracle_worker() - @worker takes over; nothing has come in. */
void oracle_worker(struct oracle *o, const struct worker *worker,
		   const struct worker_counters *counters);
/* oracle_sent() - @send leaves on @port, whose address is @ours. */
void oracle_sent(struct oracle *o, unsigned port, const struct mac *ours,
		 const struct io_send *send);
/* oracle_accounts() - each packet is accounted for, and the gauges are right. */
void oracle_accounts(const struct oracle *o);
/* oracle_empty() - nothing is left of flows, mappings, waiting packets, once they have all ended.
 */
void oracle_empty(struct oracle *o);

#endif
