/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep - a walk over all flows, a piece at a time between bursts: ends those that a new snapshot
 * no longer admits and those that a filter chooses, and takes note of changed next hops for those
 * that the kernel's programs forward.
 *
 * Each worker walks by itself and ends its own flows. The lead keeps the accounts, for all: of the
 * snapshot (struct worker_swept) and of the filter (struct worker_chosen); the last worker to have
 * come through has the lead say it. What is asked while a walk is under way begins it anew.
 *
 * A flow that ends is found in a dozen places of memory. So those of a piece are collected
 * first, SWEEP_GROUP of them, and what their ends touch is fetched meanwhile.
 *
 * Bounds of a piece: SWEEP_BATCH records looked at, SWEEP_ENDS flows ended. Ends that a filter
 * chose wait for the session log's reader, LOG_PATIENCE_NS at most.
 */
#include "datapath/base/event_ring.h"
#include "datapath/policy/admit.h"
#include "datapath/worker/state.h"

#define SWEEP_BATCH	8192u
#define SWEEP_ENDS	512u
#define SWEEP_GROUP	32u
#define SWEEP_AHEAD	16u /* records that are fetched before they are looked at */
#define LOG_WAIT_NS	MS_NS
#define LOG_PATIENCE_NS (1000 * MS_NS)

/* Flows of a piece that are to end. */
struct doomed {
	unsigned n, ended;
	struct {
		uint32_t record;
		bool chosen; /* by the filter */
	} flow[SWEEP_GROUP];
};

/* Begins anew for what is asked now and for what a running one has not finished. */
void worker_sweep_begin(struct worker *w, const struct worker_sweep *what)
{
	w->sweep.running = true;
	w->sweep.snapshot |= what->snapshot;
	w->sweep.next_hops |= what->next_hops;
	w->sweep.chosen |= what->chosen;
	w->sweep.next = 0;
	w->sweep.waiting_ns = 0;
	if (w->sweep.snapshot)
		worker_recount_begin(w);
}

void worker_end_flows(struct worker *w, const struct flow_filter *filter, uint64_t limit,
		      uint64_t number, uint64_t now_ns)
{
	w->chosen = (struct worker_chosen){
		.filter = *filter, .number = number, .left = limit, .running = worker_members(w)};
	for (unsigned i = 0; i < worker_members(w); i++) {
		worker_set_time(worker_member(w, i), now_ns);
		worker_sweep_begin(worker_member(w, i), &(struct worker_sweep){.chosen = true});
	}
}

/* A flow that stays. */
static void keep(struct worker *w, struct flow *flow)
{
	if (w->sweep.snapshot) {
		worker_recount_flow(w, flow);
		worker_choose_vmac(w, flow);
		if (flow->vmac[0] || flow->vmac[1])
			flow->flags = (uint8_t)(flow->flags & ~FLOW_OFFLOAD);
	}
	/* the next packet goes through user space, which finds the way anew */
	if (w->sweep.next_hops && flow->flags & FLOW_OFFLOAD && !worker_next_hops_known(w, flow))
		flow->flags = (uint8_t)(flow->flags & ~FLOW_OFFLOAD);
}

static void doom(struct worker *w, struct doomed *doomed, uint32_t index, bool chosen)
{
	doomed->flow[doomed->n].record = index;
	doomed->flow[doomed->n++].chosen = chosen;
	worker_end_prefetch(w, index);
}

static void look_at(struct worker *w, uint32_t index, struct doomed *doomed)
{
	struct flow *flow = worker_flow(w, index);
	uint32_t word = atomic_load_explicit(&flow->word, memory_order_relaxed);

	if (FLOW_WORD_STATE(word) != FLOW_ACTIVE || !worker_owns(w, index))
		return;
	if (w->sweep.snapshot && !policy_admits(&w->snapshot, flow)) {
		worker_dead_flow(w, flow);
		doom(w, doomed, index, false);
	} else if (w->sweep.chosen && flow_filter_matches(&w->lead->chosen.filter, flow, index)) {
		doom(w, doomed, index, true);
	} else {
		keep(w, flow);
	}
}

/* Return: whether the filter's limit lets it end. Under the lock. */
static bool take_of_limit(struct worker_chosen *account)
{
	if (!account->left)
		return false;
	account->left--;
	account->ended++;
	return true;
}

static void end_doomed(struct worker *w, struct doomed *doomed)
{
	uint32_t next = w->sweep.next;

	if (!doomed->n)
		return;
	/* Backends are counted anew behind `next`, and these have not been. */
	w->sweep.next = doomed->flow[0].record;
	worker_lock(w);
	for (unsigned i = 0; i < doomed->n; i++) {
		bool chosen = doomed->flow[i].chosen;

		if (chosen && !take_of_limit(&w->lead->chosen)) {
			keep(w, worker_flow(w, doomed->flow[i].record));
			continue;
		}
		worker_end_locked(w, doomed->flow[i].record);
		w->counters->flows_ended++;
		w->sweep.ended += !chosen;
		doomed->ended++;
	}
	worker_unlock(w);
	w->sweep.next = next;
	doomed->n = 0;
}

/* This worker has looked at all its flows. Return: whether all have, now. */
static bool come_through(struct worker *w)
{
	struct worker_swept *swept = &w->lead->swept;
	struct worker_chosen *chosen = &w->lead->chosen;
	bool last = false;

	worker_lock(w);
	if (w->sweep.snapshot) {
		swept->ended += w->sweep.ended;
		swept->running -= swept->running > 0;
		swept->due |= swept->running == 0;
		last |= swept->running == 0;
	}
	if (w->sweep.chosen) {
		chosen->running -= chosen->running > 0;
		chosen->due |= chosen->running == 0;
		last |= chosen->running == 0;
	}
	worker_unlock(w);
	return last;
}

/* Whether ends must wait until the session log has room for them. Access that is taken away is
 * taken away at once, and what the log then loses is counted. */
static bool log_is_full(struct worker *w)
{
	struct event_ring *ring;
	bool full;

	if (!w->sweep.chosen || w->sweep.snapshot)
		return false;
	worker_lock(w);
	ring = w->lead->log.ring;
	full = ring && event_ring_used(ring) > ring->capacity / 2;
	worker_unlock(w);
	if (!full)
		w->sweep.waiting_ns = 0;
	else if (!w->sweep.waiting_ns)
		w->sweep.waiting_ns = w->now_ns;
	return full && w->now_ns - w->sweep.waiting_ns < LOG_PATIENCE_NS;
}

void worker_sweep(struct worker *w)
{
	uint32_t high = w->table.records ? flow_table_high(&w->table) : 0;
	uint32_t stop = w->sweep.next + SWEEP_BATCH;
	struct doomed doomed = {.n = 0};

	if (!w->sweep.running || log_is_full(w))
		return;
	while (w->sweep.next < high && w->sweep.next < stop &&
	       doomed.n + doomed.ended < SWEEP_ENDS) {
		const struct flow *ahead = worker_flow(w, w->sweep.next) + SWEEP_AHEAD;

		__builtin_prefetch(ahead);
		__builtin_prefetch(ahead->packets);
		look_at(w, w->sweep.next, &doomed);
		w->sweep.next++;
		if (doomed.n == SWEEP_GROUP)
			end_doomed(w, &doomed);
	}
	end_doomed(w, &doomed);
	if (w->sweep.next < high)
		return;
	if (w->sweep.snapshot)
		worker_recount_end(w);
	if (come_through(w) && w != w->lead && w->options.wake)
		w->options.wake(w->options.context, 0);
	w->sweep = (struct worker_sweep){0};
}

uint64_t worker_sweep_due(const struct worker *w)
{
	if (!w->sweep.running)
		return UINT64_MAX;
	return w->sweep.waiting_ns ? w->now_ns + LOG_WAIT_NS : w->now_ns;
}

void worker_sweep_report(struct worker *w, struct worker_status *status)
{
	if (w != w->lead)
		return;
	worker_lock(w);
	if (w->swept.due) {
		status->swept = true;
		status->swept_ended = w->swept.ended;
		status->swept_revision = w->snapshot.header->revision;
		w->swept = (struct worker_swept){0};
	}
	if (w->chosen.due) {
		status->ended = true;
		status->ended_number = w->chosen.number;
		status->ended_flows = w->chosen.ended;
		w->chosen.due = false;
	}
	worker_unlock(w);
}
