/* SPDX-License-Identifier: GPL-2.0-or-later */
/* line - an event as one line of JSON, with the names of "pgw session show". */
#ifndef PGW_LOG_LINE_H
#define PGW_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "control/log/settings.h"
#include "datapath/base/event_ring.h"

#define LINE_LOG_BYTES 768u /* room for any event */

/**
 * line_print() - write @event, its end of line included
 * @event: of a known type (see reader.c)
 * @time_ms: CLOCK_REALTIME of the event
 * Return: bytes written, without the NUL behind them.
 */
size_t line_print(char line[LINE_LOG_BYTES], const struct log_settings *settings,
		  const struct event *event, uint64_t time_ms);

#endif
