/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply - brings kernel and datapath from the running configuration to another, all or nothing.
 *
 *   check -> kernel -> packet sockets -> datapath (where none runs) -> portgroups -> session log ->
 *   history -> snapshot -> flow table (of a new datapath) -> offload
 *
 * A step that fails undoes those before it, in reverse; then the running configuration is what
 * it was. Once the datapath has taken the snapshot nothing can fail any more: portgroups that
 * are not in it are taken from the datapath, and the new configuration is the running one.
 */
#ifndef PGW_CONTROL_APPLY_H
#define PGW_CONTROL_APPLY_H

#include "control/gateway.h"

/* apply_start() - the first configuration of this pgwd. Starts a datapath if none was adopted. */
int apply_start(struct gateway *gateway, const struct config *config,
		const struct history_order *order, struct ctl_error *error);

/**
 * apply_change() - from the running configuration to @config
 * @order: where it comes from; without changes only the kernel is mended
 * Return: 0, or -errno with @error set; line and column are set where the check refused.
 */
int apply_change(struct gateway *gateway, const struct config *config,
		 const struct history_order *order, struct ctl_error *error);

/* apply_links() - the kernel's links changed: give the datapath sockets for those that came,
 * take those away that went. The configuration stays. */
int apply_links(struct gateway *gateway, struct ctl_error *error);

/* apply_bring_up() - start a datapath in place of one that died and tell it everything.
 * @flows: set to the sessions that go on */
int apply_bring_up(struct gateway *gateway, uint64_t *flows, struct ctl_error *error);

/* apply_compile() - the block that the datapath would get for @config, malloc'ed, nothing
 * changed; for config-diff. NULL with @error set. */
void *apply_compile(struct gateway *gateway, const struct config *config, size_t *bytes,
		    struct ctl_error *error);

#endif
