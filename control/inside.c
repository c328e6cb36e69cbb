/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/netlink/sysctl.h"

#define BACKLOG	   4096
#define PORT_TRIES 2000

static const struct inside_socket *find(const struct inside *inside,
					const struct inside_place *place)
{
	for (size_t i = 0; i < inside->n; i++)
		if (inside->list[i].place.addr == place->addr &&
		    inside->list[i].place.protocol == place->protocol &&
		    inside->list[i].place.port == place->port)
			return &inside->list[i];
	return NULL;
}

static void drop(struct inside *inside)
{
	for (size_t i = 0; i < inside->n; i++)
		if (inside->list[i].ours && inside->list[i].fd >= 0)
			close(inside->list[i].fd);
	free(inside->list);
	*inside = (struct inside){0};
}

/* The largest MTU of the portgroups: what their clients may send whole. */
static uint32_t largest_mtu(struct gateway *gateway, const struct config *config)
{
	uint32_t mtu = 0;

	for (size_t i = 0; i < config->n_portgroups; i++) {
		struct kernel_error why;
		struct kernel_link link;

		if (!kernel_portgroup(gateway->kernel, &config->portgroups[i], &link, &why) &&
		    link.mtu > mtu)
			mtu = link.mtu;
	}
	return mtu ? mtu : 1500;
}

static bool port_used(const struct inside *inside, uint16_t port)
{
	for (size_t i = 0; i < inside->n; i++)
		if (inside->list[i].place.protocol == IPPROTO_TCP &&
		    inside->list[i].place.inside == port)
			return true;
	return false;
}

/* Binds to the first port that is free, both in this namespace and in the sets. */
static int bind_port(int fd, const struct inside *running, const struct inside *next,
		     uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = inet_addr(INSIDE_HOST_TEXT)};

	for (unsigned i = 0; i < PORT_TRIES; i++) {
		*port = (uint16_t)(INSIDE_PORT_FIRST + i);
		if (port_used(running, *port) || port_used(next, *port))
			continue;
		at.sin_port = htons(*port);
		if (!bind(fd, (const struct sockaddr *)&at, sizeof(at)))
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

static int open_socket(const struct inside *running, struct inside *next,
		       struct inside_socket *entry, struct ctl_error *error)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, code = 0;
	char addr[ADDR_TEXT_BYTES];

	/* SO_BINDTODEVICE: connections take it over, and by it the way back to the datapath. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, INSIDE_DEV_HOST, sizeof(INSIDE_DEV_HOST)))
		code = -errno;
	if (!code)
		code = bind_port(fd, running, next, &entry->place.inside);
	if (!code && listen(fd, BACKLOG))
		code = -errno;
	if (code) {
		if (fd >= 0)
			close(fd);
		return fault(error, code, "cannot listen for %s port %u: %s",
			     addr_text(entry->place.addr, addr), entry->place.port,
			     strerror(-code));
	}
	entry->fd = fd;
	entry->ours = true;
	return 0;
}

static int take_socket(const struct inside *running, struct inside *next,
		       const struct inside_place *place, struct ctl_error *error)
{
	const struct inside_socket *old =
		running->ifindex == next->ifindex ? find(running, place) : NULL;
	struct inside_socket *entry = &next->list[next->n];
	int code = 0;

	*entry = (struct inside_socket){.place = *place, .fd = -1};
	if (old) {
		*entry = *old;
		entry->ours = false;
	} else if (place->protocol == IPPROTO_TCP) {
		code = open_socket(running, next, entry, error);
	} else {
		entry->place.inside = INSIDE_PORT_NTP;
	}
	next->n += !code;
	return code;
}

int inside_take(struct gateway *gateway, const struct config *config, struct inside *next,
		struct ctl_error *error)
{
	struct inside_place *places;
	struct kernel_error why;
	size_t n;
	int code;

	*next = (struct inside){0};
	if (inside_places(config, &places, &n))
		return fault(error, -ENOMEM, "out of memory");
	if (!n) {
		free(places);
		return 0;
	}
	next->list = calloc(n, sizeof(*next->list));
	code = next->list ? 0 : fault(error, -ENOMEM, "out of memory");
	if (!code) {
		code = kernel_inside(gateway->kernel, largest_mtu(gateway, config), &next->ifindex,
				     &why);
		if (code)
			fault(error, code, "%s", why.text);
	}
	for (size_t i = 0; !code && i < n; i++)
		code = take_socket(&gateway->inside, next, &places[i], error);
	free(places);
	if (code)
		inside_undo(gateway, next);
	return code;
}

void inside_undo(struct gateway *gateway, struct inside *next)
{
	drop(next);
	if (!gateway->inside.ifindex)
		kernel_inside_remove(gateway->kernel);
}

unsigned long inside_filter(void)
{
	unsigned long filter = 0;
	char *text;

	if (sysctl_read("net/ipv4/conf/all/rp_filter", &text))
		return 0;
	filter = strtoul(text, NULL, 10);
	free(text);
	return filter;
}

/* look_at_filter() - the kernel takes the greater of what is set for all and for one interface */
static void look_at_filter(struct inside *inside)
{
	unsigned long filter = inside->n ? inside_filter() : 0;

	if (filter && filter != inside->filter)
		ctl_log(TOLD_KERNEL, LOG_WARNING,
			"net.ipv4.conf.all.rp_filter is %lu, which counts for %s, too: services "
			"with names (sni) and NTP %s; set it to 0, also in /etc/sysctl.d",
			filter, INSIDE_DEV_HOST,
			filter == 1
				? "are not reached by any client"
				: "are not reached by clients to which this system has no route");
	inside->filter = filter;
}

void inside_mend(struct gateway *gateway, const struct kernel_mend *mend)
{
	if (gateway->inside.ifindex)
		kernel_inside_mend(gateway->kernel, gateway->inside.ifindex,
				   largest_mtu(gateway, &gateway->config), mend);
	look_at_filter(&gateway->inside);
}

void inside_commit(struct gateway *gateway, struct inside *next)
{
	struct inside *now = &gateway->inside;

	next->filter = now->filter;
	for (size_t i = 0; i < now->n; i++)
		now->list[i].ours =
			now->ifindex != next->ifindex || !find(next, &now->list[i].place);
	drop(now);
	*now = *next;
	*next = (struct inside){0};
	look_at_filter(now);
	/* A pgwd before this one may have left it, too. */
	if (!now->n)
		kernel_inside_remove(gateway->kernel);
}

void inside_forget(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->inside.n; i++)
		gateway->inside.list[i].ours = true;
	drop(&gateway->inside);
}

void inside_close(struct gateway *gateway)
{
	inside_forget(gateway);
	kernel_inside_remove(gateway->kernel);
}

bool inside_broken(const struct gateway *gateway)
{
	return gateway->inside.ifindex &&
	       !kernel_inside_complete(gateway->kernel, gateway->inside.ifindex);
}

void inside_key(const struct inside *inside, const struct inside_socket *socket,
		char key[INSIDE_KEY])
{
	char addr[ADDR_TEXT_BYTES];

	snprintf(key, INSIDE_KEY, "%s:%u %u", addr_text(socket->place.addr, addr),
		 socket->place.port, inside->ifindex);
}

void inside_adopt(struct gateway *gateway, const char *key, int fd)
{
	struct inside *inside = &gateway->inside;
	struct inside_socket entry = {.place = {.protocol = IPPROTO_TCP}, .fd = fd, .ours = true};
	struct sockaddr_in at = {0};
	socklen_t size = sizeof(at);
	struct inside_socket *grown;
	unsigned port, ifindex;
	char addr[ADDR_TEXT_BYTES];

	if (sscanf(key, "%15[0-9.]:%5u %10u", addr, &port, &ifindex) != 3 ||
	    !addr_parse(addr, &entry.place.addr) || !port || port > 65535 ||
	    (inside->ifindex && inside->ifindex != ifindex) ||
	    getsockname(fd, (struct sockaddr *)&at, &size) || at.sin_family != AF_INET) {
		close(fd);
		return;
	}
	entry.place.port = (uint16_t)port;
	entry.place.inside = ntohs(at.sin_port);
	grown = realloc(inside->list, (inside->n + 1) * sizeof(*grown));
	if (!grown || find(inside, &entry.place)) {
		inside->list = grown ? grown : inside->list;
		close(fd);
		return;
	}
	inside->list = grown;
	inside->list[inside->n++] = entry;
	inside->ifindex = ifindex;
}

void inside_known(const struct inside *inside, struct inside_place *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct inside_socket *socket = find(inside, &list[i]);

		if (socket)
			list[i].inside = socket->place.inside;
	}
}

struct inside_place *inside_list(const struct inside *inside)
{
	struct inside_place *list = calloc(inside->n + 1, sizeof(*list));

	for (size_t i = 0; list && i < inside->n; i++)
		list[i] = inside->list[i].place;
	return list;
}
