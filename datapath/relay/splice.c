/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS	   8
#define AT_ONCE	   (1u << 20)
#define PIPE_BYTES (256 << 10)

static bool take_pipe(struct splice_way *way, struct splice_pool *pool)
{
	if (way->pipe[0] >= 0)
		return true;
	if (pool->n) {
		pool->n--;
		way->pipe[0] = pool->fds[pool->n][0];
		way->pipe[1] = pool->fds[pool->n][1];
		return true;
	}
	if (pipe2(way->pipe, O_CLOEXEC | O_NONBLOCK)) {
		way->pipe[0] = way->pipe[1] = -1;
		return false;
	}
	/* More is better; where the user has no more pages, what there is will do. */
	fcntl(way->pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
	return true;
}

static void close_pipe(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
	fds[0] = fds[1] = -1;
}

static void give_back(struct splice_way *way, struct splice_pool *pool)
{
	if (way->pipe[0] < 0 || way->waiting)
		return;
	if (pool->n == SPLICE_POOL) {
		close_pipe(way->pipe);
		return;
	}
	pool->fds[pool->n][0] = way->pipe[0];
	pool->fds[pool->n][1] = way->pipe[1];
	pool->n++;
	way->pipe[0] = way->pipe[1] = -1;
}

void splice_drop(struct splice_way *way, struct splice_pool *pool)
{
	if (way->pipe[0] >= 0 && way->waiting)
		close_pipe(way->pipe);
	way->waiting = 0;
	give_back(way, pool);
}

void splice_pool_drop(struct splice_pool *pool)
{
	while (pool->n)
		close_pipe(pool->fds[--pool->n]);
}

/* Return: bytes, 0 at the end of the stream, -EAGAIN, other -errno. */
static ssize_t move(int from, int to, size_t n)
{
	ssize_t moved;

	do
		moved = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (moved < 0 && errno == EINTR);
	return moved < 0 ? -errno : moved;
}

enum splice_result splice_move(struct splice_way *way, struct splice_pool *pool, int from, int to,
			       bool *moved)
{
	enum splice_result result = SPLICE_TURN;
	ssize_t n;

	if (!take_pipe(way, pool))
		return SPLICE_NO_PIPE;
	for (unsigned turn = 0; turn < TURNS && result == SPLICE_TURN; turn++) {
		/* Only into an empty pipe, so that EAGAIN says something about the sender. */
		n = way->waiting || way->ended ? -EAGAIN : move(from, way->pipe[1], AT_ONCE);
		if (n > 0)
			way->waiting += (size_t)n;
		else if (!n)
			way->ended = true;
		else if (n != -EAGAIN)
			result = SPLICE_FROM_BROKE;
		if (!way->waiting)
			break;
		n = move(way->pipe[0], to, way->waiting);
		if (n > 0) {
			way->waiting -= (size_t)n;
			way->bytes += (uint64_t)n;
			*moved = true;
		} else {
			result = n == -EAGAIN ? SPLICE_WAITS : SPLICE_TO_BROKE;
		}
	}
	if (!way->waiting && result == SPLICE_TURN) {
		if (n == -EAGAIN)
			result = SPLICE_WAITS;
		if (way->ended) {
			way->finished = true;
			shutdown(to, SHUT_WR);
			result = SPLICE_FINISHED;
		}
	}
	give_back(way, pool);
	return result;
}
