/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint - a port on a stage's inside address, and the links that offer it.
 *
 * ASKED (pgwd is opening the port) -> OPEN -> gone, with its last offer. pgwd decides whether the
 * port may be opened: those that the gateway uses itself are refused. While pgwd is being started
 * again the question waits, for TUNNEL_ASK_MS at most; a new pgwd is asked what the one before was.
 * A listening socket closes with the last connector that offers it, so a client then sees a refusal
 * and no silence.
 *
 * Who gets a connection: the next one in turn, or the one with the fewest, the next of them in
 * turn; a link that is being ended offers nothing any more, and one that could not serve a
 * connection is not asked for it again.
 */
#include "datapath/relay/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK_AGAIN_MS 500u /* where pgwd could not be asked */

#define ENDPOINT_OF(pointer, member)                                                               \
	((struct endpoint *)((char *)(pointer)-offsetof(struct endpoint, member)))

static struct loop *loop_of(const struct endpoint *endpoint)
{
	return endpoint->stage->part->loop;
}

static void release(struct loop_deferred *deferred)
{
	struct endpoint *endpoint = ENDPOINT_OF(deferred, release);

	free(endpoint->offers);
	free(endpoint);
}

static void tell(const struct endpoint *endpoint, const char *state)
{
	relay_event(endpoint->stage->part->relay, "endpoint",
		    json_pack("{s:s, s:s, s:i, s:s}", "stage", endpoint->stage->settings->name,
			      "protocol", endpoint->udp ? "udp" : "tcp", "port",
			      (int)endpoint->port, "state", state));
}

static void endpoint_end(struct endpoint *endpoint)
{
	if (endpoint->gone)
		return;
	endpoint->gone = true;
	if (endpoint->state == ENDPOINT_OPEN)
		tell(endpoint, "down");
	if (endpoint->udp)
		endpoint_datagrams_end(endpoint);
	loop_remove(loop_of(endpoint), &endpoint->source);
	loop_timer_stop(loop_of(endpoint), &endpoint->timer);
	if (endpoint->source.fd >= 0)
		close(endpoint->source.fd);
	endpoint->source.fd = -1;
	LIST_REMOVE(endpoint, of_stage);
	endpoint->stage->n_endpoints--;
	endpoint->stage->part->n_endpoints--;
	loop_defer(loop_of(endpoint), &endpoint->release);
}

/* --- offers -------------------------------------------------------------------------------- */

/* append() - @offer to one of the two arrays that hold it; Return: false without memory */
static bool append(struct endpoint_offer ***array, unsigned *n, struct endpoint_offer *offer)
{
	struct endpoint_offer **grown;

	if ((*n & (*n - 1)) == 0) { /* full at 0 and at each power of two */
		unsigned capacity = *n ? 2 * *n : 1;

		grown = realloc(*array, capacity * sizeof(struct endpoint_offer *));
		if (!grown)
			return false;
		*array = grown;
	}
	(*array)[(*n)++] = offer;
	return true;
}

static void take_out(struct endpoint_offer **array, unsigned *n, const struct endpoint_offer *offer)
{
	unsigned at = 0;

	while (at < *n && array[at] != offer)
		at++;
	if (at == *n)
		return;
	(*n)--;
	memmove(array + at, array + at + 1, (*n - at) * sizeof(struct endpoint_offer *));
}

void endpoint_offer_end(struct endpoint_offer *offer)
{
	struct endpoint *endpoint = offer->endpoint;
	struct tunnel_link *link = offer->link;

	take_out(endpoint->offers, &endpoint->n_offers, offer);
	take_out(link->offers, &link->n_offers, offer);
	if (offer->channel)
		ssh_channel_close(link->ssh, offer->channel);
	endpoint_streams_end(link, offer);
	gob_reader_free(&offer->reader);
	free(offer);
	if (!endpoint->n_offers)
		endpoint_end(endpoint);
}

struct endpoint_offer *endpoint_find_offer(const struct tunnel_link *link, bool udp, uint16_t port)
{
	for (unsigned i = 0; i < link->n_offers; i++)
		if (link->offers[i]->endpoint->udp == udp &&
		    link->offers[i]->endpoint->port == port)
			return link->offers[i];
	return NULL;
}

/* --- opening ------------------------------------------------------------------------------- */

static void not_opened(struct endpoint *endpoint, const char *why)
{
	char text[TUNNEL_TEXT_BYTES];

	snprintf(text, sizeof(text), "port %u/%s: %.120s", endpoint->port,
		 endpoint->udp ? "udp" : "tcp", why);
	/* Each of these answers takes the offers of its request back; the last ends the endpoint.
	 */
	while (!endpoint->gone && endpoint->n_offers) {
		struct endpoint_offer *offer = endpoint->offers[0];
		struct tunnel_link *link = offer->link;

		offer->waits = false;
		tunnel_request_answered(link, text);
		if (!endpoint->gone && endpoint->n_offers && endpoint->offers[0] == offer)
			endpoint_offer_end(offer); /* its request waits for other ports, too */
	}
}

/* ask() - pgwd for the socket; Return: 0 or -errno: there will be no answer and no end of waiting
 */
static int ask(struct endpoint *endpoint)
{
	struct relay *relay = endpoint->stage->part->relay;
	uint64_t again_ms = loop_now_ms(loop_of(endpoint)) + ASK_AGAIN_MS;
	char inside[INET_ADDRSTRLEN];
	json_t *question;

	inet_ntop(AF_INET, &endpoint->stage->settings->inside, inside, sizeof(inside));
	question = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:i}", "op", "part", "part",
			     "tunnel", "ask", "listen", "id", (json_int_t)endpoint->id, "stage",
			     endpoint->stage->settings->name, "address", inside, "protocol",
			     endpoint->udp ? "udp" : "tcp", "port", (int)endpoint->port);
	endpoint->asked =
		question && !relay_tell(relay, question, NULL, 0) ? relay_conversation(relay) : 0;
	json_decref(question);
	if (endpoint->asked || again_ms > endpoint->until_ms)
		again_ms = endpoint->until_ms;
	return loop_timer_set(loop_of(endpoint), &endpoint->timer, again_ms);
}

static void no_answer(struct loop_timer *timer)
{
	struct endpoint *endpoint = ENDPOINT_OF(timer, timer);

	if (loop_now_ms(loop_of(endpoint)) < endpoint->until_ms && !ask(endpoint))
		return;
	not_opened(endpoint, "the gateway's control does not answer; try again");
}

void endpoints_ask_again(struct tunnel_part *part)
{
	struct endpoint *endpoint;

	for (unsigned i = 0; i < part->n_stages; i++)
		LIST_FOREACH(endpoint, &part->stages[i]->endpoints, of_stage)
	if (endpoint->state == ENDPOINT_ASKED && endpoint->asked != relay_conversation(part->relay))
		ask(endpoint); /* its timer runs already */
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct endpoint *endpoint = ENDPOINT_OF(source, source);

	(void)events;
	if (endpoint->udp)
		endpoint_datagrams_ready(endpoint);
	else
		endpoint_stream_accept(endpoint);
}

static struct endpoint *endpoint_begin(struct tunnel_stage *stage, bool udp, uint16_t port,
				       struct relay_error *error)
{
	struct endpoint *endpoint;

	if (stage->part->n_endpoints >= TUNNEL_ENDPOINTS_MAX) {
		relay_fail(error, -ENOSPC, "port %u: there are too many endpoints", port);
		return NULL;
	}
	endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint) {
		relay_fail(error, -ENOMEM, "out of memory");
		return NULL;
	}
	endpoint->stage = stage;
	endpoint->id = ++stage->part->next_id;
	endpoint->port = port;
	endpoint->udp = udp;
	endpoint->source = (struct loop_source){.ready = ready, .fd = -1};
	endpoint->timer.fire = no_answer;
	endpoint->release.run = release;
	LIST_INSERT_HEAD(&stage->endpoints, endpoint, of_stage);
	stage->n_endpoints++;
	stage->part->n_endpoints++;
	endpoint->until_ms = loop_now_ms(stage->part->loop) + TUNNEL_ASK_MS;
	if (ask(endpoint)) {
		relay_fail(error, -ENOMEM, "out of memory");
		endpoint_end(endpoint);
		return NULL;
	}
	return endpoint;
}

static struct endpoint *endpoint_find(const struct tunnel_stage *stage, bool udp, uint16_t port)
{
	struct endpoint *endpoint;

	LIST_FOREACH(endpoint, &stage->endpoints, of_stage)
	if (port && endpoint->udp == udp && endpoint->port == port)
		return endpoint;
	return NULL;
}

static struct endpoint_offer *offer_begin(struct tunnel_link *link, struct endpoint *endpoint,
					  const char *listen_host, const char *target)
{
	struct endpoint_offer *offer = calloc(1, sizeof(*offer));

	if (!offer)
		return NULL;
	*offer = (struct endpoint_offer){.user = ENDPOINT_DATAGRAMS,
					 .endpoint = endpoint,
					 .link = link,
					 .waits = endpoint->state == ENDPOINT_ASKED};
	strcpy(offer->listen_host, listen_host);
	strcpy(offer->target, target);
	if (!append(&link->offers, &link->n_offers, offer)) {
		free(offer);
		return NULL;
	}
	if (!append(&endpoint->offers, &endpoint->n_offers, offer)) {
		take_out(link->offers, &link->n_offers, offer);
		free(offer);
		return NULL;
	}
	return offer;
}

struct endpoint_offer *endpoint_offer(struct tunnel_link *link, bool udp, uint16_t port,
				      const char *listen_host, const char *target,
				      struct relay_error *error)
{
	struct endpoint *endpoint = endpoint_find(link->stage, udp, port);
	struct endpoint_offer *offer;

	if (link->n_offers >= TUNNEL_OFFERS_MAX) {
		relay_fail(error, -ENOSPC, "port %u: a tunnel offers at most %u ports", port,
			   TUNNEL_OFFERS_MAX);
		return NULL;
	}
	if (endpoint && endpoint_find_offer(link, udp, port)) {
		relay_fail(error, -EEXIST, "port %u: this tunnel offers it already", port);
		return NULL;
	}
	if (!endpoint)
		endpoint = endpoint_begin(link->stage, udp, port, error);
	if (!endpoint)
		return NULL;
	offer = offer_begin(link, endpoint, listen_host, target);
	if (!offer) {
		relay_fail(error, -ENOMEM, "out of memory");
		if (!endpoint->n_offers)
			endpoint_end(endpoint);
		return NULL;
	}
	if (udp && !offer->waits)
		endpoint_datagrams_open(offer);
	return offer;
}

/* --- pgwd's answer ------------------------------------------------------------------------- */

static struct endpoint *endpoint_by_id(const struct tunnel_part *part, uint64_t id)
{
	struct endpoint *endpoint;

	for (unsigned i = 0; i < part->n_stages; i++)
		LIST_FOREACH(endpoint, &part->stages[i]->endpoints, of_stage)
	if (endpoint->id == id && endpoint->state == ENDPOINT_ASKED)
		return endpoint;
	return NULL;
}

/* use() - the socket that pgwd opened; Return: 0 or -errno */
static int use(struct endpoint *endpoint, int fd)
{
	struct sockaddr_in address = {0};
	socklen_t size = sizeof(address), size_of_type = sizeof(int);
	int type = 0;

	if (getsockname(fd, (struct sockaddr *)&address, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size_of_type))
		return -errno;
	if (address.sin_family != AF_INET || type != (endpoint->udp ? SOCK_DGRAM : SOCK_STREAM) ||
	    (endpoint->port && ntohs(address.sin_port) != endpoint->port))
		return -EPROTO;
	endpoint->source.fd = fd;
	endpoint->port = ntohs(address.sin_port);
	return loop_add(loop_of(endpoint), &endpoint->source, EPOLLIN);
}

static void opened(struct endpoint *endpoint)
{
	endpoint->state = ENDPOINT_OPEN;
	endpoint->since_s = time(NULL);
	tell(endpoint, "up");
	for (unsigned i = 0; i < endpoint->n_offers; i++) {
		struct endpoint_offer *offer = endpoint->offers[i];

		if (!offer->waits)
			continue;
		offer->waits = false;
		if (endpoint->udp)
			endpoint_datagrams_open(offer);
		tunnel_request_answered(offer->link, NULL);
		if (endpoint->gone)
			return;
		if (i >= endpoint->n_offers || endpoint->offers[i] != offer)
			i--; /* another port of its request could not be opened: it went */
	}
}

void endpoint_answer(struct tunnel_part *part, uint64_t id, int fd, const char *error)
{
	struct endpoint *endpoint = endpoint_by_id(part, id);
	int code = 0;

	if (!endpoint) { /* its connector has gone meanwhile */
		if (fd >= 0)
			close(fd);
		return;
	}
	loop_timer_stop(part->loop, &endpoint->timer);
	if (fd >= 0) {
		code = use(endpoint, fd);
		if (!code && endpoint->udp)
			code = endpoint_datagrams_begin(endpoint);
		if (code && endpoint->source.fd < 0)
			close(fd);
		if (code)
			error = strerror(-code);
	}
	if (error)
		not_opened(endpoint, error);
	else
		opened(endpoint);
}

/* --- connections --------------------------------------------------------------------------- */

bool endpoint_admits(struct endpoint *endpoint, be32 source)
{
	if (tunnel_stage_admits(endpoint->stage, source))
		return true;
	endpoint->refused++;
	endpoint->stage->refused++;
	return false;
}

static bool has(const uint64_t *ids, unsigned n, uint64_t id)
{
	while (n && ids[n - 1] != id)
		n--;
	return n != 0;
}

struct endpoint_offer *endpoint_choose(struct endpoint *endpoint, const uint64_t *asked, unsigned n)
{
	struct endpoint_offer *best = NULL;
	unsigned at = 0;

	for (unsigned i = 0; i < endpoint->n_offers; i++) {
		unsigned place = (endpoint->next + i) % endpoint->n_offers;
		struct endpoint_offer *offer = endpoint->offers[place];

		if (!offer->link->ready || offer->waits || has(asked, n, offer->link->id) ||
		    (best && offer->connections >= best->connections))
			continue;
		best = offer;
		at = place;
		if (endpoint->stage->settings->balance == TUNNEL_ROUND_ROBIN)
			break;
	}
	if (best)
		endpoint->next = (at + 1) % endpoint->n_offers;
	return best;
}
