/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/fault.h"
#include "control/state/allowed.h"
#include "control/task/change.h"

#define LANE	      2
#define POLL_MS	      10
#define SWEEP_WAIT_MS 10000

/* What the step under way holds. */
struct access_work {
	int64_t begun_ms;
	bool applied;
};

static int state_failed(const struct state_error *why, int code, struct ctl_error *error)
{
	return fault(error, code, "%s", why->text);
}

static json_t *network_json(bool there, struct prefix network)
{
	char text[PREFIX_TEXT_BYTES];

	return there ? json_string(prefix_text(network, text)) : json_null();
}

json_t *access_arguments(const struct access *access)
{
	return json_pack("{s:I, s:o, s:o, s:s, s:s}", "id", (json_int_t)access->id, "network",
			 network_json(access->has_network, access->network), "former",
			 network_json(access->has_former, access->former), "description",
			 access->description, "former-description", access->former_description);
}

static bool read_network(const json_t *value, bool *there, struct prefix *network)
{
	*there = json_is_string(value);
	return !*there || prefix_parse(json_string_value(value), network);
}

static void read_text(char *to, const json_t *value)
{
	snprintf(to, CONFIG_TEXT, "%s", json_is_string(value) ? json_string_value(value) : "");
}

bool access_read(const struct task *task, struct access *access)
{
	const json_t *arguments = task->arguments;

	memset(access, 0, sizeof(*access));
	access->id = json_integer_value(json_object_get(arguments, "id"));
	read_text(access->description, json_object_get(arguments, "description"));
	read_text(access->former_description, json_object_get(arguments, "former-description"));
	return read_network(json_object_get(arguments, "network"), &access->has_network,
			    &access->network) &&
	       read_network(json_object_get(arguments, "former"), &access->has_former,
			    &access->former);
}

/* Leaves out @network, if it is on the list. */
static int take_out(struct config *wanted, struct prefix network, struct ctl_error *error)
{
	char text[PREFIX_TEXT_BYTES];

	if (!kind_allow(wanted, network))
		return 0;
	return change_statement(wanted, error, "allow del %s", prefix_text(network, text));
}

static int put_in(struct config *wanted, struct prefix network, const char *description,
		  struct ctl_error *error)
{
	struct config_text statement = {0};
	char text[PREFIX_TEXT_BYTES], *whole;
	int code;

	config_text_add(&statement, "allow add %s", prefix_text(network, text));
	if (*description) {
		config_text_add(&statement, " description ");
		config_text_quote(&statement, description);
	}
	whole = config_text_take(&statement);
	if (!whole)
		return fault(error, -ENOMEM, "out of memory");
	code = change_statement(wanted, error, "%s", whole);
	free(whole);
	return code;
}

int access_plan(struct config *wanted, const struct access *access, struct ctl_error *error)
{
	struct config_error why;
	int code = 0;

	if (access->has_former)
		code = take_out(wanted, access->former, error);
	if (!code && access->has_network)
		code = take_out(wanted, access->network, error); /* its own */
	if (!code && access->has_network && wanted->n_allows >= CONFIG_ALLOW_MAX)
		return fault(error, -EDQUOT,
			     "the list has %zu networks, the limit of %d is reached: delete one "
			     "first",
			     wanted->n_allows, CONFIG_ALLOW_MAX);
	if (!code && access->has_network)
		code = put_in(wanted, access->network, access->description, error);
	if (!code && (code = config_check(wanted, &why)))
		change_config_error(code, &why, error);
	return code;
}

/* Whether the id is that of @network: what the list has of it then is the task's own. */
static int find_own(const struct gateway *gateway, int64_t id, struct prefix network, bool *own,
		    struct ctl_error *error)
{
	char text[PREFIX_TEXT_BYTES], wanted[PREFIX_TEXT_BYTES];
	struct state_error why;
	int code = allowed_network(gateway->state, id, text, sizeof(text), &why);

	*own = !code && !strcmp(text, prefix_text(network, wanted));
	return code && code != -ENOENT ? state_failed(&why, -EIO, error) : 0;
}

/* What others have put on the list stays theirs. */
static int check_free(const struct gateway *gateway, const struct access *access,
		      struct ctl_error *error)
{
	char text[PREFIX_TEXT_BYTES];
	bool own;
	int code;

	if (!access->has_network || !kind_allow(&gateway->config, access->network))
		return 0;
	code = find_own(gateway, access->id, access->network, &own, error);
	if (code || own)
		return code;
	return fault(error, -EEXIST, "network %s already exists on the list",
		     prefix_text(access->network, text));
}

static int set_name(const struct gateway *gateway, int64_t id, struct prefix network,
		    struct ctl_error *error)
{
	char text[PREFIX_TEXT_BYTES];
	struct state_error why;
	int code = allowed_rename(gateway->state, id, prefix_text(network, text), &why);

	return code ? state_failed(&why, code, error) : 0;
}

/* Makes the list what @access wants, and its id belong to what is on it then. */
static int bring(struct gateway *gateway, const struct task *task, const struct access *access,
		 struct ctl_error *error)
{
	struct state_error why;
	struct config wanted;
	int code = 0;

	if (access->has_network)
		code = set_name(gateway, access->id, access->network, error);
	if (!code)
		code = change_begin(gateway, &wanted, error);
	if (code)
		return code;
	code = change_end(gateway, &wanted, access_plan(&wanted, access, error), task, error);
	if (!code && !access->has_network && allowed_forget(gateway->state, access->id, &why))
		code = state_failed(&why, -EIO, error);
	return code;
}

static int step_apply(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct gateway *gateway = run->context;
	struct access_work *work = run->work;
	struct access access;
	int code = 0;

	if (!work) {
		work = run->work = calloc(1, sizeof(*work));
		if (!work)
			return fault(error, -ENOMEM, "out of memory");
		work->begun_ms = now_ms;
	}
	if (!access_read(&run->task, &access))
		return fault(error, -EIO, "what was asked for cannot be read any more");
	if (!work->applied)
		code = check_free(gateway, &access, error);
	if (!code && !work->applied)
		code = bring(gateway, &run->task, &access, error);
	if (code == -EAGAIN && now_ms < work->begun_ms + SWEEP_WAIT_MS) {
		run->due_ms = now_ms + POLL_MS;
		return -EAGAIN; /* the datapath is being started again */
	}
	if (code)
		return code == -EAGAIN ? -EBUSY : code;
	work->applied = true;
	/* Sessions that are not allowed any more have to be over. */
	if (!change_swept(gateway) && now_ms < work->begun_ms + SWEEP_WAIT_MS) {
		run->due_ms = now_ms + POLL_MS;
		return -EAGAIN;
	}
	return 0;
}

static int undo(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct access access, back;
	int code = 0;

	(void)now_ms;
	if (!access_read(&run->task, &access))
		return fault(error, -EIO, "what was asked for cannot be read any more");
	back = access;
	back.has_network = access.has_former;
	back.network = access.former;
	back.has_former = access.has_network;
	back.former = access.network;
	memcpy(back.description, access.former_description, sizeof(back.description));
	if (back.has_former)
		code = find_own(run->context, back.id, back.former, &back.has_former, error);
	if (code)
		return code;
	return bring(run->context, &run->task, &back, error);
}

static bool is_another(const struct task *task, const void *key)
{
	const struct task *self = key;

	return strcmp(task->type, self->type) == 0 && task->id != self->id &&
	       (task->network_access_id == self->network_access_id ||
		(strcmp(task->network, self->network) == 0 &&
		 strcmp(task->name, access_delete.name) != 0));
}

/* What the list has of it now is what it would go back to. */
static int renew(struct task_run *run, struct ctl_error *error)
{
	struct gateway *gateway = run->context;
	const struct config_allow *allow;
	const struct task *other;
	struct access access;
	json_t *arguments;
	int code = 0;

	if (!access_read(&run->task, &access))
		return fault(error, -EIO, "what was asked for cannot be read any more");
	/* One that begins has its lane for itself. */
	other = run->task.state == TASK_ERROR ? runner_find(gateway->tasks, is_another, &run->task)
					      : NULL;
	if (other)
		return fault(error, -EBUSY, "task %lld, %s, of this network has not ended yet",
			     (long long)other->id, other->name);
	if (access.has_former) {
		code = access_find(gateway, access.id, &allow, error);
		if (code)
			return code;
		access.former = allow->network;
		memcpy(access.former_description, allow->description, sizeof(allow->description));
	}
	code = check_free(gateway, &access, error);
	if (code)
		return code;
	arguments = access_arguments(&access);
	if (!arguments || json_object_update(run->task.arguments, arguments))
		code = fault(error, -ENOMEM, "out of memory");
	json_decref(arguments);
	return code;
}

static void release(struct task_run *run)
{
	free(run->work);
}

static const struct task_step_kind steps[] = {{"apply", step_apply}};

#define KIND                                                                                       \
	.type = "allowedNetwork", .lane = LANE, .undo = undo, .release = release, .renew = renew,  \
	.steps = steps, .n_steps = 1

const struct task_kind access_add = {"addAllowedNetwork", KIND};
const struct task_kind access_change = {"changeAllowedNetwork", KIND};
const struct task_kind access_delete = {"deleteAllowedNetwork", KIND};

static bool is_about(const struct task *task, const void *id)
{
	return strcmp(task->type, access_add.type) == 0 &&
	       task->network_access_id == *(const int64_t *)id;
}

static const char *state_of(const struct gateway *gateway, int64_t id)
{
	const struct task *task = runner_find(gateway->tasks, is_about, &id);

	if (!task || strcmp(task->name, access_add.name) == 0)
		return "allowed";
	return strcmp(task->name, access_delete.name) == 0 ? "toDelete" : "toUpdate";
}

int access_find(struct gateway *gateway, int64_t id, const struct config_allow **allow,
		struct ctl_error *error)
{
	char text[PREFIX_TEXT_BYTES];
	struct prefix network;
	struct state_error why;
	int code = allowed_network(gateway->state, id, text, sizeof(text), &why);

	if (code)
		return state_failed(&why, code == -ENOENT ? -ENOENT : -EIO, error);
	*allow = prefix_parse(text, &network) ? kind_allow(&gateway->config, network) : NULL;
	if (!*allow)
		return fault(error, -ENOENT, "there is no allowed network of id %lld",
			     (long long)id);
	return 0;
}

static void append(const struct gateway *gateway, const struct config_allow *allow, int64_t id,
		   json_t *items)
{
	char text[PREFIX_TEXT_BYTES];

	json_array_append_new(items, json_pack("{s:I, s:s, s:s?, s:s}", "network-access-id",
					       (json_int_t)id, "network",
					       prefix_text(allow->network, text), "description",
					       *allow->description ? allow->description : NULL,
					       "state", state_of(gateway, id)));
}

static void know(int64_t id, const char *network, void *context)
{
	json_object_set_new(context, network, json_integer(id));
}

/* Ids for those that have none yet: there may be thousands, so all at once. @ids: of the others. */
static int give_ids(const struct gateway *gateway, json_t *ids, struct state_error *why)
{
	const struct config *config = &gateway->config;
	bool begun = false;
	int code = 0;

	for (size_t i = 0; i < config->n_allows && !code; i++) {
		char text[PREFIX_TEXT_BYTES];
		int64_t id;

		if (json_object_get(ids, prefix_text(config->allows[i].network, text)))
			continue;
		if (!begun)
			code = state_begin(gateway->state, why);
		begun = !code;
		if (!code)
			code = allowed_id(gateway->state, text, &id, why);
		if (!code)
			know(id, text, ids);
	}
	if (!begun)
		return code;
	if (!code)
		return state_commit(gateway->state, why);
	state_rollback(gateway->state);
	return code;
}

int access_list(struct gateway *gateway, json_t *items, struct ctl_error *error)
{
	const struct config *config = &gateway->config;
	json_t *ids = json_object();
	struct state_error why;
	int code = allowed_each(gateway->state, know, ids, &why);

	if (!code)
		code = give_ids(gateway, ids, &why);
	for (size_t i = 0; i < config->n_allows && !code; i++) {
		char text[PREFIX_TEXT_BYTES];

		prefix_text(config->allows[i].network, text);
		append(gateway, &config->allows[i], json_integer_value(json_object_get(ids, text)),
		       items);
	}
	json_decref(ids);
	return code ? state_failed(&why, -EIO, error) : 0;
}

int access_show(struct gateway *gateway, int64_t id, json_t *items, struct ctl_error *error)
{
	const struct config_allow *allow;
	int code = access_find(gateway, id, &allow, error);

	if (!code)
		append(gateway, allow, id, items);
	return code;
}
