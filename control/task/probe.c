/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/arp/guard.h"
#include "control/arp/wire.h"
#include "control/fault.h"

#define USUAL_MS 7000 /* about what three probes take */
#define MESSAGES 64u  /* that are read at a time */

struct probe {
	struct guard *guard;
	int fd;
	uint32_t ifindex;
	be32 addresses[PROBE_ADDRESSES_MAX];
	size_t n;
	int64_t begun_ms;
	bool conflict;
	be32 taken;
	struct mac other;
};

static void send_message(void *context, uint32_t ifindex, const struct arp_message *message)
{
	const struct probe *probe = context;

	/* One that is lost is one of three. */
	(void)wire_send(probe->fd, ifindex, NULL, message);
}

static void changed(void *context, const struct guard_change *change)
{
	struct probe *probe = context;

	if (change->kind != GUARD_CHANGE_CONFLICT || probe->conflict)
		return;
	probe->conflict = true;
	probe->taken = change->addr;
	probe->other = change->other;
}

static uint32_t random_number(void *context)
{
	uint32_t number = 0;

	(void)context;
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
		number = 0;
	return number;
}

static int begin(struct probe *probe, const struct kernel_link *link, int64_t now_ms)
{
	const struct guard_options options = {
		.send = send_message,
		.changed = changed,
		.random = random_number,
		.context = probe,
	};
	struct guard_address addresses[PROBE_ADDRESSES_MAX];
	int code = guard_open(&probe->guard, &options);

	if (code)
		return code;
	probe->fd = wire_open();
	if (probe->fd < 0)
		return probe->fd;
	for (size_t i = 0; i < probe->n; i++)
		addresses[i] = (struct guard_address){.addr = probe->addresses[i],
						      .ifindex = link->ifindex,
						      .mac = link->mac,
						      .up = true};
	code = wire_filter(probe->fd, probe->addresses, probe->n);
	return code ? code : guard_follow(probe->guard, GUARD_PROBE, addresses, probe->n, now_ms);
}

int probe_open(struct probe **out, const struct kernel_link *link, const be32 *addresses, size_t n,
	       int64_t now_ms, struct ctl_error *error)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int code;

	*out = NULL;
	if (!probe)
		return fault(error, -ENOMEM, "out of memory");
	probe->fd = -1;
	probe->ifindex = link->ifindex;
	probe->begun_ms = now_ms;
	probe->n = n < PROBE_ADDRESSES_MAX ? n : PROBE_ADDRESSES_MAX;
	memcpy(probe->addresses, addresses, probe->n * sizeof(*addresses));
	code = begin(probe, link, now_ms);
	if (code) {
		probe_close(probe);
		return fault(error, code, "cannot probe on %s: %s", link->name, strerror(-code));
	}
	*out = probe;
	return 0;
}

int probe_work(struct probe *probe, int64_t now_ms, struct ctl_error *error)
{
	char text[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	struct arp_message message;
	uint32_t ifindex;
	bool known = true;

	for (unsigned i = 0; i < MESSAGES; i++) {
		int got = wire_receive(probe->fd, &ifindex, &message);

		if (got == 1 && ifindex == probe->ifindex)
			guard_heard(probe->guard, ifindex, &message, now_ms);
		else if (got != 1 && got != -EBADMSG)
			break;
	}
	guard_work(probe->guard, now_ms);
	if (probe->conflict)
		return fault(error, -EADDRINUSE, "%s is in use already, by %s",
			     addr_text(probe->taken, text), mac_text(probe->other, mac));
	for (size_t i = 0; i < probe->n; i++)
		known &= guard_is_free(probe->guard, probe->addresses[i]);
	if (known)
		return 0;
	if (now_ms > probe->begun_ms + PROBE_WAIT_MS)
		return fault(error, -ETIMEDOUT, "the link was not up for long enough to probe");
	return -EAGAIN;
}

unsigned probe_progress(const struct probe *probe, int64_t now_ms)
{
	int64_t passed_ms = now_ms - probe->begun_ms;

	return passed_ms < USUAL_MS ? (unsigned)(passed_ms * 100 / USUAL_MS) : 99;
}

void probe_close(struct probe *probe)
{
	if (!probe)
		return;
	guard_close(probe->guard);
	if (probe->fd >= 0)
		close(probe->fd);
	free(probe);
}
