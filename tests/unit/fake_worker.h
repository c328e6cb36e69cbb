/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_worker - stands in for datapath/worker in the tests of the process around it: takes what
 * it is told and remembers it. Included by one file of a test program, before the library is
 * asked for these symbols.
 */
#ifndef PGW_TESTS_FAKE_WORKER_H
#define PGW_TESTS_FAKE_WORKER_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/worker/worker.h"

#define FAKE_NEIGHBOURS 4096u
#define FAKE_LINKS	256u

struct worker {
	struct worker_options options;
	struct io_port *ports[SNAPSHOT_PORTS_MAX];
	unsigned ports_set, ports_gone;
	struct worker_link last_port;
	struct worker_link links[FAKE_LINKS]; /* by ifindex */
	struct fake_neighbour {
		uint32_t ifindex;
		be32 addr;
		struct mac mac;
		bool has_mac;
		uint16_t state;
	} neighbours[FAKE_NEIGHBOURS];
	unsigned n_neighbours, neighbour_calls;
	int64_t attach_result;
	uint64_t revision;
	struct flow_filter filter; /* of worker_end_flows() */
	uint64_t filter_limit, filter_number;
	struct event_ring *log;
	uint32_t log_percent;
	struct worker_status status; /* what worker_work() reports next; swept is then cleared */
	struct worker *others[WORKERS_MAX];
	unsigned n_others;
};

int worker_create(struct worker **worker, const struct worker_options *options)
{
	*worker = calloc(1, sizeof(**worker));
	if (!*worker)
		return -ENOMEM;
	(*worker)->options = *options;
	(*worker)->status.next_ns = UINT64_MAX;
	return 0;
}

int worker_join(struct worker *lead, struct worker **worker, const struct worker_options *options)
{
	int err = worker_create(worker, options);

	if (!err)
		lead->others[lead->n_others++] = *worker;
	return err;
}

void worker_destroy(struct worker *w)
{
	for (unsigned i = 0; i < w->n_others; i++)
		worker_destroy(w->others[i]);
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++) {
		if (w->ports[i])
			w->ports[i]->ops->close(w->ports[i]);
	}
	free(w);
}

void worker_log(struct worker *w, struct event_ring *ring, uint32_t percent)
{
	w->log = ring;
	w->log_percent = percent;
}

int64_t worker_attach_table(struct worker *w, void *memory, size_t bytes, uint64_t now_ns)
{
	(void)memory;
	(void)bytes;
	(void)now_ns;
	return w->attach_result;
}

void worker_port(struct worker *w, uint8_t index, const struct worker_link *link,
		 struct io_port *io)
{
	if (w->ports[index])
		w->ports[index]->ops->close(w->ports[index]);
	w->ports[index] = io;
	w->last_port = *link;
	w->ports_set++;
}

void worker_port_gone(struct worker *w, uint8_t index)
{
	if (w->ports[index])
		w->ports[index]->ops->close(w->ports[index]);
	w->ports[index] = NULL;
	w->ports_gone++;
}

struct io_counters worker_counters_of(struct worker *w, uint8_t index)
{
	return (struct io_counters){.port = &w->options.counters->port[index],
				    .dropped = w->options.counters->dropped};
}

void worker_link(struct worker *w, const struct worker_link *link)
{
	if (link->ifindex < FAKE_LINKS)
		w->links[link->ifindex] = *link;
}

static struct fake_neighbour *fake_neighbour(struct worker *w, uint32_t ifindex, be32 addr)
{
	for (unsigned i = 0; i < w->n_neighbours; i++) {
		if (w->neighbours[i].ifindex == ifindex && w->neighbours[i].addr == addr)
			return &w->neighbours[i];
	}
	return NULL;
}

void worker_neighbour(struct worker *w, uint32_t ifindex, be32 addr, const struct mac *mac,
		      uint16_t state, uint64_t now_ns)
{
	struct fake_neighbour *n = fake_neighbour(w, ifindex, addr);

	(void)now_ns;
	w->neighbour_calls++;
	if (!n && w->n_neighbours < FAKE_NEIGHBOURS)
		n = &w->neighbours[w->n_neighbours++];
	if (!n)
		return;
	*n = (struct fake_neighbour){.ifindex = ifindex, .addr = addr, .state = state};
	n->has_mac = mac != NULL;
	if (mac)
		n->mac = *mac;
}

void worker_snapshot(struct worker *w, const struct snapshot *snapshot, uint64_t now_ns)
{
	(void)now_ns;
	w->revision = snapshot->header->revision;
}

unsigned worker_receive(struct worker *w, uint8_t index, uint64_t now_ns)
{
	struct io_frame frames[IO_BURST];
	unsigned n;

	(void)now_ns;
	if (!w->ports[index])
		return 0;
	n = w->ports[index]->ops->rx(w->ports[index], frames, IO_BURST);
	w->ports[index]->ops->rx_release(w->ports[index]);
	w->options.counters->port[index].rcvd_packets += n;
	return n;
}

unsigned worker_take_over(struct worker *w, uint64_t now_ns)
{
	(void)w;
	(void)now_ns;
	return 0;
}

bool worker_sleep(struct worker *w)
{
	(void)w;
	return true;
}

void worker_awake(struct worker *w)
{
	(void)w;
}

void worker_work(struct worker *w, uint64_t now_ns, struct worker_status *status)
{
	(void)now_ns;
	*status = w->status;
	w->status.swept = w->status.ended = false;
}

void worker_end_flows(struct worker *w, const struct flow_filter *filter, uint64_t limit,
		      uint64_t number, uint64_t now_ns)
{
	(void)now_ns;
	w->filter = *filter;
	w->filter_limit = limit;
	w->filter_number = number;
}

#endif
