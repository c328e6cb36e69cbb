/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log - one line per state change, on standard error. */
#ifndef PGW_CTL_LOG_H
#define PGW_CTL_LOG_H

#include <syslog.h>

/**
 * ctl_log() - write one line
 * @priority: LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO. It goes before the line as "<N>" when
 * standard error leads to the journal (sd-daemon(3)), and is left out otherwise.
 * Bytes that do not print (a peer's text may hold any) are shown as '?'.
 */
void ctl_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
