/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer - pgwd's end of the channel to pgw-datapath (datapath/process/channel.h).
 *
 * The process at the other end meets hostile packets, so it is not trusted: whatever is not an
 * expected answer ends the conversation (peer.broken), whereupon its owner replaces the process.
 * A question waits at most PEER_ANSWER_MS for its answer, HELLO and
 * TABLE a time of their own. Unasked messages
 * that come meanwhile go to peer.unasked, which must not ask anything itself.
 */
#ifndef PGW_CONTROL_PEER_H
#define PGW_CONTROL_PEER_H

#include <stdbool.h>

#include "control/ctl/request.h"
#include "datapath/process/channel.h"

#define PEER_ANSWER_MS 3000
#define PEER_HELLO_MS  1000  /* whoever does not even say hello is replaced */
#define PEER_ADOPT_MS  10000 /* to look at every flow of a table */

struct peer {
	int fd;		   /* -1: not connected */
	uint32_t sequence; /* of the last question */
	bool broken;	   /* it closed, was late or broke the protocol */
	bool closed;	   /* of these, the first: its process ends, or has */
	bool posting;	   /* see peer_post() */
	unsigned posted;   /* questions whose answers have not been taken */
	uint32_t settled;  /* the sequence number of the last one whose answer has */
	void (*unasked)(void *context, const struct channel_message *message);
	void *context;
};

/* peer_connect() - connect to the socket at @path. Return: 0 or -errno. */
int peer_connect(struct peer *peer, const char *path);
void peer_close(struct peer *peer);

/**
 * peer_ask() - send @question, wait for its answer
 * @fds, @n_fds: descriptors beside it; borrowed
 * @answer: of type OK, or HELLO where that was asked; NULL if it does not matter
 * @answer_fds: CHANNEL_FDS_MAX places, the caller's; NULL: descriptors break the protocol
 * Return: 0; -EREMOTEIO: the datapath refused (@error holds its text); other -errno: the
 * conversation is broken.
 */
int peer_ask(struct peer *peer, const struct channel_message *question, const int *fds,
	     unsigned n_fds, struct channel_message *answer, int *answer_fds,
	     struct ctl_error *error);

/**
 * peer_post() - be quick: questions that nobody wants an answer of (@answer NULL) are only sent
 * The next one whose answer is wanted takes theirs first, and waits as usual. A refusal breaks the
 * conversation: this is for a process that has just been started, and has nothing to lose.
 */
void peer_post(struct peer *peer);

/* peer_read() - take the unasked messages that have come (a bounded number).
 * Return: 0, or -errno with @error set: the conversation is broken. */
int peer_read(struct peer *peer, struct ctl_error *error);

#endif
