/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail - pgw-api's seccomp filter. */
#ifndef PGW_API_JAIL_H
#define PGW_API_JAIL_H

/* jail_calls() - from now on every system call but those of the list ends the process.
 * Return: 0 or -errno. */
int jail_calls(void);

#endif
