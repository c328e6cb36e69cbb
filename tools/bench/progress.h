/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress - on standard error: a bar on a terminal, a line per step elsewhere. */
#ifndef PGW_BENCH_PROGRESS_H
#define PGW_BENCH_PROGRESS_H

#include <stdbool.h>

struct progress {
	unsigned done, total;
	bool terminal;
};

void progress_begin(struct progress *progress, const char *measure, const char *variant,
		    unsigned repeat);
void progress_end(struct progress *progress, const char *outcome, bool failed);
void progress_close(struct progress *progress);

#endif
