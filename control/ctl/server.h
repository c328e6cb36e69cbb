/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server - the answering end of the control socket (docs/control-protocol.md).
 *
 * One thread, non-blocking: whoever owns the loop polls server_fd() and calls server_work().
 *
 * A client is in one of these states:
 *   asking       its next line is a request
 *   answering    an answer waits to be written; nothing more is read from it meanwhile, so that
 *                a client that does not read cannot make us hold more than one answer
 *   sweeping     its answer waits for server_swept(), server_ended() or the deadline
 *   monitoring   gets events; what it sends is thrown away. It is dropped when
 *                SERVER_EVENTS_BYTES_MAX bytes wait for it
 *
 * Limits: SERVER_CLIENTS_MAX connections, SERVER_API_CLIENTS_MAX of them of the API, so that an
 * operator gets in whatever the API does; SERVER_STALL_MS for an answer to be read.
 */
#ifndef PGW_CTL_SERVER_H
#define PGW_CTL_SERVER_H

#include <stdint.h>

#include "control/ctl/event.h"
#include "control/ctl/request.h"

#define SERVER_CLIENTS_MAX	64u
#define SERVER_API_CLIENTS_MAX	32u
#define SERVER_EVENTS_BYTES_MAX (1u << 20)
#define SERVER_STALL_MS		30000
#define SERVER_SWEEP_MS		10000
#define SERVER_ENDING_MS	50000 /* less than CTL_TIMEOUT_MS */

struct server;

/**
 * server_open() - listen on @path (mode 0600); a socket that lies there is replaced
 * @ops, @gateway: borrowed; called from server_work()
 * Return: 0, or -errno with @error set.
 */
int server_open(struct server **server, const char *path, const struct request_ops *ops,
		void *gateway, struct ctl_error *error);

/**
 * server_open_api() - listen on a second socket as well, on which REQUEST_ROLE_API asks
 * @user: whose group may connect (mode 0660); if there is no such user, only root may (0600)
 * Return: 0, or -errno with @error set.
 */
int server_open_api(struct server *server, const char *path, const char *user,
		    struct ctl_error *error);

/* server_close() - drop all clients, remove the sockets. NULL is permitted. */
void server_close(struct server *server);

int server_fd(const struct server *server); /* polls readable when server_work() has work */
void server_work(struct server *server, int64_t now_ms);

/* server_due_ms() - when to call server_expire() at the latest; INT64_MAX = never, 0 = at once
 * (requests that have been read wait for their turn). */
int64_t server_due_ms(const struct server *server);
void server_expire(struct server *server, int64_t now_ms);

/**
 * server_event() - send one event to all monitors; adds "time" and "event"
 * @members: the other members, taken over
 */
void server_event(struct server *server, enum ctl_event event, json_t *members);

/* server_swept() - the sweep for @revision ended @ended flows: answer who waits for it or for
 * an earlier one. */
void server_swept(struct server *server, uint64_t revision, uint64_t ended);

/* server_ended() - question @number has ended @ended sessions, or failed with @code and @error. */
void server_ended(struct server *server, uint64_t number, uint64_t ended, int code,
		  const struct ctl_error *error);

#endif
