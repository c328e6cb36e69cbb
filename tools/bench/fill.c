/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/fill.h"

#include "tools/bench/child.h"
#include "tools/bench/files.h"
#include "tools/bench/way.h"

#define SLICE	    250000u /* sessions made at a time, at most; what is lost is looked for then */
#define WINDOW	    192u    /* under way at once: fewer than any queue on the way holds */
#define ROUNDS	    40u	    /* of one slice */
#define FILL_MAX_NS 300000000000ull /* all slices together */

/* fill_slice() - until all of it arrived, or the gateway holds @wanted in all; if any is lost, all
 * of the slice is sent again, and sessions that exist are only refreshed. @end: when to
 * give up, now_ns() */
static int fill_slice(struct run *run, struct traffic *traffic, const struct traffic_plan *slice,
		      int64_t wanted, uint64_t end, struct fill *fill)
{
	for (unsigned round = 0; round < ROUNDS && now_ns() < end; round++) {
		uint64_t arrived = sink_count(traffic, slice->stream);
		int64_t held;

		if (traffic_send(run, traffic, slice) || sink_settle(run, traffic))
			return -1;
		fill->seconds += (double)traffic_ns(traffic) / 1e9;
		arrived = sink_count(traffic, slice->stream) - arrived;
		if (arrived == slice->count)
			return 0;
		held = fill_held(run);
		if (held < 0 || held >= wanted)
			return held < 0 ? -1 : 0;
	}
	return run_fail(run,
			"no way to make %lld sessions in time: packets are lost, or others use "
			"the machine",
			(long long)wanted);
}

int fill_sessions(struct run *run, struct traffic *traffic, const struct traffic_plan *plan,
		  struct fill *fill)
{
	struct traffic_plan slice = *plan;
	uint64_t end = plan->first + plan->flows;
	/* what is kept for a short time only must be there as a whole before its end */
	uint64_t kept_ns = run->measure->kept_s * 1000000000ull;
	uint64_t give_up = now_ns() + (kept_ns ? kept_ns : FILL_MAX_NS);
	int64_t before = fill_held(run);

	*fill = (struct fill){.seconds = 0};
	if (before < 0)
		return -1;
	slice.frame_bytes = LOAD_SMALL_BYTES;
	slice.window = WINDOW;
	for (; slice.first < end; slice.first += slice.flows) {
		uint64_t made = slice.first - plan->first;

		slice.flows = end - slice.first < SLICE ? end - slice.first : SLICE;
		slice.count = slice.flows;
		if (fill_slice(run, traffic, &slice, before + (int64_t)(made + slice.flows),
			       give_up, fill))
			return -1;
	}
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
