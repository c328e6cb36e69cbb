/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timeserver - NTP for the clients: a chronyd that pgwd configures and watches.
 *
 * It runs while the configuration has an ntp statement, without privileges, behind the datapath
 * like pgw-relay (config/inside.h), so allow list and limits hold for NTP too. It never sets this
 * host's clock (-x): it measures how wrong it is and tells its clients the corrected time. Whatever
 * changes, another one takes its place; one that ends is started again.
 */
#ifndef PGW_CONTROL_TIMESERVER_H
#define PGW_CONTROL_TIMESERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "control/config/model.h"
#include "control/ctl/client.h"

#define TIMESERVER_BACKOFF_MS 1000
#define TIMESERVER_QUIT_MS    2000

struct gateway;
struct inside;

struct timeserver {
	pid_t pid;	    /* 0: none */
	int pidfd;	    /* -1: none */
	char *text;	    /* of its configuration file; NULL: none is wanted */
	int64_t restart_ms; /* 0: nothing is due */
	unsigned restarts;
};

void timeserver_init(struct gateway *gateway);

/* timeserver_prepare() - its configuration for @config. @text: malloc'ed, NULL: none is wanted.
 * Return: 0, or -errno with @error set: it is wanted and cannot be had. */
int timeserver_prepare(const struct config *config, const struct inside *inside, char **text,
		       struct ctl_error *error);
/* timeserver_commit() - run with that, if it is another. @text: taken over. */
void timeserver_commit(struct gateway *gateway, char *text);
void timeserver_quit(struct gateway *gateway);
/* timeserver_forget() - close what is open; the next pgwd ends the process. */
void timeserver_forget(struct gateway *gateway);

/* The loop's calls. */
void timeserver_ended(struct gateway *gateway); /* its pidfd is readable */
int64_t timeserver_due_ms(const struct gateway *gateway);
void timeserver_work(struct gateway *gateway);

#endif
