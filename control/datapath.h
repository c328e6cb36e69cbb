/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datapath - the life of the pgw-datapath process: found or started, watched, ended.
 *
 * States: none (pid 0), running (pid, pidfd and a connected peer). What is told to it over the
 * peer is the gateway's matter (gateway.h).
 */
#ifndef PGW_CONTROL_DATAPATH_H
#define PGW_CONTROL_DATAPATH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/peer.h"

#define DATAPATH_QUIT_MS	2000 /* to end by itself after QUIT, then it is killed */
#define DATAPATH_BACKOFF_MS	10   /* before the restart of one that died at once; doubles … */
#define DATAPATH_BACKOFF_MAX_MS 1000 /* … up to this … */
#define DATAPATH_WELL_MS	1000 /* … until one has lived that long: it is restarted at once */
#define DATAPATH_STEADY_MS	10000 /* one that crashes later than that does not count as the next */

struct datapath {
	struct peer peer;
	pid_t pid;	     /* 0: none */
	int pidfd;	     /* -1: none */
	unsigned workers;    /* with so many one runs, or is started next */
	bool child;	     /* ours to reap; an adopted one is not */
	int64_t since_ms;    /* when it was started or adopted */
	unsigned backoff_ms; /* before the next restart */
	bool has_table;	 /* it was told of the flow table: what is in there may be why it dies */
	unsigned deaths; /* crashes with it in a row, each within DATAPATH_STEADY_MS of its start */
	int ended_by;	 /* the signal that ended the last one; 0: none, or not known */
	char socket_path[108];
	char binary[PATH_MAX];
};

/**
 * datapath_init() - nothing runs yet
 * @unasked, @context: for messages that it sends by itself
 * Return: 0, or -errno with @error set: pgwd's own binary is not to be found.
 */
int datapath_init(struct datapath *datapath, const char *rundir,
		  void (*unasked)(void *context, const struct channel_message *message),
		  void *context, struct ctl_error *error);

/**
 * datapath_adopt() - connect to one that an earlier pgwd left running
 * @hello: its answer; @fds: table, counters, snapshot, the caller's
 * One that hangs, speaks another version or has no table is ended.
 * Return: 0; -ENOENT: there is none (any more).
 */
int datapath_adopt(struct datapath *datapath, struct channel_message *hello,
		   int fds[CHANNEL_FDS_MAX]);

/* datapath_is_other() - whether one that was adopted runs another file than would be started now.
 */
bool datapath_is_other(const struct datapath *datapath, const struct channel_message *hello);

/* datapath_start() - make the socket, start a process, say HELLO. Return: 0, -errno + @error. */
int datapath_start(struct datapath *datapath, struct ctl_error *error);

/* datapath_quit() - ask it to end, wait for that, kill it if it does not. */
void datapath_quit(struct datapath *datapath);

/* datapath_kill() - end it at once. Also where it died by itself: reaps and forgets it. */
void datapath_kill(struct datapath *datapath);

/* datapath_leave() - forget a running one without ending it. */
void datapath_leave(struct datapath *datapath);

/* datapath_has_ended() - whether the process is gone; waits a moment where it is about to be. */
bool datapath_has_ended(const struct datapath *datapath);

/* datapath_is_stopped() - whether somebody has stopped it (SIGSTOP, a debugger). */
bool datapath_is_stopped(const struct datapath *datapath);
/* datapath_is_halted() - by SIGSTOP, that is: not for the moment of a system call that strace looks
 * at. */
bool datapath_is_halted(const struct datapath *datapath);

/* datapath_died() - note the death of a process, or that none could be started. Return: ms to wait
 * before the next start. */
unsigned datapath_died(struct datapath *datapath, int64_t now_ms);

#endif
