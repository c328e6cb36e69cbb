/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the mended things somebody else keeps changing; see reconcile.h. */
#include <stdio.h>
#include <string.h>

#include "control/reconcile.h"

static int64_t wait_ms(unsigned times)
{
	int64_t wait = RECONCILE_WAIT_MS;

	if (times < RECONCILE_PATIENCE)
		return 0;
	for (unsigned i = RECONCILE_PATIENCE; i < times && wait < RECONCILE_WAIT_MAX_MS; i++)
		wait *= 2;
	return wait < RECONCILE_WAIT_MAX_MS ? wait : RECONCILE_WAIT_MAX_MS;
}

/* Whether nobody has touched it for so long that what happens now is a new matter. */
static bool at_peace(const struct dispute *dispute, int64_t now_ms)
{
	int64_t waited_ms = wait_ms(dispute->times);

	return now_ms - dispute->until_ms >=
	       (waited_ms > RECONCILE_PEACE_MS ? waited_ms : RECONCILE_PEACE_MS);
}

static const struct dispute *find(const struct disputes *disputes, const char *what)
{
	for (unsigned i = 0; i < RECONCILE_THINGS_MAX; i++)
		if (!strcmp(disputes->list[i].what, what))
			return &disputes->list[i];
	return NULL;
}

bool dispute_may(const struct disputes *disputes, const char *what, int64_t now_ms, int64_t *due_ms)
{
	const struct dispute *dispute = find(disputes, what);

	if (!dispute || now_ms >= dispute->until_ms)
		return true;
	if (dispute->until_ms < *due_ms)
		*due_ms = dispute->until_ms;
	return false;
}

void dispute_forget(struct disputes *disputes, const char *part)
{
	for (unsigned i = 0; i < RECONCILE_THINGS_MAX; i++)
		if (strstr(disputes->list[i].what, part))
			disputes->list[i] = (struct dispute){.times = 0};
}

int64_t dispute_mended(struct disputes *disputes, const char *what, int64_t now_ms, unsigned *times)
{
	struct dispute *dispute = (struct dispute *)find(disputes, what);

	if (!dispute) {
		dispute = &disputes->list[0];
		for (unsigned i = 1; i < RECONCILE_THINGS_MAX; i++)
			if (!*disputes->list[i].what ||
			    (*dispute->what && disputes->list[i].mended_ms < dispute->mended_ms))
				dispute = &disputes->list[i];
		*dispute = (struct dispute){.times = 0};
		(void)snprintf(dispute->what, sizeof(dispute->what), "%s", what);
	} else if (at_peace(dispute, now_ms)) {
		dispute->times = 0;
	}
	*times = ++dispute->times;
	dispute->mended_ms = now_ms;
	dispute->until_ms = now_ms + wait_ms(dispute->times);
	return wait_ms(dispute->times);
}
