/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend - which of a service's backends a new flow gets, and how many connections each has.
 *
 * A connection is a flow to a service that is not closed for good: that an ended one waits for its
 * record to be taken must not make its backend look busy.
 *
 * Counts are kept by the backend's index in the snapshot. A new snapshot takes them over by service
 * and backend address; then the sweep, which looks at every flow anyway, counts anew beside them,
 * and at its end these exact numbers take their place. While it runs, what is before sweep.next is
 * counted in both: changes there enter both, changes behind it only the numbers in use.
 *
 *   flows[]    in use     recount[]   of the flows before sweep.next, while recounting
 *
 * Limits: SNAPSHOT_BACKENDS_MAX, 4 bytes each twice, untouched where there are fewer.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/flow/state.h"
#include "datapath/policy/admit.h"
#include "datapath/worker/state.h"

int worker_backends_init(struct worker *w)
{
	w->backends.flows = calloc(SNAPSHOT_BACKENDS_MAX, sizeof(uint32_t));
	w->backends.recount = calloc(SNAPSHOT_BACKENDS_MAX, sizeof(uint32_t));
	if (w->backends.flows && w->backends.recount)
		return 0;
	worker_backends_fini(w);
	return -ENOMEM;
}

void worker_backends_fini(struct worker *w)
{
	free(w->backends.flows);
	free(w->backends.recount);
	w->backends = (struct worker_backends){0};
}

void worker_backends_forget(struct worker *w)
{
	if (w->has_snapshot)
		memset(w->backends.flows, 0, w->snapshot.n_backends * sizeof(uint32_t));
	w->backends.recounting = false;
}

bool worker_flow_counts(const struct flow *flow)
{
	return flow->flags & FLOW_DNAT && tcp_counts(tcp_word(flow));
}

static void add(uint32_t *count, int by)
{
	if (by > 0 || *count)
		*count += (uint32_t)by;
}

void worker_count_backend(struct worker *w, const struct flow *flow, int by)
{
	const struct snapshot_service *service;
	const struct snapshot_backend *backend = policy_backend(&w->snapshot, flow, &service);
	ptrdiff_t index;

	if (!backend) /* it is not configured any more; the sweep ends its flows */
		return;
	index = backend - w->snapshot.backends;
	add(&w->backends.flows[index], by);
	if (w->backends.recounting && flow - w->table.records < w->sweep.next)
		add(&w->backends.recount[index], by);
}

void worker_recount_begin(struct worker *w)
{
	memset(w->backends.recount, 0, w->snapshot.n_backends * sizeof(uint32_t));
	w->backends.recounting = true;
}

void worker_recount_flow(struct worker *w, const struct flow *flow)
{
	const struct snapshot_service *service;
	const struct snapshot_backend *backend;

	if (!w->backends.recounting || !worker_flow_counts(flow))
		return;
	backend = policy_backend(&w->snapshot, flow, &service);
	if (backend)
		w->backends.recount[backend - w->snapshot.backends]++;
}

static void swap(struct worker_backends *backends)
{
	uint32_t *flows = backends->flows;

	backends->flows = backends->recount;
	backends->recount = flows;
}

void worker_recount_end(struct worker *w)
{
	worker_lock(w);
	if (w->backends.recounting)
		swap(&w->backends);
	w->backends.recounting = false;
	worker_unlock(w);
}

/* The connections that @backend had as one of @former, a service of the snapshot that goes.
 * @likely: its place there, unless the service was changed */
static uint32_t former_count(const struct worker *w, const struct snapshot_service *former,
			     const struct snapshot_backend *backend, uint32_t likely)
{
	for (uint32_t i = 0; i < former->backends; i++) {
		uint32_t index = former->first_backend + (likely + i) % former->backends;
		const struct snapshot_backend *there = &w->snapshot.backends[index];

		if (there->addr == backend->addr && there->port == backend->port)
			return w->backends.flows[index];
	}
	return 0;
}

void worker_backends_snapshot(struct worker *w, const struct snapshot *next)
{
	uint32_t *counts = w->backends.recount;

	memset(counts, 0, next->n_backends * sizeof(uint32_t));
	for (uint32_t i = 0; w->has_snapshot && i < next->n_services; i++) {
		const struct snapshot_service *service = &next->services[i];
		const struct snapshot_service *former = snapshot_service(
			&w->snapshot, service->addr, service->proto, service->port);

		for (uint32_t j = 0; former && j < service->backends; j++) {
			uint32_t index = service->first_backend + j;

			counts[index] = former_count(w, former, &next->backends[index], j);
		}
	}
	swap(&w->backends);
	w->backends.recounting = false;
}

/* Connections of backend @index, of all workers' flows. */
static uint32_t connections(const struct worker *w, uint32_t index)
{
	uint32_t sum = 0;

	if (!w->crew)
		return w->backends.flows[index];
	for (unsigned i = 0; i < w->crew->members; i++)
		sum += w->crew->member[i]->backends.flows[index];
	return sum;
}

/* Of backends that are up, the one with the fewest connections; of several, the next in turn. */
static const struct snapshot_backend *
choose_least(const struct worker *w, const struct snapshot_service *service, uint32_t start)
{
	const struct snapshot_backend *best = NULL;
	uint32_t least = 0;

	for (uint32_t i = 0; i < service->backends; i++) {
		uint32_t index = service->first_backend + (start + i) % service->backends;

		if (!w->snapshot.backends[index].up || (best && connections(w, index) >= least))
			continue;
		best = &w->snapshot.backends[index];
		least = connections(w, index);
	}
	return best;
}

const struct snapshot_backend *worker_choose_backend(struct worker *w,
						     const struct snapshot_service *service,
						     const struct flow_tuple *tuple, uint8_t proto)
{
	uint32_t index = (uint32_t)(service - w->snapshot.services);
	uint32_t *turn = &w->lead->turn[index % WORKER_SERVICES];
	uint32_t start;

	if (service->balance == BALANCE_SOURCE_HASH) {
		struct flow_tuple source = {.src = tuple->src};

		start = (uint32_t)(flow_hash(&w->table, &source, proto, 0) >> 32) %
			service->backends;
	} else {
		start = *turn = (*turn + 1) % service->backends;
	}
	if (service->balance == BALANCE_LEAST_CONNECTIONS)
		return choose_least(w, service, start);
	for (uint32_t i = 0; i < service->backends; i++) {
		const struct snapshot_backend *backend =
			&w->snapshot.backends[service->first_backend +
					      (start + i) % service->backends];

		if (backend->up)
			return backend;
	}
	return NULL;
}

void worker_refuse_service(struct worker *w, const struct packet *p,
			   const struct snapshot_service *service)
{
	switch ((enum down_answer)service->down) {
	case DOWN_RESET:
		if (p->proto == IPPROTO_TCP)
			worker_send_reset(w, p);
		else
			worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_PORT, 0);
		break;
	case DOWN_ICMP:
		worker_send_error(w, p, ICMP_UNREACHABLE, ICMP_UNREACHABLE_HOST, 0);
		break;
	case DOWN_SILENCE:
	case DOWN_COUNT:
		break;
	}
}

void worker_dead_flow(struct worker *w, const struct flow *flow)
{
	const struct snapshot_service *service;
	const struct snapshot_backend *backend;

	if (flow->proto != IPPROTO_TCP || !worker_flow_counts(flow))
		return;
	backend = policy_backend(&w->snapshot, flow, &service);
	if (backend && !backend->up && service->dead == DEAD_RESET)
		worker_send_flow_reset(w, flow);
}
