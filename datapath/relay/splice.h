/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splice - one direction of a relayed connection: what the sender says is passed on.
 *
 * Short pieces are copied, two calls each. Once a piece was as long as SPLICE_PIECE the next goes
 * through a pipe: the kernel moves pages from socket to socket, none is copied through user space;
 * until a piece is short again. A way has a pipe only while there is something in it, also the
 * rest of a short piece that the receiver did not take; between that, pipes wait in a pool. What
 * is on its way is bounded by the pipe and the two sockets' buffers: a receiver that does not
 * read stops its sender.
 *
 * The sockets are waited for by edges (EPOLLET): splice_told() keeps what a round told of them
 * until splice_move() has used it up.
 */
#ifndef PGW_RELAY_SPLICE_H
#define PGW_RELAY_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLICE_POOL  64	  /* empty pipes that are kept */
#define SPLICE_PIECE 8192 /* bytes; even a pipe of a user without pages holds a rest of it */

struct splice_pool {
	int fds[SPLICE_POOL][2];
	unsigned n;
	uint8_t piece[SPLICE_PIECE]; /* on its way within one call */
};

struct splice_way {
	int pipe[2];	/* -1: none */
	size_t waiting; /* bytes in the pipe */
	uint64_t bytes; /* passed on */
	bool ready;	/* the sender may have said something */
	bool ending;	/* … and that it has no more to say: read on until that is seen */
	bool open;	/* the receiver may take something */
	bool bulk;	/* the last piece was long */
	bool gathers;	/* the receiver's socket waits for small pieces to become a large one */
	bool ended;	/* the sender has said all */
	bool finished;	/* … and all is passed on */
};
#define SPLICE_WAY_NONE ((struct splice_way){.pipe = {-1, -1}, .open = true})

enum splice_result {
	SPLICE_WAITS,	 /* for the sender, or with bytes waiting for the receiver */
	SPLICE_TURN,	 /* there may be more, others have their turn first */
	SPLICE_FINISHED, /* all is said and passed on; the receiver is to be told, or closed */
	SPLICE_FROM_BROKE,
	SPLICE_TO_BROKE,
	SPLICE_NO_PIPE,
};

/* splice_told() - @events of epoll, of the sender's or else of the receiver's socket */
void splice_told(struct splice_way *way, bool sender, uint32_t events);

/* splice_can_move() - whether splice_move() would find something to do, as far as was told */
bool splice_can_move(const struct splice_way *way);

/* splice_move() - pass on what there is. *@moved is set if anything was. */
enum splice_result splice_move(struct splice_way *way, struct splice_pool *pool, int from, int to,
			       bool *moved);

void splice_drop(struct splice_way *way, struct splice_pool *pool);
void splice_pool_drop(struct splice_pool *pool);

#endif
