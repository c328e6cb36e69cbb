/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events - links and IPv4 neighbours, as the kernel's rtnetlink reports them, for the worker.
 */
#ifndef PGW_PROCESS_EVENTS_H
#define PGW_PROCESS_EVENTS_H

#include <stdint.h>

struct events;
struct worker;

/* events_create() - Return: 0 or -ENOMEM. @worker outlives it. */
int events_create(struct events **events, struct worker *worker);
void events_destroy(struct events *events);

/**
 * events_use() - follow a socket that pgwd has subscribed to link and neighbour changes
 * @fd: owned by events on success, replaces the former one
 * What exists is asked for first, then changes are followed.
 * Return: 0, -EINVAL if it is no rtnetlink socket, other -errno.
 */
int events_use(struct events *events, int fd);

/* events_fd() - to poll for reading; -1 if there is none. */
int events_fd(const struct events *events);

/* events_refresh() - ask again for all that exists, for a port has been added. */
void events_refresh(struct events *events);

/* events_read() - take what has come, a bounded piece of it. */
void events_read(struct events *events, uint64_t now_ns);

#endif
