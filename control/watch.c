/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "control/gateway.h"
#include "control/metrics/figures.h"

void watch_open(struct gateway *gateway)
{
	uint64_t usec = 0;

	gateway->watch = (struct watch){.due_ms = gateway_now_ms() + WATCH_TICK_MS};
	if (sd_watchdog_enabled(0, &usec) > 0)
		gateway->watch.feed_ms = usec / 1000 / 4 ? usec / 1000 / 4 : 1;
}

void watch_alive(struct watch *watch)
{
	watch->asked = false;
	watch->missed = 0;
}

bool watch_answers(const struct watch *watch)
{
	return watch->missed < 2; /* one may be under way */
}

/* Return: whether the datapath is there and in time. */
static bool look_after(struct gateway *gateway)
{
	const struct channel_message ping = {.type = CHANNEL_PING};
	struct watch *watch = &gateway->watch;
	struct datapath *datapath = &gateway->datapath;
	char why[80];

	if (watch->pid != datapath->pid) {
		watch_alive(watch);
		watch->pid = datapath->pid;
	}
	if (!datapath->pid)
		return false;
	if (watch->asked && ++watch->missed >= WATCH_MISSES) {
		snprintf(why, sizeof(why), "it has not answered for %u ms",
			 WATCH_MISSES * WATCH_TICK_MS);
		gateway->counts.datapath_hangs++;
		gateway_datapath_lost(gateway, why);
		return false;
	}
	/* One that does not read is one that does not answer. */
	if (!watch->asked) {
		channel_send(datapath->peer.fd, &ping, NULL, 0);
		watch->asked = true;
	}
	return watch_answers(watch);
}

static void tell_status(struct gateway *gateway)
{
	struct watch *watch = &gateway->watch;
	char line[sizeof(watch->status)];

	figures_ready(gateway, line, sizeof(line));
	if (!strcmp(line, watch->status))
		return;
	memcpy(watch->status, line, sizeof(line));
	sd_notifyf(0, "STATUS=%s", line);
}

int64_t watch_due_ms(const struct gateway *gateway)
{
	return gateway->watch.due_ms;
}

void watch_work(struct gateway *gateway)
{
	struct watch *watch = &gateway->watch;
	int64_t now_ms = gateway_now_ms();
	bool well;

	if (now_ms < watch->due_ms)
		return;
	watch->due_ms = now_ms + WATCH_TICK_MS;
	well = look_after(gateway);
	tell_status(gateway);
	if (!watch->feed_ms || !well || now_ms - watch->fed_ms < (int64_t)watch->feed_ms)
		return;
	watch->fed_ms = now_ms;
	sd_notify(0, "WATCHDOG=1");
}
