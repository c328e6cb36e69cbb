/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/ctl/event.h"

#include <assert.h>
#include <string.h>

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
