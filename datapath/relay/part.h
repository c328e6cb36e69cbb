/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * part - one kind of work of pgw-relay (TLS names, tunnels), and what the process gives it.
 *
 * A configuration is taken by all parts or by none: each prepares what it is told without changing
 * anything, then each commits, which cannot fail, or each abandons what it prepared.
 */
#ifndef PGW_RELAY_PART_H
#define PGW_RELAY_PART_H

#include <netinet/in.h>

#include <jansson.h>

#include "datapath/base/addr.h"
#include "datapath/relay/handover.h"
#include "datapath/relay/loop.h"

struct relay;
struct relay_stage; /* a configuration that is being prepared */

struct relay_error {
	char text[200];
};

struct relay_part {
	const char *name; /* its member in the configuration's block, "part" of its messages */
	/* create() - @part: what the other calls are given. Return: 0 or -errno. */
	int (*create)(void **part, struct relay *relay);
	void (*destroy)(void *part);
	/* prepare() - @wanted: its member, NULL if there is none. Return: 0, -errno + @error. */
	int (*prepare)(void *part, const json_t *wanted, const struct relay_stage *stage,
		       struct relay_error *error);
	void (*commit)(void *part);
	void (*abandon)(void *part);
	/* show() - what pgwd asked for ("what" and more in @question). Return: new reference, NULL
	 * without memory. */
	json_t *(*show)(void *part, const json_t *question);
	/* message() - an "op": "part" for it; may take descriptors. NULL: it has none of its own.
	 * Return: 0, -errno + @error. */
	int (*message)(void *part, struct handover_message *message, struct relay_error *error);
};

struct loop *relay_loop(struct relay *relay);

/* relay_fail() - Return: @code, with @error set. */
int relay_fail(struct relay_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* relay_allowed() - whether the allow list, as last committed, has @addr. */
bool relay_allowed(const struct relay *relay, be32 addr);

/* relay_event() - tell the monitors. @members: taken over. What pgwd does not read is lost. */
void relay_event(struct relay *relay, const char *event, json_t *members);

/* relay_tell() - a message for pgwd that is no answer. Return: 0, -errno: it was not sent. */
int relay_tell(struct relay *relay, const json_t *body, const int *fds, unsigned n_fds);

/*
 * relay_accept() - the next connection that waits; a few descriptors are left for pgwd's messages
 * Return: its descriptor; -EAGAIN: none waits; -EMFILE: there is none to spare.
 */
int relay_accept(const struct relay *relay, int listener, struct sockaddr_in *from);

/* relay_conversation() - Return: another number after each new connection of pgwd's, never 0. */
uint64_t relay_conversation(const struct relay *relay);

/* relay_stage_socket() - the listening socket of a key. It stays the relay's, and open as long as
 * the configuration is in force; a key that stays keeps its socket. Return: -1: there is none. */
int relay_stage_socket(const struct relay_stage *stage, const char *key);

#endif
