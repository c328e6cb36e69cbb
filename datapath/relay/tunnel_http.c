/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_http - the HTTP request by which a connector opens its WebSocket (RFC 6455 section 4).
 *
 * The token decides. Wrong, missing and unknown look the same from outside, and are answered later
 * and later (tunnel_guard); while that lasts, other requests from there are parked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datapath/relay/tunnel.h"

static void respond(struct tunnel_link *link, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void respond(struct tunnel_link *link, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (ssh_buffer_append(&link->wire_out, text, (size_t)n))
		tunnel_link_gone(link);
	tunnel_link_flush(link);
}

static void refuse(struct tunnel_link *link, const char *status, const char *extra, const char *why)
{
	respond(link,
		"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s"
		"Connection: close\r\n\r\n%s\n",
		status, strlen(why) + 1, extra, why);
	tunnel_link_note(link, why);
	tunnel_link_finish(link);
}

/* refuse_request() - it is none that opens a tunnel */
static void refuse_request(struct tunnel_link *link, const char *status, const char *extra,
			   const char *why)
{
	link->part->counters.refused[REFUSAL_REQUEST]++;
	refuse(link, status, extra, why);
}

static void park(struct tunnel_link *link, uint64_t wait_ms)
{
	link->phase = TUNNEL_PARKED;
	link->parked_until_ms = loop_now_ms(link->part->loop) + wait_ms;
	loop_timer_set(link->part->loop, &link->timer, link->parked_until_ms);
	tunnel_link_want(link);
}

/* name_by_id() - ?id=123456789 of a connector's path; what is not printable is left out */
static void name_by_id(struct tunnel_link *link, struct ssh_text target)
{
	static const char key[] = "id=";
	const uint8_t *at = memmem(target.data, target.size, key, sizeof(key) - 1);
	size_t n = 0;

	if (at && at > target.data && (at[-1] == '?' || at[-1] == '&'))
		for (at += sizeof(key) - 1;
		     at < target.data + target.size && *at != '&' && n + 1 < sizeof(link->name);
		     at++)
			if (*at > ' ' && *at <= '~' && *at != '"' && *at != '\\')
				link->name[n++] = (char)*at;
	link->name[n] = '\0';
}

static void upgrade(struct tunnel_link *link, const struct websocket_head *head,
		    struct tunnel_stage *stage)
{
	char accept[WEBSOCKET_ACCEPT];
	unsigned status = websocket_head_accept(head, CHISEL_PROTOCOL, accept);

	if (status == 426) {
		refuse_request(link, "426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n",
			       "WebSocket version 13 is expected");
		return;
	}
	if (status) {
		refuse_request(link, "400 Bad Request", "",
			       "a WebSocket of protocol " CHISEL_PROTOCOL " is expected");
		return;
	}
	link->stage = stage;
	link->chisel = true;
	name_by_id(link, head->target);
	respond(link,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
		"Sec-WebSocket-Protocol: " CHISEL_PROTOCOL "\r\n\r\n",
		accept);
	link->websocket = websocket_create();
	if (!link->websocket || tunnel_link_begin_ssh(link))
		tunnel_link_gone(link);
}

/* take_upgrade() - the token decides; wrong and unknown look the same from outside */
static void take_upgrade(struct tunnel_link *link, const struct websocket_head *head)
{
	struct tunnel_stage *stage = tunnel_stage_by_path(link->part, head->target);
	unsigned tokens;
	struct ssh_text token = websocket_head_find(head, "Token", &tokens);
	uint64_t wait = tunnel_guard_delay(&link->part->guard, link->peer.sin_addr.s_addr,
					   loop_now_ms(link->part->loop));

	if (wait) { /* others from there have guessed: this one is looked at later */
		park(link, wait);
		return;
	}
	if (stage && tokens == 1 && tunnel_token_right(stage, token)) {
		upgrade(link, head, stage);
		return;
	}
	link->part->counters.refused[REFUSAL_TOKEN]++;
	wait = tunnel_guard_failed(&link->part->guard, link->peer.sin_addr.s_addr,
				   loop_now_ms(link->part->loop));
	refuse(link, "401 Unauthorized", "", "the token is missing or wrong");
	link->parked_until_ms = loop_now_ms(link->part->loop) + wait; /* the answer waits */
	link->end_ms = link->parked_until_ms + TUNNEL_ENDING_MS;
	loop_timer_set(link->part->loop, &link->timer, link->parked_until_ms);
}

static void take_head(struct tunnel_link *link, const struct websocket_head *head)
{
	bool get = ssh_text_is(head->method, "GET");

	if (!get)
		refuse_request(link, "405 Method Not Allowed", "Allow: GET\r\n", "GET is expected");
	else if (ssh_text_is(head->target, "/health"))
		refuse(link, "200 OK", "", "OK");
	else if (websocket_head_is_upgrade(head))
		take_upgrade(link, head);
	else /* connectors look here first, without their token; whoever asks learns nothing */
		refuse(link, "404 Not Found", "", "Not found");
}

/* tunnel_http_go_on() - what lies in link->head */
void tunnel_http_go_on(struct tunnel_link *link)
{
	struct websocket_head head;
	long n = websocket_head_read(&head, ssh_buffer_data(&link->head),
				     ssh_buffer_size(&link->head));
	struct ssh_buffer rest;

	if (n < 0)
		refuse_request(link, "400 Bad Request", "", "malformed HTTP request");
	else if (n > 0 && link->listener->tls && !link->wire.tls)
		refuse_request(link, "400 Bad Request", "", "this address speaks https");
	else if (n > 0)
		take_head(link, &head);
	if (link->phase != TUNNEL_SSH)
		return;
	rest = link->head; /* a client that did not wait for the answer */
	link->head = (struct ssh_buffer){0};
	ssh_buffer_consume(&rest, (size_t)n);
	if (ssh_buffer_size(&rest))
		tunnel_link_feed(link, ssh_buffer_data(&rest), ssh_buffer_size(&rest));
	ssh_buffer_free(&rest);
}
