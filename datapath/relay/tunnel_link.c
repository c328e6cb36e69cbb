/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_link - one connection of a connector.
 *
 *   SNIFF -> TLS -> HEAD -> SSH        https, a WebSocket in it, SSH in that
 *   SNIFF -> HEAD -> SSH               the same without TLS (behind a TLS front)
 *   SNIFF -> SSH                       an OpenSSH client
 *   HEAD <-> PARKED                    after wrong tokens: the answer waits (tunnel_guard)
 *   any -> ENDING -> GONE              what is left to say is sent, then the peer's end awaited
 *
 * One address and port serves all of them: the first byte of a TLS record is 22, of a version line
 * of SSH 'S', and every other one begins an HTTP request. Who says nothing waits for a greeting,
 * as only clients of SSH may (ssh-keyscan), and gets that of SSH. Where there is a certificate,
 * HTTP without TLS is refused, as its token could be read on the way.
 *
 * Until it is logged in a link is pending: it has TUNNEL_LOGIN_MS, and when there are more than
 * TUNNEL_PENDING_MAX of them the oldest goes, so that half-open connections cannot lock others out.
 * Afterwards silence is answered by a question, and longer silence ends it.
 *
 * What is sent is written at the end of the loop's round, so that many small things become
 * one write. While SSH_OUTPUT_STOP bytes wait, nothing is read: a client that sends questions and
 * reads no answers slows down itself.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "datapath/relay/ssh_message.h"
#include "datapath/relay/tunnel.h"

#define FLUSH_AT_ONCE  (1024u * 1024) /* bytes, then the others have their turn */
#define READS_AT_ONCE  4u
#define FRAMED_AT_ONCE (256u * 1024) /* bytes */
#define TLS_RECORD     22

#define LINK_OF(pointer, member)                                                                   \
	((struct tunnel_link *)((char *)(pointer)-offsetof(struct tunnel_link, member)))

static uint64_t now_ms(const struct tunnel_link *link)
{
	return loop_now_ms(link->part->loop);
}

void tunnel_link_note(struct tunnel_link *link, const char *why)
{
	if (!link->reason[0])
		snprintf(link->reason, sizeof(link->reason), "%s", why);
}

/* --- its end ------------------------------------------------------------------------------- */

static void no_longer_pending(struct tunnel_link *link)
{
	if (!link->pending)
		return;
	TAILQ_REMOVE(&link->part->pending, link, of_pending);
	link->part->n_pending--;
	link->pending = false;
}

static void tell(const struct tunnel_link *link, const char *state, const char *reason)
{
	char peer[TUNNEL_PEER_BYTES];
	json_t *members =
		json_pack("{s:s, s:I, s:s, s:s, s:s}", "stage", link->stage->settings->name,
			  "tunnel", (json_int_t)link->id, "connector", link->name, "remote-address",
			  tunnel_peer_text(&link->peer, peer), "state", state);

	if (members && reason)
		json_object_set_new(members, "reason", json_string(reason));
	relay_event(link->part->relay, "tunnel", members);
}

/* leave() - nobody gets at it any more but through its own descriptor */
static void leave(struct tunnel_link *link)
{
	no_longer_pending(link);
	if (!link->ready)
		return;
	link->ready = false;
	LIST_REMOVE(link, of_stage);
	link->stage->n_links--;
	link->part->n_links--;
	endpoint_streams_end(link, NULL);
	while (link->n_offers)
		endpoint_offer_end(link->offers[link->n_offers - 1]);
	tell(link, "down", link->reason[0] ? link->reason : "ended");
	link->stage = NULL;
}

static void release(struct loop_deferred *deferred)
{
	struct tunnel_link *link = LINK_OF(deferred, release);

	if (link->flush.waits) { /* the list still names it: once more */
		loop_defer(link->part->loop, &link->release);
		return;
	}
	ssh_free(link->ssh);
	websocket_free(link->websocket);
	ssh_buffer_free(&link->head);
	ssh_buffer_free(&link->wire_out);
	free(link->offers);
	free(link);
}

void tunnel_link_gone(struct tunnel_link *link)
{
	if (link->phase == TUNNEL_GONE)
		return;
	leave(link);
	if (link->phase == TUNNEL_ENDING) {
		TAILQ_REMOVE(&link->part->ending, link, of_pending);
		link->part->n_ending--;
	}
	link->phase = TUNNEL_GONE;
	loop_remove(link->part->loop, &link->source);
	loop_timer_stop(link->part->loop, &link->timer);
	tunnel_wire_close(&link->wire);
	loop_defer(link->part->loop, &link->release);
}

static void lost(struct tunnel_link *link, const char *why)
{
	tunnel_link_note(link, why);
	tunnel_link_gone(link);
}

static void lost_by(struct tunnel_link *link, long error)
{
	if (error == -EPROTO)
		link->part->counters.refused[REFUSAL_PROTOCOL]++;
	lost(link, error ? strerror((int)-error) : "the connection was closed");
}

/* tunnel_link_finish() - send what lies ready, then wait a moment for the peer's end */
void tunnel_link_finish(struct tunnel_link *link)
{
	leave(link);
	if (link->phase == TUNNEL_GONE || link->phase == TUNNEL_ENDING)
		return;
	if (link->part->n_ending == TUNNEL_ENDING_MAX)
		tunnel_link_gone(TAILQ_FIRST(&link->part->ending));
	link->phase = TUNNEL_ENDING;
	TAILQ_INSERT_TAIL(&link->part->ending, link, of_pending);
	link->part->n_ending++;
	link->end_ms = now_ms(link) + TUNNEL_ENDING_MS;
	loop_timer_set(link->part->loop, &link->timer, link->end_ms);
	tunnel_link_flush(link);
}

void tunnel_link_end(struct tunnel_link *link, const char *why)
{
	if (link->phase >= TUNNEL_ENDING)
		return;
	tunnel_link_note(link, why);
	if (link->ssh)
		ssh_disconnect(link->ssh, SSH_DISCONNECT_BY_APPLICATION, why);
	if (link->websocket && !link->ssh)
		websocket_close(link->websocket, WEBSOCKET_GOING_AWAY, &link->wire_out);
	tunnel_link_finish(link);
}

/* --- what it waits for --------------------------------------------------------------------- */

static size_t waiting_out(const struct tunnel_link *link)
{
	size_t n = ssh_buffer_size(&link->wire_out);

	return link->ssh ? n + ssh_buffer_size(ssh_output(link->ssh)) : n;
}

static bool may_read(const struct tunnel_link *link)
{
	if (link->phase == TUNNEL_PARKED || link->parked_until_ms)
		return false;
	if (link->phase != TUNNEL_SSH)
		return true;
	return waiting_out(link) < SSH_OUTPUT_STOP && !ssh_waits_for_answer(link->ssh);
}

void tunnel_link_want(struct tunnel_link *link)
{
	if (link->phase == TUNNEL_GONE)
		return;
	loop_want(link->part->loop, &link->source,
		  (may_read(link) ? (uint32_t)EPOLLIN : 0) |
			  (link->wire.wants_write ? (uint32_t)EPOLLOUT : 0));
}

/* --- sending ------------------------------------------------------------------------------- */

/* send_from() - Return: bytes sent, 0: the socket takes no more, negative: lost */
static long send_from(struct tunnel_link *link, struct ssh_buffer *buffer)
{
	long n = tunnel_wire_write(&link->wire, ssh_buffer_data(buffer), ssh_buffer_size(buffer));

	if (n == -EAGAIN)
		return 0;
	if (n < 0) {
		lost_by(link, n);
		return n;
	}
	ssh_buffer_consume(buffer, (size_t)n);
	return n;
}

/* frame_some() - of what SSH has to say, at most FRAMED_AT_ONCE; Return: 0, negative: lost */
static long frame_some(struct tunnel_link *link, struct ssh_buffer *out)
{
	size_t most = ssh_buffer_size(out);
	long n = -ENOMEM;

	if (most > FRAMED_AT_ONCE)
		most = FRAMED_AT_ONCE;
	/* with the heads of the frames, so that it does not grow */
	if (ssh_buffer_reserve(&link->wire_out, most + most / 1024 + 64))
		for (n = 0; n >= 0 && most; most -= (size_t)n) {
			n = websocket_output(link->websocket, ssh_buffer_data(out), most,
					     &link->wire_out);
			if (n > 0)
				ssh_buffer_consume(out, (size_t)n);
		}
	if (n < 0)
		lost_by(link, n);
	return n < 0 ? n : 0;
}

/* send_some() - Return: as send_from(); 0 also where there is nothing */
static long send_some(struct tunnel_link *link)
{
	struct ssh_buffer *out = link->ssh ? ssh_output(link->ssh) : NULL;
	long n;

	if (ssh_buffer_size(&link->wire_out))
		return send_from(link, &link->wire_out);
	if (!out || !ssh_buffer_size(out))
		return 0;
	if (!link->websocket)
		return send_from(link, out);
	n = frame_some(link, out);
	return n ? n : send_from(link, &link->wire_out);
}

static void flush(struct loop_deferred *deferred)
{
	struct tunnel_link *link = LINK_OF(deferred, flush);
	size_t sent = 0;
	long n = 0;

	if (link->phase == TUNNEL_GONE || link->parked_until_ms)
		return;
	while (!link->wire.wants_write && sent < FLUSH_AT_ONCE) {
		n = send_some(link);
		if (n <= 0)
			break;
		sent += (size_t)n;
		if (link->ssh && link->phase == TUNNEL_SSH)
			ssh_sent(link->ssh);
	}
	if (link->phase == TUNNEL_GONE)
		return;
	if (n > 0 && !link->wire.wants_write && waiting_out(link))
		loop_timer_set(link->part->loop, &link->timer, now_ms(link)); /* next round */
	if (link->phase == TUNNEL_ENDING && !waiting_out(link))
		shutdown(link->wire.fd, SHUT_WR);
	tunnel_link_want(link);
}

void tunnel_link_flush(struct tunnel_link *link)
{
	if (link->phase != TUNNEL_GONE)
		loop_defer(link->part->loop, &link->flush);
}

/* --- SSH ----------------------------------------------------------------------------------- */

int tunnel_link_begin_ssh(struct tunnel_link *link)
{
	struct ssh_settings settings = {
		.banner = link->chisel ? CHISEL_BANNER : "SSH-2.0-pgw",
		.client_banner = link->chisel ? CHISEL_CLIENT_BANNER : "SSH-2.0-",
		.key = link->part->host_key,
		.handler = &tunnel_handler,
		.owner = link,
		.methods = link->chisel ? "password" : "publickey,password",
	};

	link->ssh = ssh_create(&settings);
	if (!link->ssh)
		return -ENOMEM;
	link->phase = TUNNEL_SSH;
	tunnel_link_flush(link);
	return 0;
}

/* --- receiving ----------------------------------------------------------------------------- */

static void ssh_over(struct tunnel_link *link, int error)
{
	if (error == -EPROTO || error == -EBADMSG || error == -ENOTSUP)
		link->part->counters.refused[REFUSAL_PROTOCOL]++;
	tunnel_link_note(link, ssh_error(link->ssh));
	tunnel_link_finish(link);
}

static void feed_ssh(struct tunnel_link *link, uint8_t *data, size_t n)
{
	int error = ssh_input(link->ssh, data, n);

	if (error)
		ssh_over(link, error);
	tunnel_link_flush(link);
}

static void feed_websocket(struct tunnel_link *link, const uint8_t *data, size_t n)
{
	struct ssh_buffer *payload = &link->part->payload;
	int error;

	ssh_buffer_empty(payload);
	error = websocket_input(link->websocket, data, n, payload, &link->wire_out);
	if (ssh_buffer_size(payload))
		feed_ssh(link, ssh_buffer_data(payload), ssh_buffer_size(payload));
	ssh_buffer_empty(payload);
	if (!error)
		return;
	if (error == -EPROTO)
		link->part->counters.refused[REFUSAL_PROTOCOL]++;
	tunnel_link_note(link, error == -ECONNRESET ? "the connector closed the WebSocket"
						    : "a WebSocket frame that must not be");
	tunnel_link_finish(link);
}

void tunnel_link_feed(struct tunnel_link *link, uint8_t *data, size_t n)
{
	link->heard_ms = now_ms(link);
	link->probed = false;
	if (link->phase == TUNNEL_SSH && link->websocket) {
		feed_websocket(link, data, n);
	} else if (link->phase == TUNNEL_SSH) {
		feed_ssh(link, data, n);
	} else if (link->phase == TUNNEL_HEAD) {
		if (ssh_buffer_append(&link->head, data, n))
			tunnel_link_gone(link);
		else
			tunnel_http_go_on(link);
	}
}

static void sniff(struct tunnel_link *link)
{
	uint8_t first;
	ssize_t n = recv(link->wire.fd, &first, 1, MSG_PEEK);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		lost_by(link, n ? -errno : 0);
	} else if (n < 0) {
		return;
	} else if (first == TLS_RECORD && link->listener->tls) {
		link->phase = TUNNEL_TLS;
		if (tunnel_wire_secure(&link->wire, link->listener->tls))
			tunnel_link_gone(link);
	} else if (first == 'S') {
		if (tunnel_link_begin_ssh(link))
			tunnel_link_gone(link);
	} else {
		link->phase = TUNNEL_HEAD;
	}
}

static void shake_hands(struct tunnel_link *link)
{
	int error = tunnel_wire_handshake(&link->wire);

	if (!error)
		link->phase = TUNNEL_HEAD;
	else if (error != -EAGAIN) {
		link->part->counters.refused[REFUSAL_TLS]++;
		lost(link, "the TLS handshake failed");
	}
}

/* drain() - a peer that still talks while we end is not listened to, for a while */
static void drain(struct tunnel_link *link)
{
	long n = tunnel_wire_read(&link->wire, link->part->scratch, sizeof(link->part->scratch));

	if (n <= 0 && n != -EAGAIN)
		tunnel_link_gone(link);
}

static void receive(struct tunnel_link *link)
{
	for (unsigned i = 0; i < READS_AT_ONCE || tunnel_wire_holds_more(&link->wire); i++) {
		size_t most = link->phase == TUNNEL_HEAD
				      ? WEBSOCKET_HEAD_MAX - ssh_buffer_size(&link->head)
				      : sizeof(link->part->scratch);
		long n;

		if ((link->phase != TUNNEL_HEAD && link->phase != TUNNEL_SSH) || !may_read(link))
			return;
		n = tunnel_wire_read(&link->wire, link->part->scratch, most);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			lost_by(link, n);
			return;
		}
		tunnel_link_feed(link, link->part->scratch, (size_t)n);
		if ((size_t)n < most && !link->wire.tls)
			return;
	}
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct tunnel_link *link = LINK_OF(source, source);

	if (events & EPOLLOUT) {
		link->wire.wants_write = false;
		tunnel_link_flush(link);
	}
	if (link->phase == TUNNEL_SNIFF)
		sniff(link);
	if (link->phase == TUNNEL_TLS)
		shake_hands(link);
	if (link->phase == TUNNEL_HEAD || link->phase == TUNNEL_SSH)
		receive(link);
	else if (link->phase == TUNNEL_ENDING && !link->parked_until_ms)
		drain(link);
	/* a peer that is gone while we do not read: nothing else would tell */
	if (events & (EPOLLERR | EPOLLHUP) && link->phase != TUNNEL_GONE && !may_read(link))
		lost(link, "the connection was reset");
	tunnel_link_want(link);
}

/* --- time ---------------------------------------------------------------------------------- */

static void look_after(struct tunnel_link *link)
{
	uint64_t now = now_ms(link), silence = now - link->heard_ms;

	if (!link->ready) {
		if (now - link->accepted_ms >= TUNNEL_LOGIN_MS) {
			link->part->counters.refused[REFUSAL_LATE]++;
			lost(link, "it did not log in in time");
			return;
		}
		if (link->phase == TUNNEL_SNIFF && now - link->accepted_ms >= TUNNEL_SNIFF_MS &&
		    tunnel_link_begin_ssh(link)) {
			tunnel_link_gone(link);
			return;
		}
		loop_timer_set(link->part->loop, &link->timer,
			       link->accepted_ms + (link->phase == TUNNEL_SNIFF ? TUNNEL_SNIFF_MS
										: TUNNEL_LOGIN_MS));
		return;
	}
	if (silence >= TUNNEL_SILENCE_MS) {
		lost(link, "the connector has fallen silent");
		return;
	}
	if (silence >= TUNNEL_PROBE_MS && !link->probed) {
		link->probed = true;
		ssh_probe(link->ssh, link->chisel ? "ping" : "keepalive@openssh.com");
		tunnel_link_flush(link);
	}
	loop_timer_set(link->part->loop, &link->timer,
		       link->heard_ms + (link->probed ? TUNNEL_SILENCE_MS : TUNNEL_PROBE_MS));
}

static void fire(struct loop_timer *timer)
{
	struct tunnel_link *link = LINK_OF(timer, timer);

	if (link->parked_until_ms && link->parked_until_ms <= now_ms(link)) {
		link->parked_until_ms = 0;
		if (link->phase == TUNNEL_PARKED) {
			link->phase = TUNNEL_HEAD;
			tunnel_http_go_on(link);
		}
	}
	if (link->phase == TUNNEL_ENDING && now_ms(link) >= link->end_ms) {
		tunnel_link_gone(link);
		return;
	}
	tunnel_link_flush(link);
	if (link->phase == TUNNEL_ENDING)
		loop_timer_set(link->part->loop, &link->timer, link->end_ms);
	else if (link->phase < TUNNEL_ENDING && !link->parked_until_ms)
		look_after(link);
	tunnel_link_want(link);
}

/* --- its beginning ------------------------------------------------------------------------- */

void tunnel_link_logged_in(struct tunnel_link *link, struct tunnel_stage *stage)
{
	struct tunnel_part *part = link->part;
	const char *version = ssh_client_version(link->ssh);

	if (part->n_links >= TUNNEL_LINKS_MAX) {
		part->counters.refused[REFUSAL_FULL]++;
		tunnel_link_end(link, "there are too many tunnels");
		return;
	}
	no_longer_pending(link);
	link->stage = stage;
	link->ready = true;
	link->listener = NULL; /* may go before the link does */
	link->since_s = time(NULL);
	if (!link->chisel)
		snprintf(link->version, sizeof(link->version), "%.31s", version);
	LIST_INSERT_HEAD(&stage->links, link, of_stage);
	stage->n_links++;
	part->n_links++;
	part->counters.logins++;
	loop_timer_set(part->loop, &link->timer, now_ms(link) + TUNNEL_PROBE_MS);
	tell(link, "up", NULL);
}

void tunnel_link_begin(struct tunnel_listener *listener, int fd, const struct sockaddr_in *peer)
{
	struct tunnel_part *part = listener->part;
	struct tunnel_link *link = calloc(1, sizeof(*link));

	if (!link) {
		close(fd);
		return;
	}
	part->counters.accepted++;
	if (part->n_pending >= TUNNEL_PENDING_MAX) {
		part->counters.refused[REFUSAL_CROWDED]++;
		lost(TAILQ_FIRST(&part->pending), "too many that do not log in");
	}
	link->part = part;
	link->listener = listener;
	link->id = ++part->next_id;
	link->peer = *peer;
	link->wire.fd = fd;
	link->source = (struct loop_source){.ready = ready, .fd = fd};
	link->timer.fire = fire;
	link->flush.run = flush;
	link->release.run = release;
	link->accepted_ms = link->heard_ms = now_ms(link);
	LIST_INIT(&link->streams);
	TAILQ_INSERT_TAIL(&part->pending, link, of_pending);
	part->n_pending++;
	link->pending = true;
	if (loop_add(part->loop, &link->source, EPOLLIN) ||
	    loop_timer_set(part->loop, &link->timer, link->accepted_ms + TUNNEL_SNIFF_MS))
		tunnel_link_gone(link);
}

bool tunnel_link_make_room(struct tunnel_part *part)
{
	if (!TAILQ_EMPTY(&part->ending))
		tunnel_link_gone(TAILQ_FIRST(&part->ending));
	else if (!TAILQ_EMPTY(&part->pending))
		lost(TAILQ_FIRST(&part->pending), "out of descriptors");
	else
		return false;
	return true;
}

void tunnel_link_forget(struct tunnel_part *part, const struct tunnel_listener *listener,
			const struct tunnel_stage *stage)
{
	struct tunnel_link *link = TAILQ_FIRST(&part->pending);

	while (link) {
		struct tunnel_link *next = TAILQ_NEXT(link, of_pending);

		if ((listener && link->listener == listener) || (stage && link->stage == stage))
			lost(link, "its way in was closed");
		link = next;
	}
	while (stage && (link = LIST_FIRST(&stage->links)))
		tunnel_link_end(link, "the secure gateway was deactivated");
}

void tunnel_link_free_all(struct tunnel_part *part)
{
	struct tunnel_link *link;

	while ((link = TAILQ_FIRST(&part->pending)))
		lost(link, "pgw-relay ends");
	while ((link = TAILQ_FIRST(&part->ending)))
		lost(link, "pgw-relay ends");
	for (unsigned i = 0; i < part->n_stages; i++)
		while ((link = LIST_FIRST(&part->stages[i]->links)))
			lost(link, "pgw-relay ends");
}
