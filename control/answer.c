/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - operations on the configuration, and the table of all operations.
 *
 * A request that changes something works on a copy of the running configuration; the copy
 * becomes the running one only through apply_change().
 */
#include "control/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/answer_history.h"
#include "control/apply.h"
#include "control/conffile.h"
#include "control/ctl/log.h"
#include "control/doctor.h"
#include "control/explain.h"
#include "control/fault.h"
#include "control/session.h"
#include "control/show.h"
#include "control/task/operations.h"
#include "control/tunnels.h"

static int config_fault(struct ctl_error *error, int code, const struct config_error *why)
{
	fault(error, code, "%s", code == -ENOMEM ? "out of memory" : why->text);
	error->line = why->line;
	error->column = why->column;
	return code;
}

void answer_error_text(const struct ctl_error *error, char *text, size_t bytes)
{
	if (*error->file && error->line)
		snprintf(text, bytes, "%s:%u:%u: %s", error->file, error->line, error->column,
			 error->text);
	else if (*error->file)
		snprintf(text, bytes, "%s: %s", error->file, error->text);
	else
		snprintf(text, bytes, "%s", error->text);
}

static json_t *change_list(const struct config_diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->n_changes; i++)
		json_array_append_new(list, json_string(diff->changes[i].statement));
	return list;
}

static void tell_revision(struct gateway *gateway, json_t *changes)
{
	const struct revision *running = &gateway->history.running;

	gateway_tell(gateway, TOLD_REVISION, LOG_NOTICE,
		     json_pack("{s:I, s:O, s:s, s:s}", "revision", (json_int_t)gateway->revision,
			       "changes", changes, "origin", revision_origin_name(running->origin),
			       "user", running->user),
		     "revision %" PRIu64 " runs, %zu changes%s%s", gateway->revision,
		     json_array_size(changes), *running->user ? " by " : "", running->user);
	if (gateway->history.pending.revision)
		gateway_event(gateway, TOLD_REVERT_PENDING, history_pending_json(gateway));
}

/**
 * apply() - make @wanted the running configuration, if @order's base still is and nothing else
 * waits to be confirmed
 * @order: changes and number are filled in
 * @changes: a new array
 * @detail: as history_admit()
 * Return: 0 or -errno with @error set.
 */
static int apply(struct gateway *gateway, const struct config *wanted, struct history_order *order,
		 json_t **changes, json_t **detail, struct ctl_error *error)
{
	struct config_diff diff;
	int code = history_know(gateway, order->asked, error);

	*changes = NULL;
	if (code)
		return code;
	if (config_diff(&diff, &gateway->config, wanted))
		return fault(error, -ENOMEM, "out of memory");
	order->changes = diff.n_changes;
	code = diff.n_changes && !order->reverts
		       ? history_admit(gateway, order->asked, detail, error)
		       : 0;
	if (!code)
		code = apply_change(gateway, wanted, order, error);
	if (!code) {
		*changes = change_list(&diff);
		if (diff.n_changes) {
			gateway->counts.applied++;
			tell_revision(gateway, *changes);
		}
	}
	config_diff_free(&diff);
	return code;
}

static void refused(const struct ctl_error *error)
{
	char text[900];

	answer_error_text(error, text, sizeof(text));
	ctl_log(TOLD_REFUSED, LOG_WARNING, "change refused: %s", text);
}

static int apply_and_answer(struct gateway *gateway, const struct config *wanted,
			    struct history_order *order, struct request_result *result)
{
	json_t *changes, *pending;
	int code = apply(gateway, wanted, order, &changes, &result->detail, &result->error);

	if (code) {
		gateway->counts.refused++;
		refused(&result->error);
		return code;
	}
	/* Sessions that it ends are known when the datapath has looked at all of them. */
	if (json_array_size(changes))
		result->sweep = gateway->revision;
	else
		json_object_set_new(result->answer, "sessions-ended", json_integer(0));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	if (json_array_size(changes) && *gateway->state_trouble)
		json_object_set_new(result->answer, "warning",
				    json_sprintf("the revision is not in the history: %s",
						 gateway->state_trouble));
	json_object_set_new(result->answer, "changes", changes);
	pending = history_pending_json(gateway);
	if (pending)
		json_object_set_new(result->answer, "pending", pending);
	return 0;
}

static int answer_version(void *context, struct request_result *result)
{
	const struct gateway *gateway = context;

	json_object_set_new(result->answer, "version", json_string(PGW_VERSION));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	return 0;
}

static int answer_change(void *context, const char *const *statements, size_t n,
			 const struct request_order *asked, struct request_result *result)
{
	struct history_order order = {.origin = REVISION_CHANGE, .asked = asked};
	struct gateway *gateway = context;
	struct config_error why = {.text = ""};
	struct config wanted;
	int code = 0;

	if (config_copy(&wanted, &gateway->config))
		return fault(&result->error, -ENOMEM, "out of memory");
	for (size_t i = 0; !code && i < n; i++) {
		code = config_statement(&wanted, statements[i], &why);
		if (code) {
			config_fault(&result->error, code, &why);
			result->error.line = (unsigned)i + 1;
		}
	}
	if (!code) {
		code = apply_and_answer(gateway, &wanted, &order, result);
		/* Lines of a file that was read earlier: not the asker's. */
		if (code)
			result->error.line = result->error.column = 0;
	}
	config_free(&wanted);
	return code;
}

static int answer_config_check(void *context, const char *text, size_t bytes,
			       struct request_result *result)
{
	struct config config;
	int code;

	(void)context;
	config_init(&config);
	code = conffile_parse(&config, text, bytes, &result->error);
	config_free(&config);
	return code;
}

static int answer_config_apply(void *context, const char *text, size_t bytes,
			       const struct request_order *asked, struct request_result *result)
{
	struct history_order order = {.origin = REVISION_APPLY, .asked = asked};
	struct gateway *gateway = context;
	struct config wanted;
	int code;

	config_init(&wanted);
	code = conffile_parse(&wanted, text, bytes, &result->error);
	if (!code)
		code = apply_and_answer(gateway, &wanted, &order, result);
	config_free(&wanted);
	return code;
}

static int answer_config_save(void *context, struct request_result *result)
{
	struct gateway *gateway = context;
	char path[PATH_MAX], *text;
	int code = history_admit(gateway, NULL, &result->detail, &result->error);

	if (code)
		return code;
	text = config_print(&gateway->config);
	if (!text)
		return fault(&result->error, -ENOMEM, "out of memory");
	code = conffile_write(gateway->options.file, text, path, &result->error);
	free(text);
	if (code)
		return code;
	ctl_log(TOLD_SAVED, LOG_NOTICE, "revision %" PRIu64 " saved to %s", gateway->revision,
		path);
	json_object_set_new(result->answer, "file", json_string(path));
	return 0;
}

int answer_go_back(struct gateway *gateway, const struct config *wanted,
		   struct history_order *order, struct request_result *result)
{
	return apply_and_answer(gateway, wanted, order, result);
}

void answer_reload(struct gateway *gateway)
{
	struct ctl_error error = {.text = ""};
	struct history_order order = {.origin = REVISION_RELOAD};
	struct config wanted;
	json_t *changes = NULL, *detail = NULL;
	int code;

	config_init(&wanted);
	code = conffile_read(gateway->options.file, &wanted, &error);
	if (!code)
		code = apply(gateway, &wanted, &order, &changes, &detail, &error);
	if (code) {
		char text[900];

		snprintf(error.file, sizeof(error.file), "%s", gateway->options.file);
		answer_error_text(&error, text, sizeof(text));
		ctl_log(TOLD_REFUSED, LOG_ERR, "%s", text);
		gateway->counts.refused++;
		ctl_log(TOLD_RELOAD, LOG_ERR, "reload refused, revision %" PRIu64 " goes on",
			gateway->revision);
	} else if (!json_array_size(changes)) {
		ctl_log(TOLD_RELOAD, LOG_NOTICE, "reload: nothing in %s has changed",
			gateway->options.file);
	}
	json_decref(changes);
	json_decref(detail);
	config_free(&wanted);
}

int answer_apply(struct gateway *gateway, const struct config *wanted, const char *by,
		 const char *note, struct ctl_error *error)
{
	const struct request_order asked = {.by = *by ? by : NULL, .comment = note};
	struct history_order order = {.origin = REVISION_CHANGE, .asked = &asked};
	json_t *changes, *detail = NULL;
	int code = apply(gateway, wanted, &order, &changes, &detail, error);

	json_decref(detail);
	if (code)
		ctl_log(TOLD_REFUSED, LOG_WARNING, "%s%s%s: refused: %s", note, *by ? ", by " : "",
			by, error->text);
	json_decref(changes);
	return code;
}

static void answer_changed(void *context, const struct request_peer *peer, const char *operation,
			   const json_t *request, int code, const struct request_result *result)
{
	auth_audit(context, peer, operation, request, code, result);
}

static const struct request_operation *const more[] = {
	gateway_operations, task_operations,
	access_operations,  mac_operations,
	auth_operations,    explain_operations,
	doctor_operations,  vmac_check_operations,
	tunnels_operations, NULL,
};

const struct request_ops answer_ops = {
	.more = more,
	.version = answer_version,
	.show = show_object,
	.change = answer_change,
	.config_show = answer_config_show,
	.config_confirm = answer_config_confirm,
	.config_undo = answer_config_undo,
	.config_log = answer_config_log,
	.config_check = answer_config_check,
	.config_diff = answer_config_diff,
	.config_apply = answer_config_apply,
	.config_save = answer_config_save,
	.stats = show_stats,
	.neighbour = show_neighbours,
	.session_table = session_table,
	.session_end = session_end,
	.monitor = answer_monitor,
	.changed = answer_changed,
};
