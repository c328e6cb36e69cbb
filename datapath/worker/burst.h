/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * burst - the first stages of a burst, for receive.c and crew.c. Private to datapath/worker.
 *
 * Inline in both, so that a single worker's loops are compiled as if there were no others.
 */
#ifndef PGW_WORKER_BURST_H
#define PGW_WORKER_BURST_H

#include "datapath/io/segments.h"
#include "datapath/worker/plain.h"
#include "datapath/worker/state.h"

/* Kept out of the loops over plain packets, which need the registers. */
#define NOINLINE __attribute__((noinline))

/* receive.c */
/* worker_begin_complete() - what stage one does for a frame that is not plain. */
NOINLINE void worker_begin_complete(struct worker *w, const struct flow_probe *probe, uint8_t index,
				    unsigned i);
/* worker_finish_complete() - the complete way, of what is not plain and what the short way
 * declined.
 */
NOINLINE void worker_finish_complete(struct worker *w, uint8_t index, unsigned i);

/* crew.c */
/* worker_receive_crew() - worker_receive() of one of several. */
NOINLINE unsigned worker_receive_crew(struct worker *w, uint8_t index, uint64_t now_ns);

static inline void count_received(struct port_counters *counters, const struct io_frame *frame)
{
	struct io_segments segments = io_segments(&frame->offload, frame->wire_len);

	counters->rcvd_packets += segments.packets;
	counters->rcvd_bytes += segments.bytes;
}

/* Stage one: headers. @counters: of the portgroup; where another worker has counted the frames,
 * nobody's */
static inline __attribute__((always_inline)) void read_burst(struct worker *w,
							     const struct flow_probe *probe,
							     uint8_t index, unsigned frames,
							     struct port_counters *counters)
{
	uint64_t own = plain_mac(&w->port[index].link.mac), bytes = 0;
	bool plain = w->table.records && !w->options.complete;
	uint32_t packets = 0;

	for (unsigned i = 0; i < frames; i++) {
		const struct io_frame *frame = &w->frames[i];
		struct worker_lane *lane = &w->lanes[i];

		/* beyond the last there is one of an earlier burst, or nothing: no harm */
		__builtin_prefetch(frame[1].data);
		if (!plain || !plain_read(frame, own)) {
			count_received(counters, frame);
			worker_begin_complete(w, probe, index, i);
			continue;
		}
		lane->way = LANE_PLAIN;
		lane->hash = plain_hash(probe, frame->data, index);
		flow_probe_prefetch(probe, lane->hash);
		packets++;
		bytes += frame->wire_len;
	}
	counters->rcvd_packets += packets;
	counters->rcvd_bytes += bytes;
}

/* Stage two: from the key to the record that is most likely its. */
static inline void look_up_burst(struct worker *w, const struct flow_probe *probe, unsigned frames)
{
	for (struct worker_lane *lane = w->lanes; lane < w->lanes + frames; lane++)
		lane->ref = flow_probe_candidate(probe, lane->hash);
}

#endif
