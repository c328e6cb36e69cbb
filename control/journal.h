/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal - log lines as structured entries of systemd's journal: MESSAGE, PRIORITY, MESSAGE_ID and
 * PGW_EVENT of the event, and each of its members as PGW_NAME (docs/events.md).
 */
#ifndef PGW_CONTROL_JOURNAL_H
#define PGW_CONTROL_JOURNAL_H

/* journal_open() - from now on, if standard error leads to the journal. */
void journal_open(void);

#endif
