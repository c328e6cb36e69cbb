/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS	   16 /* of a way, before others have theirs */
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

void splice_told(struct splice_way *way, bool sender, uint32_t events)
{
	const uint32_t end = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

	if (sender) {
		way->ready |= (events & (EPOLLIN | end)) != 0;
		way->ending |= (events & end) != 0;
	} else {
		way->open |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	}
}

bool splice_can_move(const struct splice_way *way)
{
	return !way->finished && (way->waiting ? way->open : way->ready || way->ended);
}

/* The receiver is about to get a second piece: from now on none waits for the one before. */
static void stop_gathering(struct splice_way *way, int to)
{
	const int on = 1;

	if (way->gathers)
		setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	way->gathers = false;
}

static enum splice_result broke(int code, enum splice_result by)
{
	return code == -EAGAIN ? SPLICE_WAITS : by;
}

/* What is in the pipe, to the receiver. */
static enum splice_result empty_pipe(struct splice_way *way, int to, bool *moved)
{
	ssize_t n = move(way->pipe[0], to, way->waiting);

	if (n <= 0) {
		way->open = false;
		return broke((int)n, SPLICE_TO_BROKE);
	}
	way->waiting -= (size_t)n;
	way->bytes += (uint64_t)n;
	*moved = true;
	return SPLICE_TURN;
}

/* The sender has said nothing since. */
static enum splice_result heard_all(struct splice_way *way, int code)
{
	way->ready = false;
	return broke(code, SPLICE_FROM_BROKE);
}

static enum splice_result fill_pipe(struct splice_way *way, struct splice_pool *pool, int from)
{
	ssize_t n;

	if (!take_pipe(way, pool))
		return SPLICE_NO_PIPE;
	/* Only into an empty pipe, so that EAGAIN says something about the sender. */
	n = move(from, way->pipe[1], AT_ONCE);
	if (n < 0)
		return heard_all(way, (int)n);
	way->waiting = (size_t)n;
	way->ended = !n;
	way->bulk = n >= SPLICE_PIECE;
	return SPLICE_TURN;
}

/* Keeps what the receiver did not take of a piece. */
static enum splice_result keep_rest(struct splice_way *way, struct splice_pool *pool, size_t from,
				    size_t n)
{
	way->open = false;
	if (!take_pipe(way, pool) || write(way->pipe[1], pool->piece + from, n) != (ssize_t)n)
		return SPLICE_NO_PIPE;
	way->waiting = n;
	return SPLICE_WAITS;
}

static enum splice_result copy_piece(struct splice_way *way, struct splice_pool *pool, int from,
				     int to, bool *moved)
{
	ssize_t got, sent;

	do
		got = recv(from, pool->piece, sizeof(pool->piece), MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return heard_all(way, -errno);
	if (!got) {
		way->ended = true;
		return SPLICE_TURN;
	}
	stop_gathering(way, to);
	way->bulk = got == sizeof(pool->piece);
	/* A short one was all that there was; what comes now is told. */
	way->ready = way->bulk || way->ending;
	do
		sent = send(to, pool->piece, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return SPLICE_TO_BROKE;
	if (sent > 0) {
		way->bytes += (uint64_t)sent;
		*moved = true;
	}
	if (sent < got)
		return keep_rest(way, pool, sent > 0 ? (size_t)sent : 0,
				 (size_t)(got - (sent > 0 ? sent : 0)));
	return way->ready ? SPLICE_TURN : SPLICE_WAITS;
}

enum splice_result splice_move(struct splice_way *way, struct splice_pool *pool, int from, int to,
			       bool *moved)
{
	enum splice_result result = SPLICE_TURN;

	for (unsigned turn = 0; turn < TURNS && result == SPLICE_TURN; turn++) {
		if (way->waiting)
			result = empty_pipe(way, to, moved);
		else if (way->ended)
			result = SPLICE_FINISHED;
		else if (!way->ready)
			result = SPLICE_WAITS;
		else if (way->bulk)
			result = fill_pipe(way, pool, from);
		else
			result = copy_piece(way, pool, from, to, moved);
	}
	way->finished = result == SPLICE_FINISHED;
	give_back(way, pool);
	return result;
}
