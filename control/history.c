/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/history_start.h"

void history_open(struct gateway *gateway)
{
	struct state_error why;

	if (!state_open(&gateway->state, gateway->options.state_dir, &why)) {
		gateway->state_trouble[0] = '\0';
		return;
	}
	if (strcmp(gateway->state_trouble, why.text) != 0)
		ctl_log(TOLD_HISTORY, LOG_ERR, "%s; the gateway runs without history", why.text);
	snprintf(gateway->state_trouble, sizeof(gateway->state_trouble), "%s", why.text);
}

void history_close(struct gateway *gateway)
{
	state_close(gateway->state);
	gateway->state = NULL;
	free(gateway->history.base_text);
	gateway->history.base_text = NULL;
}

uint64_t history_next(const struct gateway *gateway)
{
	uint64_t last = gateway->history.running.number;

	return (last > gateway->revision ? last : gateway->revision) + 1;
}

static int never_was(const struct gateway *gateway, uint64_t base, struct ctl_error *error)
{
	return fault(error, -ESTALE,
		     "there has been no revision %" PRIu64 ", revision %" PRIu64
		     " runs: compare with that (pgw config diff FILE), then base it on %" PRIu64,
		     base, gateway->revision, gateway->revision);
}

/* "revision 8 of 2026-… by root (apply, 3 changes)" of the newest that was missed. */
static int stale(struct gateway *gateway, uint64_t base, json_t **detail, struct ctl_error *error)
{
	const struct revision *running = &gateway->history.running;
	json_t *missed;
	struct state_error why;
	struct revision *list = NULL;
	size_t n = 0;

	if (base >= history_next(gateway))
		return never_was(gateway, base, error);
	missed = json_array();
	if (gateway->state)
		revision_list(gateway->state, base + 1, REVISIONS_MAX, &list, &n, &why);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(missed, history_revision_json(gateway, &list[i]));
	free(list);
	*detail = json_pack("{s:I, s:o}", "revision", (json_int_t)gateway->revision, "missed",
			    missed);
	return fault(error, -ESTALE,
		     "it is based on revision %" PRIu64 ", but revision %" PRIu64
		     " runs (%s%s%s): look at what that changed (pgw config diff %" PRIu64
		     "), then base it on %" PRIu64,
		     base, gateway->revision, revision_origin_name(running->origin),
		     *running->user ? " by " : "", running->user, base, gateway->revision);
}

int history_know(struct gateway *gateway, const struct request_order *asked,
		 struct ctl_error *error)
{
	if (asked && asked->has_base && asked->base >= history_next(gateway))
		return never_was(gateway, asked->base, error);
	return 0;
}

int history_admit(struct gateway *gateway, const struct request_order *asked, json_t **detail,
		  struct ctl_error *error)
{
	const struct pending *pending = &gateway->history.pending;

	if (asked && asked->has_base && asked->base != gateway->revision)
		return stale(gateway, asked->base, detail, error);
	if (!pending->revision)
		return 0;
	return fault(error, -EBUSY,
		     "revision %" PRIu64 " is not confirmed, revision %" PRIu64
		     " comes back in %u s: first pgw config confirm, or pgw config undo",
		     pending->revision, pending->base, history_left_s(gateway));
}

static void describe(struct gateway *gateway, uint64_t number, const struct history_order *order,
		     struct revision *fresh)
{
	const struct request_order *asked = order->asked;
	const char *comment = asked && asked->comment ? asked->comment : "";
	struct pending_clock now;

	pending_clock_read(&now);
	*fresh = (struct revision){
		.number = number,
		.same_as = order->same_as ? order->same_as : number,
		.time_ms = now.time_ms,
		.origin = order->origin,
		.uid = -1,
		.pid = -1,
		.changes = (uint32_t)order->changes,
	};
	fresh->has_digest = !history_digest(gateway->options.file, fresh->file_digest);
	if (asked && asked->peer) {
		fresh->uid = asked->peer->uid;
		fresh->pid = asked->peer->pid;
	}
	history_user(asked, fresh->user);
	snprintf(fresh->comment, sizeof(fresh->comment), "%s",
		 order->note && !*comment ? order->note : comment);
}

/* What runs, if it could not be kept before: a gap would leave nothing to go back to. */
static int keep_running(struct gateway *gateway, struct state_error *error)
{
	struct history *history = &gateway->history;
	char *text;
	int code;

	if (history->kept || !gateway->configured)
		return 0;
	text = config_print(&gateway->config);
	if (!text)
		return -ENOMEM;
	code = revision_add(gateway->state, &history->running, text, error);
	free(text);
	return code;
}

static int keep_in(struct gateway *gateway, const char *text, const struct history_order *order,
		   struct state_error *error)
{
	struct history *history = &gateway->history;
	int code = keep_running(gateway, error);

	if (!code && order->reverts)
		code = pending_clear(gateway->state, error);
	if (!code && history->fresh_pending.revision == history->fresh.number)
		code = pending_set(gateway->state, &history->fresh_pending, error);
	if (!code)
		code = revision_add(gateway->state, &history->fresh, text, error);
	return code;
}

static int keep(struct gateway *gateway, const struct config *config,
		const struct history_order *order, struct state_error *error)
{
	char *text;
	int code;

	if (!gateway->state)
		history_open(gateway);
	if (!gateway->state) {
		snprintf(error->text, sizeof(error->text), "%s", gateway->state_trouble);
		return -EIO;
	}
	text = config_print(config);
	if (!text) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	code = state_begin(gateway->state, error);
	if (!code) {
		code = keep_in(gateway, text, order, error);
		if (code)
			state_rollback(gateway->state);
		else
			code = state_commit(gateway->state, error);
	}
	free(text);
	return code;
}

int history_record(struct gateway *gateway, const struct config *config, uint64_t number,
		   const struct history_order *order, struct ctl_error *error)
{
	uint32_t revert_in_s = order->asked ? order->asked->revert_in_s : 0;
	struct history *history = &gateway->history;
	struct state_error why = {.text = ""};
	int code;

	history->fresh_again = order->number != 0;
	memset(&history->fresh_pending, 0, sizeof(history->fresh_pending));
	if (!order->reverts)
		history->fresh_pending = history->pending;
	if (history->fresh_again) {
		history->fresh = history->running;
		history->fresh_kept = history->kept;
		return 0;
	}
	describe(gateway, number, order, &history->fresh);
	if (revert_in_s) {
		history->fresh_pending = (struct pending){
			.revision = number, .base = gateway->revision, .seconds = revert_in_s};
		pending_clock_read(&history->fresh_pending.from);
	}
	code = keep(gateway, config, order, &why);
	history->fresh_kept = !code;
	if (!code) {
		gateway->state_trouble[0] = '\0';
		return 0;
	}
	if (revert_in_s)
		return fault(error, code, "%s; what is to be confirmed has to be kept there",
			     why.text);
	snprintf(gateway->state_trouble, sizeof(gateway->state_trouble), "%s", why.text);
	ctl_log(TOLD_HISTORY, LOG_ERR, "revision %" PRIu64 " is not in the history: %s", number,
		why.text);
	return 0;
}

void history_unrecord(struct gateway *gateway)
{
	struct history *history = &gateway->history;
	struct state_error why;
	int code;

	if (!history->fresh_kept || history->fresh_again)
		return;
	history->fresh_kept = false;
	code = state_begin(gateway->state, &why);
	if (!code) {
		code = revision_forget(gateway->state, history->fresh.number, &why);
		if (!code)
			code = history->pending.revision
				       ? pending_set(gateway->state, &history->pending, &why)
				       : pending_clear(gateway->state, &why);
		if (code)
			state_rollback(gateway->state);
		else
			code = state_commit(gateway->state, &why);
	}
	if (code)
		ctl_log(TOLD_HISTORY, LOG_ERR,
			"revision %" PRIu64 " never ran, but the history has it: %s",
			history->fresh.number, why.text);
}

void history_commit(struct gateway *gateway)
{
	struct history *history = &gateway->history;
	bool is_new = history->fresh_pending.revision &&
		      history->fresh_pending.revision != history->pending.revision;

	history->running = history->fresh;
	history->kept = history->fresh_kept;
	if (history->started.revision && !history->fresh_again &&
	    history->running.origin != REVISION_START)
		history->started.revision = 0; /* a later change says more */
	if (is_new || !history->fresh_pending.revision) {
		free(history->base_text);
		history->base_text = NULL;
	}
	if (is_new) /* what runs is still the base: it is replaced after this */
		history->base_text = config_print(&gateway->config);
	history->pending = history->fresh_pending;
	history->retry_ms = 0;
	history->reminded_s = 0;
}

int history_confirm(struct gateway *gateway, struct ctl_error *error)
{
	struct history *history = &gateway->history;
	struct state_error why;
	int code;

	if (!history->pending.revision)
		return fault(error, -ENOENT,
			     "nothing waits to be confirmed: revision %" PRIu64 " stays anyway",
			     gateway->revision);
	code = pending_clear(gateway->state, &why);
	if (code)
		return fault(error, code,
			     "%s; revision %" PRIu64 " is not confirmed, revision %" PRIu64
			     " comes back in %u s",
			     why.text, history->pending.revision, history->pending.base,
			     history_left_s(gateway));
	history->pending = (struct pending){0};
	free(history->base_text);
	history->base_text = NULL;
	return 0;
}

static int64_t left_ms(const struct history *history)
{
	struct pending_clock now;

	pending_clock_read(&now);
	return pending_left_ms(&history->pending, &now);
}

uint32_t history_left_s(const struct gateway *gateway)
{
	const struct history *history = &gateway->history;

	if (!history->pending.revision)
		return 0;
	return (uint32_t)((left_ms(history) + 999) / 1000);
}

/* What is left when monitors are told once more, below @left_s; 0: no more. */
static uint32_t next_reminder(uint32_t left_s)
{
	static const uint32_t at_s[] = {3600, 600, 300, 60, 30, 10, 5};

	for (size_t i = 0; i < sizeof(at_s) / sizeof(at_s[0]); i++)
		if (at_s[i] < left_s)
			return at_s[i];
	return 0;
}

int64_t history_due_ms(const struct gateway *gateway)
{
	const struct history *history = &gateway->history;
	int64_t now_ms = gateway_now_ms(), left;
	uint32_t reminder;

	if (!history->pending.revision)
		return INT64_MAX;
	if (history->retry_ms)
		return history->retry_ms;
	left = left_ms(history);
	reminder = next_reminder(history->reminded_s ? history->reminded_s
						     : (uint32_t)((left + 999) / 1000));
	return now_ms + left - (int64_t)reminder * 1000;
}

static void remind(struct gateway *gateway, int64_t left)
{
	struct history *history = &gateway->history;
	uint32_t left_s = (uint32_t)((left + 999) / 1000), next;

	if (!history->reminded_s) {
		history->reminded_s = left_s;
		return;
	}
	next = next_reminder(history->reminded_s);
	if (!next || left > (int64_t)next * 1000)
		return;
	history->reminded_s = next;
	gateway_event(gateway, TOLD_REVERT_PENDING, history_pending_json(gateway));
}

void history_work(struct gateway *gateway)
{
	struct history *history = &gateway->history;
	int64_t left;

	if (!history->pending.revision)
		return;
	left = left_ms(history);
	if (left)
		remind(gateway, left);
	else if (gateway_now_ms() >= history->retry_ms)
		history_go_back(gateway);
}
