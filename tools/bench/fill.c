/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/fill.h"

#include "tools/bench/child.h"
#include "tools/bench/files.h"
#include "tools/bench/way.h"

#define SLICE	    50000u /* sessions made at one rate, at least */
#define SLICES	    20u	   /* and no more of them than this */
#define RATE_PPS    400000.0
#define RATE_LEAST  20000.0
#define RATE_STEP   0.7
#define BAD	    0.01	    /* more than this share lost: too fast, not an accident */
#define ROUNDS	    40u		    /* of one slice */
#define FILL_MAX_NS 120000000000ull /* all slices together */

/* fill_slice() - until all of it arrived, or the gateway holds @wanted in all; what is lost
 * is sent again with all of the slice, and sessions that exist are only refreshed. @end: when to
 * give up, now_ns() */
static int fill_slice(struct run *run, struct traffic *traffic, struct traffic_plan *slice,
		      int64_t wanted, double *rate, uint64_t end)
{
	for (unsigned round = 0; round < ROUNDS && now_ns() < end; round++) {
		uint64_t arrived = sink_count(traffic, slice->stream);
		int64_t held;

		slice->rate_pps = (uint64_t)*rate;
		if (traffic_send(run, traffic, slice) || sink_settle(run, traffic))
			return -1;
		arrived = sink_count(traffic, slice->stream) - arrived;
		if (arrived == slice->count)
			return 0;
		held = fill_held(run);
		if (held < 0 || held >= wanted)
			return held < 0 ? -1 : 0;
		if ((double)arrived<(1 - BAD) * (double)slice->count && * rate> RATE_LEAST)
			*rate *= RATE_STEP;
	}
	return run_fail(run, "no way to make %lld sessions: packets are lost even at %.0f a second",
			(long long)wanted, *rate);
}

int fill_sessions(struct run *run, struct traffic *traffic, const struct traffic_plan *plan,
		  struct fill *fill)
{
	struct traffic_plan slice = *plan;
	uint64_t begin = now_ns(), end = plan->first + plan->flows;
	uint64_t give_up = begin + FILL_MAX_NS;
	uint64_t most = plan->flows / SLICES > SLICE ? plan->flows / SLICES : SLICE;
	int64_t before = fill_held(run);
	double rate = RATE_PPS;

	if (before < 0)
		return -1;
	slice.frame_bytes = LOAD_SMALL_BYTES;
	for (; slice.first < end; slice.first += slice.flows) {
		uint64_t made = slice.first - plan->first;

		slice.flows = end - slice.first < most ? end - slice.first : most;
		slice.count = slice.flows;
		if (fill_slice(run, traffic, &slice, before + (int64_t)(made + slice.flows), &rate,
			       give_up))
			return -1;
	}
	fill->seconds = (double)(now_ns() - begin) / 1e9;
	return 0;
}

int64_t fill_held(struct run *run)
{
	json_t *stats;
	int64_t held;

	if (!run->gateway.rundir[0])
		return (int64_t)netns_number(run->topology.gateway,
					     "/proc/sys/net/netfilter/nf_conntrack_count");
	stats = gateway_stats(run);
	if (!stats)
		return -1;
	held = json_integer_value(json_object_get(json_object_get(stats, "gateway"), "flows"));
	json_decref(stats);
	return held;
}
