/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine - give up every privilege and all system calls but those that forwarding needs.
 *
 * Both steps are irreversible and come before the first byte from outside is read.
 */
#ifndef PGW_PROCESS_CONFINE_H
#define PGW_PROCESS_CONFINE_H

struct confine_error {
	char text[160];
};

/* confine_signals() - pgwd ends its processes by their channel, or SIGTERM, or SIGKILL. A
 * terminal's Ctrl-C is meant for pgwd. */
void confine_signals(void);

/**
 * confine_privileges() - drop all capabilities for good, forbid new ones, close stray files
 * @keep_fd: highest descriptor that stays open
 * Return: 0, or -errno with @error set.
 */
int confine_privileges(int keep_fd, struct confine_error *error);

/**
 * confine_syscalls() - from now on every system call that is not listed kills the process
 * Needs confine_privileges() before.
 * Return: 0, or -errno with @error set.
 */
int confine_syscalls(struct confine_error *error);

#endif
