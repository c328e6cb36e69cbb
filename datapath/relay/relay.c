/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay - answers pgwd, hands configurations to the parts.
 *
 * pgwd is trusted with what it may ask, not with doing it well: every message is checked whole,
 * and one that is none ends its connection. Only root and this process's own user may connect.
 */
#include "datapath/relay/relay.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include "datapath/relay/names.h"
#include "datapath/relay/sockets.h"
#include "datapath/relay/tunnel.h"

#define MESSAGES_AT_ONCE 16u
#define FILES_OWN	 320u  /* descriptors kept for messages of pgwd, which bring up to 250 */
#define FILES_OWN_PART	 8u    /* … but no more than this part of all */
#define ALLOW_MAX	 8192u /* ranges */

/* Each kind of work; the list ends with NULL. */
static const struct relay_part *const parts[] = {&names_part, &tunnel_part, NULL};
#define PARTS_MAX 8
static_assert(sizeof(parts) / sizeof(parts[0]) <= PARTS_MAX + 1, "room for each");

struct allow {
	struct {
		uint32_t first, last; /* host order, disjoint, ascending */
	} * ranges;
	size_t n;
};

struct relay_stage {
	struct allow allow;
	struct sockets sockets;
	uint64_t revision;
};

struct relay {
	struct loop *loop;
	struct loop_source listener, channel;
	void *part[PARTS_MAX];
	struct relay_stage now;
	uint64_t lost_events, conversations;
	int files_max;	    /* descriptors below that are for connections */
	struct stat binary; /* that runs; of later, when no file can be looked at */
};

int relay_fail(struct relay_error *error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

struct loop *relay_loop(struct relay *relay)
{
	return relay->loop;
}

bool relay_allowed(const struct relay *relay, be32 addr)
{
	const struct allow *allow = &relay->now.allow;
	uint32_t wanted = ntohl(addr);
	size_t low = 0, high = allow->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (wanted < allow->ranges[middle].first)
			high = middle;
		else if (wanted > allow->ranges[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

int relay_stage_socket(const struct relay_stage *stage, const char *key)
{
	return sockets_find(&stage->sockets, key);
}

static void close_channel(struct relay *relay)
{
	if (relay->channel.fd < 0)
		return;
	loop_remove(relay->loop, &relay->channel);
	close(relay->channel.fd);
	relay->channel.fd = -1;
}

int relay_tell(struct relay *relay, const json_t *body, const int *fds, unsigned n_fds)
{
	if (relay->channel.fd < 0)
		return -ENOTCONN;
	return handover_send(relay->channel.fd, body, fds, n_fds);
}

uint64_t relay_conversation(const struct relay *relay)
{
	return relay->conversations + 1;
}

int relay_accept(const struct relay *relay, int listener, struct sockaddr_in *from)
{
	for (;;) {
		socklen_t size = sizeof(*from);
		int fd = accept4(listener, (struct sockaddr *)from, &size,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0 && fd < relay->files_max)
			return fd;
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			return -EMFILE;
		if (errno != EINTR && errno != ECONNABORTED)
			return -EAGAIN;
	}
}

/* half_full() - answers and questions need the rest: one that finds no room ends the channel */
static bool half_full(const struct relay *relay)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t size = sizeof(memory);

	return relay->channel.fd >= 0 &&
	       !getsockopt(relay->channel.fd, SOL_SOCKET, SO_MEMINFO, memory, &size) &&
	       memory[SK_MEMINFO_WMEM_ALLOC] > memory[SK_MEMINFO_SNDBUF] / 2;
}

void relay_event(struct relay *relay, const char *event, json_t *members)
{
	json_t *body = members ? json_pack("{s:s, s:s, s:O}", "op", "event", "event", event,
					   "members", members)
			       : NULL;

	if (!body || half_full(relay) || relay_tell(relay, body, NULL, 0))
		relay->lost_events++;
	json_decref(body);
	json_decref(members);
}

/* @answer: taken over */
static void answer(struct relay *relay, json_t *answer, const int *fds, unsigned n_fds)
{
	int code = answer ? handover_send(relay->channel.fd, answer, fds, n_fds) : -ENOMEM;

	json_decref(answer);
	if (code)
		close_channel(relay); /* pgwd waits for an answer that will not come */
}

static void answer_result(struct relay *relay, int code, const struct relay_error *error)
{
	if (code)
		answer(relay, json_pack("{s:s, s:s}", "op", "error", "text", error->text), NULL, 0);
	else
		answer(relay, json_pack("{s:s}", "op", "ok"), NULL, 0);
}

static void say_hello(struct relay *relay)
{
	const struct sockets *sockets = &relay->now.sockets;
	json_t *keys = json_array();
	int fds[HANDOVER_FDS_MAX];

	for (size_t i = 0; i < sockets->n; i++) {
		json_array_append_new(keys, json_string(sockets->list[i].key));
		fds[i] = sockets->list[i].fd;
	}
	answer(relay,
	       json_pack("{s:s, s:i, s:i, s:I, s:[I, I], s:o}", "op", "hello", "version",
			 HANDOVER_VERSION, "pid", (int)getpid(), "revision",
			 (json_int_t)relay->now.revision, "binary",
			 (json_int_t)relay->binary.st_dev, (json_int_t)relay->binary.st_ino,
			 "listeners", keys),
	       fds, (unsigned)sockets->n);
}

static int read_allow(struct allow *allow, const json_t *wanted, struct relay_error *error)
{
	size_t n = json_array_size(wanted);
	json_int_t before = -1;

	if (!json_is_array(wanted) || n > ALLOW_MAX)
		return relay_fail(error, -EINVAL, "allow: an array of at most %u was expected",
				  ALLOW_MAX);
	allow->ranges = calloc(n + 1, sizeof(*allow->ranges));
	if (!allow->ranges)
		return relay_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const json_t *range = json_array_get(wanted, i);
		const json_t *first = json_array_get(range, 0), *last = json_array_get(range, 1);

		if (!json_is_integer(first) || !json_is_integer(last) ||
		    json_integer_value(first) <= before ||
		    json_integer_value(last) < json_integer_value(first) ||
		    json_integer_value(last) > UINT32_MAX)
			return relay_fail(error, -EINVAL,
					  "allow: ascending ranges of addresses were expected");
		before = json_integer_value(last);
		allow->ranges[i].first = (uint32_t)json_integer_value(first);
		allow->ranges[i].last = (uint32_t)before;
		allow->n = i + 1;
	}
	return 0;
}

static void stage_drop(struct relay_stage *stage)
{
	sockets_drop(&stage->sockets);
	free(stage->allow.ranges);
	*stage = (struct relay_stage){0};
}

static int prepare(struct relay *relay, const json_t *block, struct handover_message *message,
		   struct relay_stage *stage, struct relay_error *error)
{
	const json_t *revision = json_object_get(block, "revision");
	size_t ready = 0;
	int code;

	if (!json_is_integer(revision) || json_integer_value(revision) < 0)
		return relay_fail(error, -EINVAL, "a configuration without a revision");
	stage->revision = (uint64_t)json_integer_value(revision);
	code = read_allow(&stage->allow, json_object_get(block, "allow"), error);
	if (!code)
		code = sockets_prepare(&stage->sockets, json_object_get(block, "listeners"),
				       message, &relay->now.sockets, error);
	for (; !code && parts[ready]; ready += !code)
		code = parts[ready]->prepare(relay->part[ready],
					     json_object_get(block, parts[ready]->name), stage,
					     error);
	while (code && ready--)
		parts[ready]->abandon(relay->part[ready]);
	return code;
}

static void configure(struct relay *relay, struct handover_message *message)
{
	const json_t *bytes = json_object_get(message->body, "bytes");
	struct relay_stage stage = {0};
	struct relay_error error = {.text = ""};
	const char *why;
	json_t *block = NULL;
	int code = 0;

	why = handover_read_block(message->n_fds ? message->fds[0] : -1, json_integer_value(bytes),
				  &block);
	if (why)
		code = relay_fail(&error, -EINVAL, "configuration: %s", why);
	if (!code)
		code = prepare(relay, block, message, &stage, &error);
	json_decref(block);
	if (!code) {
		struct allow before = relay->now.allow;

		relay->now.allow = stage.allow;
		relay->now.revision = stage.revision;
		for (size_t i = 0; parts[i]; i++)
			parts[i]->commit(relay->part[i]);
		/* Now nobody waits any more for those that go. */
		sockets_commit(&relay->now.sockets, &stage.sockets);
		free(before.ranges);
	} else {
		stage_drop(&stage);
	}
	answer_result(relay, code, &error);
}

static void show(struct relay *relay, const struct handover_message *message)
{
	json_t *all = json_object();
	size_t bytes = 0;
	int fd;

	for (size_t i = 0; parts[i]; i++)
		json_object_set_new(all, parts[i]->name,
				    parts[i]->show(relay->part[i], message->body));
	json_object_set_new(all, "lost-events", json_integer((json_int_t)relay->lost_events));
	fd = handover_block(all, &bytes);
	json_decref(all);
	if (fd < 0) {
		struct relay_error error = {.text = ""};

		answer_result(relay, relay_fail(&error, fd, "%s", strerror(-fd)), &error);
		return;
	}
	answer(relay, json_pack("{s:s, s:I}", "op", "shown", "bytes", (json_int_t)bytes), &fd, 1);
	close(fd);
}

static void to_part(struct relay *relay, struct handover_message *message)
{
	const char *name = json_string_value(json_object_get(message->body, "part"));
	struct relay_error error = {.text = ""};
	int code = -ENOENT;

	relay_fail(&error, code, "no such part");
	for (size_t i = 0; name && parts[i]; i++)
		if (!strcmp(parts[i]->name, name) && parts[i]->message)
			code = parts[i]->message(relay->part[i], message, &error);
	answer_result(relay, code, &error);
}

static void take(struct relay *relay, struct handover_message *message)
{
	const char *op = handover_op(message);

	if (!strcmp(op, "hello")) {
		say_hello(relay);
	} else if (!strcmp(op, "configure")) {
		configure(relay, message);
	} else if (!strcmp(op, "show")) {
		show(relay, message);
	} else if (!strcmp(op, "part")) {
		to_part(relay, message);
	} else if (!strcmp(op, "quit")) {
		answer_result(relay, 0, NULL);
		loop_end(relay->loop);
	} else {
		close_channel(relay);
	}
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct relay *relay = (struct relay *)((char *)source - offsetof(struct relay, channel));

	(void)events;
	for (unsigned i = 0; i < MESSAGES_AT_ONCE && relay->channel.fd >= 0; i++) {
		struct handover_message message;
		int got = handover_receive(relay->channel.fd, &message);

		if (got == -EAGAIN)
			return;
		if (got <= 0) {
			close_channel(relay);
			return;
		}
		take(relay, &message);
		handover_free(&message);
	}
}

/* Only root and we ourselves: the socket's mode says the same, this is a second lock. */
static bool may_connect(int fd)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) &&
	       (credentials.uid == 0 || credentials.uid == geteuid());
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct relay *relay = (struct relay *)((char *)source - offsetof(struct relay, listener));
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (!may_connect(fd)) {
		close(fd);
		return;
	}
	close_channel(relay);
	relay->conversations++;
	relay->channel.fd = fd;
	if (loop_add(relay->loop, &relay->channel, EPOLLIN)) {
		close(fd);
		relay->channel.fd = -1;
	}
}

static int check_listener(int fd, struct relay_error *error)
{
	int type = 0, listens = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size))
		return relay_fail(error, -errno, "descriptor %d is no socket: %s", fd,
				  strerror(errno));
	if (type != SOCK_SEQPACKET || !listens)
		return relay_fail(error, -EINVAL,
				  "descriptor %d is no SOCK_SEQPACKET socket that listens", fd);
	return 0;
}

/* files_max() - the kernel gives the lowest number that is free, so a high one means few are left
 */
static int files_max(void)
{
	struct rlimit limit;
	rlim_t own = FILES_OWN;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	if (own > limit.rlim_cur / FILES_OWN_PART)
		own = limit.rlim_cur / FILES_OWN_PART;
	return (int)(limit.rlim_cur - own);
}

int relay_create(struct relay **result, int listen_fd, loop_clock clock, void *clock_context,
		 struct relay_error *error)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int code = check_listener(listen_fd, error);

	*result = NULL;
	if (!relay || code) {
		free(relay);
		return code ? code : relay_fail(error, -ENOMEM, "out of memory");
	}
	relay->listener = (struct loop_source){.ready = listener_ready, .fd = listen_fd};
	relay->channel = (struct loop_source){.ready = channel_ready, .fd = -1};
	relay->files_max = files_max();
	if (stat("/proc/self/exe", &relay->binary))
		relay->binary = (struct stat){0}; /* no pgwd will know it */
	json_object_seed(0); /* reads /dev/urandom, which can be opened only now */
	code = loop_create(&relay->loop, clock, clock_context);
	if (!code)
		code = loop_add(relay->loop, &relay->listener, EPOLLIN);
	for (size_t i = 0; !code && parts[i]; i++)
		code = parts[i]->create(&relay->part[i], relay);
	if (code) {
		relay_fail(error, code, "cannot start: %s", strerror(-code));
		relay_destroy(relay);
		return code;
	}
	*result = relay;
	return 0;
}

void relay_destroy(struct relay *relay)
{
	if (!relay)
		return;
	for (size_t i = 0; parts[i]; i++)
		if (relay->part[i])
			parts[i]->destroy(relay->part[i]);
	close_channel(relay);
	loop_destroy(relay->loop);
	stage_drop(&relay->now);
	free(relay);
}

int relay_run(struct relay *relay)
{
	return loop_run(relay->loop);
}
