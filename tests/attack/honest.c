/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * honest - what clients get done while somebody attacks:
 *
 *   pgw_honest serve ADDRESS PORT          until it is killed; prints "ready" once it listens
 *   pgw_honest bulk HOST PORT SECONDS      one download; prints "bytes N"
 *   pgw_honest requests HOST PORT SECONDS  ask, read the answer, again, 100 times a connection;
 * prints "requests N failed N"
 *
 * A connection begins with one byte: 'b' for a stream without an end, 'r' to have it and whatever
 * follows echoed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE	    65536
#define SECONDS_MAX 60.0
#define PATIENCE_S  5	/* for one answer */
#define ASK_TIMES   100 /* a connection */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *serve_one(void *argument)
{
	static const char nothing[PIECE];
	int fd = (int)(intptr_t)argument;
	char kind;

	if (recv(fd, &kind, 1, 0) == 1) {
		while (kind == 'r' && send(fd, &kind, 1, MSG_NOSIGNAL) == 1 &&
		       recv(fd, &kind, 1, 0) == 1)
			;
		while (kind == 'b' && send(fd, nothing, sizeof(nothing), MSG_NOSIGNAL) > 0)
			;
	}
	close(fd);
	return NULL;
}

static int serve(const struct sockaddr_in *at)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	struct timeval patience = {.tv_sec = PATIENCE_S};
	pthread_attr_t detached;
	pthread_t thread;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) || listen(fd, 1024)) {
		perror("pgw_honest: serve");
		return 1;
	}
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	puts("ready");
	fflush(stdout);
	for (;;) {
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0)
			continue;
		setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (pthread_create(&thread, &detached, serve_one, (void *)(intptr_t)client))
			close(client);
	}
}

/* Return: a connection on which @kind was asked for, or -1. */
static int ask(const struct sockaddr_in *to, char kind)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct linger gone = {.l_onoff = 1}; /* no TIME-WAIT: ports would run out */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) ||
	    send(fd, &kind, 1, MSG_NOSIGNAL) != 1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int bulk(const struct sockaddr_in *to, double seconds)
{
	static char piece[PIECE];
	double end_s = now_s() + seconds;
	uint64_t bytes = 0;
	int fd = ask(to, 'b');
	ssize_t n;

	if (fd < 0) {
		perror("pgw_honest: bulk");
		return 1;
	}
	while (now_s() < end_s && (n = recv(fd, piece, sizeof(piece), 0)) > 0)
		bytes += (uint64_t)n;
	close(fd);
	printf("bytes %lu\n", (unsigned long)bytes);
	return 0;
}

static int requests(const struct sockaddr_in *to, double seconds)
{
	double end_s = now_s() + seconds;
	unsigned long done = 0, failed = 0;
	char answer;

	while (now_s() < end_s) {
		int fd = ask(to, 'r');
		unsigned n = 0;

		while (fd >= 0 && recv(fd, &answer, 1, 0) == 1 && answer == 'r' &&
		       n++ < ASK_TIMES && now_s() < end_s &&
		       send(fd, &answer, 1, MSG_NOSIGNAL) == 1)
			;
		done += n;
		failed += n == 0;
		if (fd >= 0)
			close(fd);
	}
	printf("requests %lu failed %lu\n", done, failed);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	double seconds = argc > 4 ? strtod(argv[4], NULL) : 0;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 4 || inet_pton(AF_INET, argv[2], &at.sin_addr) != 1)
		goto usage;
	at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(&at);
	if (argc != 5 || !(seconds > 0 && seconds <= SECONDS_MAX))
		goto usage;
	if (strcmp(argv[1], "bulk") == 0)
		return bulk(&at, seconds);
	if (strcmp(argv[1], "requests") == 0)
		return requests(&at, seconds);
usage:
	fputs("Usage: pgw_honest serve ADDRESS PORT | bulk|requests HOST PORT SECONDS\n", stderr);
	return 1;
}
