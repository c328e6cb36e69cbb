/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/greeting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define GREETING_FIRST 2048u /* bytes of a buffer; doubles as the ClientHello grows */

bool greeting_keep(struct greeting *g, const uint8_t *bytes, size_t n)
{
	size_t size = g->size ? g->size : GREETING_FIRST;
	uint8_t *grown;

	while (size < g->used + n)
		size *= 2;
	if (size != g->size) {
		grown = realloc(g->bytes, size);
		if (!grown)
			return false;
		g->bytes = grown;
		g->size = size;
	}
	memcpy(g->bytes + g->used, bytes, n);
	g->used += n;
	return true;
}

bool greeting_proxy(struct greeting *g, be32 client, uint16_t client_port, be32 service,
		    uint16_t service_port)
{
	uint8_t *grown = malloc(PROXY_BYTES + g->used);

	if (!grown)
		return false;
	proxy_header(grown, client, client_port, service, service_port);
	memcpy(grown + PROXY_BYTES, g->bytes, g->used);
	free(g->bytes);
	g->bytes = grown;
	g->used += PROXY_BYTES;
	return true;
}

int greeting_send(struct greeting *g, int fd)
{
	ssize_t sent;

	do
		sent = send(fd, g->bytes + g->sent, g->used - g->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	g->sent += sent > 0 ? (size_t)sent : 0;
	return 0;
}

void greeting_drop(struct greeting *g)
{
	free(g->bytes);
	g->bytes = NULL;
}
