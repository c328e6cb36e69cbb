/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/names.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/relay/connection.h"

#define ACCEPTS_A_ROUND 64u
#define ACCEPT_AGAIN_MS 100u

static const struct {
	const char *name, *text;
} reasons[] = {
#define REASON(symbol, name, text) {name, text},
#include "datapath/relay/reason.def"
#undef REASON
};
static_assert(sizeof(reasons) / sizeof(reasons[0]) == REASON_COUNT, "a name each");

const char *reason_name(enum reason reason)
{
	return reasons[reason].name;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason].text;
}

static void listen_all(struct names *names, bool on)
{
	for (size_t i = 0; i < names->n_listeners; i++) {
		struct names_listener *listener = &names->listeners[i];

		if (!on)
			loop_remove(names->loop, &listener->source);
		else if (!listener->source.added)
			loop_add(names->loop, &listener->source, EPOLLIN);
	}
}

static void accept_again(struct loop_timer *timer)
{
	struct names *names =
		(struct names *)((char *)timer - offsetof(struct names, accept_again));

	listen_all(names, true);
}

/* No descriptor for another connection: those that wait are left in the listening sockets for a
 * moment, instead of being told about again and again. */
static void pause_accepting(struct names *names)
{
	if (loop_timer_set(names->loop, &names->accept_again,
			   loop_now_ms(names->loop) + ACCEPT_AGAIN_MS))
		return;
	listen_all(names, false);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct names_listener *listener = (struct names_listener *)source;
	struct names *names = listener->names;
	uint64_t round = loop_rounds(names->loop);

	(void)events;
	/* One, and more where that was not all in the round before: asking in vain costs, too. */
	listener->burst = round == listener->round + 1 ? 2 * listener->burst : 1;
	if (listener->burst > ACCEPTS_A_ROUND)
		listener->burst = ACCEPTS_A_ROUND;
	listener->round = round;
	for (unsigned i = 0; i < listener->burst; i++) {
		struct sockaddr_in from = {0};
		int fd = relay_accept(names->relay, source->fd, &from);

		if (fd == -EMFILE)
			pause_accepting(names);
		if (fd < 0)
			return;
		names->accepted++;
		connection_open(names, listener->of, fd, from.sin_addr.s_addr,
				ntohs(from.sin_port));
	}
}

static int names_create(void **part, struct relay *relay)
{
	struct names *names = calloc(1, sizeof(*names));
	struct rlimit limit;

	if (!names)
		return -ENOMEM;
	names->relay = relay;
	names->loop = relay_loop(relay);
	names->accept_again.fire = accept_again;
	names->routed_max = 1;
	if (!getrlimit(RLIMIT_NOFILE, &limit) &&
	    limit.rlim_cur > NAMES_FILES_OWN + 2 * NAMES_HELLOS_MAX)
		names->routed_max = (size_t)(limit.rlim_cur - NAMES_FILES_OWN - NAMES_HELLOS_MAX) /
				    NAMES_FILES_EACH;
	*part = names;
	return 0;
}

static void end_all(struct connection_list *list, enum reason reason)
{
	while (list->first)
		connection_end(list->first, reason);
}

static void names_abandon(void *part)
{
	struct names *names = part;

	if (!names->prepared)
		return;
	services_free(&names->next);
	free(names->next_listeners);
	names->next_listeners = NULL;
	names->prepared = false;
}

static void names_destroy(void *part)
{
	struct names *names = part;

	end_all(&names->hellos, REASON_STOPPED);
	end_all(&names->routed, REASON_STOPPED);
	loop_timer_stop(names->loop, &names->accept_again);
	listen_all(names, false);
	names_abandon(names);
	services_free(&names->now);
	free(names->listeners);
	splice_pool_drop(&names->pool);
	/* Connections that have just ended are freed by the loop, and name the pool no more. */
	free(names);
}

static int names_prepare(void *part, const json_t *wanted, const struct relay_stage *stage,
			 struct relay_error *error)
{
	struct names *names = part;
	int code = services_read(&names->next, wanted, stage, error);

	if (code)
		return code;
	names->next_listeners = calloc(names->next.n_listeners + 1, sizeof(*names->next_listeners));
	if (!names->next_listeners) {
		services_free(&names->next);
		return relay_fail(error, -ENOMEM, "out of memory");
	}
	names->prepared = true;
	return 0;
}

static void follow(struct connection_list *list)
{
	for (struct connection *c = list->first, *after; c; c = after) {
		after = c->after;
		connection_follow(c);
	}
}

/* What each accepted socket inherits: small pieces go at once, and a ClientHello's acknowledgement
 * waits for the answer to it and goes with that. */
static void prepare_socket(int fd)
{
	const int on = 1, off = 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

static void names_commit(void *part)
{
	struct names *names = part;
	struct services before = names->now;

	listen_all(names, false);
	loop_timer_stop(names->loop, &names->accept_again);
	free(names->listeners);
	services_adopt(&names->next, &before);
	names->now = names->next;
	names->next = (struct services){0};
	names->listeners = names->next_listeners;
	names->next_listeners = NULL;
	names->n_listeners = names->now.n_listeners;
	names->prepared = false;
	for (size_t i = 0; i < names->n_listeners; i++) {
		const struct service_listener *of = &names->now.listeners[i];
		names->listeners[i] =
			(struct names_listener){.source = {.ready = listener_ready, .fd = of->fd},
						.names = names,
						.of = of};
		prepare_socket(of->fd);
	}
	listen_all(names, true);
	follow(&names->hellos);
	follow(&names->routed);
	services_free(&before);
}

static json_t *show_reasons(const struct names *names)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < REASON_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "reason", reasons[i].name,
						      "connections", (json_int_t)names->ended[i],
						      "text", reasons[i].text));
	return list;
}

static json_t *show_services(const struct names *names)
{
	struct {
		uint64_t active, received, sent;
	} *live = calloc(names->now.n + 1, sizeof(*live));
	json_t *list = live ? json_array() : NULL;

	for (const struct connection *c = live ? names->routed.first : NULL; c; c = c->after) {
		size_t at = c->service ? (size_t)(c->service - names->now.list) : names->now.n;

		live[at].active++;
		live[at].received += c->up.bytes;
		live[at].sent += c->down.bytes;
	}
	for (size_t i = 0; live && i < names->now.n; i++) {
		const struct service *service = &names->now.list[i];
		uint64_t received = service->received_bytes + live[i].received;
		uint64_t sent = service->sent_bytes + live[i].sent;

		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", service->name,
					"connections", (json_int_t)service->connections, "active",
					(json_int_t)live[i].active, "rcvd-bytes",
					(json_int_t)received, "sent-bytes", (json_int_t)sent));
	}
	free(live);
	return list;
}

static void show_connections(json_t *to, const struct connection_list *list)
{
	for (const struct connection *c = list->first; c; c = c->after)
		json_array_append_new(to, connection_show(c));
}

static json_t *names_show(void *part, const json_t *question)
{
	const struct names *names = part;
	const char *what = json_string_value(json_object_get(question, "what"));
	json_t *answer =
		json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "accepted", (json_int_t)names->accepted,
			  "hellos", (json_int_t)names->hellos.n, "active",
			  (json_int_t)names->routed.n, "active-max", (json_int_t)names->routed_max,
			  "ended", show_reasons(names), "services", show_services(names));
	json_t *connections;

	if (!answer || !what || strcmp(what, "connections") != 0)
		return answer;
	connections = json_array();
	show_connections(connections, &names->hellos);
	show_connections(connections, &names->routed);
	json_object_set_new(answer, "connections", connections);
	return answer;
}

const struct relay_part names_part = {
	.name = "names",
	.create = names_create,
	.destroy = names_destroy,
	.prepare = names_prepare,
	.commit = names_commit,
	.abandon = names_abandon,
	.show = names_show,
};
