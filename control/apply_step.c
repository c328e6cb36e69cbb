/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/apply_step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/checking.h"
#include "control/config/metrics.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/guarding.h"
#include "control/keeper.h"
#include "control/metrics/figures.h"
#include "control/metrics/http.h"
#include "control/offloading.h"
#include "control/tell.h"
#include "control/working.h"

#define BIT(index) (1u << (index))

/* Whose interfaces may be absent by now. A datapath that was adopted ran what this one starts with,
 * or nearly: an interface that has gone must not keep pgwd from coming back. */
static const struct config *former(const struct apply *apply)
{
	const struct gateway *gateway = apply->gateway;

	if (gateway->configured)
		return &gateway->config;
	return gateway->datapath.pid ? apply->config : NULL;
}

static int take_kernel(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	struct kernel_error why;
	int code = kernel_extend(gateway->kernel, former(apply), apply->config, &why);

	if (code)
		return fault(error, code, "%s", why.text);
	apply->kernel_seen = true;
	/* Who has asked for such an address in vain does not ask again for a second. */
	if (kernel_changes(gateway->kernel))
		guarding_announce(gateway, apply->config);
	return 0;
}

/* The datapath has all of it: what it used before can go. */
void apply_settle_kernel(struct gateway *gateway, const struct config *config)
{
	struct kernel_error why;

	if (!kernel_settle(gateway->kernel, config, &why))
		return;
	ctl_log(TOLD_KERNEL, LOG_ERR, "%s; tried again", why.text);
	gateway->due.reconcile_ms = gateway_now_ms();
}

static void undo_kernel(void *context)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	struct kernel_error why;
	int code;

	if (gateway->configured)
		code = kernel_change(gateway->kernel, &gateway->config, &gateway->config, &why);
	else if (!gateway->datapath.pid)
		code = kernel_remove(gateway->kernel, &why);
	else
		return; /* an adopted datapath goes on forwarding with what is programmed */
	if (code)
		ctl_log(TOLD_KERNEL, LOG_ERR, "cannot take back what was programmed: %s", why.text);
}

static void undo_sockets(void *context)
{
	struct apply *apply = context;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (apply->opened & BIT(i))
			working_close(&apply->fresh[i]);
	apply->opened = 0;
}

static int open_socket(struct apply *apply, const struct config_portgroup *portgroup,
		       unsigned index, struct ctl_error *error)
{
	const struct gateway_port *running = &apply->gateway->ports[index];
	struct gateway_port *fresh = &apply->fresh[index];
	struct kernel_error why;
	struct packet_error packet_why;
	int code;

	working_none(fresh);
	apply->wanted |= BIT(index);
	code = kernel_portgroup(apply->gateway->kernel, portgroup, &fresh->link, &why);
	if (code)
		return fault(error, code, "%s: %s", portgroup->name, why.text);
	if (!fresh->link.ifindex ||
	    (running->told && working_fits(apply->gateway, running, &fresh->link)))
		return 0;
	code = working_open(apply->gateway, fresh, portgroup->realm, &packet_why);
	if (code)
		return fault(error, code, "%s: %s", portgroup->name, packet_why.text);
	apply->opened |= BIT(index);
	return 0;
}

static int take_sockets(void *context, struct ctl_error *error)
{
	struct apply *apply = context;

	for (size_t i = 0; i < apply->forwarded->n_portgroups; i++) {
		int code = open_socket(apply, &apply->forwarded->portgroups[i],
				       apply->places.portgroup[i], error);

		if (!code)
			continue;
		undo_sockets(apply);
		return code;
	}
	return 0;
}

/* Memory to share: kept from an earlier run, or new. */
static int take_memory(struct gateway *gateway, const struct config *config,
		       struct ctl_error *error)
{
	int code = 0;

	if (gateway->table.fd < 0) {
		code = offloading_table(gateway, config, &gateway->table, error);
		if (!code)
			keeper_put(KEEPER_TABLE, gateway->table.fd);
	}
	if (!code && gateway->counters.fd < 0) {
		code = region_counters(&gateway->counters, error);
		if (!code)
			keeper_put(KEEPER_COUNTERS, gateway->counters.fd);
	}
	return code;
}

static int take_datapath(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	int code;

	if (gateway->datapath.pid)
		return 0;
	code = take_memory(gateway, apply->config, error);
	if (!code)
		code = datapath_start(&gateway->datapath, error);
	if (code)
		return code;
	apply->started = true;
	code = tell_events(gateway, error);
	if (code)
		datapath_kill(&gateway->datapath);
	return code;
}

static void undo_datapath(void *context)
{
	struct apply *apply = context;

	if (apply->started)
		datapath_quit(&apply->gateway->datapath);
	apply->started = false;
}

/* Gives the datapath back the ports it had. */
static void undo_ports(void *context)
{
	struct apply *apply = context;
	struct ctl_error error;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		const struct gateway_port *running = &apply->gateway->ports[i];
		int code;

		if (!(apply->told & BIT(i)))
			continue;
		if (running->told && working_has(running))
			code = tell_port(apply->gateway, i, running, &error);
		else
			code = tell_port_gone(apply->gateway, i, &error);
		if (code)
			ctl_log(TOLD_DATAPATH, LOG_ERR,
				"cannot give the datapath its former portgroup back: %s",
				error.text);
	}
	apply->told = 0;
}

static int take_ports(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	const struct gateway *gateway = apply->gateway;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		int code;

		if (!(apply->opened & BIT(i)))
			continue;
		code = tell_port(apply->gateway, i, &apply->fresh[i], error);
		if (code) {
			fault(error, code, "%s: %s", apply->names.portgroup[i], error->text);
			if (gateway->datapath.workers > 1) /* some may have it */
				apply->told |= BIT(i);
			undo_ports(apply);
			return code;
		}
		apply->told |= BIT(i);
	}
	return 0;
}

void *apply_block(const struct apply *apply, size_t *bytes, struct ctl_error *error)
{
	struct config_runtime runtime = {.revision = apply->revision};
	struct snapshot_reserved *reserved = NULL;
	size_t n_reserved = 0, n_up;
	uint8_t *up;
	void *block;
	int code;

	/* Sockets of our own that were opened after the kernel's step are to be seen, too. */
	code = apply->kernel_seen && !apply->http_changed && !apply->serving_changed
		       ? kernel_listening_kept(apply->gateway->kernel, &reserved, &n_reserved)
		       : kernel_listening(&reserved, &n_reserved);
	if (code) {
		fault(error, code, "cannot list the ports on which this host listens: %s",
		      strerror(-code));
		return NULL;
	}
	for (size_t i = 0; i < apply->forwarded->n_portgroups; i++) {
		unsigned index = apply->places.portgroup[i];

		runtime.portgroup[i].index = (uint8_t)index;
		runtime.portgroup[i].ifindex = apply->fresh[index].link.ifindex;
	}
	runtime.pool_index = apply->places.pool;
	runtime.vmac_index = apply->places.vmac;
	runtime.reserved = reserved;
	runtime.n_reserved = n_reserved;
	up = inside_up(apply->forwarded, apply->config, health_plan_up(apply->health), &n_up);
	runtime.backend_up = up;
	block = up ? config_compile(apply->forwarded, &runtime, bytes) : NULL;
	free(reserved);
	free(up);
	if (!block)
		fault(error, -ENOMEM, "out of memory");
	return block;
}

/* Before what makes a new datapath forward, so that no session goes unlogged. */
static int take_log(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	uint32_t ifindexes[CONFIG_PORTGROUPS_MAX];
	struct log_settings wanted;
	int code;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		ifindexes[i] = apply->fresh[i].link.ifindex;
	logger_settings(&wanted, apply->config, &apply->names, ifindexes);
	if (!logger_differs(&gateway->log, &wanted))
		return 0;
	code = logger_start(&apply->log, &wanted, error);
	if (code)
		return code;
	code = tell_log(gateway, &apply->log, error);
	if (code)
		logger_leave(gateway, &apply->log);
	apply->log_changed = !code;
	return code;
}

static void undo_log(void *context)
{
	struct apply *apply = context;
	struct ctl_error error;

	if (!apply->log_changed)
		return;
	if (tell_log(apply->gateway, &apply->gateway->log, &error))
		ctl_log(TOLD_SESSION_LOG, LOG_ERR, "cannot go back to the former session log: %s",
			error.text);
	logger_leave(apply->gateway, &apply->log);
	apply->log_changed = false;
}

static int64_t http_now_ms(void *context)
{
	(void)context;
	return gateway_now_ms();
}

/* Before the snapshot, which lists the ports on which this host listens. */
static int take_metrics(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	const struct config_metrics *wanted = &apply->config->metrics;
	const struct http_pages pages = {
		.metrics = figures_text,
		.ready = figures_ready,
		.edition = figures_edition,
		.now_ms = http_now_ms,
		.context = apply->gateway,
	};
	int code = 0;

	if (metrics_equal(wanted, &apply->gateway->config.metrics))
		return 0;
	if (wanted->port)
		code = http_open(&apply->http, wanted->addr, wanted->port, &pages, error);
	apply->http_changed = !code;
	return code;
}

static void undo_metrics(void *context)
{
	struct apply *apply = context;

	if (apply->http_changed)
		http_close(apply->http);
	apply->http_changed = false;
}

/* Before the datapath has it: what runs shall be known to whoever comes after us. */
static int take_history(void *context, struct ctl_error *error)
{
	struct apply *apply = context;

	if (!apply->order)
		return 0;
	return history_record(apply->gateway, apply->config, apply->revision, apply->order, error);
}

static void undo_history(void *context)
{
	struct apply *apply = context;

	if (apply->order)
		history_unrecord(apply->gateway);
}

/* As well before the snapshot. */
static int take_api(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	int code;

	if (!serving_differs(&gateway->serving, apply->config))
		return 0;
	code = serving_open(&apply->serving, gateway, apply->config, &gateway->serving, error);
	apply->serving_changed = !code;
	return code;
}

static void undo_api(void *context)
{
	struct apply *apply = context;

	if (apply->serving_changed)
		serving_close(&apply->serving, &apply->gateway->serving);
	apply->serving_changed = false;
}

/* Before the datapath sends it clients. */
static int take_relay(void *context, struct ctl_error *error)
{
	struct apply *apply = context;

	return apply->follows ? 0
			      : relaying_tell(apply->gateway, apply->config, &apply->inside,
					      health_plan_up(apply->health), error);
}

static void undo_relay(void *context)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	struct ctl_error error;
	size_t n;

	if (apply->follows)
		return;
	if (!gateway->relaying.wanted)
		relaying_quit(gateway);
	else if (relaying_tell(gateway, &gateway->config, &gateway->inside,
			       health_up(gateway->checking.health, &n), &error))
		ctl_log(TOLD_RELAY, LOG_ERR,
			"cannot give pgw-relay its former configuration back: %s", error.text);
	tunnels_commit(gateway, &gateway->config);
}

static int take_snapshot(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	size_t bytes;
	void *block = apply_block(apply, &bytes, error);
	int code;

	if (!block)
		return -ENOMEM;
	code = region_snapshot(&apply->snapshot, block, bytes, error);
	free(block);
	if (code)
		return code;
	code = tell_snapshot(apply->gateway, &apply->snapshot, apply->revision, error);
	if (code)
		region_drop(&apply->snapshot);
	return code;
}

/* A datapath that goes on gets back what it had. Sessions that it has ended meanwhile because the
 * new one did not admit them stay ended, which is why nothing that can fail comes after the
 * snapshot but for a datapath that has just been started. */
static void undo_snapshot(void *context)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	struct ctl_error error;

	region_drop(&apply->snapshot);
	if (apply->started || gateway->snapshot.fd < 0 || gateway->datapath.peer.broken)
		return;
	if (!tell_snapshot(gateway, &gateway->snapshot, gateway->revision, &error))
		return;
	/* It must not go on with what has been refused: another one gets what runs. */
	gateway->datapath.peer.broken = true;
	ctl_log(TOLD_DATAPATH, LOG_ERR, "cannot give the datapath its former snapshot back: %s",
		error.text);
}

/* The table comes last: with ports and snapshot at hand, the datapath finds the next hops of the
 * flows that it adopts. */
static int take_table(void *context, struct ctl_error *error)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	uint64_t flows;
	int code;

	if (!apply->started)
		return 0;
	code = tell_table(gateway, &flows, error);
	if (code || !flows)
		return code;
	ctl_log(TOLD_TABLE, LOG_INFO, "%" PRIu64 " sessions of an earlier run go on", flows);
	/* They were admitted by another configuration: once more, so that they are swept. */
	return tell_snapshot(gateway, &apply->snapshot, apply->revision, error);
}

/* The kernel's own part comes when all else is in place; it never fails the apply. */
static int take_offload(void *context, struct ctl_error *error)
{
	struct apply *apply = context;

	(void)error;
	offloading_follow(apply->gateway, apply->forwarded, &apply->places);
	return 0;
}

/* Nothing here can fail any more. A datapath that breaks now is replaced by one that is told
 * all of it. */
void apply_commit(struct apply *apply)
{
	struct gateway *gateway = apply->gateway;

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++) {
		struct gateway_port *port = &gateway->ports[i];
		bool stays = (apply->wanted & BIT(i)) && apply->fresh[i].link.ifindex;
		struct ctl_error error;

		if (port->told && !stays && tell_port_gone(gateway, i, &error))
			ctl_log(TOLD_DATAPATH, LOG_WARNING, "portgroup %s: %s",
				gateway->names.portgroup[i], error.text);
		if (!stays) {
			working_close(port);
			port->told = false;
			memset(&port->link, 0, sizeof(port->link));
		} else if (apply->opened & BIT(i)) {
			working_move(port, &apply->fresh[i]);
			port->told = true;
			port->link = apply->fresh[i].link;
		} else {
			port->link = apply->fresh[i].link;
		}
		if (!(apply->wanted & BIT(i)))
			port->state[0] = '\0';
	}
	apply->opened = 0;
	if (apply->log_changed) {
		logger_leave(gateway, &gateway->log);
		gateway->log = apply->log;
		gateway->due.log_ms = 0;
	}
	if (apply->http_changed) {
		http_close(gateway->http);
		gateway->http = apply->http;
	}
	if (apply->serving_changed) {
		serving_close(&gateway->serving, &apply->serving);
		gateway->serving = apply->serving;
	}
	names_keep(&apply->names, apply->forwarded);
	gateway->names = apply->names;
	region_drop(&gateway->snapshot);
	gateway->snapshot = apply->snapshot;
	gateway->revision = apply->revision;
	if (apply->order)
		history_commit(gateway);
	keeper_put(KEEPER_SNAPSHOT, gateway->snapshot.fd);
	checking_commit(gateway, apply->health);
	if (apply->follows)
		return;
	relaying_commit(gateway, apply->config);
	timeserver_commit(gateway, apply->timeserver);
	inside_commit(gateway, &apply->inside);
	config_free(&gateway->forwarded);
	gateway->forwarded = apply->expanded;
}

static void undo_offload(void *context)
{
	struct apply *apply = context;
	struct gateway *gateway = apply->gateway;
	struct places places;
	struct ctl_error error;

	if (!gateway->configured)
		offloading_end(gateway);
	else if (!names_place(&gateway->names, &gateway->forwarded, &places, &error))
		offloading_follow(gateway, &gateway->forwarded, &places);
}

const struct transaction_step apply_steps[APPLY_STEPS] = {
	{"kernel", take_kernel, undo_kernel},
	{"packet sockets", take_sockets, undo_sockets},
	{"pgw-datapath", take_datapath, undo_datapath},
	{"portgroups", take_ports, undo_ports},
	{"session log", take_log, undo_log},
	{"metrics", take_metrics, undo_metrics},
	{"API", take_api, undo_api},
	{"history", take_history, undo_history},
	{"pgw-relay", take_relay, undo_relay},
	{"snapshot", take_snapshot, undo_snapshot},
	{"flow table", take_table, NULL},
	{"offload", take_offload, undo_offload},
};
