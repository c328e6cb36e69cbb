/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client - the asking end of the control socket (docs/control-protocol.md), for programs that
 * may block: pgw, the tests, later pgw-api. One request at a time.
 */
#ifndef PGW_CTL_CLIENT_H
#define PGW_CTL_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#define CTL_FDS_MAX	    2
#define CTL_TIMEOUT_MS	    60000 /* default wait for an answer */
#define CTL_DEFAULT_RUNDIR  "/run/pgw"
#define CTL_SOCKET_NAME	    "pgwd.sock"
#define CTL_API_SOCKET_NAME "api.sock" /* for the API alone, see enum request_role */
#define CTL_API_USER	    "pgw-api"  /* whose group may connect there */

struct ctl_client;

/* What went wrong. From the gateway's configuration check: where. */
struct ctl_error {
	char text[512]; /* a whole sentence for the operator, without "Error: " and final newline */
	unsigned line, column; /* from 1; 0 = not known, or the whole */
	char file[256];	       /* "" = none */
};

/**
 * ctl_connect() - connect to RUNDIR/pgwd.sock
 * @rundir: NULL = CTL_DEFAULT_RUNDIR
 * Return: 0, or -errno with @error set (-ENOENT and -ECONNREFUSED: no pgwd runs there;
 * -EACCES: not permitted); *client is NULL then.
 */
int ctl_connect(struct ctl_client **client, const char *rundir, struct ctl_error *error);
void ctl_close(struct ctl_client *client); /* NULL is permitted */

/* ctl_timeout() - how long ctl_request() waits for an answer; -1 = for ever. */
void ctl_timeout(struct ctl_client *client, int timeout_ms);

/**
 * ctl_request() - send one request, wait for its answer
 * @request: an object with "op"; borrowed
 * @answer: set to the answer object (the caller's: json_decref) whenever one came, also if it
 *          says ok:false; else NULL
 * @fds: CTL_FDS_MAX places; received descriptors (close-on-exec, the caller's), -1 where there
 *       is none. NULL: any that come are closed.
 * Return: 0 the answer says ok:true; -EREMOTEIO the gateway refused (@error holds its text,
 * line, column and file); other -errno: the connection failed and only ctl_close() is left.
 */
int ctl_request(struct ctl_client *client, const json_t *request, json_t **answer, int *fds,
		struct ctl_error *error);

/**
 * ctl_event() - wait for the next event object, after ctl_request() of {"op":"monitor"}
 * @timeout_ms: -1 = for ever
 * Return: 1 *event is the caller's; 0 the gateway closed; -ETIMEDOUT; -EINTR a signal came;
 * other -errno with @error set.
 */
int ctl_event(struct ctl_client *client, json_t **event, int timeout_ms, struct ctl_error *error);

/* ctl_fd() - the descriptor, for poll. After it was readable call ctl_event() until -ETIMEDOUT. */
int ctl_fd(const struct ctl_client *client);

#endif
