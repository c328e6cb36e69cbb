/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox - the system calls of pgw-relay. */
#ifndef PGW_RELAY_SANDBOX_H
#define PGW_RELAY_SANDBOX_H

#include "datapath/relay/part.h"

/* sandbox_relay() - from now on every system call that is not listed kills the process. Needs
 * confine_privileges() before. Return: 0, or -errno with @error set. */
int sandbox_relay(struct relay_error *error);

#endif
