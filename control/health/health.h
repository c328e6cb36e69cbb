/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health - checks the backends of services, one after the other, and knows which are up.
 *
 * A target is one backend of a service with a check. It waits in a heap for the time of its next
 * check, or is being checked (has a slot). A check begins every interval; one that takes longer
 * delays the next. A new target's first check comes at a random time within the first interval, so
 * that a file with thousands of them does not check all at once. At most HEALTH_PROBES_MAX, or as
 * many as health_open() was told, are checked at a time; others that are due wait, the longest
 * first.
 *
 * Targets outlive a change of the configuration with their state, and with the check that is under
 * way, as long as service, backend, and what is checked are the same.
 *
 * It reads no clock and opens no socket: it is given the time, and a prober (prober.c, or a
 * test's).
 */
#ifndef PGW_HEALTH_HEALTH_H
#define PGW_HEALTH_HEALTH_H

#include <stdint.h>

#include "control/config/model.h"
#include "control/health/probe.h"
#include "control/health/verdict.h"

#define HEALTH_PROBES_MAX 256u

struct health;
struct health_plan;

struct health_prober {
	/* start() - check in @slot. Return: GOES_ON, then health_finish() or stop() follows; or the
	 * result, with @reason unless it has passed. */
	enum probe_result (*start)(void *context, unsigned slot, const struct probe_spec *spec,
				   char reason[PROBE_REASON_BYTES]);
	/* stop() - give it up. Return: what it has shown already, with @reason as above; or
	 * GOES_ON. */
	enum probe_result (*stop)(void *context, unsigned slot, char reason[PROBE_REASON_BYTES]);
};

struct health_change {
	const char *service;
	be32 addr;
	uint16_t port;
	enum health_state state;
	const char *reason; /* of the last failure; "" where it came up */
};

struct health_options {
	const struct health_prober *prober;
	void *prober_context;
	unsigned probes; /* under way at once, 1..HEALTH_PROBES_MAX */
	/* changed() - a backend went up or down, seen from the datapath */
	void (*changed)(void *context, const struct health_change *change);
	/* trouble() - checks cannot be made or lag; at most once in HEALTH_TROUBLE_MS */
	void (*trouble)(void *context, const char *text);
	/* ifindex() - the link of a portgroup (its index), 0: it is absent */
	uint32_t (*ifindex)(void *context, unsigned portgroup);
	uint32_t (*random)(void *context); /* spreads the first checks */
	int64_t (*wall_ms)(void *context); /* what "since" is told in */
	void *context;
};
#define HEALTH_TROUBLE_MS 60000

int health_open(struct health **health, const struct health_options *options); /* 0, -ENOMEM */
void health_close(struct health *health); /* NULL is permitted */

/**
 * health_prepare() - what a configuration wants checked
 * @config: checked
 * @portgroups: index of each, in its order
 * @running: a snapshot whose backends that are down are taken as such, because this is the first
 * plan of a pgwd that takes over; else NULL
 * Return: 0 or -ENOMEM. health_plan_free() or health_commit() is due.
 */
int health_prepare(const struct health *health, const struct config *config,
		   const uint8_t *portgroups, const struct snapshot *running,
		   struct health_plan **plan);
void health_plan_free(struct health_plan *plan); /* NULL is permitted */
/* health_plan_up() - which backends are up: config_runtime.backend_up */
const uint8_t *health_plan_up(const struct health_plan *plan);

/* health_commit() - check this from now on. @plan: the last that was prepared; taken over. */
void health_commit(struct health *health, struct health_plan *plan, int64_t now_ms);

/* health_up() - as health_plan_up(), of what was committed last. @n: backends */
const uint8_t *health_up(const struct health *health, size_t *n);

struct health_status {
	enum health_state state;
	int64_t since_ms;	 /* wall clock; 0: never */
	const char *error;	 /* of the last check that did not pass, "" if there was none */
	uint64_t passed, failed; /* checks */
};
/* health_status() - of backend number @backend of a service; HEALTH_UNCHECKED without a check */
struct health_status health_status(const struct health *health, const char *service,
				   size_t backend);

/* health_finish() - the prober's result for a check that was under way. */
void health_finish(struct health *health, unsigned slot, enum probe_result result,
		   const char *reason, int64_t now_ms);

int64_t health_due_ms(const struct health *health); /* INT64_MAX: nothing is due */
void health_work(struct health *health, int64_t now_ms);

#endif
