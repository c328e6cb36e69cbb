/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inside - the sockets of this host behind the datapath (config/inside.h), as pgwd holds them.
 *
 * pgwd opens them and keeps them, so that connections wait in them while the process that accepts
 * is being started again. Those of a pgwd before this one come back from pgw-relay. A place keeps
 * its socket and its inside port as long as it is configured and the link is the same.
 */
#ifndef PGW_CONTROL_INSIDE_H
#define PGW_CONTROL_INSIDE_H

#include "control/config/inside.h"
#include "control/ctl/client.h"

#define INSIDE_KEY 64 /* bytes of a key, NUL included */

struct gateway;
struct kernel_mend;

struct inside {
	uint32_t ifindex; /* of the sockets' end of the link; 0: there is none, and no socket */
	struct inside_socket {
		struct inside_place place;
		int fd;	   /* listening TCP; -1 for UDP: the server that it is for opens it */
		bool ours; /* opened or adopted for this set, and not in the running one */
	} * list;
	size_t n;
	unsigned long filter; /* net.ipv4.conf.all.rp_filter, as the log was last told of it */
};

/**
 * inside_take() - make the link, open the sockets that @config wants
 * @next: set; those of gateway->inside are used where they are
 * Return: 0, or -errno with @error set and nothing left.
 */
int inside_take(struct gateway *gateway, const struct config *config, struct inside *next,
		struct ctl_error *error);
/* inside_undo() - close what inside_take() opened; the link goes if nothing uses it. */
void inside_undo(struct gateway *gateway, struct inside *next);
/* inside_commit() - gateway->inside becomes @next. */
void inside_commit(struct gateway *gateway, struct inside *next);
/* inside_close() - close all and take the link away. */
void inside_close(struct gateway *gateway);
/* inside_forget() - close all; the link stays, for the next pgwd. */
void inside_forget(struct gateway *gateway);

/* inside_broken() - whether the link is not what the sockets are bound to any more. */
bool inside_broken(const struct gateway *gateway);

/* inside_mend() - bring back what others changed of the link's MTU, address, route, neighbours,
 * rule and parameters; say in the log if a parameter of all interfaces is in the way. */
void inside_mend(struct gateway *gateway, const struct kernel_mend *mend);

/* inside_filter() - net.ipv4.conf.all.rp_filter: but for 0, clients get no answer from inside. */
unsigned long inside_filter(void);

/* inside_key() - by which pgw-relay knows a socket. */
void inside_key(const struct inside *inside, const struct inside_socket *socket,
		char key[INSIDE_KEY]);

/* inside_adopt() - a socket that pgw-relay gave back to a new pgwd. @fd: taken over. */
void inside_adopt(struct gateway *gateway, const char *key, int fd);

/* inside_known() - set .inside of each place that has a socket already. */
void inside_known(const struct inside *inside, struct inside_place *list, size_t n);

/* inside_list() - the places of a set, each with its inside port. malloc'ed, NULL: no memory. */
struct inside_place *inside_list(const struct inside *inside);

#endif
