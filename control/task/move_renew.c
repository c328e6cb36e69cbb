/* SPDX-License-Identifier: GPL-2.0-or-later */
/* move_renew - what has to be so before a datacenter is moved: asked when the task is, when it
 * begins, and when it is reset. Between these, others may have moved it. */
#include <errno.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/fault.h"
#include "control/task/change.h"
#include "control/task/move.h"

int move_possible(const struct gateway *gateway, const struct move *move, struct ctl_error *error)
{
	struct config wanted;
	int code = change_begin(gateway, &wanted, error);

	if (code)
		return code;
	code = move_plan(&wanted, move, error);
	config_free(&wanted);
	return code;
}

bool move_is_about(const struct task *task, const void *datacenter)
{
	struct move move;
	uint32_t id = *(const uint32_t *)datacenter;

	return !strcmp(task->type, move_enable.type) && move_read(task, &move) &&
	       (move.datacenter == id || move.new_datacenter == id);
}

struct others {
	const struct move *move;
	int64_t self;
};

static bool is_other(const struct task *task, const void *key)
{
	const struct others *others = key;

	return task->id != others->self && (move_is_about(task, &others->move->datacenter) ||
					    move_is_about(task, &others->move->new_datacenter));
}

int move_other(const struct gateway *gateway, const struct move *move, int64_t self,
	       struct ctl_error *error)
{
	const struct others others = {.move = move, .self = self};
	const struct task *other = runner_find(gateway->tasks, is_other, &others);

	if (!other)
		return 0;
	return fault(error, -EBUSY, "task %lld, %s, of this datacenter has not ended yet",
		     (long long)other->id, other->name);
}

/* What is to be changed has to be so, and another than what is wanted. */
static int check_now(const struct task_run *run, const struct move *move, struct ctl_error *error)
{
	bool enable = run->kind == &move_enable;

	if (move->was_enabled == enable)
		return fault(error, -EEXIST, "the private gateway of datacenter %u is %s already",
			     move->datacenter, enable ? "enabled" : "disabled");
	if (move->enabled && move->was_enabled && move->new_datacenter == move->datacenter &&
	    gateway_place_equal(&move->to, &move->before))
		return fault(error, -EEXIST,
			     "the private gateway of datacenter %u is there already",
			     move->datacenter);
	return 0;
}

int move_renew(struct task_run *run, struct ctl_error *error)
{
	const struct gateway *gateway = run->context;
	const struct config_datacenter *datacenter;
	json_t *arguments;
	struct move move;
	int code = 0;

	if (!move_read(&run->task, &move))
		return fault(error, -EIO, "what was asked for cannot be read any more");
	datacenter = kind_datacenter(&gateway->config, move.datacenter);
	if (!datacenter || !kind_datacenter(&gateway->config, move.new_datacenter))
		return fault(error, -ENOENT, "datacenter %u does not exist any more",
			     datacenter ? move.new_datacenter : move.datacenter);
	/* One that begins has its lane for itself. */
	if (run->task.state == TASK_ERROR)
		code = move_other(gateway, &move, run->task.id, error);
	memset(&move.before, 0, sizeof(move.before));
	move.was_enabled = gateway_place_of(&gateway->config, datacenter, &move.before);
	if (!code)
		code = check_now(run, &move, error);
	if (!code)
		code = move_possible(gateway, &move, error);
	if (code)
		return code;
	/* Who asked, and whether it is to be saved, stays as it is. */
	arguments = move_arguments(&move);
	if (!arguments || json_object_update(run->task.arguments, arguments))
		code = fault(error, -ENOMEM, "out of memory");
	json_decref(arguments);
	return code;
}
