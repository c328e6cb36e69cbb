/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relaying - pgwd's part in pgw-relay: the life of the process, what it is told, what it answers.
 *
 * It runs while the configuration has work for it. It is told all of the configuration each time
 * (datapath/relay/handover.h), also when a backend goes up or down. It meets hostile bytes, so it
 * is not trusted: whatever is not an expected answer, or comes too late, replaces it. The
 * connections that it holds end with it; new ones wait in the sockets (inside.h). pgwd's own end
 * leaves it running.
 */
#ifndef PGW_CONTROL_RELAYING_H
#define PGW_CONTROL_RELAYING_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "control/config/model.h"
#include "control/ctl/client.h"

#define RELAYING_ANSWER_MS	3000
#define RELAYING_QUIT_MS	2000
#define RELAYING_BACKOFF_MS	10    /* before a restart; doubles … */
#define RELAYING_BACKOFF_MAX_MS 1000  /* … up to this … */
#define RELAYING_STEADY_MS	10000 /* … until one has lived that long */
#define RELAYING_PAUSE_MS	100   /* between two hand-overs because of backends */
#define RELAYING_FILES		262144

struct gateway;
struct inside;

struct relaying {
	pid_t pid;   /* 0: none */
	int pidfd;   /* -1: none */
	bool child;  /* ours to reap; an adopted one is not */
	int fd;	     /* the channel; -1: none */
	bool wanted; /* the configuration that runs has work for it */
	int64_t since_ms, restart_ms, told_ms, tell_ms; /* of due ones 0: nothing is due */
	unsigned backoff_ms, restarts;
	char socket_path[108];
	char binary[PATH_MAX];
};

/* relaying_init() - nothing runs yet. Return: 0 or -errno with @error set. */
int relaying_init(struct gateway *gateway, struct ctl_error *error);

/* relaying_adopt() - connect to one that an earlier pgwd left, take its sockets over. */
void relaying_adopt(struct gateway *gateway);

/**
 * relaying_tell() - start it if it is needed, hand it @config
 * @up: which backends are up, in the order of @config (health_plan_up())
 * Return: 0, or -errno with @error set: it goes on with what it had.
 */
int relaying_tell(struct gateway *gateway, const struct config *config, const struct inside *inside,
		  const uint8_t *up, struct ctl_error *error);

/* relaying_commit() - @config runs now: end it if there is nothing for it to do. */
void relaying_commit(struct gateway *gateway, const struct config *config);

void relaying_quit(struct gateway *gateway);  /* end it, wait for that */
void relaying_leave(struct gateway *gateway); /* forget it without ending it */

/* relaying_part() - a message for a part of it, and its answer. @body: taken over. 0 or -errno. */
int relaying_part(struct gateway *gateway, json_t *body, const int *fds, unsigned n_fds,
		  struct ctl_error *error);

/* relaying_follow() - tell it what runs now, at once: the caller's answer depends on it. Return: 0:
 * it knows, or will know as soon as it runs; -errno with @error set. */
int relaying_follow(struct gateway *gateway, struct ctl_error *error);

/* relaying_backends() - a backend went up or down: tell it soon. */
void relaying_backends(struct gateway *gateway);

/* relaying_show() - ask it. @what: "counts", "connections". New reference; NULL: it does not run,
 * or did not answer. */
json_t *relaying_show(struct gateway *gateway, const char *what);

/* The loop's calls. */
void relaying_readable(struct gateway *gateway);
void relaying_ended(struct gateway *gateway); /* its pidfd is readable */
int64_t relaying_due_ms(const struct gateway *gateway);
void relaying_work(struct gateway *gateway);

#endif
