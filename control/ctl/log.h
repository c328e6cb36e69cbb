/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one line per state change, each of an event (event.def).
 *
 * On standard error: "TEXT [EVENT NAME=VALUE …]", with the members of the event. Where standard
 * error leads to the journal (sd-daemon(3)), "<PRIORITY>" goes before it; a process that has called
 * ctl_log_to() hands lines on as structured entries instead.
 */
#ifndef PGW_CTL_LOG_H
#define PGW_CTL_LOG_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

#include "control/ctl/event.h"

/**
 * ctl_log() - write one line
 * @priority: LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO
 * Bytes that do not print (a peer's text may hold any) are shown as '?'.
 */
void ctl_log(enum ctl_event event, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ctl_vlog() - the same with @members, an object of which text, numbers and truth are told;
 * borrowed, or NULL. */
void ctl_vlog(enum ctl_event event, int priority, const json_t *members, const char *format,
	      va_list arguments);

/* ctl_log_members() - as ctl_log(), with @members: taken over. */
void ctl_log_members(enum ctl_event event, int priority, json_t *members, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * ctl_log_to() - for a process whose standard error leads to the journal: where lines go instead
 * @send: Return: false if it could not; then the line goes to standard error. Called once, at the
 * start.
 */
void ctl_log_to(bool (*send)(enum ctl_event event, int priority, const json_t *members,
			     const char *text));

/* ctl_log_is_journal() - whether standard error leads to the journal. */
bool ctl_log_is_journal(void);

/* ctl_log_value() - a member as text. Return: false: it is of a kind that is not told. */
bool ctl_log_value(const json_t *value, char *text, size_t bytes);

#endif
