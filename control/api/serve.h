/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * serve - the loop of pgw-api: listeners, connections, upstreams, deadlines.
 *
 * One thread, nothing blocks. There are at most serve.max connections; when one more comes, the one
 * makes room that has been of no use for longest: a thousand that send a byte now and then do not
 * keep anybody out.
 */
#ifndef PGW_API_SERVE_H
#define PGW_API_SERVE_H

#include <jansson.h>

#include "control/api/conn.h"
#include "control/api/settings.h"
#include "control/ctl/frame.h"

#define SERVE_CONNECTIONS_MAX 4096u

struct serve_listener {
	int fd; /* -1: none */
	bool tls;
	uint16_t port; /* 0: a UNIX socket */
	struct stream_identity *identity;
};

struct serve {
	int epoll;
	struct frame_in life;
	struct serve_listener listeners[SETTINGS_LISTENERS_MAX];
	unsigned n_listeners;
	struct conn **conns; /* max places, the first n of them used */
	unsigned n, max;
	bool settled; /* the first settings have come */
	struct conn_shared shared;
};

/**
 * serve_open() - wait for the settings, take the listeners
 * @max: connections
 * Return: 0, or -errno after a message.
 */
int serve_open(struct serve *serve, unsigned max);

/* serve_loop() - until pgwd closes one of its ends */
void serve_loop(struct serve *serve);

#endif
