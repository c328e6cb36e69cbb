/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/gateway.h"
#include "control/history.h"

static json_t *time_json(int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char text[40];
	struct tm parts;
	size_t used;

	gmtime_r(&seconds, &parts);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%03dZ", (int)(time_ms % 1000));
	return json_string(text);
}

json_t *history_revision_json(const struct gateway *gateway, const struct revision *revision)
{
	json_t *item = json_pack("{s:I, s:o, s:s, s:I}", "revision", (json_int_t)revision->number,
				 "time", time_json(revision->time_ms), "origin",
				 revision_origin_name(revision->origin), "changes",
				 (json_int_t)revision->changes);

	if (*revision->user)
		json_object_set_new(item, "user", json_string(revision->user));
	if (revision->uid >= 0) {
		json_object_set_new(item, "uid", json_integer(revision->uid));
		json_object_set_new(item, "pid", json_integer(revision->pid));
	}
	if (revision->same_as != revision->number)
		json_object_set_new(item, "same-as", json_integer((json_int_t)revision->same_as));
	if (*revision->comment)
		json_object_set_new(item, "comment", json_string(revision->comment));
	if (revision->number == gateway->revision)
		json_object_set_new(
			item, "state",
			json_string(gateway->history.pending.revision == revision->number
					    ? "unconfirmed"
					    : "running"));
	return item;
}

json_t *history_pending_json(const struct gateway *gateway)
{
	const struct pending *pending = &gateway->history.pending;

	if (!pending->revision)
		return NULL;
	return json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)pending->revision, "base",
			 (json_int_t)pending->base, "revert-in",
			 (json_int_t)history_left_s(gateway));
}

static void add_event(json_t *events, enum ctl_event kind, json_t *members)
{
	json_t *event = json_pack("{s:s}", "event", ctl_event_name(kind));

	json_object_update(event, members);
	json_decref(members);
	json_array_append_new(events, event);
}

json_t *history_events_json(struct gateway *gateway)
{
	const struct history *history = &gateway->history;
	json_t *events = json_array();
	bool readable;

	if (history->pending.revision)
		add_event(events, TOLD_REVERT_PENDING, history_pending_json(gateway));
	if (history->started.revision)
		add_event(events, TOLD_STARTED,
			  json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)gateway->revision,
				    "differs-from", (json_int_t)history->started.revision,
				    "changes", (json_int_t)history->started.changes));
	if (!history_saved(gateway, &readable))
		add_event(events, TOLD_NOT_SAVED,
			  json_pack("{s:I, s:s, s:b}", "revision", (json_int_t)gateway->revision,
				    "file", gateway->options.file, "readable", readable));
	if (*gateway->state_trouble)
		add_event(events, TOLD_NO_HISTORY,
			  json_pack("{s:s}", "why", gateway->state_trouble));
	return events;
}
