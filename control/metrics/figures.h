/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * figures - what a gateway tells of itself in OpenMetrics (docs/metrics.md).
 *
 * Labels are names of the configuration, addresses of backends, drop reasons and the like: their
 * number is bounded, and a client's address is never among them. All is read from memory, but for
 * what pgw-relay is asked (figures_relay.h).
 */
#ifndef PGW_METRICS_FIGURES_H
#define PGW_METRICS_FIGURES_H

#include "control/gateway.h"

/* figures_text() - all of them, malloc'ed; NULL without memory. @gateway: a struct gateway */
char *figures_text(void *gateway, size_t *bytes);

/* figures_ready() - Return: whether packets are forwarded as configured; @line says so, or why not
 */
bool figures_ready(void *gateway, char *line, size_t bytes);

/* figures_edition() - Return: another number after each change of the configuration that was made
 * or refused, and after each process that ended or was started again */
uint64_t figures_edition(void *gateway);

#endif
