/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/event.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum place { LOG, MONITOR, BOTH };

static const struct {
	const char *name, *id;
	enum place place;
} events[] = {
#define EVENT(symbol, name, id, place, when) {name, id, place},
#include "control/ctl/event.def"
#undef EVENT
};
static_assert(sizeof(events) / sizeof(events[0]) == TOLD_COUNT, "one row each");

const char *ctl_event_name(enum ctl_event event)
{
	return events[event].name;
}

const char *ctl_event_id(enum ctl_event event)
{
	return events[event].id;
}

bool ctl_event_monitored(enum ctl_event event)
{
	return events[event].place != LOG;
}

enum ctl_event ctl_event_of(const char *name)
{
	unsigned event = 0;

	while (event < TOLD_COUNT && strcmp(events[event].name, name) != 0)
		event++;
	return (enum ctl_event)event;
}

static json_t *time_now(void)
{
	char text[40];
	struct timespec now;
	struct tm parts;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, sizeof(text) - used, ".%03ldZ", now.tv_nsec / 1000000);
	return json_string(text);
}

char *ctl_event_line(const char *event, json_t *members)
{
	json_t *object = json_object();
	char *text;

	json_object_set_new(object, "time", time_now());
	if (event)
		json_object_set_new(object, "event", json_string(event));
	if (members)
		json_object_update(object, members);
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}
