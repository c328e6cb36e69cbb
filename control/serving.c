/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/serving.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "control/api/settings.h"
#include "control/config/kind.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/spawn.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

_Static_assert(CONFIG_APIS_MAX <= SETTINGS_LISTENERS_MAX, "pgw-api takes them all");

bool serving_differs(const struct serving *serving, const struct config *config)
{
	if (serving->n != config->n_apis)
		return true;
	for (unsigned i = 0; i < serving->n; i++)
		if (!kinds[KIND_API].equal(&serving->apis[i], &config->apis[i]))
			return true;
	return false;
}

static int bind_unix(int fd, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	/* Left by one that was killed; anything else that lies there is not ours. */
	if (!lstat(path, &status) && S_ISSOCK(status.st_mode))
		unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	/* Calls are signed: the socket is for whoever may walk to it, as a port would be. */
	return chmod(path, 0666) ? -errno : 0;
}

static int bind_ip(int fd, const struct config_api *api)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(api->port), .sin_addr.s_addr = api->addr};
	static const int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

/* Return: a listening socket, or -errno with @error set. */
static int open_listener(const struct config_api *api, struct ctl_error *error)
{
	int fd = socket(api->port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);
	int code = fd < 0 ? -errno : api->port ? bind_ip(fd, api) : bind_unix(fd, api->listen);

	if (!code && listen(fd, SERVING_QUEUE))
		code = -errno;
	if (!code)
		return fd;
	if (fd >= 0)
		close(fd);
	return fault(error, code, "api %s: cannot listen there: %s%s", api->listen, strerror(-code),
		     code == -EACCES ? " (ports below 1024 need CAP_NET_BIND_SERVICE)" : "");
}

/* That of @running where it is the same place: it cannot be bound twice. */
static int take_listener(const struct config_api *api, const struct serving *running,
			 struct ctl_error *error)
{
	for (unsigned i = 0; i < running->n; i++) {
		int fd;

		if (strcmp(running->apis[i].listen, api->listen) != 0)
			continue;
		fd = fcntl(running->fds[i], F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? fault(error, -errno, "api %s: %s", api->listen, strerror(errno))
			      : fd;
	}
	return open_listener(api, error);
}

static json_t *listener_settings(const struct config_api *api, const struct config *config,
				 const char *state_dir, struct serving_told *told,
				 struct ctl_error *error)
{
	json_t *line = json_pack("{s:b, s:i}", "tls", api->tls, "port", api->port);
	struct certificate certificate;

	*told = (struct serving_told){.certificate = ""};
	if (!api->tls)
		return line;
	if (certificate_read(&certificate, api, config, state_dir, error)) {
		json_decref(line);
		return NULL;
	}
	json_object_set_new(line, "certificate", json_string(certificate.certificate));
	json_object_set_new(line, "key", json_string(certificate.key));
	snprintf(told->certificate, sizeof(told->certificate), "%s", certificate.path);
	certificate_fingerprint(certificate.certificate, told->fingerprint);
	certificate_free(&certificate);
	return line;
}

/* What pgw-api is told, with its newline; malloc'ed. NULL with @error set. @says: what that is, for
 * each listener, once it is told. */
static char *settings_line(const struct serving *serving, const struct gateway *gateway,
			   const struct config *config, struct serving_told says[CONFIG_APIS_MAX],
			   struct ctl_error *error)
{
	json_t *list = json_array(), *told;
	char *text, *line = NULL;

	for (unsigned i = 0; i < serving->n; i++) {
		json_t *one = listener_settings(&serving->apis[i], config,
						gateway->options.state_dir, &says[i], error);

		if (!one) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, one);
	}
	told = json_pack("{s:o}", "listeners", list);
	text = json_dumps(told, JSON_COMPACT);
	json_decref(told);
	if (!text || asprintf(&line, "%s\n", text) < 0) {
		line = NULL;
		fault(error, -ENOMEM, "api: out of memory");
	}
	free(text);
	return line;
}

/* Return: false if it is not taken; what it served before goes on until it ends. */
static bool tell(struct serving *serving, const char *line,
		 const struct serving_told says[CONFIG_APIS_MAX])
{
	size_t bytes = strlen(line);

	/* It fits into an empty socket; one that does not take it belongs to a pgw-api that hangs.
	 */
	if (send(serving->life_fd, line, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)bytes)
		return false;
	memcpy(serving->told, says, sizeof(serving->told));
	return true;
}

/* Connects to our own control socket, which our loop will accept. */
static int connect_control(const struct gateway *gateway, struct ctl_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CTL_API_SOCKET_NAME,
		 gateway->options.rundir);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	fault(error, -errno, "api: %s: %s", address.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -EIO;
}

/* The descriptors of pgw-api but for the listeners. 0, or -errno with @error set and none open. */
static int open_ends(const struct gateway *gateway, int fds[SPAWN_FDS_MAX], int *life,
		     struct ctl_error *error)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return fault(error, -errno, "api: socketpair: %s", strerror(errno));
	fds[SETTINGS_FD_READ - SETTINGS_FD_LIFE] = connect_control(gateway, error);
	fds[SETTINGS_FD_CHANGE - SETTINGS_FD_LIFE] = connect_control(gateway, error);
	fds[0] = ends[1];
	*life = ends[0];
	if (fds[1] >= 0 && fds[2] >= 0)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	close(ends[0]);
	return -EIO;
}

static int start_process(struct serving *serving, const struct gateway *gateway,
			 const struct config *config, struct ctl_error *error)
{
	const unsigned before = SETTINGS_FD_LISTEN - SETTINGS_FD_LIFE;
	int fds[SPAWN_FDS_MAX], life = -1, code;
	struct serving_told says[CONFIG_APIS_MAX] = {{.certificate = ""}};
	char path[PATH_MAX], *line;
	struct spawned spawned;
	const struct spawn spawn = {.name = "pgw-api",
				    .binary = path,
				    .fds = fds,
				    .n_fds = serving->n + before,
				    .user = CTL_API_USER,
				    .files = SPAWN_FILES_API};

	code = spawn_binary(path, "pgw-api", error);
	if (code)
		return code;
	line = settings_line(serving, gateway, config, says, error);
	if (!line)
		return -EINVAL;
	code = open_ends(gateway, fds, &life, error);
	if (code)
		goto out;
	for (unsigned i = 0; i < serving->n; i++)
		fds[before + i] = serving->fds[i];
	code = spawn_process(&spawned, &spawn, error);
	for (unsigned i = 0; i < before; i++)
		close(fds[i]);
	if (!code) {
		serving->pid = spawned.pid;
		serving->pidfd = spawned.pidfd;
		serving->life_fd = life;
		if (!tell(serving, line, says))
			code = fault(error, -EIO, "api: pgw-api does not take its settings");
	} else {
		close(life);
	}
out:
	gnutls_memset(line, 0, strlen(line));
	free(line);
	return code;
}

/* Watches the directories: a certificate is often replaced by renaming another file over it. */
static void watch_files(struct serving *serving)
{
	serving->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	for (unsigned i = 0; serving->watch_fd >= 0 && i < serving->n; i++) {
		const char *const files[] = {serving->apis[i].certificate, serving->apis[i].key};

		for (unsigned k = 0; k < 2; k++) {
			char directory[CONFIG_TEXT];
			char *slash;

			if (!*files[k])
				continue;
			snprintf(directory, sizeof(directory), "%s", files[k]);
			slash = strrchr(directory, '/');
			slash[slash == directory] = '\0';
			if (inotify_add_watch(serving->watch_fd, directory,
					      IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0)
				ctl_log(TOLD_API, LOG_WARNING,
					"api: %s is not watched: %s; SIGHUP reads the "
					"certificates again",
					directory, strerror(errno));
		}
	}
}

int serving_open(struct serving *serving, const struct gateway *gateway,
		 const struct config *config, const struct serving *running,
		 struct ctl_error *error)
{
	int code = 0;

	*serving = SERVING_NONE;
	for (unsigned i = 0; i < config->n_apis; i++) {
		int fd = take_listener(&config->apis[i], running, error);

		if (fd < 0) {
			serving_close(serving, running);
			return fd;
		}
		serving->apis[i] = config->apis[i];
		serving->fds[i] = fd;
		serving->n = i + 1;
	}
	/* Before there is a control socket to connect to, it only shows whether it could be. */
	if (serving->n && gateway->server) {
		code = start_process(serving, gateway, config, error);
	} else if (serving->n) {
		struct serving_told unused[CONFIG_APIS_MAX];
		char *line = settings_line(serving, gateway, config, unused, error);

		code = line ? 0 : -EINVAL;
		free(line);
		serving->restart_ms = 1;
	}
	if (code)
		serving_close(serving, running);
	else if (serving->n)
		watch_files(serving);
	return code;
}

static void end_process(struct serving *serving)
{
	siginfo_t info;

	if (serving->life_fd >= 0)
		close(serving->life_fd);
	serving->life_fd = -1;
	if (!serving->pid)
		return;
	/* It holds nothing that it would have to put in order. */
	kill(serving->pid, SIGKILL);
	waitid(P_PIDFD, (id_t)serving->pidfd, &info, WEXITED);
	close(serving->pidfd);
	serving->pidfd = -1;
	serving->pid = 0;
}

static bool goes_on(const struct serving *successor, const char *listen_at)
{
	for (unsigned i = 0; successor && i < successor->n; i++)
		if (strcmp(successor->apis[i].listen, listen_at) == 0)
			return true;
	return false;
}

void serving_close(struct serving *serving, const struct serving *successor)
{
	end_process(serving);
	for (unsigned i = 0; i < serving->n; i++) {
		close(serving->fds[i]);
		if (!serving->apis[i].port && !goes_on(successor, serving->apis[i].listen))
			unlink(serving->apis[i].listen);
	}
	if (serving->watch_fd >= 0)
		close(serving->watch_fd);
	*serving = SERVING_NONE;
}

void serving_reload(struct gateway *gateway)
{
	struct serving *serving = &gateway->serving;
	struct serving_told says[CONFIG_APIS_MAX] = {{.certificate = ""}};
	struct ctl_error error = {.text = ""};
	char *line;

	serving->reload_ms = 0;
	if (!serving->pid)
		return;
	line = settings_line(serving, gateway, &gateway->config, says, &error);
	if (!line) {
		ctl_log(TOLD_API, LOG_ERR, "%s; the certificates that are in use go on",
			error.text);
		return;
	}
	if (!tell(serving, line, says)) {
		ctl_log(TOLD_API, LOG_ERR,
			"api: pgw-api pid %d does not take its settings, it is ended",
			serving->pid);
		kill(serving->pid, SIGKILL);
	}
	free(line);
}

void serving_ended(struct gateway *gateway)
{
	struct serving *serving = &gateway->serving;
	siginfo_t info = {.si_pid = 0};

	if (!serving->pid || waitid(P_PIDFD, (id_t)serving->pidfd, &info, WEXITED | WNOHANG) ||
	    !info.si_pid)
		return;
	ctl_log(TOLD_API, LOG_ERR, "api: pgw-api pid %d ended (%s %d); it is started again",
		serving->pid, info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
	close(serving->pidfd);
	close(serving->life_fd);
	serving->pidfd = serving->life_fd = -1;
	serving->pid = 0;
	serving->restart_ms = gateway_now_ms() + SERVING_BACKOFF_MS;
}

void serving_files_changed(struct gateway *gateway)
{
	struct serving *serving = &gateway->serving;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(serving->watch_fd, events, sizeof(events)) > 0)
		serving->reload_ms = gateway_now_ms() + SERVING_SETTLE_MS;
}

int64_t serving_due_ms(const struct gateway *gateway)
{
	const struct serving *serving = &gateway->serving;
	int64_t due_ms = serving->restart_ms ? serving->restart_ms : INT64_MAX;

	return serving->reload_ms && serving->reload_ms < due_ms ? serving->reload_ms : due_ms;
}

void serving_work(struct gateway *gateway)
{
	struct serving *serving = &gateway->serving;
	int64_t now_ms = gateway_now_ms();
	struct ctl_error error;

	if (serving->reload_ms && serving->reload_ms <= now_ms)
		serving_reload(gateway);
	if (!serving->restart_ms || serving->restart_ms > now_ms)
		return;
	serving->restart_ms = 0;
	if (!serving->n || serving->pid)
		return;
	if (start_process(serving, gateway, &gateway->config, &error)) {
		ctl_log(TOLD_API, LOG_ERR, "api: %s", error.text);
		serving->restart_ms = now_ms + SERVING_BACKOFF_MS;
	}
}

void serving_show(const struct gateway *gateway, json_t *items)
{
	const struct serving *serving = &gateway->serving;

	for (unsigned i = 0; i < serving->n; i++) {
		const struct config_api *api = &serving->apis[i];
		const struct serving_told *told = &serving->told[i];
		json_t *item = json_pack("{s:s, s:s, s:s}", "listen", api->listen, "scheme",
					 api->tls ? "https" : "http", "state",
					 serving->pid ? "up" : "down");

		if (serving->pid)
			json_object_set_new(item, "pid", json_integer(serving->pid));
		if (*api->host_name)
			json_object_set_new(item, "host-name", json_string(api->host_name));
		if (*told->fingerprint) {
			json_object_set_new(item, "certificate", json_string(told->certificate));
			json_object_set_new(item, "fingerprint", json_string(told->fingerprint));
		}
		json_array_append_new(items, item);
	}
}
