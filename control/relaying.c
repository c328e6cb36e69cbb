/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/relaying.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/relaying_block.h"
#include "control/spawn.h"
#include "control/tunnels.h"
#include "datapath/relay/handover.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define SOCKET_NAME	 "relay.sock"
#define USER		 "pgw-relay"
#define MESSAGES_AT_ONCE 64

int relaying_init(struct gateway *gateway, struct ctl_error *error)
{
	struct relaying *relaying = &gateway->relaying;

	*relaying = (struct relaying){.pidfd = -1, .fd = -1, .backoff_ms = RELAYING_BACKOFF_MS};
	snprintf(relaying->socket_path, sizeof(relaying->socket_path), "%s/" SOCKET_NAME,
		 gateway->options.rundir);
	return spawn_binary(relaying->binary, "pgw-relay", error);
}

/* --- the process --------------------------------------------------------------------------- */

static void forget(struct relaying *relaying)
{
	if (relaying->fd >= 0)
		close(relaying->fd);
	if (relaying->pidfd >= 0)
		close(relaying->pidfd);
	relaying->fd = relaying->pidfd = -1;
	relaying->pid = 0;
	relaying->child = false;
}

void relaying_leave(struct gateway *gateway)
{
	tunnels_commit(gateway, NULL);
	forget(&gateway->relaying);
}

static bool wait_for_end(const struct relaying *relaying, int timeout_ms)
{
	struct pollfd gone = {.fd = relaying->pidfd, .events = POLLIN};

	return poll(&gone, 1, timeout_ms) > 0;
}

static void end_process(struct relaying *relaying)
{
	siginfo_t info = {.si_pid = 0};

	if (relaying->pid) {
		syscall(SYS_pidfd_send_signal, relaying->pidfd, SIGKILL, NULL, 0);
		wait_for_end(relaying, RELAYING_QUIT_MS);
		if (relaying->child)
			waitid(P_PIDFD, (id_t)relaying->pidfd, &info, WEXITED | WNOHANG);
	}
	forget(relaying);
}

static json_t *members_of(const char *state, int pid)
{
	return json_pack("{s:s, s:i}", "state", state, "pid", pid);
}

/* It is not as it should be: end it, and start another soon. */
static void lost(struct gateway *gateway, const char *why)
{
	struct relaying *relaying = &gateway->relaying;
	int64_t now_ms = gateway_now_ms();
	int pid = relaying->pid;

	if (!pid)
		return;
	gateway_tell(gateway, TOLD_RELAY, LOG_ERR, members_of("died", pid),
		     "pgw-relay pid %d %s; it is started again", pid, why);
	end_process(relaying);
	if (now_ms - relaying->since_ms >= RELAYING_STEADY_MS)
		relaying->backoff_ms = RELAYING_BACKOFF_MS;
	relaying->restarts++;
	relaying->restart_ms = now_ms + relaying->backoff_ms;
	relaying->backoff_ms *= 2;
	if (relaying->backoff_ms > RELAYING_BACKOFF_MAX_MS)
		relaying->backoff_ms = RELAYING_BACKOFF_MAX_MS;
}

static int bind_socket(const char *path, struct ctl_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), code = 0;
	mode_t mask;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || (unlink(path) && errno != ENOENT))
		code = -errno;
	if (!code) {
		mask = umask(0177);
		if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
			code = -errno;
		umask(mask);
	}
	if (!code)
		return fd;
	if (fd >= 0)
		close(fd);
	return fault(error, code, "socket %s: %s", path, strerror(-code));
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	code = -errno;
	close(fd);
	return code;
}

/* --- questions and answers ----------------------------------------------------------------- */

static bool is_unasked(const struct handover_message *message)
{
	return !strcmp(handover_op(message), "event") || !strcmp(handover_op(message), "part");
}

/* Of a process that is not trusted: it has no say in events of others. */
static void take_event(struct gateway *gateway, const struct handover_message *message)
{
	const char *name = json_string_value(json_object_get(message->body, "event"));
	json_t *members = json_object_get(message->body, "members");
	const char *state = json_string_value(json_object_get(members, "state"));
	enum ctl_event event = name ? ctl_event_of(name) : TOLD_COUNT;

	if (!strcmp(handover_op(message), "part"))
		tunnels_asked(gateway, message->body);
	else if ((event == TOLD_TUNNEL || event == TOLD_ENDPOINT) && state)
		gateway_tell(gateway, event, LOG_INFO, json_incref(members),
			     "secure gateway: %s is %s", name, state);
}

/**
 * ask() - send a question, wait for its answer; events that come meanwhile are handed on
 * @body: taken over
 * @answer: set on success; handover_free() is due
 * Return: 0, or -errno with @error set: the conversation is broken, unless -EREMOTEIO (it refused).
 */
static int ask(struct gateway *gateway, json_t *body, const int *fds, unsigned n_fds,
	       struct handover_message *answer, struct ctl_error *error)
{
	struct relaying *relaying = &gateway->relaying;
	int64_t until_ms = gateway_now_ms() + RELAYING_ANSWER_MS;
	int code = body ? handover_send(relaying->fd, body, fds, n_fds) : -ENOMEM;

	json_decref(body);
	while (!code) {
		struct pollfd ready = {.fd = relaying->fd, .events = POLLIN};
		int64_t left_ms = until_ms - gateway_now_ms();
		const char *text;

		code = handover_receive(relaying->fd, answer);
		if (code == 1 && is_unasked(answer)) {
			take_event(gateway, answer);
			handover_free(answer);
			code = 0;
			continue;
		}
		if (code == 1) {
			if (strcmp(handover_op(answer), "error") != 0)
				return 0;
			text = json_string_value(json_object_get(answer->body, "text"));
			fault(error, -EREMOTEIO, "pgw-relay: %s", text ? text : "refuses");
			handover_free(answer);
			return -EREMOTEIO;
		}
		if (code != -EAGAIN) {
			code = code ? code : -ECONNRESET;
			break;
		}
		code = left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0 ? -ETIMEDOUT : 0;
	}
	return fault(error, code, "pgw-relay does not answer: %s", strerror(-code));
}

static int say_hello(struct gateway *gateway, struct handover_message *hello,
		     struct ctl_error *error)
{
	int code = ask(gateway, json_pack("{s:s}", "op", "hello"), NULL, 0, hello, error);

	if (code)
		return code;
	if (!strcmp(handover_op(hello), "hello") &&
	    json_integer_value(json_object_get(hello->body, "version")) == HANDOVER_VERSION)
		return 0;
	handover_free(hello);
	return fault(error, -EPROTO,
		     "pgw-relay is of another version than pgwd: install both "
		     "from one build");
}

static int start(struct gateway *gateway, struct ctl_error *error)
{
	struct relaying *relaying = &gateway->relaying;
	int fd = bind_socket(relaying->socket_path, error), code;
	const struct spawn spawn = {.name = "pgw-relay",
				    .binary = relaying->binary,
				    .fds = &fd,
				    .n_fds = 1,
				    .listens = true,
				    .user = USER,
				    .files = RELAYING_FILES};
	struct handover_message hello;
	struct spawned spawned;

	if (fd < 0)
		return fd;
	code = spawn_process(&spawned, &spawn, error);
	close(fd);
	if (code)
		return code;
	relaying->pid = spawned.pid;
	relaying->pidfd = spawned.pidfd;
	relaying->child = true;
	relaying->since_ms = gateway_now_ms();
	relaying->restart_ms = 0;
	relaying->fd = connect_to(relaying->socket_path);
	if (relaying->fd < 0)
		code = fault(error, relaying->fd, "cannot connect to %s: %s", relaying->socket_path,
			     strerror(-relaying->fd));
	if (!code)
		code = say_hello(gateway, &hello, error);
	if (code)
		end_process(relaying);
	else
		handover_free(&hello);
	return code;
}

/* Return: 0, or -errno: it cannot be watched. */
static int watch(struct relaying *relaying)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(relaying->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return -errno;
	if (credentials.pid <= 1)
		return -ESRCH;
	relaying->pidfd = (int)syscall(SYS_pidfd_open, credentials.pid, 0);
	if (relaying->pidfd < 0)
		return -errno;
	relaying->pid = credentials.pid;
	relaying->since_ms = gateway_now_ms();
	return 0;
}

/* @fd: taken over */
static void adopt_socket(struct gateway *gateway, const char *key, int fd)
{
	if (!tunnels_adopt(gateway, key, fd))
		inside_adopt(gateway, key, fd);
}

/* is_other() - it runs another file than the one that would be started now */
static bool is_other(const struct relaying *relaying, const json_t *hello)
{
	const json_t *binary = json_object_get(hello, "binary");
	struct stat status;

	return !stat(relaying->binary, &status) &&
	       (json_integer_value(json_array_get(binary, 0)) != (json_int_t)status.st_dev ||
		json_integer_value(json_array_get(binary, 1)) != (json_int_t)status.st_ino);
}

void relaying_adopt(struct gateway *gateway)
{
	struct relaying *relaying = &gateway->relaying;
	struct handover_message hello;
	struct ctl_error error;
	json_t *keys;

	relaying->fd = connect_to(relaying->socket_path);
	if (relaying->fd < 0 || watch(relaying)) {
		forget(relaying);
		return;
	}
	if (say_hello(gateway, &hello, &error)) {
		ctl_log(TOLD_RELAY, LOG_WARNING, "running pgw-relay pid %d: %s; ended",
			relaying->pid, error.text);
		end_process(relaying);
		return;
	}
	keys = json_object_get(hello.body, "listeners");
	for (unsigned i = 0; i < hello.n_fds && i < json_array_size(keys); i++) {
		const char *key = json_string_value(json_array_get(keys, i));

		if (key)
			adopt_socket(gateway, key, handover_take_fd(&hello, i));
	}
	ctl_log(TOLD_RELAY, LOG_NOTICE, "adopted running pgw-relay pid %d%s", relaying->pid,
		is_other(relaying, hello.body) ? ", which is of another build: its connections go "
						 "on, and it is replaced when it "
						 "ends"
					       : "");
	handover_free(&hello);
}

int relaying_tell(struct gateway *gateway, const struct config *config, const struct inside *inside,
		  const uint8_t *up, struct ctl_error *error)
{
	struct relaying *relaying = &gateway->relaying;
	struct handover_message answer;
	int fds[HANDOVER_FDS_MAX], code = 0;
	unsigned n_fds = 0;
	size_t bytes;
	json_t *block;

	if (!relaying_block_needed(config))
		return 0; /* one that runs is ended by relaying_commit() */
	if (!relaying->pid)
		code = start(gateway, error);
	if (code)
		return code;
	block = relaying_block(config, inside, up, gateway->revision, fds + 1, &n_fds);
	if (block && tunnels_needed(config)) {
		json_t *part = tunnels_part(gateway, config, json_object_get(block, "listeners"),
					    fds + 1, &n_fds, HANDOVER_FDS_MAX - 1, error);

		if (!part) {
			json_decref(block);
			return -EINVAL;
		}
		json_object_set_new(block, "tunnel", part);
	}
	fds[0] = block ? handover_block(block, &bytes) : -ENOMEM;
	json_decref(block);
	if (fds[0] < 0)
		return fault(error, fds[0], "pgw-relay's configuration: %s", strerror(-fds[0]));
	code = ask(gateway, json_pack("{s:s, s:I}", "op", "configure", "bytes", (json_int_t)bytes),
		   fds, n_fds + 1, &answer, error);
	close(fds[0]);
	if (!code)
		handover_free(&answer);
	else if (code != -EREMOTEIO)
		lost(gateway, error->text);
	relaying->told_ms = gateway_now_ms();
	return code;
}

void relaying_commit(struct gateway *gateway, const struct config *config)
{
	gateway->relaying.wanted = relaying_block_needed(config);
	tunnels_commit(gateway, config);
	if (!gateway->relaying.wanted)
		relaying_quit(gateway);
}

void relaying_quit(struct gateway *gateway)
{
	struct relaying *relaying = &gateway->relaying;
	struct handover_message answer;
	struct ctl_error error;

	relaying->restart_ms = relaying->tell_ms = 0;
	if (!relaying->pid)
		return;
	if (!ask(gateway, json_pack("{s:s}", "op", "quit"), NULL, 0, &answer, &error))
		handover_free(&answer);
	if (!wait_for_end(relaying, RELAYING_QUIT_MS))
		ctl_log(TOLD_RELAY, LOG_WARNING,
			"pgw-relay pid %d does not end when asked to; killed", relaying->pid);
	end_process(relaying);
	unlink(relaying->socket_path);
}

json_t *relaying_show(struct gateway *gateway, const char *what)
{
	struct relaying *relaying = &gateway->relaying;
	struct handover_message answer;
	struct ctl_error error;
	json_t *shown = NULL;
	int code;

	if (!relaying->pid)
		return NULL;
	code = ask(gateway, json_pack("{s:s, s:s}", "op", "show", "what", what), NULL, 0, &answer,
		   &error);
	if (code) {
		if (code != -EREMOTEIO)
			lost(gateway, error.text);
		return NULL;
	}
	if (answer.n_fds)
		handover_read_block(answer.fds[0],
				    json_integer_value(json_object_get(answer.body, "bytes")),
				    &shown);
	handover_free(&answer);
	return shown;
}

/* --- the loop ------------------------------------------------------------------------------ */

void relaying_readable(struct gateway *gateway)
{
	struct relaying *relaying = &gateway->relaying;

	for (unsigned i = 0; i < MESSAGES_AT_ONCE && relaying->fd >= 0; i++) {
		struct handover_message message;
		int got = handover_receive(relaying->fd, &message);

		if (got == -EAGAIN)
			return;
		if (got <= 0) {
			/* One that died is reported by its pidfd; it may be about to be. */
			if (got || !wait_for_end(relaying, 100))
				lost(gateway, "broke its channel");
			else
				lost(gateway, "died");
			return;
		}
		if (is_unasked(&message))
			take_event(gateway, &message);
		handover_free(&message);
	}
}

void relaying_ended(struct gateway *gateway)
{
	if (wait_for_end(&gateway->relaying, 0)) /* it may be another by now */
		lost(gateway, "died");
}

int relaying_follow(struct gateway *gateway, struct ctl_error *error)
{
	struct relaying *relaying = &gateway->relaying;
	size_t n;

	relaying->tell_ms = 0;
	if (!relaying->wanted || !relaying->pid)
		return 0;
	return relaying_tell(gateway, &gateway->config, &gateway->inside,
			     health_up(gateway->checking.health, &n), error);
}

void relaying_backends(struct gateway *gateway)
{
	struct relaying *relaying = &gateway->relaying;

	if (relaying->wanted && !relaying->tell_ms)
		relaying->tell_ms = relaying->told_ms + RELAYING_PAUSE_MS;
}

int relaying_part(struct gateway *gateway, json_t *body, const int *fds, unsigned n_fds,
		  struct ctl_error *error)
{
	struct handover_message answer;
	int code;

	if (gateway->relaying.fd < 0) {
		json_decref(body);
		return fault(error, -ENOTCONN, "pgw-relay does not run");
	}
	code = ask(gateway, body, fds, n_fds, &answer, error);
	if (!code)
		handover_free(&answer);
	else if (code != -EREMOTEIO)
		lost(gateway, error->text);
	return code;
}

/* answer_parts() - what pgw-relay has asked */
static void answer_parts(struct gateway *gateway)
{
	while (tunnels_due(gateway)) {
		struct ctl_error error;
		int fd;
		json_t *answer = tunnels_answer(gateway, &fd);

		if (answer && relaying_part(gateway, answer, &fd, fd >= 0, &error) == -EREMOTEIO)
			ctl_log(TOLD_RELAY, LOG_WARNING, "%s", error.text);
		if (fd >= 0)
			close(fd);
	}
}

int64_t relaying_due_ms(const struct gateway *gateway)
{
	const struct relaying *relaying = &gateway->relaying;
	int64_t due_ms = relaying->restart_ms ? relaying->restart_ms : INT64_MAX;

	if (tunnels_due(gateway))
		return 0;
	return relaying->tell_ms && relaying->tell_ms < due_ms ? relaying->tell_ms : due_ms;
}

void relaying_work(struct gateway *gateway)
{
	struct relaying *relaying = &gateway->relaying;
	int64_t now_ms = gateway_now_ms();
	bool starts = relaying->restart_ms && relaying->restart_ms <= now_ms;
	struct ctl_error error;
	size_t n;

	answer_parts(gateway);
	if (!starts && !(relaying->tell_ms && relaying->tell_ms <= now_ms))
		return;
	relaying->tell_ms = 0;
	if (starts)
		relaying->restart_ms = 0;
	if (!relaying->wanted || (!relaying->pid && !starts))
		return;
	if (relaying_tell(gateway, &gateway->config, &gateway->inside,
			  health_up(gateway->checking.health, &n), &error)) {
		ctl_log(TOLD_RELAY, LOG_ERR, "%s", error.text);
		if (!relaying->restart_ms && !relaying->pid)
			relaying->restart_ms = now_ms + RELAYING_BACKOFF_MAX_MS;
	} else if (starts) {
		gateway_tell(gateway, TOLD_RELAY, LOG_NOTICE, members_of("started", relaying->pid),
			     "pgw-relay pid %d runs", relaying->pid);
	}
}
