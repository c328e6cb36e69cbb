/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/checking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/keeper.h"
#include "control/tell.h"

#define FILES_OF_OTHERS 256u /* descriptors that all the rest of pgwd may need */
#define RETRY_MS	1000 /* after the datapath has not taken a change */

static void changed(void *context, const struct health_change *change)
{
	struct gateway *gateway = context;
	struct checking *checking = &gateway->checking;
	int64_t now_ms = gateway_now_ms();
	char addr[ADDR_TEXT_BYTES], backend[ADDR_TEXT_BYTES + 6];
	bool down = change->state == HEALTH_DOWN;

	snprintf(backend, sizeof(backend), "%s:%u", addr_text(change->addr, addr), change->port);
	gateway_tell(gateway, TOLD_BACKEND, down ? LOG_WARNING : LOG_NOTICE,
		     json_pack("{s:s, s:s, s:s, s:s}", "service", change->service, "backend",
			       backend, "state", health_state_name(change->state), "reason",
			       change->reason),
		     "service %s: backend %s is %s%s%s", change->service, backend,
		     health_state_name(change->state), down ? ": " : "", change->reason);
	relaying_backends(gateway);
	if (checking->due_ms)
		return;
	checking->due_ms = checking->sent_ms + CHECKING_PAUSE_MS;
	if (checking->due_ms < now_ms)
		checking->due_ms = now_ms;
}

static void trouble(void *context, const char *text)
{
	(void)context;
	ctl_log(TOLD_BACKEND, LOG_WARNING, "%s", text);
}

static uint32_t ifindex(void *context, unsigned portgroup)
{
	const struct gateway *gateway = context;

	return gateway->ports[portgroup].link.ifindex;
}

static uint32_t random_number(void *context)
{
	uint32_t number = 0;

	(void)context;
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
		number = 0; /* nothing secret: the first checks then come at once */
	return number;
}

static int64_t wall_ms(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Checks that may be under way: each is a descriptor. */
static unsigned probes_max(void)
{
	struct rlimit limit;
	rlim_t free_files = HEALTH_PROBES_MAX;

	if (!getrlimit(RLIMIT_NOFILE, &limit))
		free_files =
			limit.rlim_cur > FILES_OF_OTHERS ? limit.rlim_cur - FILES_OF_OTHERS : 1;
	return free_files < HEALTH_PROBES_MAX ? (unsigned)free_files : HEALTH_PROBES_MAX;
}

int checking_open(struct gateway *gateway, struct ctl_error *error)
{
	struct checking *checking = &gateway->checking;
	struct health_options options = {
		.prober = &prober_ops,
		.probes = probes_max(),
		.changed = changed,
		.trouble = trouble,
		.ifindex = ifindex,
		.random = random_number,
		.wall_ms = wall_ms,
		.context = gateway,
	};
	int code = prober_open(&checking->prober, options.probes);

	options.prober_context = checking->prober;
	if (!code)
		code = health_open(&checking->health, &options);
	return code ? fault(error, code, "health checks: %s", strerror(-code)) : 0;
}

void checking_close(struct gateway *gateway)
{
	health_close(gateway->checking.health);
	prober_close(gateway->checking.prober);
	gateway->checking = (struct checking){0};
}

int checking_plan(struct gateway *gateway, const struct config *config, const struct places *places,
		  struct health_plan **plan, struct ctl_error *error)
{
	const struct region *snapshot = &gateway->snapshot;
	struct snapshot running;
	bool runs = snapshot->memory && !snapshot_open(&running, snapshot->memory, snapshot->bytes);

	if (health_prepare(gateway->checking.health, config, places->portgroup,
			   runs ? &running : NULL, plan))
		return fault(error, -ENOMEM, "out of memory");
	return 0;
}

void checking_commit(struct gateway *gateway, struct health_plan *plan)
{
	health_commit(gateway->checking.health, plan, gateway_now_ms());
}

struct health_status checking_status(const struct gateway *gateway, const char *service,
				     size_t backend)
{
	if (!gateway->checking.health)
		return (struct health_status){.error = ""};
	return health_status(gateway->checking.health, service, backend);
}

/**
 * changed_snapshot() - the snapshot that runs, with what is up now
 * @block: set to it, malloc'ed; NULL: the one that runs says the same
 * Return: 0 or -ENOMEM.
 */
static int changed_snapshot(const struct gateway *gateway, struct snapshot_header **block)
{
	const struct region *running = &gateway->snapshot;
	struct snapshot_header *header = malloc(running->bytes);
	struct snapshot_backend *backends;
	bool differs = false;
	uint8_t *up;
	size_t n;

	*block = NULL;
	up = inside_up(&gateway->forwarded, &gateway->config,
		       health_up(gateway->checking.health, &n), &n);
	if (!header || !up) {
		free(header);
		free(up);
		return -ENOMEM;
	}
	memcpy(header, running->memory, running->bytes);
	backends = (struct snapshot_backend *)((char *)header +
					       header->section[SECTION_BACKEND].offset);
	/* They are in the order in which config_compile() wrote them. */
	for (size_t i = 0; i < n && n == header->section[SECTION_BACKEND].count; i++) {
		differs |= backends[i].up != up[i];
		backends[i].up = up[i];
	}
	free(up);
	if (differs)
		*block = header;
	else
		free(header);
	return 0;
}

static int send_changes(struct gateway *gateway, struct ctl_error *error)
{
	struct snapshot_header *block;
	struct region fresh;
	int code = changed_snapshot(gateway, &block);

	if (code)
		return fault(error, code, "out of memory");
	if (!block)
		return 0;
	code = region_snapshot(&fresh, block, block->bytes, error);
	free(block);
	if (code)
		return code;
	/* One that is being started gets it then. */
	if (gateway->datapath.pid)
		code = tell_snapshot(gateway, &fresh, gateway->revision, error);
	if (code) {
		region_drop(&fresh);
		return code;
	}
	region_drop(&gateway->snapshot);
	gateway->snapshot = fresh;
	keeper_put(KEEPER_SNAPSHOT, fresh.fd);
	return 0;
}

static void send_due(struct gateway *gateway, int64_t now_ms)
{
	struct checking *checking = &gateway->checking;
	struct ctl_error error;

	checking->due_ms = 0;
	checking->sent_ms = now_ms;
	if (!send_changes(gateway, &error))
		return;
	ctl_log(TOLD_DATAPATH, LOG_ERR,
		"the datapath does not take which backends are up: %s; tried again", error.text);
	checking->due_ms = now_ms + RETRY_MS;
	if (gateway->datapath.peer.broken)
		gateway_datapath_lost(gateway, error.text);
}

int checking_fd(const struct gateway *gateway)
{
	return gateway->checking.prober ? prober_fd(gateway->checking.prober) : -1;
}

void checking_ready(struct gateway *gateway)
{
	prober_work(gateway->checking.prober, gateway->checking.health, gateway_now_ms());
}

int64_t checking_due_ms(const struct gateway *gateway)
{
	const struct checking *checking = &gateway->checking;
	int64_t due_ms = checking->health ? health_due_ms(checking->health) : INT64_MAX;

	return checking->due_ms && checking->due_ms < due_ms ? checking->due_ms : due_ms;
}

void checking_work(struct gateway *gateway)
{
	int64_t now_ms = gateway_now_ms();

	if (!gateway->checking.health)
		return;
	health_work(gateway->checking.health, now_ms);
	if (gateway->checking.due_ms && gateway->checking.due_ms <= now_ms)
		send_due(gateway, now_ms);
}
