/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * move - the tasks that move the access of a datacenter: enable, disable, reconfigure.
 *
 *   enable        portgroup  duplicate-detection  address  move  check  finish
 *   disable       allowed-networks                         move  check  finish
 *   reconfigure   portgroup  duplicate-detection  address  move  check  finish
 *
 * The new address is there, and nobody else has it, before anything moves. "move" is the one change
 * in which all services of the datacenter leave the one realm and stand in the other; the datapath
 * takes it as a whole, so that at no moment both ways are open, and at none neither. "finish" takes
 * away what is not needed any more. Undoing brings the datacenter back to where it was when the
 * task began, whatever the steps have reached.
 */
#ifndef PGW_TASK_MOVE_H
#define PGW_TASK_MOVE_H

#include "control/config/datacenter.h"
#include "control/gateway.h"
#include "control/task/runner.h"

extern const struct task_kind move_enable, move_disable, move_reconfigure;

/* What is asked for; kept as the task's arguments. */
struct move {
	uint32_t datacenter;
	uint32_t new_datacenter; /* the gateway becomes this one's; the same: it stays */
	bool enabled, was_enabled;
	struct gateway_place to, before; /* where it is to be, and was; if enabled */
	bool force;			 /* disable although nobody could reach it then */
};

json_t *move_arguments(const struct move *move); /* NULL without memory */
bool move_read(const struct task *task, struct move *move);

/* move_plan() - the configuration that the task leads to, in @wanted (a copy of what runs).
 * Return: 0 or -errno with @error set: it cannot be. */
int move_plan(struct config *wanted, const struct move *move, struct ctl_error *error);

/* move_possible() - whether move_plan() leads to a configuration that can run. As move_plan(). */
int move_possible(const struct gateway *gateway, const struct move *move, struct ctl_error *error);

/* move_other() - another task about one of the datacenters has not ended: -EBUSY with @error.
 * @self: not this one; 0: none. move_is_about(): for runner_find(); @datacenter: uint32_t. */
int move_other(const struct gateway *gateway, const struct move *move, int64_t self,
	       struct ctl_error *error);
bool move_is_about(const struct task *task, const void *datacenter);

/* move_renew() - what runs now is what the task comes from, and would go back to. */
int move_renew(struct task_run *run, struct ctl_error *error);

/* move_nobody() - whether disabling would leave services that nobody may use. */
bool move_nobody(const struct config *config);

/* move_clean() - remove what a check of an earlier run may have left in the kernel. */
void move_clean(struct gateway *gateway);

#endif
