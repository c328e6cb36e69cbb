/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop - the first thread: wait, forward, serve control; until pgwd says quit. */
#ifndef PGW_PROCESS_LOOP_H
#define PGW_PROCESS_LOOP_H

struct control;

/* loop_run() - Return: 0 after QUIT, or -errno if waiting itself failed. */
int loop_run(struct control *control);

#endif
