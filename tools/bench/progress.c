/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/progress.h"

#include <stdio.h>

#define BAR 30

void progress_begin(struct progress *progress, const char *measure, const char *variant,
		    unsigned repeat)
{
	unsigned filled = progress->total ? progress->done * BAR / progress->total : 0;
	char bar[BAR + 1];

	if (!progress->terminal) {
		fprintf(stderr, "[%u/%u] %s %s, repeat %u: ", progress->done + 1, progress->total,
			measure, variant, repeat);
		return;
	}
	for (unsigned i = 0; i < BAR; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\r\033[K[%s] %u/%u %s %s, repeat %u", bar, progress->done + 1,
		progress->total, measure, variant, repeat);
}

void progress_end(struct progress *progress, const char *outcome, bool failed)
{
	progress->done++;
	if (!progress->terminal || failed)
		fprintf(stderr, "%s%s\n", progress->terminal ? ": " : "", outcome);
}

void progress_close(struct progress *progress)
{
	if (progress->terminal)
		fprintf(stderr, "\r\033[K");
}
