/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply_step - the steps of an apply (apply.h): each does its part, or takes it back.
 *
 * What a step makes stays in struct apply until all have been taken; then apply_commit() gives it
 * to the gateway. A step that is not taken, or taken back, leaves nothing there.
 */
#ifndef PGW_CONTROL_APPLY_STEP_H
#define PGW_CONTROL_APPLY_STEP_H

#include "control/gateway.h"
#include "control/transaction.h"

/* What the steps of one apply share. */
struct apply {
	struct gateway *gateway;
	const struct config *config;	   /* wanted */
	const struct history_order *order; /* NULL: the configuration stays */
	const struct config *forwarded;	   /* the same as the datapath is to see it */
	struct config expanded;		   /* … made by this apply */
	struct inside inside;		   /* sockets behind the datapath */
	char *timeserver;		   /* configuration of chronyd; NULL: none */
	bool follows;			   /* the links alone: the configuration stays */
	struct names names;		   /* with those of @config added */
	struct places places;
	uint64_t revision;
	struct gateway_port fresh[CONFIG_PORTGROUPS_MAX]; /* by index: link and new socket */
	uint32_t wanted;				  /* bit set of indexes that @config has */
	uint32_t opened;	    /* … for which fresh[] has a new socket */
	uint32_t told;		    /* … that the datapath has been told of */
	bool kernel_seen;	    /* the kernel's step has listed the sockets of this host */
	bool started;		    /* this apply started the datapath */
	struct health_plan *health; /* checks of @config, and which backends are up */
	struct region snapshot;
	struct logger log;
	bool log_changed; /* @log takes the place of the running one */
	struct http *http;
	bool http_changed; /* the same */
	struct serving serving;
	bool serving_changed; /* the same */
};

#define APPLY_STEPS	  12
#define APPLY_STEPS_LINKS 1 /* the first step of an apply that only follows the links */
extern const struct transaction_step apply_steps[APPLY_STEPS];

/* apply_settle_kernel() - @config is what runs: the kernel loses what only its predecessor had. */
void apply_settle_kernel(struct gateway *gateway, const struct config *config);

/* apply_block() - the datapath's block of what is wanted, malloc'ed; the links are those in
 * @apply->fresh. Return: NULL with @error set. */
void *apply_block(const struct apply *apply, size_t *bytes, struct ctl_error *error);

/* apply_commit() - all steps have been taken: the gateway has what they made. Nothing here can fail
 * any more. */
void apply_commit(struct apply *apply);

#endif
