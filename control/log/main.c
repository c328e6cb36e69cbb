/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw-log - writes the session log: takes events from a ring that pgw-datapath fills and sends them
 * to an IPFIX collector, or appends them to a file.
 *
 * It is started by pgwd, without privileges, with all that it needs as descriptors (settings.h). It
 * may be slow or stand still: then the ring fills up, and the datapath counts what is lost. It
 * ends when the other end of its wake-up socket is closed by all who have it and the ring is
 * empty; so it outlives pgwd for as long as that datapath runs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/log/reader.h"
#include "control/log/sandbox.h"
#include "datapath/process/confine.h"

static const char usage[] =
	"usage: pgw-log [-h] [-V]\n"
	"Writes the session log. It is started by pgwd, which hands it descriptors 3 to 6;\n"
	"to start a gateway, run: pgwd -c FILE\n";

struct output {
	struct sockaddr_in collector;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "pgw-log: %s: %s\n", what, why);
	return 1;
}

/* Return: @bytes or more of a memfd that cannot shrink, or NULL. */
static void *map(int fd, size_t bytes, int protection, size_t *mapped)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat stat;
	void *memory;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &stat) ||
	    (uint64_t)stat.st_size < bytes)
		return NULL;
	*mapped = (size_t)stat.st_size;
	memory = mmap(NULL, *mapped, protection, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int send_message(void *context, const void *bytes, size_t n)
{
	const struct output *output = context;

	/* a datagram that the network cannot take now is lost: UDP promises no more */
	if (sendto(LOG_FD_OUTPUT, bytes, n, MSG_NOSIGNAL,
		   (const struct sockaddr *)&output->collector, sizeof(output->collector)) < 0)
		return -errno;
	return 0;
}

/* A disk that was full in the midst of it would leave half a line, which the next ones would
 * follow. */
static void take_back(size_t bytes)
{
	off_t end = lseek(LOG_FD_OUTPUT, 0, SEEK_CUR);

	if (bytes && end >= (off_t)bytes && ftruncate(LOG_FD_OUTPUT, end - (off_t)bytes))
		fprintf(stderr, "pgw-log: half a line is left: %s\n", strerror(errno));
}

/* All or nothing. */
static int append_lines(void *context, const void *bytes, size_t n)
{
	const char *from = bytes;
	size_t done = 0;

	(void)context;
	while (done < n) {
		ssize_t written = write(LOG_FD_OUTPUT, from + done, n - done);
		int code = written < 0 ? -errno : -EIO;

		if (code == -EINTR)
			continue;
		if (written <= 0) {
			take_back(done);
			return code;
		}
		done += (size_t)written;
	}
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* say_trouble() - the first failure, and that it is over: not one line an event. */
static void say_trouble(const struct reader *reader, int *said)
{
	if (reader->trouble == *said)
		return;
	if (reader->trouble)
		fprintf(stderr, "pgw-log: events are lost: %s\n", strerror(-reader->trouble));
	else
		fprintf(stderr, "pgw-log: events are written again\n");
	*said = reader->trouble;
}

static void drain(struct reader *reader, int *said)
{
	struct reader_clock clock;
	unsigned n;

	do {
		clock.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
		clock.realtime_ns = clock_ns(CLOCK_REALTIME);
		n = reader_work(reader, &clock);
		if (n)
			say_trouble(reader, said);
	} while (n == READER_BATCH);
}

static void loop(struct reader *reader)
{
	int said = 0;

	for (;;) {
		char woken[16];
		ssize_t got;

		drain(reader, &said);
		got = recv(LOG_FD_WAKE, woken, sizeof(woken), 0);
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
	}
	/* Nobody is left who could write into the ring. */
	drain(reader, &said);
}

static int run(void)
{
	static struct reader reader; /* too large for the stack */
	struct output output = {.collector = {.sin_family = AF_INET}};
	const struct log_settings *settings;
	size_t settings_bytes, ring_bytes;
	struct confine_error error;
	const char *why;
	void *ring;
	int code;

	settings = map(LOG_FD_SETTINGS, sizeof(*settings), PROT_READ, &settings_bytes);
	ring = map(LOG_FD_RING, EVENT_RING_HEADER_BYTES, PROT_READ | PROT_WRITE, &ring_bytes);
	if (!settings || !ring)
		return complain("pgw-log is started by pgwd",
				"there are no sealed memfds as descriptors 4 and 5. To start a "
				"gateway, run: pgwd -c FILE");
	why = reader_settings_are_sound(settings);
	if (why)
		return complain("settings", why);
	signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C is meant for pgwd */
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of write() */
	if (confine_privileges(LOG_FD_END - 1, &error))
		return complain("cannot give up privileges", error.text);
	output.collector.sin_addr.s_addr = settings->collector;
	output.collector.sin_port = htons(settings->collector_port);
	why = reader_open(&reader, settings, ring, ring_bytes,
			  settings->kind == SESSION_LOG_IPFIX ? send_message : append_lines,
			  &output);
	if (why)
		return complain("ring", why);
	tzset(); /* gmtime_r() would open files later */
	setvbuf(stderr, NULL, _IONBF, 0);
	code = sandbox_enter();
	if (code)
		return complain("seccomp", strerror(-code));
	loop(&reader);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run();
	if (argc == 2 && !strcmp(argv[1], "-V"))
		return printf("pgw-log %s\n", PGW_VERSION) < 0;
	if (argc == 2 && !strcmp(argv[1], "-h"))
		return fputs(usage, stdout) < 0;
	fputs(usage, stderr);
	return 2;
}
