/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint_datagram - a UDP endpoint: datagrams of many clients, in one channel per connector.
 *
 * Each client (address and port) keeps its connector as long as both are there; which one is
 * chosen as for a connection. A datagram that finds no room in the tunnel is dropped and counted:
 * that is what UDP is. Answers go only to clients that have been heard within CLIENT_IDLE_MS, so a
 * connector cannot send where it likes.
 *
 * Limits: CLIENTS_MAX clients per endpoint, in neighbourhoods of CLIENT_WAYS; the one that was
 * quiet longest makes room. A connector that has closed its channel is asked for another one, at
 * most every CHANNEL_AGAIN_MS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "datapath/relay/tunnel.h"

#define CLIENTS_MAX    1024u
#define CLIENT_WAYS    8u
#define CLIENT_IDLE_MS 300000u
#define AT_ONCE	       64u
#define CHANNEL_WINDOW (256u * 1024)

#define CHANNEL_AGAIN_MS 1000u

struct datagram_client {
	struct sockaddr_in address;
	uint64_t heard_ms;		    /* 0: free */
	const struct endpoint_offer *offer; /* compared only */
};

struct endpoint_datagrams {
	struct datagram_client clients[CLIENTS_MAX];
	uint64_t dropped;
};

int endpoint_datagrams_begin(struct endpoint *endpoint)
{
	endpoint->datagrams = calloc(1, sizeof(*endpoint->datagrams));
	return endpoint->datagrams ? 0 : -ENOMEM;
}

void endpoint_datagrams_end(struct endpoint *endpoint)
{
	free(endpoint->datagrams);
	endpoint->datagrams = NULL;
}

uint64_t endpoint_datagrams_dropped(const struct endpoint *endpoint)
{
	return endpoint->datagrams ? endpoint->datagrams->dropped : 0;
}

static uint64_t now_ms(const struct endpoint *endpoint)
{
	return loop_now_ms(endpoint->stage->part->loop);
}

static struct datagram_client *neighbourhood(const struct endpoint *endpoint,
					     const struct sockaddr_in *address)
{
	uint64_t hash = ((uint64_t)address->sin_addr.s_addr << 16 | address->sin_port) ^
			endpoint->stage->part->guard.key;

	hash *= 0x9e3779b97f4a7c15ull;
	return &endpoint->datagrams
			->clients[(hash >> 40) % (CLIENTS_MAX / CLIENT_WAYS) * CLIENT_WAYS];
}

static bool same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/* client_find() - NULL: not heard lately */
static struct datagram_client *client_find(const struct endpoint *endpoint,
					   const struct sockaddr_in *address)
{
	struct datagram_client *clients = neighbourhood(endpoint, address);

	for (unsigned i = 0; i < CLIENT_WAYS; i++)
		if (clients[i].heard_ms && same(&clients[i].address, address) &&
		    now_ms(endpoint) - clients[i].heard_ms < CLIENT_IDLE_MS)
			return &clients[i];
	return NULL;
}

static struct datagram_client *client_make(const struct endpoint *endpoint,
					   const struct sockaddr_in *address)
{
	struct datagram_client *clients = neighbourhood(endpoint, address), *oldest = clients;

	for (unsigned i = 1; i < CLIENT_WAYS; i++)
		if (clients[i].heard_ms < oldest->heard_ms)
			oldest = &clients[i];
	*oldest = (struct datagram_client){.address = *address};
	return oldest;
}

void endpoint_datagrams_open(struct endpoint_offer *offer)
{
	struct tunnel_link *link = offer->link;

	offer->asked_ms = now_ms(offer->endpoint);
	offer->channel = ssh_channel_open(
		link->ssh, CHISEL_CHANNEL,
		(struct ssh_text){(const uint8_t *)offer->target, strlen(offer->target)},
		CHANNEL_WINDOW, offer);
	tunnel_link_flush(link);
}

/* again() - a channel in place of one that the connector closed, but not all the time */
static void again(struct endpoint_offer *offer)
{
	if (!offer->channel && !offer->waits && offer->link->ready &&
	    now_ms(offer->endpoint) - offer->asked_ms >= CHANNEL_AGAIN_MS)
		endpoint_datagrams_open(offer);
}

void endpoint_datagrams_lost(struct endpoint_offer *offer)
{
	offer->channel = NULL;
	offer->channel_open = offer->defined = false;
	gob_reader_free(&offer->reader); /* what comes in another one begins anew */
	again(offer);
}

/* carrier() - the offer that carries this client's datagrams; NULL: none can */
static struct endpoint_offer *carrier(struct endpoint *endpoint, struct datagram_client *client)
{
	struct endpoint_offer *chosen;

	for (unsigned i = 0; i < endpoint->n_offers; i++)
		again(endpoint->offers[i]);
	for (unsigned i = 0; i < endpoint->n_offers; i++)
		if (endpoint->offers[i] == client->offer && client->offer->channel_open)
			return endpoint->offers[i];
	for (unsigned i = 0; i < endpoint->n_offers; i++) {
		chosen = endpoint_choose(endpoint, NULL, 0);
		if (!chosen)
			return NULL;
		if (chosen->channel_open) {
			client->offer = chosen;
			chosen->link->traffic.connections++;
			endpoint->traffic.connections++;
			return chosen;
		}
	}
	return NULL;
}

/* put() - one datagram into the channel, whole or not at all */
static bool put(struct endpoint_offer *offer, const struct gob_datagram *datagram)
{
	struct ssh *ssh = offer->link->ssh;
	struct ssh_text definition = gob_definition();
	size_t most = GOB_VALUE_MAX + (offer->defined ? 0 : definition.size);
	struct ssh_writer writer = {.capacity = most};

	if (ssh_channel_room(ssh, offer->channel) < most)
		return false;
	writer.data = ssh_channel_fill(ssh, offer->channel, most);
	if (!writer.data)
		return false;
	if (!offer->defined)
		ssh_put_bytes(&writer, definition.data, definition.size);
	gob_write(&writer, datagram);
	ssh_channel_filled(ssh, offer->channel, writer.full ? 0 : writer.size);
	offer->defined |= !writer.full;
	tunnel_link_flush(offer->link);
	return !writer.full;
}

static void take(struct endpoint *endpoint, const struct sockaddr_in *from, const uint8_t *data,
		 size_t n)
{
	struct datagram_client *client = client_find(endpoint, from);
	struct gob_datagram datagram = {.payload = {data, n}};
	struct endpoint_offer *offer;
	char source[TUNNEL_PEER_BYTES];

	if (!client)
		client = client_make(endpoint, from);
	client->heard_ms = now_ms(endpoint);
	offer = carrier(endpoint, client);
	tunnel_peer_text(from, source);
	datagram.source = (struct ssh_text){(const uint8_t *)source, strlen(source)};
	if (!offer || n > GOB_PAYLOAD_MAX || !put(offer, &datagram)) {
		endpoint->datagrams->dropped++;
		return;
	}
	endpoint->traffic.bytes_out += n;
	endpoint->stage->traffic.bytes_out += n;
	offer->link->traffic.bytes_out += n;
}

void endpoint_datagrams_ready(struct endpoint *endpoint)
{
	uint8_t *data = endpoint->stage->part->scratch;

	for (unsigned i = 0; i < AT_ONCE && !endpoint->gone; i++) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(endpoint->source.fd, data, GOB_PAYLOAD_MAX + 1, MSG_TRUNC,
				     (struct sockaddr *)&from, &size);

		if (n < 0)
			return;
		if (!endpoint_admits(endpoint, from.sin_addr.s_addr))
			continue;
		take(endpoint, &from, data, (size_t)n);
	}
}

/* read_source() - "192.0.2.1:53" */
static bool read_source(struct ssh_text source, struct sockaddr_in *address)
{
	char text[TUNNEL_PEER_BYTES];
	unsigned long port = 0;
	char *colon;

	if (source.size >= sizeof(text))
		return false;
	memcpy(text, source.data, source.size);
	text[source.size] = '\0';
	colon = strchr(text, ':');
	if (!colon || strlen(colon + 1) < 1 || strlen(colon + 1) > 5)
		return false;
	*colon = '\0';
	for (const char *c = colon + 1; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		port = 10 * port + (unsigned long)(*c - '0');
	}
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return port <= UINT16_MAX && inet_pton(AF_INET, text, &address->sin_addr) == 1;
}

static void answer(void *context, const struct gob_datagram *datagram)
{
	struct endpoint_offer *offer = context;
	struct endpoint *endpoint = offer->endpoint;
	struct sockaddr_in to;

	if (!endpoint->datagrams)
		return;
	if (!read_source(datagram->source, &to) || !client_find(endpoint, &to) ||
	    sendto(endpoint->source.fd, datagram->payload.data, datagram->payload.size,
		   MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		endpoint->datagrams->dropped++;
		return;
	}
	endpoint->traffic.bytes_in += datagram->payload.size;
	endpoint->stage->traffic.bytes_in += datagram->payload.size;
}

void endpoint_datagrams_data(struct endpoint_offer *offer, const uint8_t *data, size_t n)
{
	if (gob_read(&offer->reader, data, n, answer, offer))
		tunnel_link_end(offer->link, "a datagram that is not encoded as it should be");
}
