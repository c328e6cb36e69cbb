/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ends - what of a connection's state is counted: its flow counts for its host and its backend, and
 * is on the wheel, until it is closed for good; then it waits in the queue of such flows.
 *
 * What user space closes is counted at once. What the kernel's programs close (flow/ends.h) is read
 * after each burst was received and before any of it is looked at, and before any other work: so no
 * decision goes by a number in which such a connection still is. It wakes nobody; who needs no
 * packet and no answer does not need the number.
 *
 * Limits: one worker; where there are several, the programs leave the last FIN to them.
 */
#include "datapath/flow/ends.h"

#include "datapath/flow/state.h"
#include "datapath/worker/state.h"

void worker_account(struct worker *w, uint32_t index, struct flow *flow, uint32_t before)
{
	uint32_t now = tcp_take_untold(flow);
	bool counts = tcp_counts(now);

	if (tcp_counts(before) == counts)
		return;
	/* whose end was seen counts for nobody any more */
	worker_lock(w);
	worker_count_flow(w, flow, counts ? 1 : -1);
	worker_unlock(w);
	wheel_remove(&w->wheel, index);
	worker_count_closed(w, counts ? -1 : 1);
	if (counts)
		wheel_add(&w->wheel, index, w->now_tick + worker_timeout(w, flow));
	else
		wheel_add_closed(&w->wheel, index);
}

void worker_begin_ends(struct worker *w)
{
	struct flow_header *header = w->table.header;

	*(volatile uint32_t *)&header->ends_room = header->ends_first && !w->crew ? ENDS_SLOTS : 0;
}

static void take(struct worker *w, uint32_t index)
{
	struct flow *flow;
	uint32_t before;

	if (index >= flow_table_high(&w->table)) /* nothing came of it */
		return;
	flow = worker_flow(w, index);
	before = tcp_word(flow);
	if (FLOW_WORD_STATE(atomic_load_explicit(&flow->word, memory_order_relaxed)) ==
		    FLOW_ACTIVE &&
	    before & FLOW_UNTOLD)
		worker_account(w, index, flow, before);
}

void worker_take_ends(struct worker *w)
{
	struct flow_header *header = w->table.header;
	const uint64_t *slots;
	uint32_t tail;

	/* until all flows are adopted, there are no numbers */
	if (!w->table.records || w->crew || w->unadopted || !header->ends_first)
		return;
	slots = (const uint64_t *)(header + header->ends_first);
	tail = header->ends_tail;
	for (unsigned i = 0; i < ENDS_SLOTS; i++, tail++) {
		uint64_t slot = __atomic_load_n(&slots[tail % ENDS_SLOTS], __ATOMIC_ACQUIRE);

		if (slot >> 32 != (uint32_t)(tail + 1))
			break;
		take(w, (uint32_t)slot);
		__atomic_store_n(&header->ends_tail, tail + 1, __ATOMIC_RELEASE);
	}
}
