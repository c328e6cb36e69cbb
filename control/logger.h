/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logger - pgwd's part in the session log: the ring, and the life of pgw-log.
 *
 * A log is one ring, one output and one pgw-log, all for one state of the settings. When these
 * change, another log takes its place; the datapath lets go of the old ring, and the old pgw-log
 * ends by itself once it has written what was in there. So nothing is lost and nothing is written
 * twice. A pgw-log that dies, or that takes no event although some wait, is started again on the
 * same ring.
 */
#ifndef PGW_CONTROL_LOGGER_H
#define PGW_CONTROL_LOGGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/log/settings.h"
#include "control/region.h"

#define LOGGER_LEAVING_MAX 4	/* old ones that still write */
#define LOGGER_LEAVE_MS	   5000 /* for that; then they are killed */
#define LOGGER_BACKOFF_MS  1000 /* before a pgw-log that died is started again */
#define LOGGER_HANGS_MS	   3000 /* that events wait and none is taken: it hangs, and is replaced */

enum { LOGGER_READER, LOGGER_WRITER }; /* ends of the wake-up socket: pgw-log's, the datapath's */

struct logger_process {
	pid_t pid;	 /* 0: none */
	int pidfd;	 /* -1: none */
	int64_t left_ms; /* when it was left to end by itself */
};

struct logger {
	struct log_settings settings; /* kind OFF: all else is 0 or none */
	struct region ring;
	int wake_fds[2];
	struct logger_process process;
	uint64_t taken;	  /* events that it had taken … */
	int64_t taken_ms; /* … when it was last seen to take one, or to have one to take; 0: none */
	bool told;	  /* the datapath knows of it, also of its being off */
};
#define LOGGER_NONE                                                                                \
	((struct logger){.ring = REGION_NONE, .wake_fds = {-1, -1}, .process = {.pidfd = -1}})

struct gateway;

/* logger_init() - none runs, and the datapath has not been told so. */
void logger_init(struct gateway *gateway);

/**
 * logger_settings() - what a configuration wants of the log
 * @ifindexes: by portgroup index
 */
void logger_settings(struct log_settings *settings, const struct config *config,
		     const struct names *names, const uint32_t ifindexes[CONFIG_PORTGROUPS_MAX]);

/* logger_differs() - whether the log must be replaced to become what @settings say. */
bool logger_differs(const struct logger *logger, const struct log_settings *settings);

/**
 * logger_start() - open the output, make a ring, start a pgw-log
 * Return: 0, or -errno with @error set and *@logger none.
 */
int logger_start(struct logger *logger, const struct log_settings *settings,
		 struct ctl_error *error);

/* logger_leave() - let go of a log that the datapath no longer knows; *@logger becomes none. */
void logger_leave(struct gateway *gateway, struct logger *logger);

/* logger_reopen() - begin the file anew, for whoever has moved it away. */
void logger_reopen(struct gateway *gateway);

/* logger_finish() - wait for the last events to be written; the datapath has ended. */
void logger_finish(struct gateway *gateway);
/* logger_forget() - close everything, without waiting. */
void logger_forget(struct gateway *gateway);

/* Events that wait for pgw-log, and that the present one could not write. */
uint64_t logger_pending(const struct logger *logger);
uint64_t logger_failed(const struct logger *logger);

/* The loop's calls. */
int logger_fd(const struct gateway *gateway); /* readable when pgw-log has ended */
void logger_ended(struct gateway *gateway);
int64_t logger_due_ms(const struct gateway *gateway); /* INT64_MAX: nothing is due */
void logger_work(struct gateway *gateway);

#endif
