/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnels - pgwd's part in secure gateways: the sockets where connectors arrive, what pgw-relay is
 * told of stages and tokens, the ports that it asks for.
 *
 * A socket of an address and port is opened when a configuration first names it, before the
 * relay is told, and closed when one that does not has been committed. It stays open here while the
 * relay is started again. Ports of endpoints are opened for the relay and not kept: they end with
 * it, as the tunnels behind them do.
 */
#ifndef PGW_CONTROL_TUNNELS_H
#define PGW_CONTROL_TUNNELS_H

#include <jansson.h>

#include "control/config/model.h"
#include "control/ctl/client.h"
#include "control/ctl/request.h"
#include "control/state/tunnel.h"

#define TUNNELS_KEY	  64   /* bytes of a socket's key, NUL included */
#define TUNNELS_ASKED_MAX 4096 /* ports that wait to be opened; beyond: refused */

struct gateway;

struct tunnels {
	char host_key[TUNNEL_STATE_PEM]; /* "": not read yet */
	struct tunnels_listener {
		be32 addr;
		uint16_t port;
		int fd;
	} listeners[CONFIG_TUNNEL_GATEWAYS_MAX];
	size_t n_listeners;
	json_t *asked; /* array of the relay's questions; NULL: none */
};

/* tunnels_needed() - whether there is anything for pgw-relay to do. */
bool tunnels_needed(const struct config *config);

/**
 * tunnels_part() - what pgw-relay is told, its member "tunnel" (datapath/relay/tunnel.c)
 * Opens sockets that are not open yet.
 * @listeners: gets {"key", "fd"} for each of them
 * @fds: gets their sockets, borrowed, from *n_fds on, up to @max
 * Return: new reference; NULL with @error set.
 */
json_t *tunnels_part(struct gateway *gateway, const struct config *config, json_t *listeners,
		     int *fds, unsigned *n_fds, unsigned max, struct ctl_error *error);

/* tunnels_spare() - refuse a service that @config brings to where an endpoint listens: its
 * connections would go to the service, without a word. Return: 0, -EADDRINUSE or other -errno with
 * @error. */
int tunnels_spare(const struct gateway *gateway, const struct config *config,
		  struct ctl_error *error);

/* tunnels_commit() - @config runs now: close what it does not need. NULL: all. */
void tunnels_commit(struct gateway *gateway, const struct config *config);

/* tunnels_adopt() - a socket that a running pgw-relay gave back. Return: it was one of these. */
bool tunnels_adopt(struct gateway *gateway, const char *key, int fd);

/* tunnels_asked() - a question of pgw-relay, to be answered by tunnels_work() */
void tunnels_asked(struct gateway *gateway, json_t *question);
bool tunnels_due(const struct gateway *gateway);
/* tunnels_work() - open one port; Return: the answer to send, with *fd (-1: none), or NULL. */
json_t *tunnels_answer(struct gateway *gateway, int *fd);

/* What operators ask (ctl/request.h). */
extern const struct request_operation tunnels_operations[];
/* tunnels_show_gateways(), tunnels_show_keys() - items of the objects */
void tunnels_show_gateways(struct gateway *gateway, json_t *items);
void tunnels_show_keys(const struct config *config, json_t *items);

#endif
