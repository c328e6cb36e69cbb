/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prober - the checks under way: their sockets and one descriptor to watch for all of them. */
#ifndef PGW_HEALTH_PROBER_H
#define PGW_HEALTH_PROBER_H

#include "control/health/health.h"

struct prober;

/* prober_open() - @probes: how many may be under way. Return: 0 or -errno. */
int prober_open(struct prober **prober, unsigned probes);
void prober_close(struct prober *prober); /* NULL is permitted */

extern const struct health_prober prober_ops; /* context: a struct prober */

int prober_fd(const struct prober *prober); /* polls readable when prober_work() has work */
/* prober_work() - take checks further; ends those that are decided (health_finish()). */
void prober_work(struct prober *prober, struct health *health, int64_t now_ms);

#endif
