/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upstream - a connection to pgwd's control socket on which many requests wait at once.
 *
 * pgwd made the connection and answers its requests in their order, so those that wait stand in a
 * ring. One that has waited for UPSTREAM_ANSWER_MS gets NULL for its answer, and keeps its place
 * until the answer comes that nobody wants any more. When the connection ends, so does this
 * process: pgwd starts another.
 *
 * Limits: UPSTREAM_WAITING_MAX requests.
 */
#ifndef PGW_API_UPSTREAM_H
#define PGW_API_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "control/ctl/frame.h"

#define UPSTREAM_WAITING_MAX 1024u
#define UPSTREAM_ANSWER_MS   15000

/* @answer: borrowed; NULL: there is none, pgwd does not answer */
typedef void upstream_done(void *context, const json_t *answer);

struct upstream_waiting {
	upstream_done *done;
	void *context; /* NULL: nobody wants the answer any more */
	int64_t asked_ms;
};

struct upstream {
	int fd;
	bool broken; /* for good */
	struct frame_in in;
	struct frame_out out;
	struct upstream_waiting waiting[UPSTREAM_WAITING_MAX];
	unsigned first, n;
};

void upstream_init(struct upstream *upstream, int fd);

/* upstream_ask() - Return: false if it is not asked: pgwd is gone, or too much waits. */
bool upstream_ask(struct upstream *upstream, const json_t *request, upstream_done *done,
		  void *context, int64_t now_ms);

/* upstream_forget() - answers for @context are not wanted any more */
void upstream_forget(struct upstream *upstream, const void *context);

short upstream_events(const struct upstream *upstream); /* what to poll for */
void upstream_work(struct upstream *upstream);
void upstream_expire(struct upstream *upstream, int64_t now_ms);

#endif
