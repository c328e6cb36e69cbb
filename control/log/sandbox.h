/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox - the system calls that pgw-log keeps. */
#ifndef PGW_LOG_SANDBOX_H
#define PGW_LOG_SANDBOX_H

/* sandbox_enter() - for good. Return: 0 or -errno. */
int sandbox_enter(void);

#endif
