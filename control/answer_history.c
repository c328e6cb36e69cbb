/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/answer_history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/answer.h"
#include "control/conffile.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/history_start.h"
#include "control/session.h"

static int no_history(const struct gateway *gateway, struct ctl_error *error)
{
	return fault(error, -EIO, "there is no history: %s", gateway->state_trouble);
}

static int state_fault(struct ctl_error *error, int code, const struct state_error *why)
{
	return fault(error, code, "%s", why->text);
}

/* @text: the caller's. Return: 0 or -errno with @error set. */
static int read_revision(const struct gateway *gateway, uint64_t number, struct revision *revision,
			 char **text, struct ctl_error *error)
{
	struct state_error why;
	int code;

	*text = NULL;
	if (!gateway->state)
		return no_history(gateway, error);
	code = revision_read(gateway->state, number, revision, text, &why);
	return code ? state_fault(error, code, &why) : 0;
}

static void add_pending(const struct gateway *gateway, json_t *answer)
{
	json_t *pending = history_pending_json(gateway);

	if (pending)
		json_object_set_new(answer, "pending", pending);
}

static int show_earlier(struct gateway *gateway, uint64_t number, struct request_result *result)
{
	struct revision revision;
	char *text;
	int code = read_revision(gateway, number, &revision, &text, &result->error);
	json_t *about;

	if (code)
		return code;
	about = history_revision_json(gateway, &revision);
	json_object_update(result->answer, about);
	json_decref(about);
	json_object_set_new(result->answer, "text", json_string(text));
	free(text);
	return 0;
}

int answer_config_show(void *context, uint64_t revision, struct request_result *result)
{
	struct gateway *gateway = context;
	char *text;

	if (revision)
		return show_earlier(gateway, revision, result);
	text = config_print(&gateway->config);
	if (!text)
		return fault(&result->error, -ENOMEM, "out of memory");
	json_object_set_new(result->answer, "text", json_string(text));
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	json_object_set_new(result->answer, "saved", json_boolean(history_saved(gateway, NULL)));
	add_pending(gateway, result->answer);
	free(text);
	return 0;
}

int answer_config_diff(void *context, const char *text, size_t bytes, uint64_t revision,
		       struct request_result *result)
{
	struct gateway *gateway = context;
	struct config_diff diff = {.n_changes = 0};
	struct revision kept;
	struct config wanted;
	uint64_t affected = 0;
	char *kept_text = NULL;
	json_t *changes;
	int code = 0;

	config_init(&wanted);
	if (revision) {
		code = read_revision(gateway, revision, &kept, &kept_text, &result->error);
		text = kept_text;
		bytes = text ? strlen(text) : 0;
	}
	if (!code)
		code = conffile_parse(&wanted, text, bytes, &result->error);
	if (!code && config_diff(&diff, &gateway->config, &wanted))
		code = fault(&result->error, -ENOMEM, "out of memory");
	if (!code && diff.n_changes)
		code = session_count_affected(gateway, &wanted, &affected, &result->error);
	if (!code) {
		changes = json_array();
		for (size_t i = 0; i < diff.n_changes; i++)
			json_array_append_new(changes, json_string(diff.changes[i].statement));
		json_object_set_new(result->answer, "base",
				    json_integer((json_int_t)gateway->revision));
		json_object_set_new(result->answer, "changes", changes);
		json_object_set_new(result->answer, "sessions-affected",
				    json_integer((json_int_t)affected));
		add_pending(gateway, result->answer);
	}
	free(kept_text);
	config_diff_free(&diff);
	config_free(&wanted);
	return code;
}

/* Whether the asker's base is what runs; what is pending does not matter here. */
static int check_base(struct gateway *gateway, const struct request_order *asked,
		      struct request_result *result)
{
	int code = history_admit(gateway, asked, &result->detail, &result->error);

	return code == -EBUSY ? 0 : code;
}

int answer_config_confirm(void *context, const struct request_order *asked,
			  struct request_result *result)
{
	struct gateway *gateway = context;
	char user[REVISION_USER_BYTES];
	int code = check_base(gateway, asked, result);

	if (!code)
		code = history_confirm(gateway, &result->error);
	if (code)
		return code;
	history_user(asked, user);
	gateway_tell(
		gateway, TOLD_CONFIRMED, LOG_NOTICE,
		json_pack("{s:I, s:s}", "revision", (json_int_t)gateway->revision, "user", user),
		"revision %" PRIu64 " is confirmed%s%s", gateway->revision, *user ? " by " : "",
		user);
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	json_object_set_new(result->answer, "saved", json_boolean(history_saved(gateway, NULL)));
	return 0;
}

/* The revision before the one that runs; before that which it is the same as, if somebody went
 * back already, so that undo after undo goes further back. */
static int find_former(struct gateway *gateway, uint64_t *number, struct ctl_error *error)
{
	const struct history *history = &gateway->history;
	struct revision former;
	struct state_error why;
	int code;

	if (history->pending.revision) {
		*number = history->pending.base;
		return 0;
	}
	if (!gateway->state)
		return no_history(gateway, error);
	if (!history->kept)
		return fault(error, -ENOENT,
			     "what ran before is not known, because revision %" PRIu64
			     " is not in the history: name one (pgw config log lists them)",
			     gateway->revision);
	code = revision_before(gateway->state, history->running.same_as, &former, &why);
	if (code)
		return state_fault(error, code, &why);
	*number = former.number;
	if (former.number)
		return 0;
	return fault(error, -ENOENT, "there is no earlier revision than %" PRIu64,
		     history->running.same_as);
}

int answer_config_undo(void *context, uint64_t number, const struct request_order *asked,
		       struct request_result *result)
{
	struct gateway *gateway = context;
	struct history_order order = {.origin = REVISION_UNDO, .asked = asked};
	struct revision revision = {.number = 0};
	struct config wanted;
	char *text = NULL;
	int code = check_base(gateway, asked, result);

	config_init(&wanted);
	if (!code && !number)
		code = find_former(gateway, &number, &result->error);
	/* What comes back by itself comes back without the database, too. */
	if (!code && gateway->history.base_text && number == gateway->history.pending.base)
		text = strdup(gateway->history.base_text);
	else if (!code)
		code = read_revision(gateway, number, &revision, &text, &result->error);
	if (!code)
		code = text ? conffile_parse(&wanted, text, strlen(text), &result->error) : -ENOMEM;
	order.same_as = history_same_as(gateway, number);
	order.reverts = gateway->history.pending.revision != 0;
	if (!code)
		code = answer_go_back(gateway, &wanted, &order, result);
	if (!code)
		json_object_set_new(result->answer, "same-as",
				    json_integer((json_int_t)order.same_as));
	free(text);
	config_free(&wanted);
	return code;
}

int answer_config_log(void *context, uint32_t limit, struct request_result *result)
{
	struct gateway *gateway = context;
	struct revision *list;
	struct state_error why;
	json_t *items;
	size_t n;
	int code;

	if (!gateway->state)
		return no_history(gateway, &result->error);
	code = revision_list(gateway->state, 0, limit, &list, &n, &why);
	if (code)
		return state_fault(&result->error, code, &why);
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, history_revision_json(gateway, &list[i]));
	free(list);
	json_object_set_new(result->answer, "revision",
			    json_integer((json_int_t)gateway->revision));
	json_object_set_new(result->answer, "items", items);
	add_pending(gateway, result->answer);
	return 0;
}

int answer_monitor(void *context, struct request_result *result)
{
	result->events = history_events_json(context);
	return 0;
}
