/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - the session log's ring as this process holds it, and telling its reader that there is
 * something to read.
 *
 * The reader sleeps until a byte comes over the wake-up socket: at most one each LOG_WAKE_NS,
 * earlier only if the ring fills up. Without events nothing is sent and no timer runs.
 */
#ifndef PGW_PROCESS_LOG_H
#define PGW_PROCESS_LOG_H

#include <stdint.h>

#include "datapath/base/event_ring.h"
#include "datapath/process/memfd.h"

#define LOG_WAKE_NS 100000000ull

struct log_end {
	struct event_ring ring;
	struct memfd memory; /* none: the log is off */
	int wake_fd;
	uint64_t woken_head; /* the ring's head when the reader was last told, … */
	uint64_t woken_ns;   /* … and when that was */
};
#define LOG_END_NONE ((struct log_end){.memory = {.fd = -1}, .wake_fd = -1})

/**
 * log_open() - check a ring and a socket that pgwd sent
 * @end: set on success, when both descriptors are its own
 * @ring_fd, @wake_fd: the caller's otherwise
 * Return: NULL, or what is wrong (static text).
 */
const char *log_open(struct log_end *end, int ring_fd, uint64_t bytes, int wake_fd);
/* log_close() - unmap and close, whereby the reader learns that nothing more comes. */
void log_close(struct log_end *end);

/* log_wake() - tell the reader if it is time. Return: when to be called again, UINT64_MAX: by and
 * by. */
uint64_t log_wake(struct log_end *end, uint64_t now_ns);

#endif
