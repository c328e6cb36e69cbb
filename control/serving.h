/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serving - pgwd's part in the API: listening sockets, certificates, and the life of pgw-api.
 *
 * The sockets are bound here and handed to pgw-api, which has no privilege to bind them, together
 * with certificates and keys, which it cannot read. A pgw-api that dies is started again on the
 * same sockets: who connects meanwhile waits in their queues. pgw-api ends when the socket is
 * closed by which it was given its settings, so it never outlives pgwd.
 *
 * It reaches pgwd through connections that are made for it; when pgwd drops one, it ends as well.
 *
 * Certificates are read again when their files change (inotify, once nothing has changed for
 * SERVING_SETTLE_MS) and on SIGHUP; those that are of no use are said, and the old ones go on.
 */
#ifndef PGW_CONTROL_SERVING_H
#define PGW_CONTROL_SERVING_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "control/certificate.h"
#include "control/config/model.h"
#include "control/ctl/client.h"

#define SERVING_BACKOFF_MS 1000 /* before a pgw-api that died is started again */
#define SERVING_SETTLE_MS  200
#define SERVING_QUEUE	   512 /* connections that wait to be accepted */

struct gateway;

/* What pgw-api was told to serve at a listener; "": nothing yet, or no TLS. */
struct serving_told {
	char certificate[PATH_MAX], fingerprint[CERTIFICATE_FINGERPRINT_BYTES];
};

struct serving {
	unsigned n; /* listeners; 0: no API */
	struct config_api apis[CONFIG_APIS_MAX];
	int fds[CONFIG_APIS_MAX];
	struct serving_told told[CONFIG_APIS_MAX];
	pid_t pid;		       /* 0: none runs */
	int pidfd, life_fd, watch_fd;  /* -1: none */
	int64_t restart_ms, reload_ms; /* 0: nothing is due */
};
#define SERVING_NONE                                                                               \
	((struct serving){.fds = {-1, -1, -1, -1}, .pidfd = -1, .life_fd = -1, .watch_fd = -1})

/* serving_differs() - whether it must be replaced to serve what @config says */
bool serving_differs(const struct serving *serving, const struct config *config);

/**
 * serving_open() - bind what @config says, read the certificates, start pgw-api
 * @running: whose sockets are shared where they are the same
 * Return: 0, or -errno with @error set and *@serving none.
 */
int serving_open(struct serving *serving, const struct gateway *gateway,
		 const struct config *config, const struct serving *running,
		 struct ctl_error *error);

/* serving_close() - end pgw-api, close everything; @successor: which goes on with UNIX sockets of
 * the same path, or NULL */
void serving_close(struct serving *serving, const struct serving *successor);

/* serving_reload() - read the certificates again */
void serving_reload(struct gateway *gateway);

/* serving_show() - what "show api" tells */
void serving_show(const struct gateway *gateway, json_t *items);

/* The loop's calls. */
void serving_ended(struct gateway *gateway);	     /* its pidfd is readable */
void serving_files_changed(struct gateway *gateway); /* its watch_fd is readable */
int64_t serving_due_ms(const struct gateway *gateway);
void serving_work(struct gateway *gateway);

#endif
