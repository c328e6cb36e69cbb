/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_request - what a connector asks for inside SSH, and where its channels lead.
 *
 * chisel-v3 (a Cloud Connector): the HTTP token has let it in, so whatever it shows inside is good.
 *   config   once: the ports to offer; an empty answer is success, any text an error
 *   ping     "pong"
 * OpenSSH (RFC 4254 section 7): log-in with the token as password, or with a registered key.
 *   tcpip-forward, cancel-tcpip-forward      one port each
 *   keepalive@openssh.com                    any answer will do
 *
 * A request that needs a port which is not open yet is answered when pgwd has answered; until then
 * nothing more is read from the connector. All of a request's ports are opened or none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/relay/tunnel.h"

/* --- log-in -------------------------------------------------------------------------------- */

static enum ssh_granted take_password(struct tunnel_link *link, const struct ssh_auth *auth)
{
	struct tunnel_part *part = link->part;
	uint64_t now_ms = loop_now_ms(part->loop);
	be32 source = link->peer.sin_addr.s_addr;
	uint64_t wait = tunnel_guard_delay(&part->guard, source, now_ms);

	if (!wait) { /* else not even looked at: others may be guessing beside it */
		link->stage = tunnel_stage_by_token(part, auth->user, auth->secret);
		if (link->stage)
			return SSH_GRANTED;
		part->counters.refused[REFUSAL_TOKEN]++;
		wait = tunnel_guard_failed(&part->guard, source, now_ms);
	}
	link->parked_until_ms = now_ms + wait;
	loop_timer_set(part->loop, &link->timer, link->parked_until_ms);
	return SSH_REFUSED;
}

static enum ssh_granted authenticate(void *owner, const struct ssh_auth *auth)
{
	struct tunnel_link *link = owner;

	if (link->chisel)
		return SSH_GRANTED;
	if (auth->method == SSH_AUTH_PASSWORD) {
		snprintf(link->name, sizeof(link->name), "token");
		return take_password(link, auth);
	}
	if (auth->method != SSH_AUTH_KEY)
		return SSH_REFUSED;
	link->stage = tunnel_stage_by_key(link->part, auth->user, auth->secret, &link->key_name);
	if (!link->stage)
		return SSH_REFUSED;
	snprintf(link->name, sizeof(link->name), "%s", link->key_name);
	return SSH_GRANTED;
}

static void authenticated(void *owner)
{
	struct tunnel_link *link = owner;

	tunnel_link_logged_in(link, link->stage);
}

/* --- ports --------------------------------------------------------------------------------- */

/* host_ok() - where a connector may ask to listen: everywhere, which means inside, or just there */
static bool host_ok(const struct tunnel_link *link, const char *host, bool localhost)
{
	struct in_addr address;

	if (!*host || !strcmp(host, "*") || !strcmp(host, "0.0.0.0") || !strcmp(host, "::"))
		return true;
	if (localhost && !strcmp(host, "localhost"))
		return true; /* what OpenSSH says when nothing was said */
	return inet_pton(AF_INET, host, &address) == 1 &&
	       address.s_addr == link->stage->settings->inside;
}

static void withdraw(struct tunnel_link *link)
{
	while (link->n_offers > link->first_of_request)
		endpoint_offer_end(link->offers[link->n_offers - 1]);
}

/* add() - Return: 0 or -errno with @error */
static int add(struct tunnel_link *link, const struct chisel_remote *remote,
	       struct relay_error *error)
{
	struct endpoint_offer *offer;

	if (!host_ok(link, remote->listen_host, !link->chisel))
		return relay_fail(
			error, -EACCES,
			"port %u: listening on %.60s is not possible; ask for 0.0.0.0, which "
			"means the gateway's inside address",
			remote->port, remote->listen_host);
	offer = endpoint_offer(link, remote->udp, remote->port, remote->listen_host, remote->target,
			       error);
	if (!offer)
		return -EADDRNOTAVAIL;
	if (offer->waits)
		link->n_asked++;
	return 0;
}

static enum ssh_granted begin_request(struct tunnel_link *link, const struct chisel_remote *remotes,
				      unsigned n, struct relay_error *error)
{
	int code = 0;

	link->first_of_request = link->n_offers;
	link->n_asked = 0;
	link->ask_error[0] = '\0';
	for (unsigned i = 0; i < n && !code; i++)
		code = add(link, &remotes[i], error);
	if (!code)
		return link->n_asked ? SSH_LATER : SSH_GRANTED;
	snprintf(link->error, sizeof(link->error), "%.150s", error->text);
	withdraw(link);
	return SSH_REFUSED;
}

void tunnel_request_answered(struct tunnel_link *link, const char *error)
{
	uint8_t text[4];
	struct ssh_writer answer = {.data = text, .capacity = sizeof(text)};
	struct ssh_text why;

	if (error && !link->ask_error[0])
		snprintf(link->ask_error, sizeof(link->ask_error), "%s", error);
	if (link->n_asked == 0 || --link->n_asked || !ssh_waits_for_answer(link->ssh))
		return;
	why = (struct ssh_text){(const uint8_t *)link->ask_error, strlen(link->ask_error)};
	if (why.size) {
		strcpy(link->error, link->ask_error);
		withdraw(link);
		/* OpenSSH's answer has no text */
		ssh_answer(link->ssh, SSH_REFUSED, link->chisel ? why : (struct ssh_text){text, 0});
	} else {
		if (link->tell_port)
			ssh_put_u32(&answer, link->offers[link->n_offers - 1]->endpoint->port);
		ssh_answer(link->ssh, SSH_GRANTED, (struct ssh_text){text, answer.size});
	}
	link->tell_port = false;
	tunnel_link_flush(link);
}

static enum ssh_granted take_config(struct tunnel_link *link, struct ssh_reader *body,
				    struct ssh_writer *answer)
{
	struct chisel_config config;
	struct relay_error error = {.text = ""};
	char why[CHISEL_ERROR_TEXT];
	enum ssh_granted granted;

	if (link->configured) {
		ssh_put_bytes(answer, "it is configured already", 24);
		return SSH_REFUSED;
	}
	if (chisel_config_read(&config, (struct ssh_text){body->at, body->left}, why)) {
		snprintf(link->error, sizeof(link->error), "%.150s", why);
		ssh_put_bytes(answer, why, strlen(why));
		return SSH_REFUSED;
	}
	memcpy(link->version, config.version, sizeof(link->version));
	link->configured = true;
	granted = begin_request(link, config.remotes, config.n, &error);
	chisel_config_free(&config);
	if (granted == SSH_REFUSED)
		ssh_put_bytes(answer, error.text, strlen(error.text));
	return granted;
}

/* read_forward() - address and port of tcpip-forward and its contrary */
static bool read_forward(struct ssh_reader *body, struct chisel_remote *remote)
{
	struct ssh_text host = ssh_get_text(body);
	uint32_t port = ssh_get_u32(body);

	*remote = (struct chisel_remote){.port = (uint16_t)port};
	if (body->bad || body->left || port > UINT16_MAX || host.size >= CHISEL_HOST_BYTES ||
	    memchr(host.data, 0, host.size))
		return false;
	memcpy(remote->listen_host, host.data, host.size);
	return true;
}

static enum ssh_granted take_forward(struct tunnel_link *link, struct ssh_reader *body)
{
	struct chisel_remote remote;
	struct relay_error error;
	enum ssh_granted granted;

	if (!read_forward(body, &remote))
		return SSH_REFUSED;
	granted = begin_request(link, &remote, 1, &error);
	link->tell_port = granted == SSH_LATER && remote.port == 0;
	return granted;
}

static enum ssh_granted take_cancel(struct tunnel_link *link, struct ssh_reader *body)
{
	struct chisel_remote remote;
	struct endpoint_offer *offer;

	if (!read_forward(body, &remote))
		return SSH_REFUSED;
	offer = endpoint_find_offer(link, false, remote.port);
	if (!offer || strcmp(offer->listen_host, remote.listen_host) != 0)
		return SSH_REFUSED;
	endpoint_offer_end(offer);
	return SSH_GRANTED;
}

static enum ssh_granted request(void *owner, struct ssh_text name, struct ssh_reader *body,
				struct ssh_writer *answer)
{
	struct tunnel_link *link = owner;

	if (!link->ready)
		return SSH_REFUSED;
	if (link->chisel && ssh_text_is(name, "ping")) {
		ssh_put_bytes(answer, "pong", 4);
		return SSH_GRANTED;
	}
	if (link->chisel && ssh_text_is(name, "config"))
		return take_config(link, body, answer);
	if (!link->chisel && ssh_text_is(name, "tcpip-forward"))
		return take_forward(link, body);
	if (!link->chisel && ssh_text_is(name, "cancel-tcpip-forward"))
		return take_cancel(link, body);
	return SSH_REFUSED;
}

/* --- channels ------------------------------------------------------------------------------ */

static enum endpoint_user user_of(const struct ssh_channel *channel)
{
	return *(const enum endpoint_user *)channel->user;
}

static void channel_opened(void *owner, struct ssh_channel *channel)
{
	struct endpoint_offer *offer = channel->user;

	(void)owner;
	if (user_of(channel) == ENDPOINT_STREAM) {
		endpoint_stream_opened(channel->user);
		return;
	}
	offer->channel_open = true;
}

static void offer_lost_channel(struct tunnel_link *link, struct endpoint_offer *offer)
{
	endpoint_datagrams_lost(offer);
	snprintf(link->error, sizeof(link->error), "port %u/udp: the connector closed its channel",
		 offer->endpoint->port);
}

static void channel_refused(void *owner, struct ssh_channel *channel, struct ssh_text why)
{
	if (user_of(channel) == ENDPOINT_STREAM)
		endpoint_stream_refused(channel->user, why);
	else
		offer_lost_channel(owner, channel->user);
}

static void channel_data(void *owner, struct ssh_channel *channel, const uint8_t *data, size_t n)
{
	struct tunnel_link *link = owner;

	link->traffic.bytes_in += n;
	if (user_of(channel) == ENDPOINT_STREAM) {
		endpoint_stream_data(channel->user, data, n);
	} else {
		endpoint_datagrams_data(channel->user, data, n);
		ssh_channel_consumed(link->ssh, channel, n);
	}
}

static void channel_eof(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	if (user_of(channel) == ENDPOINT_STREAM)
		endpoint_stream_eof(channel->user);
}

static void channel_closed(void *owner, struct ssh_channel *channel)
{
	if (user_of(channel) == ENDPOINT_STREAM)
		endpoint_stream_closed(channel->user);
	else
		offer_lost_channel(owner, channel->user);
}

static void channel_writable(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	if (user_of(channel) == ENDPOINT_STREAM)
		endpoint_stream_writable(channel->user);
}

const struct ssh_handler tunnel_handler = {
	.authenticate = authenticate,
	.authenticated = authenticated,
	.request = request,
	.channel_opened = channel_opened,
	.channel_refused = channel_refused,
	.channel_data = channel_data,
	.channel_eof = channel_eof,
	.channel_closed = channel_closed,
	.channel_writable = channel_writable,
};
