/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/answer.h"
#include "control/apply.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/keeper.h"
#include "control/metrics/http.h"
#include "control/offload/offload.h"
#include "control/offloading.h"
#include "control/paging.h"
#include "control/reconcile.h"
#include "control/rundir.h"
#include "control/task/move.h"
#include "control/task/operations.h"
#include "control/tell.h"
#include "control/working.h"
#include "datapath/flow/table.h"

#define RESOLVE_PER_S	  1000u /* requests of the datapath that are served */
#define DEATHS_OF_A_TABLE 8u	/* in a row; then the next start gets an empty table */

int64_t gateway_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void gateway_event(struct gateway *gateway, enum ctl_event event, json_t *members)
{
	if (gateway->server)
		server_event(gateway->server, event, members);
	else
		json_decref(members);
}

void gateway_tell(struct gateway *gateway, enum ctl_event event, int priority, json_t *members,
		  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	ctl_vlog(event, priority, members, format, arguments);
	va_end(arguments);
	gateway_event(gateway, event, members);
}

static json_t *datapath_members(const char *state, int pid)
{
	return json_pack("{s:s, s:i}", "state", state, "pid", pid);
}

static bool is_portgroup_link(const struct gateway *gateway, uint32_t ifindex)
{
	for (unsigned i = 0; ifindex && i < CONFIG_PORTGROUPS_MAX; i++)
		if (gateway->ports[i].link.ifindex == ifindex)
			return true;
	return false;
}

/* Whether the datapath may ask for this address: a host that a link can have. */
static bool is_host(be32 addr)
{
	uint32_t host = ntohl(addr);
	uint32_t first = host >> 24;

	return first != 0 && first != 127 && first < 224;
}

static bool resolve_admitted(struct gateway *gateway)
{
	int64_t second = gateway_now_ms() / 1000;

	if (second != gateway->resolve_second) {
		gateway->resolve_second = second;
		gateway->resolve_tokens = RESOLVE_PER_S;
	}
	if (!gateway->resolve_tokens)
		return false;
	if (!--gateway->resolve_tokens)
		ctl_log(TOLD_NEIGHBOUR, LOG_WARNING,
			"datapath asks for more than %u neighbours in a second; the rest waits",
			RESOLVE_PER_S);
	return true;
}

void gateway_unasked(void *context, const struct channel_message *message)
{
	struct gateway *gateway = context;

	if (message->type == CHANNEL_ALIVE) {
		watch_alive(&gateway->watch);
		return;
	}
	if (message->type == CHANNEL_SWEPT || message->type == CHANNEL_ENDED) {
		ending_told(gateway, message);
		return;
	}
	if (is_portgroup_link(gateway, message->u.resolve.ifindex) &&
	    is_host(message->u.resolve.addr) && resolve_admitted(gateway))
		kernel_resolve(gateway->kernel, message->u.resolve.ifindex,
			       message->u.resolve.addr);
}

/* Memory whose contents do not fit this build or are not what they should be is not used. Sessions
 * do not end for the counters' sake. */
static int check_memory(const struct region *table, struct region *counters,
			struct ctl_error *error)
{
	const char *why = flow_table_check(table->memory, table->bytes);
	const struct counters_page *page = counters->memory;

	if (why)
		return fault(error, -EINVAL, "flow table: %s", why);
	if (counters->bytes < sizeof(*page) || page->magic != COUNTERS_MAGIC ||
	    page->version != COUNTERS_VERSION || page->bytes != sizeof(*page)) {
		ctl_log(TOLD_TABLE, LOG_NOTICE, "counters of another version: they begin anew");
		region_drop(counters);
	}
	return 0;
}

/**
 * take_memory() - use table, counters and snapshot of an earlier run
 * @fds: the three; taken over, -1 where there is none
 * @view: set to the snapshot, if there is one
 */
static int take_memory(struct gateway *gateway, int fds[CHANNEL_FDS_MAX], struct snapshot *view,
		       struct ctl_error *error)
{
	struct region *regions[] = {&gateway->table, &gateway->counters, &gateway->snapshot};
	static const char *const names[] = {"flow table", "counters", "snapshot"};
	const size_t limits[] = {flow_table_bytes(FLOW_CAPACITY_MAX), COUNTERS_BYTES_MAX,
				 SNAPSHOT_BYTES_MAX};
	const char *why;
	int code = 0;

	for (unsigned i = 0; !code && i < CHANNEL_FDS_MAX; i++) {
		if (fds[i] < 0 && i == 2)
			break;
		code = region_adopt(regions[i], fds[i], names[i], limits[i], error);
		if (!code)
			fds[i] = -1;
	}
	if (!code)
		code = check_memory(&gateway->table, &gateway->counters, error);
	memset(view, 0, sizeof(*view));
	if (!code && gateway->snapshot.memory) {
		why = snapshot_open(view, gateway->snapshot.memory, gateway->snapshot.bytes);
		if (why)
			code = fault(error, -EINVAL, "snapshot: %s", why);
	}
	if (!code && view->header) {
		names_read(&gateway->names, view);
		gateway->revision = view->header->revision;
	}
	for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		if (code)
			region_drop(regions[i]);
	}
	return code;
}

/* What an adopted datapath has, by its own word and its snapshot's. */
static void read_ports(struct gateway *gateway, const struct snapshot *view,
		       const struct channel_message *hello)
{
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		gateway->ports[i].told = hello->u.hello.ports & 1u << i;
	for (uint32_t i = 0; i < view->n_ports; i++) {
		const struct snapshot_port *port = &view->ports[i];

		if (gateway->ports[port->index].told)
			gateway->ports[port->index].link.ifindex = port->ifindex;
		if (hello->u.hello.xdp_senders & 1u << port->index)
			receiving_adopt(gateway, port->index, port->ifindex);
	}
}

static void adopt(struct gateway *gateway, struct keeper *kept, const struct config *config)
{
	struct channel_message hello;
	struct snapshot view;
	struct ctl_error error;
	int fds[CHANNEL_FDS_MAX];

	if (!datapath_adopt(&gateway->datapath, &hello, fds)) {
		if (!take_memory(gateway, fds, &view, &error)) {
			if (gateway->counters.fd < 0 ||
			    datapath_is_other(&gateway->datapath, &hello)) {
				ctl_log(TOLD_DATAPATH, LOG_NOTICE,
					"running datapath pid %d is of another build: it is "
					"replaced, its sessions go on",
					gateway->datapath.pid);
				datapath_quit(&gateway->datapath);
				return;
			}
			read_ports(gateway, &view, &hello);
			if (!hello.u.hello.events && tell_events(gateway, &error))
				ctl_log(TOLD_DATAPATH, LOG_WARNING, "datapath: %s", error.text);
			ctl_log(TOLD_DATAPATH, LOG_NOTICE,
				"adopted running datapath pid %d, revision %" PRIu64,
				gateway->datapath.pid, gateway->revision);
			return;
		}
		ctl_log(TOLD_DATAPATH, LOG_WARNING,
			"running datapath pid %d: %s; replaced, its sessions end",
			gateway->datapath.pid, error.text);
		datapath_quit(&gateway->datapath);
	}
	if (kept->table < 0 || kept->counters < 0) {
		offloading_adopt(gateway, config);
		return;
	}
	fds[0] = kept->table;
	fds[1] = kept->counters;
	fds[2] = kept->snapshot;
	*kept = (struct keeper){-1, -1, -1};
	if (take_memory(gateway, fds, &view, &error))
		ctl_log(TOLD_TABLE, LOG_WARNING, "kept by the service manager: %s; starting anew",
			error.text);
	else
		ctl_log(TOLD_TABLE, LOG_NOTICE,
			"took the flow table back from the service manager");
}

/* A table that was taken over keeps its size. One that nobody uses is replaced if the file
 * wants another. */
static void check_capacity(struct gateway *gateway, const struct config *config)
{
	const struct flow_header *header = gateway->table.memory;

	if (!header || header->capacity == config->flow_capacity)
		return;
	if (gateway->datapath.pid) {
		ctl_log(TOLD_TABLE, LOG_WARNING,
			"the running flow table holds %u flows, flow-capacity %u counts once pgwd "
			"has been stopped and started",
			header->capacity, config->flow_capacity);
		return;
	}
	ctl_log(TOLD_TABLE, LOG_NOTICE, "flow-capacity is %u now, was %u: the kept sessions end",
		config->flow_capacity, header->capacity);
	region_drop(&gateway->table);
}

static int open_server(struct gateway *gateway, struct ctl_error *error)
{
	char path[200];
	int code;

	snprintf(path, sizeof(path), "%s/" CTL_SOCKET_NAME, gateway->options.rundir);
	code = server_open(&gateway->server, path, &answer_ops, gateway, error);
	if (code)
		return code;
	snprintf(path, sizeof(path), "%s/" CTL_API_SOCKET_NAME, gateway->options.rundir);
	return server_open_api(gateway->server, path, CTL_API_USER, error);
}

static void init(struct gateway *gateway, const struct gateway_options *options)
{
	memset(gateway, 0, sizeof(*gateway));
	gateway->options = *options;
	gateway->lock_fd = -1;
	gateway->guarding.fd = -1;
	gateway->watch.rings_fd = -1;
	gateway->serving = SERVING_NONE;
	gateway->table = gateway->counters = gateway->snapshot = REGION_NONE;
	gateway->started_ms = gateway_now_ms();
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		working_none(&gateway->ports[i]);
	config_init(&gateway->config);
	config_init(&gateway->forwarded);
	gateway->relaying.fd = gateway->relaying.pidfd = -1;
	timeserver_init(gateway);
	logger_init(gateway);
	hugepages_init(&gateway->hugepages, HUGEPAGES_PARAMETER, HUGEPAGES_RECORD);
}

static void release(struct gateway *gateway)
{
	tasks_close(gateway);
	server_close(gateway->server);
	gateway->server = NULL;
	watch_close(&gateway->watch);
	http_close(gateway->http);
	serving_close(&gateway->serving, NULL);
	auth_close(&gateway->auth);
	checking_close(gateway);
	guarding_close(gateway);
	datapath_leave(&gateway->datapath);
	relaying_leave(gateway);
	timeserver_forget(gateway);
	inside_forget(gateway);
	logger_forget(gateway);
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		working_close(&gateway->ports[i]);
	offload_close(gateway->offload);
	receiving_leave(gateway);
	region_drop(&gateway->table);
	region_drop(&gateway->counters);
	region_drop(&gateway->snapshot);
	hugepages_leave(&gateway->hugepages);
	if (gateway->kernel)
		kernel_close(gateway->kernel);
	history_close(gateway);
	config_free(&gateway->config);
	config_free(&gateway->forwarded);
	if (gateway->lock_fd >= 0)
		close(gateway->lock_fd);
}

/* With the -c file's configuration, or what history prefers to it. */
static int start(struct gateway *gateway, const struct config *file, struct ctl_error *error)
{
	struct history_order order;
	struct config chosen;
	int code;

	config_init(&chosen);
	code = apply_start(gateway, history_choose(gateway, file, &chosen, &order) ? &chosen : file,
			   &order, error);
	config_free(&chosen);
	return code;
}

/* What serves clients behind the datapath, and the link to it. */
static void end_inside(struct gateway *gateway)
{
	relaying_quit(gateway);
	timeserver_quit(gateway);
	inside_close(gateway);
}

int gateway_open(struct gateway *gateway, const struct gateway_options *options,
		 const struct config *config, struct ctl_error *error)
{
	struct keeper kept;
	struct kernel_error why;
	bool adopted;
	int code;

	init(gateway, options);
	keeper_take(&kept);
	code = datapath_init(&gateway->datapath, options->rundir, gateway_unasked, gateway, error);
	if (!code)
		code = relaying_init(gateway, error);
	if (!code)
		code = rundir_privileges(error);
	if (!code) {
		gateway->lock_fd = rundir_open(options->rundir, options->state_dir, error);
		code = gateway->lock_fd < 0 ? gateway->lock_fd : 0;
	}
	if (!code) {
		code = kernel_open(&gateway->kernel, options->state_dir, &why);
		if (code)
			fault(error, code, "%s", why.text);
	}
	if (!code)
		code = guarding_open(gateway, error);
	if (!code)
		code = checking_open(gateway, error);
	if (code) {
		keeper_close(&kept);
		release(gateway);
		return code;
	}
	history_open(gateway);
	adopt(gateway, &kept, config);
	relaying_adopt(gateway);
	keeper_close(&kept);
	adopted = gateway->datapath.pid;
	check_capacity(gateway, config);
	if (gateway->table.fd >= 0 && !gateway->table.map)
		paging_want(gateway, gateway->table.bytes);
	code = start(gateway, config, error);
	if (!code)
		code = open_server(gateway, error);
	if (code) {
		/* One that an earlier pgwd left goes on with what it has. */
		if (!adopted && gateway->configured) {
			datapath_quit(&gateway->datapath);
			offloading_end(gateway);
			receiving_end(gateway);
			logger_finish(gateway);
			end_inside(gateway);
			hugepages_give_back(&gateway->hugepages);
			kernel_remove(gateway->kernel, &why);
		}
		release(gateway);
		return code;
	}
	move_clean(gateway);
	tasks_open(gateway);
	keeper_put(KEEPER_TABLE, gateway->table.fd);
	keeper_put(KEEPER_COUNTERS, gateway->counters.fd);
	watch_open(gateway);
	reconcile_links(gateway);
	ctl_log(TOLD_DAEMON, LOG_NOTICE, "revision %" PRIu64 " runs, datapath pid %d",
		gateway->revision, gateway->datapath.pid);
	return 0;
}

void gateway_close(struct gateway *gateway)
{
	struct kernel_error why;

	server_close(gateway->server);
	gateway->server = NULL;
	datapath_quit(&gateway->datapath);
	offloading_end(gateway);
	receiving_end(gateway);
	logger_finish(gateway);
	end_inside(gateway);
	hugepages_give_back(&gateway->hugepages);
	if (kernel_remove(gateway->kernel, &why))
		ctl_log(TOLD_KERNEL, LOG_ERR,
			"cannot take back what was programmed: %s; the next start mends "
			"it",
			why.text);
	release(gateway);
}

static void schedule_restart(struct gateway *gateway)
{
	unsigned wait_ms = datapath_died(&gateway->datapath, gateway_now_ms());

	gateway->due.restart_ms = gateway_now_ms() + wait_ms;
	gateway->counts.datapath_restarts++;
}

void gateway_datapath_ended(struct gateway *gateway)
{
	int pid = gateway->datapath.pid;

	gateway_tell(gateway, TOLD_DATAPATH, LOG_ERR, datapath_members("died", pid),
		     "datapath pid %d died; it is started again, its sessions are kept", pid);
	datapath_kill(&gateway->datapath);
	schedule_restart(gateway);
}

void gateway_datapath_lost(struct gateway *gateway, const char *why)
{
	int pid = gateway->datapath.pid;
	bool stopped;

	if (!pid)
		return;
	/* it was ended, and by whom its end tells */
	if (gateway->datapath.peer.closed && datapath_has_ended(&gateway->datapath)) {
		gateway_datapath_ended(gateway);
		return;
	}
	stopped = datapath_is_stopped(&gateway->datapath);
	gateway_tell(gateway, TOLD_DATAPATH, LOG_ERR, datapath_members("died", pid),
		     "datapath pid %d: %s; it is ended and started again", pid, why);
	datapath_kill(&gateway->datapath);
	if (!stopped) /* it was ended by us, but for a fault of its own */
		gateway->datapath.ended_by = 0;
	schedule_restart(gateway);
}

void gateway_channel_readable(struct gateway *gateway)
{
	struct ctl_error error;

	if (peer_read(&gateway->datapath.peer, &error))
		gateway_datapath_lost(gateway, error.text);
}

/* A process that dies again and again may do so for what its table holds. */
static void give_up_table(struct gateway *gateway)
{
	struct region fresh;
	struct ctl_error error;

	if (offloading_table(gateway, &gateway->config, &fresh, &error)) {
		ctl_log(TOLD_DATAPATH, LOG_ERR, "%s", error.text);
		return;
	}
	ctl_log(TOLD_TABLE, LOG_ERR,
		"the datapath died %u times in a row: it gets an empty flow table, all "
		"sessions end",
		gateway->datapath.deaths);
	offloading_end(gateway); /* the program has the old one */
	region_drop(&gateway->table);
	gateway->table = fresh;
	keeper_put(KEEPER_TABLE, fresh.fd);
	gateway->datapath.deaths = 0;
}

static void restart_datapath(struct gateway *gateway)
{
	struct ctl_error error;
	uint64_t flows;

	gateway->due.restart_ms = 0;
	if (gateway->datapath.deaths >= DEATHS_OF_A_TABLE)
		give_up_table(gateway);
	if (apply_bring_up(gateway, &flows, &error)) {
		ctl_log(TOLD_DATAPATH, LOG_ERR, "datapath does not start: %s", error.text);
		schedule_restart(gateway);
		return;
	}
	gateway_tell(gateway, TOLD_DATAPATH, LOG_NOTICE,
		     datapath_members("started", gateway->datapath.pid),
		     "datapath pid %d runs with %" PRIu64 " sessions", gateway->datapath.pid,
		     flows);
	gateway->due.reconcile_ms = gateway_now_ms(); /* links may have changed meanwhile */
}

int64_t gateway_due_ms(const struct gateway *gateway)
{
	int64_t due_ms = server_due_ms(gateway->server), log_due_ms = logger_due_ms(gateway);
	int64_t http_due;

	if (ending_due(gateway) || gateway->reconcile.followed != gateway->revision)
		return 0;
	if (reconcile_due_ms(gateway) < due_ms)
		due_ms = reconcile_due_ms(gateway);
	if (gateway->due.restart_ms && gateway->due.restart_ms < due_ms)
		due_ms = gateway->due.restart_ms;
	if (relaying_due_ms(gateway) < due_ms)
		due_ms = relaying_due_ms(gateway);
	if (timeserver_due_ms(gateway) < due_ms)
		due_ms = timeserver_due_ms(gateway);
	if (checking_due_ms(gateway) < due_ms)
		due_ms = checking_due_ms(gateway);
	if (gateway->tasks && runner_due_ms(gateway->tasks, gateway_now_ms()) < due_ms)
		due_ms = runner_due_ms(gateway->tasks, gateway_now_ms());
	if (watch_due_ms(gateway) < due_ms)
		due_ms = watch_due_ms(gateway);
	if (serving_due_ms(gateway) < due_ms)
		due_ms = serving_due_ms(gateway);
	http_due = http_due_ms(gateway->http, gateway_now_ms());
	if (http_due < due_ms)
		due_ms = http_due;
	if (guarding_due_ms(gateway) < due_ms)
		due_ms = guarding_due_ms(gateway);
	if (history_due_ms(gateway) < due_ms)
		due_ms = history_due_ms(gateway);
	if (vmac_check_due_ms(gateway) < due_ms)
		due_ms = vmac_check_due_ms(gateway);
	return log_due_ms < due_ms ? log_due_ms : due_ms;
}

void gateway_work(struct gateway *gateway)
{
	int64_t now_ms = gateway_now_ms();

	ending_work(gateway);
	if (gateway->due.restart_ms && gateway->due.restart_ms <= now_ms)
		restart_datapath(gateway);
	reconcile_work(gateway);
	guarding_work(gateway);
	vmac_check_work(gateway);
	logger_work(gateway);
	checking_work(gateway);
	if (gateway->tasks)
		runner_work(gateway->tasks, gateway_now_ms());
	relaying_work(gateway);
	timeserver_work(gateway);
	watch_work(gateway);
	http_work(gateway->http);
	history_work(gateway);
	serving_work(gateway);
	server_expire(gateway->server, now_ms);
}
