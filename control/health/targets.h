/* SPDX-License-Identifier: GPL-2.0-or-later */
/* targets - what is checked, and the heap of when. Private to control/health. */
#ifndef PGW_HEALTH_TARGETS_H
#define PGW_HEALTH_TARGETS_H

#include "control/health/health.h"

#define TARGET_NONE UINT32_MAX
#define SLOT_NONE   UINT16_MAX

struct target {
	be32 addr;
	uint16_t port;
	uint16_t slot;	  /* of the check under way, or SLOT_NONE */
	uint32_t service; /* in targets.services */
	uint32_t backend; /* in targets.up */
	uint32_t old;	  /* the same target in what runs, while planned; TARGET_NONE */
	be32 source;
	uint8_t portgroup;
	struct verdict verdict;
	int64_t since_ms; /* wall clock */
	int64_t due_ms;
	uint64_t passed, failed; /* checks, since it is checked as this */
	char error[PROBE_REASON_BYTES];
};

struct target_service { /* with a check; sorted by name */
	char name[CONFIG_NAME];
	struct config_check check;
	uint32_t first, n; /* targets */
};

struct health_plan {
	struct target_service *services;
	struct target *targets;
	uint8_t *up;	/* by backend of all services, in the order of the configuration */
	uint32_t *heap; /* targets that wait, the next due first */
	size_t n_services, n_targets, n_up, n_heap;
};

/* targets_service() - by name; NULL if it has no check */
const struct target_service *targets_service(const struct health_plan *plan, const char *name);

/* targets_plan() - health_prepare(); @now: what is checked, NULL: nothing */
int targets_plan(const struct health_plan *now, const struct config *config,
		 const uint8_t *portgroups, const struct snapshot *running,
		 struct health_plan **result);

void targets_push(struct health_plan *plan, uint32_t target);
uint32_t targets_pop(struct health_plan *plan); /* there is one */

#endif
