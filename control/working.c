/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/working.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "control/apply.h"
#include "control/ctl/log.h"
#include "control/fault.h"

/* The kernel receives and sends on the processors that are left. */
#define PROCESSORS_A_WORKER 2

unsigned working_wanted(const struct config *config)
{
	cpu_set_t processors;
	int n;

	if (config->workers != WORKERS_AUTO)
		return config->workers;
	if (sched_getaffinity(0, sizeof(processors), &processors))
		return 1;
	n = CPU_COUNT(&processors) / PROCESSORS_A_WORKER;
	return n < 1 ? 1 : n > (int)WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

void working_none(struct gateway_port *port)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		port->socket[i].fd = -1;
}

bool working_has(const struct gateway_port *port)
{
	return port->socket[0].fd >= 0;
}

void working_close(struct gateway_port *port)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (port->socket[i].fd >= 0)
			close(port->socket[i].fd);
	working_none(port);
}

void working_move(struct gateway_port *to, struct gateway_port *from)
{
	working_close(to);
	memcpy(to->socket, from->socket, sizeof(to->socket));
	to->shared = from->shared;
	working_none(from);
}

int working_open(const struct gateway *gateway, struct gateway_port *port, enum realm realm,
		 struct packet_error *error)
{
	enum packet_spread spread = realm == REALM_VSPHERE ? PACKET_BY_PORT : PACKET_BY_SOURCE;
	int code;

	working_none(port);
	port->shared = true;
	code = packet_sockets_open(port->link.ifindex, spread, gateway->datapath.workers,
				   port->socket, &port->shared, error);
	if (code)
		working_none(port);
	return code;
}

bool working_fits(const struct gateway *gateway, const struct gateway_port *port,
		  const struct kernel_link *link)
{
	if (port->link.ifindex != link->ifindex)
		return false;
	return gateway->datapath.workers == 1 || !working_has(port) || port->shared || !link->up;
}

static void untell(struct gateway *gateway)
{
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		gateway->ports[i].told = false;
}

void working_start(struct gateway *gateway, const struct config *config)
{
	unsigned wanted = working_wanted(config);

	if (gateway->datapath.pid && gateway->datapath.workers != wanted) {
		ctl_log(TOLD_DATAPATH, LOG_NOTICE,
			"running datapath pid %d has %u workers, the configuration wants %u: it is "
			"replaced, its sessions go on",
			gateway->datapath.pid, gateway->datapath.workers, wanted);
		datapath_quit(&gateway->datapath);
		untell(gateway);
	}
	gateway->datapath.workers = wanted;
}

/* The realm of the portgroup that has index @index. */
static enum realm realm_of(const struct gateway *gateway, unsigned index)
{
	const struct config *config = &gateway->forwarded;

	for (size_t i = 0; i < config->n_portgroups; i++)
		if (!strcmp(config->portgroups[i].name, gateway->names.portgroup[index]))
			return config->portgroups[i].realm;
	return REALM_PRIVATE;
}

int working_reopen(struct gateway *gateway, unsigned index, struct packet_error *error)
{
	struct gateway_port *port = &gateway->ports[index];
	struct gateway_port fresh = {.link = port->link};
	int code = working_open(gateway, &fresh, realm_of(gateway, index), error);

	if (!code)
		working_move(port, &fresh);
	return code;
}

/* The new sockets receive before the old ones are closed, so what arrives meanwhile waits. */
static int replace(struct gateway *gateway, unsigned workers, uint64_t *flows,
		   struct ctl_error *error)
{
	struct packet_error why;

	datapath_quit(&gateway->datapath);
	untell(gateway);
	gateway->datapath.workers = workers;
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		int code;

		if (!gateway->ports[i].link.ifindex)
			continue;
		code = working_reopen(gateway, i, &why);
		if (code)
			return fault(error, code, "set workers: portgroup %s: %s",
				     gateway->names.portgroup[i], why.text);
	}
	return apply_bring_up(gateway, flows, error);
}

int working_change(struct gateway *gateway, unsigned workers, struct ctl_error *error)
{
	unsigned before = gateway->datapath.workers;
	struct ctl_error why;
	uint64_t flows;
	int code = replace(gateway, workers, &flows, error);

	if (code && replace(gateway, before, &flows, &why)) {
		ctl_log(TOLD_DATAPATH, LOG_ERR, "datapath does not start: %s", why.text);
		gateway->due.restart_ms = gateway_now_ms();
		return code;
	}
	gateway->due.restart_ms = 0; /* of one that broke before */
	gateway_tell(gateway, TOLD_DATAPATH, LOG_NOTICE,
		     json_pack("{s:s, s:i}", "state", "started", "pid", gateway->datapath.pid),
		     "datapath pid %d runs with %u workers and %" PRIu64 " sessions",
		     gateway->datapath.pid, gateway->datapath.workers, flows);
	return code;
}
