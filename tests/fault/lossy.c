/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lossy - a cable that harms frames, the same ones in every run.
 *
 *   lossy NETNS DEVICE NETNS DEVICE BRIDGE SEED FILE
 *
 * Makes a tap DEVICE in each of two network namespaces (files), the second one a port of BRIDGE,
 * and carries frames between them. SIGUSR1 has it read FILE: LOSS DUPLICATE REORDER CORRUPT, each
 * per mille of the frames: lost; sent twice; kept back until three more have passed or 20 ms are
 * over; one bit behind the Ethernet header turned. What happens to the Nth frame of a direction
 * from then on follows from SEED alone. It prints "ready"; at SIGUSR1 for each direction how many
 * frames met what so far, then "harms …". Both devices go with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 65536
#define HEADER	    14
#define KEPT_FRAMES 3
#define KEPT_MS	    20

enum harm { LOSS, DUPLICATE, REORDER, CORRUPT, HARMS };

struct direction {
	int from, to;
	uint64_t random;
	unsigned long frames, met[HARMS];
	uint8_t kept[FRAME_BYTES]; /* the one that is kept back */
	ssize_t kept_bytes;	   /* 0: none */
	unsigned passed;	   /* since then */
	int64_t kept_ms;
};

static void die(const char *what)
{
	fprintf(stderr, "lossy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* splitmix64: a good sequence from any seed */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static int make_tap(const char *namespace, const char *device, const char *bridge)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int ns = open(namespace, O_RDONLY | O_CLOEXEC), fd, control;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(namespace);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(fd, TUNSETIFF, &request))
		die(device);
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0 || ioctl(control, SIOCGIFFLAGS, &request))
		die(device);
	request.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request))
		die(device);
	if (bridge) {
		int index;

		if (ioctl(control, SIOCGIFINDEX, &request))
			die(device);
		index = request.ifr_ifindex;
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", bridge);
		request.ifr_ifindex = index;
		if (ioctl(control, SIOCBRADDIF, &request))
			die(bridge);
	}
	close(control);
	return fd;
}

static void put(const struct direction *d, const uint8_t *frame, ssize_t bytes)
{
	/* A tap whose queue is full loses the frame, as a cable's far end would. */
	if (write(d->to, frame, (size_t)bytes) < 0 && errno != EAGAIN && errno != EIO)
		die("write");
}

static void release(struct direction *d)
{
	ssize_t bytes = d->kept_bytes;

	d->kept_bytes = 0;
	if (bytes)
		put(d, d->kept, bytes);
}

static void carry(struct direction *d, uint8_t *frame, ssize_t bytes, const unsigned harm[HARMS])
{
	bool meets[HARMS];
	uint64_t where;

	d->frames++;
	/* Drawn for every frame, so that the next ones do not depend on this one's luck. */
	for (unsigned i = 0; i < HARMS; i++)
		meets[i] = next(&d->random) % 1000 < harm[i];
	where = next(&d->random);
	meets[CORRUPT] = meets[CORRUPT] && bytes > HEADER;
	meets[REORDER] = meets[REORDER] && !d->kept_bytes;
	for (unsigned i = 0; i < HARMS; i++)
		d->met[i] += meets[i];
	if (meets[LOSS])
		return;
	if (meets[CORRUPT])
		frame[HEADER + where % (uint64_t)(bytes - HEADER)] ^=
			(uint8_t)(1u << (where >> 60 & 7));
	if (meets[REORDER]) {
		memcpy(d->kept, frame, (size_t)bytes);
		d->kept_bytes = bytes;
		d->kept_ms = now_ms();
		d->passed = 0;
		return;
	}
	put(d, frame, bytes);
	if (meets[DUPLICATE])
		put(d, frame, bytes);
	if (d->kept_bytes && ++d->passed >= KEPT_FRAMES)
		release(d);
}

static void work(struct direction *d, const unsigned harm[HARMS])
{
	static uint8_t frame[FRAME_BYTES];
	ssize_t got;

	while ((got = read(d->from, frame, sizeof(frame))) > 0)
		carry(d, frame, got, harm);
	if (got < 0 && errno != EAGAIN && errno != EIO)
		die("read");
	if (d->kept_bytes && now_ms() - d->kept_ms >= KEPT_MS)
		release(d);
}

static void tell(const char *name, const struct direction *d)
{
	printf("%s frames %lu lost %lu duplicated %lu reordered %lu corrupted %lu\n", name,
	       d->frames, d->met[LOSS], d->met[DUPLICATE], d->met[REORDER], d->met[CORRUPT]);
}

/* Return: false where it is to end. */
static bool take_signal(int signals)
{
	struct signalfd_siginfo info;

	return read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1;
}

static void change(struct direction ways[2], unsigned harm[HARMS], const char *path, uint64_t seed)
{
	FILE *file = fopen(path, "re");

	if (!file || fscanf(file, "%u %u %u %u", &harm[LOSS], &harm[DUPLICATE], &harm[REORDER],
			    &harm[CORRUPT]) != HARMS)
		die(path);
	fclose(file);
	tell("out", &ways[0]);
	tell("in", &ways[1]);
	printf("harms %u %u %u %u\n", harm[LOSS], harm[DUPLICATE], harm[REORDER], harm[CORRUPT]);
	fflush(stdout);
	for (unsigned i = 0; i < 2; i++) {
		ways[i].random = seed + i;
		ways[i].frames = 0;
		memset(ways[i].met, 0, sizeof(ways[i].met));
	}
}

int main(int argc, char **argv)
{
	static struct direction ways[2];
	unsigned harm[HARMS] = {0};
	sigset_t set;
	int signals;

	if (argc != 8) {
		fprintf(stderr, "usage: lossy NETNS DEVICE NETNS DEVICE BRIDGE SEED FILE\n");
		return 2;
	}
	ways[0].from = ways[1].to = make_tap(argv[1], argv[2], NULL);
	ways[0].to = ways[1].from = make_tap(argv[3], argv[4], argv[5]);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = {{.fd = ways[0].from, .events = POLLIN},
				       {.fd = ways[1].from, .events = POLLIN},
				       {.fd = signals, .events = POLLIN}};
		bool kept = ways[0].kept_bytes || ways[1].kept_bytes;

		if (poll(fds, 3, kept ? KEPT_MS : -1) < 0 && errno != EINTR)
			die("poll");
		if (fds[2].revents && !take_signal(signals))
			break;
		if (fds[2].revents)
			change(ways, harm, argv[7], strtoull(argv[6], NULL, 10));
		work(&ways[0], harm);
		work(&ways[1], harm);
	}
	return 0;
}
