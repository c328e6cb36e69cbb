/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * figures_relay - what pgw-relay tells of TLS names, tunnels and endpoints.
 *
 * The only figures that are asked of another process. Where it does not run, or does not answer in
 * time, its families have no samples. Endpoints are what connectors offer: at most
 * TUNNEL_FIGURES_MAX of them are told of; the figures of their stages include all.
 */
#ifndef PGW_METRICS_FIGURES_RELAY_H
#define PGW_METRICS_FIGURES_RELAY_H

#include "control/gateway.h"
#include "control/metrics/exposition.h"

void figures_relay(struct exposition *exposition, struct gateway *gateway);

#endif
