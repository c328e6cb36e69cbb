/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/keeper.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

static int *place_of(struct keeper *keeper, const char *name)
{
	if (!strcmp(name, KEEPER_TABLE))
		return &keeper->table;
	if (!strcmp(name, KEEPER_COUNTERS))
		return &keeper->counters;
	if (!strcmp(name, KEEPER_SNAPSHOT))
		return &keeper->snapshot;
	return NULL;
}

void keeper_take(struct keeper *keeper)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(true, &names);

	*keeper = (struct keeper){-1, -1, -1};
	for (int i = 0; i < n; i++) {
		int *place = place_of(keeper, names[i]);
		int fd = SD_LISTEN_FDS_START + i;

		if (!place) {
			close(fd);
		} else {
			if (*place >= 0)
				close(*place);
			*place = fd;
		}
		free(names[i]);
	}
	free(names);
}

void keeper_close(struct keeper *keeper)
{
	int *places[] = {&keeper->table, &keeper->counters, &keeper->snapshot};

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (*places[i] >= 0)
			close(*places[i]);
		*places[i] = -1;
	}
}

void keeper_put(const char *name, int fd)
{
	char state[80];

	/* It would keep both otherwise, and hand them back in any order. */
	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	sd_notify(0, state);
	/* Not watched for its end: a BPF map polls as one that has failed. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}
