/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/mac.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/config/vmac.h"
#include "control/fault.h"
#include "control/task/change.h"

#define LANE	3
#define POLL_MS 10

bool mac_of_server(const struct config_server *server, const struct config_vmac *vmac)
{
	return !*server->portgroup || strcmp(server->portgroup, vmac->portgroup) == 0;
}

bool mac_read(const char *text, struct mac *mac)
{
	return mac_parse(text, mac);
}

void mac_list(const struct config *config, const struct config_server *server,
	      const struct mac *mac, json_t *items)
{
	for (size_t i = 0, next; i < config->n_vmacs; i = next) {
		const struct config_vmac *first = &config->vmacs[i];
		char text[MAC_TEXT_BYTES], addr[ADDR_TEXT_BYTES];
		json_t *addresses;

		next = vmac_next(config, i);
		if (!mac_of_server(server, first) || (mac && !mac_equal(mac, &first->mac)))
			continue;
		addresses = json_array();
		for (size_t j = i; j < next; j++)
			json_array_append_new(addresses,
					      json_pack("{s:s, s:s}", "address",
							addr_text(config->vmacs[j].addr, addr),
							"name", config->vmacs[j].name));
		json_array_append_new(items, json_pack("{s:s, s:s, s:o}", "mac",
						       mac_text(first->mac, text), "type",
						       vmac_type_name(first->type), "addresses",
						       addresses));
	}
}

static unsigned count_macs(const struct config *config)
{
	unsigned n = 0;

	for (size_t i = 0; i < config->n_vmacs; i = vmac_next(config, i))
		n++;
	return n;
}

/* An address with a virtual MAC in a block that was moved, NULL if there is none. */
static const struct config_vrack_block *moved(const struct config *config)
{
	for (size_t i = 0; i < config->n_vmacs; i++)
		for (size_t j = 0; j < config->n_vrack_blocks; j++)
			if (prefix_covers(config->vrack_blocks[j].network, config->vmacs[i].addr))
				return &config->vrack_blocks[j];
	return NULL;
}

int mac_statement(struct config *wanted, const char *statement, struct ctl_error *error)
{
	const struct config_vrack_block *block;
	char text[PREFIX_TEXT_BYTES];
	struct config_error why;
	int code = change_statement(wanted, error, "%s", statement);

	if (code)
		return code;
	if (count_macs(wanted) > wanted->vmac_quota)
		return fault(error, -EDQUOT,
			     "the quota of %u virtual MACs is used up: delete one first",
			     wanted->vmac_quota);
	block = moved(wanted);
	if (block)
		return fault(error, -EPERM,
			     "the address lies in block %s, which was moved into the vRack: it "
			     "cannot have a virtual MAC",
			     prefix_text(block->network, text));
	code = config_check(wanted, &why);
	return code ? change_config_error(code, &why, error) : 0;
}

static const char *argument(const struct task_run *run, const char *name)
{
	const char *text = json_string_value(json_object_get(run->task.arguments, name));

	return text ? text : "";
}

/* The statement whose key the task is about: all addresses of a MAC where it names none. */
static bool is_there(const struct config *config, const struct task_run *run)
{
	struct mac mac;
	be32 addr = 0;

	if (!mac_read(argument(run, "mac"), &mac))
		return false;
	if (*argument(run, "ip") && !addr_parse(argument(run, "ip"), &addr))
		return false;
	for (size_t i = 0; i < config->n_vmacs; i++)
		if (mac_equal(&config->vmacs[i].mac, &mac) &&
		    (!addr || config->vmacs[i].addr == addr))
			return true;
	return false;
}

/* Brings or takes the addresses; what is so already stays. */
static int bring(struct task_run *run, bool add, struct ctl_error *error)
{
	struct gateway *gateway = run->context;
	char statement[300];
	struct config wanted;
	int code;

	if (is_there(&gateway->config, run) == add)
		return 0;
	if (add)
		snprintf(statement, sizeof(statement),
			 "vmac add %.20s address %.20s portgroup %.40s type %.10s name %.40s",
			 argument(run, "mac"), argument(run, "ip"), argument(run, "portgroup"),
			 argument(run, "type"), argument(run, "name"));
	else
		snprintf(statement, sizeof(statement), "vmac del %.20s%s%.20s",
			 argument(run, "mac"), *argument(run, "ip") ? " address " : "",
			 argument(run, "ip"));
	code = change_begin(gateway, &wanted, error);
	if (code)
		return code;
	return change_end(gateway, &wanted, mac_statement(&wanted, statement, error), &run->task,
			  error);
}

/* The datapath may be just being started again: then again, for a while. */
static int step(struct task_run *run, int64_t now_ms, bool add, struct ctl_error *error)
{
	int code = bring(run, add, error);

	if (code != -EAGAIN)
		return code;
	if (run->task.step[0].progress >= 90)
		return -EBUSY;
	runner_step_progress(run, run->task.step[0].progress + 1u);
	run->due_ms = now_ms + POLL_MS * 10;
	return -EAGAIN;
}

static int step_add(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	return step(run, now_ms, true, error);
}

static int step_delete(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	return step(run, now_ms, false, error);
}

static int undo_add(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	(void)now_ms;
	return bring(run, false, error);
}

/* What an address is added to has to be there yet: a MAC that was deleted meanwhile is not made
 * again. */
static int renew_add(struct task_run *run, struct ctl_error *error)
{
	const struct gateway *gateway = run->context;
	struct mac mac;

	if (!json_is_true(json_object_get(run->task.arguments, "existing")))
		return 0;
	for (size_t i = 0; mac_read(argument(run, "mac"), &mac) && i < gateway->config.n_vmacs; i++)
		if (mac_equal(&gateway->config.vmacs[i].mac, &mac))
			return 0;
	return fault(error, -ENOENT, "virtual MAC %.20s does not exist any more",
		     argument(run, "mac"));
}

static const struct task_step_kind add_steps[] = {{"apply", step_add}};
static const struct task_step_kind delete_steps[] = {{"apply", step_delete}};

#define KIND .type = "virtualMac", .lane = LANE, .n_steps = 1

const struct task_kind mac_add = {"virtualMacAdd", KIND, .steps = add_steps, .undo = undo_add,
				  .renew = renew_add};
/* Deleting is final: a step that fails has done nothing. */
const struct task_kind mac_delete = {"virtualMacDelete", KIND, .steps = delete_steps};
