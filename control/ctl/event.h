/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event - names and identifiers of what is told, in the log and to monitors. */
#ifndef PGW_CTL_EVENT_H
#define PGW_CTL_EVENT_H

#include <stdbool.h>

#include <jansson.h>

enum ctl_event {
#define EVENT(symbol, name, id, place, when) TOLD_##symbol,
#include "control/ctl/event.def"
#undef EVENT
	TOLD_COUNT
};

/* ctl_event_name() - as PGW_EVENT= has it, and "event" of a monitor's line. */
const char *ctl_event_name(enum ctl_event event);
/* ctl_event_id() - 32 hexadecimal digits, MESSAGE_ID= of the journal. */
const char *ctl_event_id(enum ctl_event event);
/* ctl_event_monitored() - whether monitors are told of it. */
bool ctl_event_monitored(enum ctl_event event);
/* ctl_event_of() - the one of that name; TOLD_COUNT: there is none. */
enum ctl_event ctl_event_of(const char *name);

/* ctl_event_line() - a monitor's line, malloc'ed: the time, @event's name unless that is NULL, and
 * @members (borrowed). NULL without memory. */
char *ctl_event_line(const char *event, json_t *members);

#endif
