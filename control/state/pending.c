/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state/pending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec now = {0};

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pending_clock_read(struct pending_clock *clock)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	*clock = (struct pending_clock){
		.boot_ms = read_ms(CLOCK_BOOTTIME),
		.time_ms = read_ms(CLOCK_REALTIME),
	};
	if (!file)
		return; /* an empty one equals none: the time of day counts */
	if (!fgets(clock->boot_id, sizeof(clock->boot_id), file))
		clock->boot_id[0] = '\0';
	clock->boot_id[strcspn(clock->boot_id, "\n")] = '\0';
	fclose(file);
}

int64_t pending_left_ms(const struct pending *pending, const struct pending_clock *now)
{
	const struct pending_clock *from = &pending->from;
	int64_t whole = (int64_t)pending->seconds * 1000;
	int64_t passed = now->time_ms - from->time_ms;

	if (*from->boot_id && strcmp(from->boot_id, now->boot_id) == 0)
		passed = now->boot_ms - from->boot_ms;
	if (passed < 0)
		passed = 0;
	return passed < whole ? whole - passed : 0;
}

int pending_read(struct state *state, struct pending *pending, struct state_error *error)
{
	struct state_rows *rows;
	int code = state_query(state, &rows, error,
			       "SELECT revision, base, seconds, boot_id, boot_ms, time_ms"
			       " FROM pending",
			       "");

	*pending = (struct pending){.revision = 0};
	if (code)
		return code;
	code = state_next(rows, error);
	if (code > 0) {
		int64_t seconds = state_int(rows, 2);

		*pending = (struct pending){
			.revision = (uint64_t)state_int(rows, 0),
			.base = (uint64_t)state_int(rows, 1),
			.from = {.boot_ms = state_int(rows, 4), .time_ms = state_int(rows, 5)},
		};
		if (seconds > 0 && seconds <= PENDING_SECONDS_MAX)
			pending->seconds = (uint32_t)seconds;
		snprintf(pending->from.boot_id, sizeof(pending->from.boot_id), "%s",
			 state_text(rows, 3) ?: "");
	}
	state_rows_free(rows);
	return code < 0 ? code : 0;
}

int pending_set(struct state *state, const struct pending *pending, struct state_error *error)
{
	int code = state_run(state, error,
			     "INSERT OR REPLACE INTO pending"
			     " (one, revision, base, seconds, boot_id, boot_ms, time_ms)"
			     " VALUES (1, ?, ?, ?, ?, ?, ?)",
			     "iiitii", (int64_t)pending->revision, (int64_t)pending->base,
			     (int64_t)pending->seconds, pending->from.boot_id,
			     pending->from.boot_ms, pending->from.time_ms);

	return code < 0 ? code : 0;
}

int pending_clear(struct state *state, struct state_error *error)
{
	int code = state_run(state, error, "DELETE FROM pending", "");

	return code < 0 ? code : 0;
}
