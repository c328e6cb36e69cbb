/* SPDX-License-Identifier: GPL-2.0-or-later */
/* thread - what each thread of the process but the first does: wait, forward, look after timers. */
#ifndef PGW_PROCESS_THREAD_H
#define PGW_PROCESS_THREAD_H

struct control;
struct threads;

/**
 * threads_start() - one for each worker of @control but the first
 * Once it returns each of them runs, so that none makes a system call any more that the filter
 * does not permit. Return: 0 or -errno.
 */
int threads_start(struct threads **threads, struct control *control);
/* threads_end() - have them end, wait for that. */
void threads_end(struct threads *threads);

#endif
