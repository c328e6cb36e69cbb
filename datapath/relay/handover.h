/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - the messages between pgwd and pgw-relay.
 *
 * A UNIX SOCK_SEQPACKET connection, as for the datapath (process/channel.h): pgwd makes the
 * listening socket RUNDIR/relay.sock and hands it to the relay as descriptor HANDOVER_LISTEN_FD;
 * then, and also after a restart of pgwd, it connects there. A new connection replaces the old.
 *
 * Each message is one JSON object of at most HANDOVER_TEXT_MAX bytes with a string "op", and at
 * most HANDOVER_FDS_MAX descriptors beside it. What is longer (a configuration, a list of
 * connections) comes as a block: a sealed memfd that holds one JSON object, as descriptor 0, its
 * size in "bytes". Both ends treat what they receive as hostile: what is not such a message, or
 * holds what was not asked for, ends the connection.
 *
 *   pgwd -> relay    descriptors                   answer
 *   hello            -                             hello {version, pid, configuration's revision,
 *                                                  binary: [device, inode], listeners: [key…]}
 *                                                  and their sockets
 *   configure        block, listening sockets      ok | error {text}; nothing has changed then
 *   show {what}      -                             shown, a block
 *   quit             -                             ok, then the process ends
 *   anything else    is for a part (part.h): {op: "part", part: NAME, …}     ok | error
 *
 *   relay -> pgwd, unasked:  event {event, members}
 *
 * The block of configure: {"revision": N, "allow": [[first, last]…] (IPv4 addresses as numbers,
 * ascending, disjoint), "listeners": [{"key": TEXT, "fd": 1…}…], and a member for each part}.
 */
#ifndef PGW_RELAY_HANDOVER_H
#define PGW_RELAY_HANDOVER_H

#include <stddef.h>

#include <jansson.h>

#define HANDOVER_LISTEN_FD 3
#define HANDOVER_VERSION   1
#define HANDOVER_TEXT_MAX  65536u
#define HANDOVER_FDS_MAX   250u /* the kernel takes 253 */
#define HANDOVER_BLOCK_MAX (64u << 20)

struct handover_message {
	json_t *body; /* an object with a string "op" */
	int fds[HANDOVER_FDS_MAX];
	unsigned n_fds;
};

/**
 * handover_send() - send one message (never blocks)
 * @fds: borrowed
 * Return: 0, or -errno (-EAGAIN: the peer does not read; -EMSGSIZE: longer than permitted).
 */
int handover_send(int fd, const json_t *body, const int *fds, unsigned n_fds);

/**
 * handover_receive() - receive and check one message
 * @message: on success the caller's, until handover_free()
 * Return: 1; 0: the peer closed; -EAGAIN: none now; -EPROTO: malformed (its descriptors have been
 * closed); other -errno.
 */
int handover_receive(int fd, struct handover_message *message);
void handover_free(struct handover_message *message); /* closes what is left of its descriptors */

/* handover_take_fd() - Return: descriptor number @i, the caller's from now on; -1: there is none.
 */
int handover_take_fd(struct handover_message *message, json_int_t i);

/* handover_op() - Return: its "op". */
const char *handover_op(const struct handover_message *message);

/* handover_parse() - a message's text. Return: the object, or NULL. */
json_t *handover_parse(const char *text, size_t bytes);

/**
 * handover_block() - put an object into a sealed memfd
 * @bytes: set to its size
 * Return: a descriptor, or -errno.
 */
int handover_block(const json_t *object, size_t *bytes);

/**
 * handover_read_block() - the object of a block
 * @object: set on success
 * Return: NULL, or what is wrong (static text).
 */
const char *handover_read_block(int fd, json_int_t bytes, json_t **object);

#endif
