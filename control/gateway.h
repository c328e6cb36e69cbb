/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway - everything that one pgwd holds: the running configuration, the kernel it programs,
 * the datapath it supervises, the memory they share, and the control socket.
 *
 * Invariants, outside an apply:
 *   - config, names, snapshot and ports say the same, and it is what the datapath runs or, while
 *     it is down, what it will be given;
 *   - a portgroup's socket stays open here for as long as the portgroup does, so that what arrives
 *     while the datapath is being started again waits in its ring (sockets of an adopted
 *     datapath excepted: those are its own);
 *   - revision grows by one with every change of the configuration.
 *
 * Everything runs in one thread. Only questions to the datapath and the kernel are waited for,
 * each for a bounded time; nothing here waits for a client.
 */
#ifndef PGW_CONTROL_GATEWAY_H
#define PGW_CONTROL_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "control/auth/auth.h"
#include "control/checking.h"
#include "control/config/model.h"
#include "control/ctl/server.h"
#include "control/datapath.h"
#include "control/ending.h"
#include "control/guarding.h"
#include "control/history.h"
#include "control/inside.h"
#include "control/logger.h"
#include "control/names.h"
#include "control/netlink/hugepages.h"
#include "control/netlink/kernel.h"
#include "control/receiving.h"
#include "control/reconcile.h"
#include "control/region.h"
#include "control/serving.h"
#include "control/relaying.h"
#include "control/timeserver.h"
#include "control/tunnels.h"
#include "control/vmac_check.h"
#include "control/watch.h"
#include "datapath/io/packet.h"
#include "datapath/worker/worker.h"

struct http;
struct offload;
struct task_runner;
struct state;

struct gateway_options {
	const char *file; /* configuration */
	const char *rundir;
	const char *state_dir;
};

/* One portgroup, at its index. */
struct gateway_port {
	struct kernel_link link; /* as the datapath was told; ifindex 0: it was told of none */
	/* one for each worker (working.h); the first one -1: none, or the datapath's own */
	struct packet_socket socket[WORKERS_MAX];
	bool shared;   /* all of them receive, not only the first */
	bool told;     /* the datapath has this port */
	char state[8]; /* "up", "down", "absent": as the last event said; "" before the first */
	struct kernel_link seen; /* when it was last looked at and there */
};

/* What has to be done when the loop comes round; 0 in a time: nothing. */
struct gateway_due {
	int64_t reconcile_ms; /* the kernel changed under us */
	int64_t restart_ms;   /* the datapath died */
	int64_t log_ms;	      /* pgw-log died */
};

/* What has happened, for the figures; of this pgwd alone. */
struct gateway_counts {
	uint64_t datapath_restarts, datapath_hangs, log_restarts;
	uint64_t applied, refused; /* changes of the configuration */
	uint64_t mended;	   /* differences in the kernel */
};

struct gateway {
	struct gateway_options options;
	int lock_fd;
	struct kernel *kernel;
	struct state *state;	 /* NULL: it cannot be opened, and state_trouble says why */
	char state_trouble[256]; /* why the last revision is not in it; "" it is */
	struct history history;
	bool configured; /* config is what runs */
	struct config config;
	struct config forwarded; /* the same as the datapath sees it (config/inside.h) */
	struct inside inside;
	struct relaying relaying;
	struct tunnels tunnels;
	struct timeserver timeserver;
	struct names names;
	uint64_t revision;	     /* what runs, or ran before this pgwd; 0: nothing */
	uint64_t revision_under_way; /* that the datapath may have been told; 0: none */
	struct gateway_port ports[CONFIG_PORTGROUPS_MAX];
	struct datapath datapath;
	struct region table, counters, snapshot;
	struct hugepages hugepages;
	struct offload *offload; /* NULL: every packet is forwarded by the datapath */
	bool offload_refused;	 /* it is not to be had: said, and not tried again */
	bool offload_cleaned;	 /* what an earlier pgwd may have left has been taken away */
	uint32_t offload_said;	 /* bit set of portgroups whose failure to attach has been said */
	struct receiving receiving;
	struct checking checking;
	struct logger log;
	struct logger_process log_leaving[LOGGER_LEAVING_MAX];
	struct server *server;
	struct task_runner *tasks; /* NULL: there is no database to keep them */
	bool tasks_save;	   /* the -c file is to follow what tasks have changed */
	struct http *http;	   /* NULL: no metrics are served */
	struct serving serving;
	struct auth auth;
	struct watch watch;
	struct gateway_counts counts;
	int64_t started_ms; /* of this pgwd */
	struct guarding guarding;
	struct vmac_check vmac_check;
	struct reconcile reconcile;
	struct gateway_due due;
	struct ending ending;
	unsigned resolve_tokens; /* requests that may still be served in this second */
	int64_t resolve_second;
};

int64_t gateway_now_ms(void); /* CLOCK_MONOTONIC */

/**
 * gateway_open() - take hold of directories, lock, kernel and a running datapath, apply @config
 * @config: checked; copied
 * Return: 0: it forwards; -errno with @error set: nothing of it is left.
 */
int gateway_open(struct gateway *gateway, const struct gateway_options *options,
		 const struct config *config, struct ctl_error *error);

/* gateway_close() - stop the datapath, take away what was programmed, remove the sockets. */
void gateway_close(struct gateway *gateway);

/* The loop's calls. */
void gateway_channel_readable(struct gateway *gateway);
void gateway_datapath_ended(struct gateway *gateway);  /* its pidfd is readable */
int64_t gateway_due_ms(const struct gateway *gateway); /* INT64_MAX: nothing is due */
void gateway_work(struct gateway *gateway);	       /* what is due */

/* gateway_datapath_lost() - it broke the protocol or does not answer: kill it, start another. */
void gateway_datapath_lost(struct gateway *gateway, const char *why);

/* gateway_event() - tell the monitors. @members: taken over. */
void gateway_event(struct gateway *gateway, enum ctl_event event, json_t *members);
/* gateway_tell() - tell the log and the monitors. @members: taken over. */
void gateway_tell(struct gateway *gateway, enum ctl_event event, int priority, json_t *members,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* gateway_unasked() - a message that the datapath sent by itself (peer.unasked). */
void gateway_unasked(void *context, const struct channel_message *message);

#endif
