/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holdings - what pgwd has handed over: each is checked, given to the worker, and kept for the next
 * pgwd.
 *
 * pgwd is trusted with what it may ask, not with doing it well: every size, kind and seal of what
 * it sends is checked.
 *
 * Forwarding begins once there are a flow table and a snapshot, in whatever order they came.
 * The counters page is at one address for the whole life of the workers: private memory first,
 * over which the shared page is mapped when it comes. What was counted before is not carried
 * over, because nothing is forwarded before.
 *
 * A worker has a socket of its own for each port; all else is the lead's to take for all of them.
 *
 * Who owns what: a worker owns its ports; everything else that arrived is kept here, table
 * and counters for good, the snapshot until the worker has taken its successor.
 */
#ifndef PGW_PROCESS_HOLDINGS_H
#define PGW_PROCESS_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/counters.h"
#include "datapath/policy/snapshot.h"
#include "datapath/process/channel.h"
#include "datapath/process/log.h"
#include "datapath/process/memfd.h"
#include "datapath/worker/worker.h"

struct events;

struct holdings {
	struct worker *member[WORKERS_MAX]; /* the first is the lead */
	unsigned workers;
	struct events *events;
	struct counters_page *page;
	size_t page_bytes; /* of the address range reserved for it */
	int counters_fd;
	struct memfd table, snapshot;
	uint64_t revision;			       /* of the snapshot */
	int port_fds[WORKERS_MAX][SNAPSHOT_PORTS_MAX]; /* the worker's; -1: no such port */
	int xdp_fds[SNAPSHOT_PORTS_MAX]; /* the lead's AF_XDP beside it; -1: none that receives */
	uint32_t xdp_senders;		 /* ports of the lead with AF_XDP that only sends */
	struct log_end log;
	uint64_t binary_device, binary_inode;
	uint64_t now_ns; /* of the question that is being answered */
	bool changed;	 /* other descriptors to wait for; cleared by who has looked */
	bool quit;	 /* pgwd has asked for the end */
};

struct holdings_answer {
	struct channel_message message;
	int fds[CHANNEL_FDS_MAX]; /* kept here, lent to the answer */
	unsigned n_fds;
};

/**
 * holdings_create() - make @workers workers with all their memory; nothing is held yet
 * @options: of each; counters and random numbers are added here
 * Return: 0 or -errno.
 */
int holdings_create(struct holdings *holdings, struct worker_options *options, unsigned workers);
void holdings_destroy(struct holdings *holdings);

/**
 * holdings_answer() - do what a message asks
 * @fds: came with it; what is kept is replaced by -1, the others stay the caller's
 * @answer: all zero; set on success
 * Return: false if it is no question, or has not the descriptors that go with it.
 */
bool holdings_answer(struct holdings *holdings, const struct channel_message *message, int *fds,
		     uint64_t now_ns, struct holdings_answer *answer);

#endif
