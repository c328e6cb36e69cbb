/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell - what the datapath is told, one question each (datapath/process/channel.h). */
#ifndef PGW_CONTROL_TELL_H
#define PGW_CONTROL_TELL_H

#include "control/gateway.h"
#include "datapath/io/xdp.h"

/* Each returns 0, or -errno with @error set. */
int tell_table(struct gateway *gateway, uint64_t *flows, struct ctl_error *error);
int tell_events(struct gateway *gateway, struct ctl_error *error);
int tell_port(struct gateway *gateway, unsigned index, const struct gateway_port *port,
	      struct ctl_error *error);
/* tell_port_xdp() - the same, with AF_XDP beside it; the socket is to be bound afterwards */
int tell_port_xdp(struct gateway *gateway, unsigned index, const struct gateway_port *port,
		  const struct xdp_socket *xdp, struct ctl_error *error);
int tell_port_gone(struct gateway *gateway, unsigned index, struct ctl_error *error);
/* tell_log() - the ring of @log to tell events into, or that there is none; notes it in @log. */
int tell_log(struct gateway *gateway, struct logger *log, struct ctl_error *error);
int tell_snapshot(struct gateway *gateway, const struct region *snapshot, uint64_t revision,
		  struct ctl_error *error);

#endif
