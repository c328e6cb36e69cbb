/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker - one forwarding loop's whole state, and a packet's way through the stages.
 *
 * A worker is one struct; nothing of it is global. It never reads a clock and never blocks: whoever
 * drives it (the process, a test, replay) gives it the time and the ports. All memory is
 * taken in worker_create() and worker_attach_table(); none per packet.
 */
#ifndef PGW_WORKER_WORKER_H
#define PGW_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/flow/filter.h"
#include "datapath/flow/layout.h"
#include "datapath/io/io.h"
#include "datapath/policy/snapshot.h"

#define WORKERS_MAX COUNTERS_WORKERS /* of one process */

struct event_ring;
struct worker;

struct worker_options {
	struct worker_counters *counters; /* shared page or plain memory; outlives the worker */
	/* resolve() - ask for a neighbour to be resolved; answered by worker_neighbour() */
	void (*resolve)(void *context, uint32_t ifindex, be32 addr);
	/* random() - fill with unpredictable bytes (getrandom); tests give a seeded one */
	void (*random)(void *context, void *buffer, size_t bytes);
	/* wake() - worker @number has something handed over to it while it slept; NULL: never
	 * sleeps */
	void (*wake)(void *context, unsigned number);
	void *context;
	bool complete; /* no packet takes the short way: for tests, which compare both */
};

/* worker_create() - Return: 0 or -ENOMEM. worker_destroy() closes its ports. */
int worker_create(struct worker **worker, const struct worker_options *options);
void worker_destroy(struct worker *worker);

/**
 * worker_join() - one more worker for what @lead, made by worker_create(), forwards
 * @options: with counters of its own
 * Before there is a table. From then on each worker may be run by a thread of its own, which calls
 * worker_receive(), worker_take_over() and worker_work(). Whatever else is told, is told to @lead
 * for all while none of them runs; ports are each worker's own. worker_destroy() of @lead
 * destroys all.
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int worker_join(struct worker *lead, struct worker **worker, const struct worker_options *options);

/**
 * worker_attach_table() - use a flow table that flow_table_format() or an earlier worker made
 * @memory: mapped read-write, 64-byte aligned; outlives the worker
 * Call worker_port() and worker_snapshot() first where they are known, so that next hops of
 * adopted flows can be found again.
 * Return: flows adopted (>= 0), -EINVAL if header or size does not fit this build, -ENOMEM.
 */
int64_t worker_attach_table(struct worker *worker, void *memory, size_t bytes, uint64_t now_ns);

/* A portgroup's link as the datapath sees it. */
struct worker_link {
	uint32_t ifindex;
	uint32_t mtu; /* bytes of the largest IP packet */
	bool up;
	struct mac mac;
};

/* worker_port() - set or replace a port. The worker owns @io and closes it. */
void worker_port(struct worker *worker, uint8_t index, const struct worker_link *link,
		 struct io_port *io);
void worker_port_gone(struct worker *worker, uint8_t index);

/* worker_counters_of() - what an io backend of portgroup @index must count into. */
struct io_counters worker_counters_of(struct worker *worker, uint8_t index);

/* worker_link() - link state, MTU or address changed (by ifindex; unknown ones are ignored). */
void worker_link(struct worker *worker, const struct worker_link *link);

/* worker_neighbour() - the kernel's entry changed. @state: NUD_* bits; NUD_NONE = deleted. */
void worker_neighbour(struct worker *worker, uint32_t ifindex, be32 addr, const struct mac *mac,
		      uint16_t state, uint64_t now_ns);

/**
 * worker_snapshot() - take a new configuration
 * @snapshot: validated; copied. Its block must live until the next call has returned.
 * Flows that it no longer admits are ended by the sweep that this starts; see worker_work().
 */
void worker_snapshot(struct worker *worker, const struct snapshot *snapshot, uint64_t now_ns);

/* worker_receive() - take and forward one burst from a port. Return: frames taken; 0 = idle. */
unsigned worker_receive(struct worker *worker, uint8_t index, uint64_t now_ns);

/* worker_take_over() - forward what other workers have handed over. Return: frames taken. */
unsigned worker_take_over(struct worker *worker, uint64_t now_ns);

/* worker_sleep() - to be woken by options.wake() from now on. Return: false if something is there
 * already. worker_awake() - no need to be woken. */
bool worker_sleep(struct worker *worker);
void worker_awake(struct worker *worker);

/* What worker_work() reports. */
struct worker_status {
	uint64_t next_ns; /* when to call again at the latest; UINT64_MAX = nothing is due */
	bool swept;	  /* by the lead: the sweep for worker_snapshot() has ended */
	uint64_t swept_revision, swept_ended; /* of that sweep */
	bool ended;			      /* by the lead: worker_end_flows() has been done */
	uint64_t ended_number, ended_flows;   /* of that question */
};

/**
 * worker_end_flows() - begin to end the flows that @filter chooses, @limit at most
 * @number: worker_status says so with it when that is done
 * Told to the lead for all. A former question that is not finished is given up.
 */
void worker_end_flows(struct worker *worker, const struct flow_filter *filter, uint64_t limit,
		      uint64_t number, uint64_t now_ns);

/* worker_work() - timers, expiry and a bounded piece of the sweep. */
void worker_work(struct worker *worker, uint64_t now_ns, struct worker_status *status);

/**
 * worker_log() - tell the session log from now on
 * @ring: writer's end, outlives its use; NULL: tell nothing
 * @percent: mark for the fill of the table and of pools, 0: none
 */
void worker_log(struct worker *worker, struct event_ring *ring, uint32_t percent);
#endif
