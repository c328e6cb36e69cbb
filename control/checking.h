/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checking - pgwd's part in health checks: which backends are up reaches the datapath.
 *
 * A change makes a copy of the snapshot that runs, with other "up" bytes, and no revision of the
 * configuration. Changes gather for CHECKING_PAUSE_MS after the last copy that was sent, so at most
 * ten a second are sent, however many backends change.
 */
#ifndef PGW_CONTROL_CHECKING_H
#define PGW_CONTROL_CHECKING_H

#include <stdint.h>

#include "control/ctl/client.h"
#include "control/health/health.h"
#include "control/health/prober.h"
#include "control/names.h"

#define CHECKING_PAUSE_MS 100

struct checking { /* all zero: not opened */
	struct health *health;
	struct prober *prober;
	int64_t due_ms;	 /* when changes are sent; 0: there are none */
	int64_t sent_ms; /* when they were last */
};

struct gateway;

/* checking_open() - Return: 0, or -errno with @error set. checking_close() is due in any case. */
int checking_open(struct gateway *gateway, struct ctl_error *error);
void checking_close(struct gateway *gateway);

/* checking_plan() - health_prepare() for @config. Return: 0, or -ENOMEM with @error set. */
int checking_plan(struct gateway *gateway, const struct config *config, const struct places *places,
		  struct health_plan **plan, struct ctl_error *error);
/* checking_commit() - @plan is what the datapath runs now; taken over. */
void checking_commit(struct gateway *gateway, struct health_plan *plan);

/* checking_status() - of a backend, as health_status(); also where nothing was opened */
struct health_status checking_status(const struct gateway *gateway, const char *service,
				     size_t backend);

/* The loop's calls. */
int checking_fd(const struct gateway *gateway); /* -1: none */
void checking_ready(struct gateway *gateway);
int64_t checking_due_ms(const struct gateway *gateway); /* INT64_MAX: nothing is due */
void checking_work(struct gateway *gateway);

#endif
