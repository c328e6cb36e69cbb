/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote - requests to pgwd over one connection that is made when the first one needs it.
 */
#ifndef PGW_TOOL_REMOTE_H
#define PGW_TOOL_REMOTE_H

#include <jansson.h>

#include "control/ctl/client.h"
#include "tools/pgw/pgw.h"

/* remote_operation() - a request {"op": @op}; remote_ask() refuses NULL with a message. */
json_t *remote_operation(const char *op);

/* remote_try() - as remote_ask(), without a word about what went wrong.
 * @error: -EREMOTEIO: the gateway's refusal, with *answer, too, which is the caller's
 * Return: 0 or -errno; if pgw->client is NULL then, pgwd could not be reached. */
int remote_try(struct pgw *pgw, json_t *request, json_t **answer, int *fds,
	       struct ctl_error *error);

/**
 * remote_ask() - send a request, wait for its answer, say what went wrong
 * @request: taken over; NULL = there was no memory for it
 * @answer: set to the answer, which is the caller's, if EXIT_DONE is returned
 * @fds: CTL_FDS_MAX places for descriptors, or NULL
 * @refusal: where the gateway's refusal goes, for a caller that says it in its own way: its
 *           text is "" if it was something else, of which a message was written. NULL: all are.
 * Return: EXIT_DONE or EXIT_REFUSED.
 */
int remote_ask(struct pgw *pgw, json_t *request, json_t **answer, int *fds,
	       struct ctl_error *refusal);

void remote_close(struct pgw *pgw);

#endif
