/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_accept - connections out of listening sockets, of connectors and of endpoints' clients.
 *
 * Without descriptors for another one, what waits in the sockets is told of again and again. So
 * all of them rest for a moment then; a connector that has not logged in makes room before that.
 */
#include <errno.h>
#include <sys/socket.h>

#include <netinet/tcp.h>

#include "datapath/relay/tunnel.h"

#define ACCEPTS_AT_ONCE 64u
#define ACCEPT_AGAIN_MS 100u

static void want_all(struct tunnel_part *part, uint32_t events)
{
	struct endpoint *endpoint;

	for (unsigned i = 0; i < part->n_listeners; i++)
		loop_want(part->loop, &part->listeners[i]->source, events);
	for (unsigned i = 0; i < part->n_stages; i++)
		LIST_FOREACH(endpoint, &part->stages[i]->endpoints, of_stage)
	if (!endpoint->udp)
		loop_want(part->loop, &endpoint->source, events);
}

static void again(struct loop_timer *timer)
{
	struct tunnel_part *part =
		(struct tunnel_part *)((char *)timer - offsetof(struct tunnel_part, accept_again));

	want_all(part, EPOLLIN);
}

static void rest(struct tunnel_part *part)
{
	part->accept_again.fire = again;
	if (!loop_timer_set(part->loop, &part->accept_again,
			    loop_now_ms(part->loop) + ACCEPT_AGAIN_MS))
		want_all(part, 0);
}

static void prepare(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

int tunnel_accept(struct tunnel_part *part, int listener, struct sockaddr_in *peer)
{
	for (;;) {
		int fd = relay_accept(part->relay, listener, peer);

		if (fd >= 0) {
			prepare(fd);
			return fd;
		}
		if (fd != -EMFILE)
			return -1;
		if (!tunnel_link_make_room(part)) {
			rest(part);
			return -1;
		}
	}
}

void tunnel_listener_ready(struct loop_source *source, uint32_t events)
{
	struct tunnel_listener *listener =
		(struct tunnel_listener *)((char *)source -
					   offsetof(struct tunnel_listener, source));

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
		struct sockaddr_in peer;
		int fd = tunnel_accept(listener->part, source->fd, &peer);

		if (fd < 0)
			return;
		tunnel_link_begin(listener, fd, &peer);
	}
}
