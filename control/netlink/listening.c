/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read from /proc/net rather than asked over inet_diag, because that is a module of its own,
 * which a small or locked-down kernel does not have, while these files are there with TCP.
 *
 * The connections of TCP are listed as well as the listening sockets: the port of a connection
 * that the gateway itself has made is in use like any other. What a socket bound to all
 * addresses covers already is not repeated.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/netlink/kernel.h"
#include "control/netlink/kports.h"
#include "control/netlink/listening.h"
#include "control/netlink/netlink.h"
#include "control/netlink/private.h"
#include "control/netlink/sysctl.h"

enum tcp_state { /* as /proc/net/tcp numbers them */
		 TCP_SYN_RECV = 3,
		 TCP_TIME_WAIT = 6,
		 TCP_CLOSE = 7,
		 TCP_NEW_SYN_RECV = 12,
};

struct array {
	struct snapshot_reserved *list;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct snapshot_reserved *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->port != y->port)
		return ntohs(x->port) < ntohs(y->port) ? -1 : 1;
	if (x->addr != y->addr)
		return ntohl(x->addr) < ntohl(y->addr) ? -1 : 1;
	return 0;
}

static int add(struct array *array, be32 addr, unsigned port, uint8_t proto)
{
	struct snapshot_reserved *grown = netlink_grow(array->list, array->n, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	array->list = grown;
	grown[array->n++] = (struct snapshot_reserved){
		.addr = addr,
		.port = htons((uint16_t)port),
		.proto = proto,
	};
	return 0;
}

static bool of_interest(unsigned state, uint8_t proto)
{
	if (proto == IPPROTO_UDP)
		return true;
	/* Their ports are those of the listening socket, or free again. */
	return state != TCP_SYN_RECV && state != TCP_NEW_SYN_RECV && state != TCP_TIME_WAIT &&
	       state != TCP_CLOSE;
}

/* parse_line() - "  12: LOCAL:PORT REMOTE:PORT ST …"; addresses are words in memory order
 * Return: true if it is a socket that can receive IPv4 */
static bool parse_line(const char *line, bool v6, be32 *addr, unsigned *port, unsigned *state)
{
	unsigned word[4] = {0};

	if (!v6)
		return sscanf(line, " %*u: %8x:%4x %*8x:%*4x %2x", addr, port, state) == 3;
	if (sscanf(line, " %*u: %8x%8x%8x%8x:%4x %*32[0-9A-Fa-f]:%*4x %2x", &word[0], &word[1],
		   &word[2], &word[3], port, state) != 6)
		return false;
	*addr = word[3];
	/* "::" may receive IPv4 too: whether it is IPV6_V6ONLY is not told here, so it counts. */
	if (!word[0] && !word[1] && !word[2] && !word[3])
		return true;
	return !word[0] && !word[1] && word[2] == htonl(0xffff);
}

static int read_table(struct array *array, const char *path, uint8_t proto, bool v6)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	if (!file)
		return errno == ENOENT && v6 ? 0 : -errno; /* no IPv6 in this kernel */
	while (!err && getline(&line, &room, file) > 0) {
		unsigned port, state;
		be32 addr;

		if (parse_line(line, v6, &addr, &port, &state) && port && of_interest(state, proto))
			err = add(array, addr, port, proto);
	}
	if (!err && ferror(file))
		err = -EIO;
	free(line);
	fclose(file);
	return err;
}

/* unique() - sort, and drop what is twice there or covered by "all addresses" */
static void unique(struct array *array)
{
	size_t kept = 0;

	if (!array->n)
		return;
	qsort(array->list, array->n, sizeof(*array->list), compare);
	for (size_t i = 0; i < array->n; i++) {
		const struct snapshot_reserved *next = &array->list[i];
		const struct snapshot_reserved *last = kept ? &array->list[kept - 1] : NULL;

		if (last && last->proto == next->proto && last->port == next->port &&
		    (!last->addr || last->addr == next->addr))
			continue;
		array->list[kept++] = *next;
	}
	array->n = kept;
}

static int read_tables(struct array *array)
{
	int err = read_table(array, "/proc/thread-self/net/tcp", IPPROTO_TCP, false);

	if (!err)
		err = read_table(array, "/proc/thread-self/net/tcp6", IPPROTO_TCP, true);
	if (!err)
		err = read_table(array, "/proc/thread-self/net/udp", IPPROTO_UDP, false);
	if (!err)
		err = read_table(array, "/proc/thread-self/net/udp6", IPPROTO_UDP, true);
	return err;
}

/* add_chosen() - the ports that the kernel may choose itself, where those are so few that
 * kports_plan() has taken them from the pools */
static int add_chosen(struct array *array)
{
	char *range_text = NULL, *reserved_text = NULL;
	struct kports_set reserved;
	unsigned first, last;
	int err = sysctl_read("net/ipv4/ip_local_port_range", &range_text);

	if (!err)
		err = sysctl_read("net/ipv4/ip_local_reserved_ports", &reserved_text);
	if (err)
		goto out;
	if (sscanf(range_text, "%u %u", &first, &last) != 2 || first > last || last > 65535 ||
	    !kports_parse(&reserved, reserved_text)) {
		err = -EPROTO;
		goto out;
	}
	if (last - first + 1 > KPORTS_CARVED)
		goto out;
	for (unsigned port = first; port <= last && !err; port++) {
		if (kports_has(&reserved, port))
			continue;
		err = add(array, 0, port, IPPROTO_TCP);
		if (!err)
			err = add(array, 0, port, IPPROTO_UDP);
	}
out:
	free(range_text);
	free(reserved_text);
	return err;
}

/* finish() - hand the array over, or free it */
static int finish(struct array *array, int err, struct snapshot_reserved **list, size_t *n)
{
	if (err) {
		free(array->list);
		*array = (struct array){0};
	}
	unique(array);
	*list = array->list;
	*n = array->n;
	return err;
}

int listening_sockets(struct snapshot_reserved **list, size_t *n)
{
	struct array array = {0};
	int err = read_tables(&array);

	return finish(&array, err, list, n);
}

int kernel_listening(struct snapshot_reserved **list, size_t *n)
{
	struct array array = {0};
	int err = read_tables(&array);

	if (!err)
		err = add_chosen(&array);
	return finish(&array, err, list, n);
}

int kernel_listening_kept(const struct kernel *kernel, struct snapshot_reserved **list, size_t *n)
{
	struct array array = {0};
	int err = 0;

	for (size_t i = 0; !err && i < kernel->n_sockets; i++)
		err = add(&array, kernel->sockets[i].addr, ntohs(kernel->sockets[i].port),
			  kernel->sockets[i].proto);
	if (!err)
		err = add_chosen(&array);
	return finish(&array, err, list, n);
}
