/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "control/gateway.h"
#include "control/metrics/figures.h"
#include "control/working.h"

void watch_open(struct gateway *gateway)
{
	uint64_t usec = 0;

	gateway->watch = (struct watch){.due_ms = gateway_now_ms() + WATCH_TICK_MS, .rings_fd = -1};
	if (sd_watchdog_enabled(0, &usec) > 0)
		gateway->watch.feed_ms = usec / 1000 / 4 ? usec / 1000 / 4 : 1;
}

void watch_close(struct watch *watch)
{
	if (watch->rings_fd >= 0)
		close(watch->rings_fd);
	watch->rings_fd = -1;
}

int watch_fd(const struct watch *watch)
{
	return watch->rings_fd;
}

void watch_readable(struct watch *watch)
{
	watch_close(watch);
	watch->due_ms = 0;
}

/* Until the next tick. */
static int64_t pause_ms(const struct watch *watch)
{
	if (watch->halted)
		return WATCH_HALT_MS;
	if (watch->rings_fd < 0 || watch->asked)
		return WATCH_TICK_MS;
	return watch->feed_ms && watch->feed_ms < WATCH_REST_MS ? (int64_t)watch->feed_ms
								: WATCH_REST_MS;
}

void watch_alive(struct watch *watch)
{
	watch->asked = false;
	watch->missed = 0;
	if (watch->rings_fd >= 0)
		watch->due_ms = gateway_now_ms() + pause_ms(watch);
}

bool watch_answers(const struct watch *watch)
{
	return watch->missed < 2; /* one may be under way */
}

static void lose(struct gateway *gateway, const char *why)
{
	gateway->watch.halted = false;
	gateway->counts.datapath_hangs++;
	gateway_datapath_lost(gateway, why);
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
		watch->halted = false;
		watch->pid = datapath->pid;
	}
	if (!datapath->pid)
		return false;
	if (datapath_is_halted(datapath)) {
		if (watch->halted)
			lose(gateway, "it is stopped");
		else
			watch->halted = true;
		return false;
	}
	watch->halted = false;
	if (watch->asked && ++watch->missed >= WATCH_MISSES) {
		snprintf(why, sizeof(why), "it has not answered for %u ms",
			 WATCH_MISSES * WATCH_TICK_MS);
		lose(gateway, why);
		return false;
	}
	/* One that does not read is one that does not answer. */
	if (!watch->asked) {
		channel_send(datapath->peer.fd, &ping, NULL, 0);
		watch->asked = true;
	}
	return watch_answers(watch);
}

/* Return: of the rings of the running datapath, readable once a packet waits; -1: not to be had. */
static int rings_open(const struct gateway *gateway)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; fd >= 0 && i < CONFIG_PORTGROUPS_MAX; i++) {
		struct epoll_event event = {.events = EPOLLIN};
		const struct gateway_port *port = &gateway->ports[i];
		bool failed = port->told && !working_has(port);

		for (unsigned j = 0; port->told && !failed && j < gateway->datapath.workers; j++)
			failed = epoll_ctl(fd, EPOLL_CTL_ADD, port->socket[j].fd, &event);
		if (failed) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

/* At rest from here on if the datapath is without work, and not if it is not. */
static void consider_rest(struct gateway *gateway, bool well)
{
	struct watch *watch = &gateway->watch;
	const struct counters_page *page = gateway->counters.memory;
	uint64_t bursts = page ? counters_total(page, &page->worker->bursts) : 0;
	bool still = well && !watch->missed && bursts == watch->bursts;

	watch->bursts = bursts;
	watch_close(watch);
	if (!still)
		return;
	/* Opened anew each time, as ports come and go. */
	watch->rings_fd = rings_open(gateway);
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

	if (watch->rings_fd >= 0 && watch->pid != gateway->datapath.pid)
		watch_readable(watch);
	if (now_ms < watch->due_ms) {
		if (watch->rings_fd >= 0)
			tell_status(gateway);
		return;
	}
	well = look_after(gateway);
	consider_rest(gateway, well);
	watch->due_ms = now_ms + pause_ms(watch);
	tell_status(gateway);
	if (!watch->feed_ms || !well || now_ms - watch->fed_ms < (int64_t)watch->feed_ms)
		return;
	watch->fed_ms = now_ms;
	sd_notify(0, "WATCHDOG=1");
}
