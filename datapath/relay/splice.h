/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splice - one direction of a relayed connection, through a pipe: the kernel moves pages from
 * socket to socket, none is copied through user space.
 *
 * A way has a pipe only while there is something in it; between that, pipes wait in a pool. What
 * is on its way is bounded by the pipe and the two sockets' buffers: a receiver that does not
 * read stops its sender.
 */
#ifndef PGW_RELAY_SPLICE_H
#define PGW_RELAY_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLICE_POOL 64 /* empty pipes that are kept */

struct splice_pool {
	int fds[SPLICE_POOL][2];
	unsigned n;
};

struct splice_way {
	int pipe[2];	/* -1: none */
	size_t waiting; /* bytes in the pipe */
	uint64_t bytes; /* passed on */
	bool ended;	/* the sender has said all */
	bool finished;	/* … and the receiver has been told */
};
#define SPLICE_WAY_NONE ((struct splice_way){.pipe = {-1, -1}})

enum splice_result {
	SPLICE_WAITS,	 /* for the sender, or with bytes waiting for the receiver */
	SPLICE_TURN,	 /* there may be more, others have their turn first */
	SPLICE_FINISHED, /* all is said and passed on */
	SPLICE_FROM_BROKE,
	SPLICE_TO_BROKE,
	SPLICE_NO_PIPE,
};

/* splice_move() - pass on what there is. *@moved is set if anything was. */
enum splice_result splice_move(struct splice_way *way, struct splice_pool *pool, int from, int to,
			       bool *moved);

void splice_drop(struct splice_way *way, struct splice_pool *pool);
void splice_pool_drop(struct splice_pool *pool);

#endif
