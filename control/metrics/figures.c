/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/metrics/figures.h"

#include <stdio.h>
#include <string.h>

#include "control/metrics/exposition.h"
#include "control/metrics/figures_relay.h"
#include "control/offload/offload.h"
#include "control/offloading.h"
#include "datapath/base/counters.h"
#include "datapath/flow/layout.h"

#define COUNTER EXPOSITION_COUNTER
#define GAUGE	EXPOSITION_GAUGE

/* Each value is one aligned word that the datapath writes: read once, never half. @first: the first
 * worker's, to which those of the others are added. */
static uint64_t load(const struct counters_page *page, const uint64_t *first)
{
	return counters_total(page, first);
}

static void one(struct exposition *e, enum exposition_kind kind, const char *name, const char *help,
		uint64_t value)
{
	exposition_family(e, kind, name, help);
	exposition_number(e, value, LABELS_END);
}

static void add_gateway(struct exposition *e, const struct gateway *gateway)
{
	const struct gateway_counts *counts = &gateway->counts;
	char line[200];

	exposition_family(e, EXPOSITION_INFO, "build", "The version of pgwd.");
	exposition_number(e, 1, "version", PGW_VERSION, LABELS_END);
	one(e, GAUGE, "ready", "1 while packets are forwarded as configured, as /readyz says.",
	    figures_ready((void *)gateway, line, sizeof(line)));
	exposition_family(e, GAUGE, "uptime_seconds", "How long this pgwd has run.");
	exposition_real(e, (double)(gateway_now_ms() - gateway->started_ms) / 1000, LABELS_END);
	one(e, GAUGE, "revision", "Number of the configuration that runs.", gateway->revision);
	one(e, COUNTER, "changes_applied", "Changes of the configuration that were made.",
	    counts->applied);
	one(e, COUNTER, "changes_refused",
	    "Changes of the configuration that were refused or taken back.", counts->refused);
	one(e, COUNTER, "kernel_mended",
	    "Differences between kernel and configuration, made by others, that were put right.",
	    counts->mended);
	one(e, GAUGE, "kernel_differs",
	    "1 while the kernel cannot be brought to what the configuration says.",
	    *gateway->reconcile.trouble != 0);
}

static void add_processes(struct exposition *e, const struct gateway *gateway)
{
	const struct gateway_counts *counts = &gateway->counts;

	exposition_family(
		e, GAUGE, "process_up",
		"1 while the process runs; log and relay are 1 only where there is work for them.");
	exposition_number(e, gateway->datapath.pid != 0, "process", "datapath", LABELS_END);
	exposition_number(e, gateway->log.process.pid != 0, "process", "log", LABELS_END);
	exposition_number(e, gateway->relaying.pid != 0, "process", "relay", LABELS_END);
	exposition_family(e, COUNTER, "process_restarts",
			  "Times the process ended unasked and was started again.");
	exposition_number(e, counts->datapath_restarts, "process", "datapath", LABELS_END);
	exposition_number(e, counts->log_restarts, "process", "log", LABELS_END);
	exposition_number(e, gateway->relaying.restarts, "process", "relay", LABELS_END);
	one(e, COUNTER, "datapath_hangs",
	    "Times the datapath was ended because it did not answer any more.",
	    counts->datapath_hangs);
}

static void add_flows(struct exposition *e, const struct gateway *gateway,
		      const struct counters_page *page)
{
	const struct flow_header *header = gateway->table.memory;

	one(e, GAUGE, "flows", "Sessions in the flow table.", load(page, &page->worker->flows));
	one(e, GAUGE, "flow_capacity", "Sessions that the flow table can hold.", header->capacity);
	one(e, COUNTER, "flows_created", "Sessions that began.",
	    load(page, &page->worker->flows_created));
	one(e, COUNTER, "flows_expired", "Sessions that were idle for too long.",
	    load(page, &page->worker->flows_expired));
	one(e, COUNTER, "flows_ended", "Sessions that were ended: by their hosts or by a change.",
	    load(page, &page->worker->flows_ended));
	one(e, GAUGE, "mappings", "External ports that sessions share.",
	    load(page, &page->worker->mappings));
	one(e, COUNTER, "mappings_created", "External ports that were given to share.",
	    load(page, &page->worker->mappings_created));
	one(e, GAUGE, "fragments_waiting", "Fragments that wait for the first of their datagram.",
	    load(page, &page->worker->fragments_waiting));
	one(e, GAUGE, "neighbour_packets_waiting",
	    "Packets that wait for a neighbour's link-layer address.",
	    load(page, &page->worker->neigh_waiting));
	one(e, COUNTER, "icmp_errors_sent", "ICMP errors of the gateway's own.",
	    load(page, &page->worker->icmp_sent));
	one(e, COUNTER, "icmp_errors_limited", "ICMP errors that the rate limit kept back.",
	    load(page, &page->worker->icmp_limited));
	one(e, COUNTER, "datapath_wakeups", "Times the datapath woke up.",
	    load(page, &page->worker->wakeups));
	one(e, COUNTER, "datapath_bursts", "Bursts of packets that the datapath took.",
	    load(page, &page->worker->bursts));
}

static const struct {
	const char *name, *help;
	size_t offset; /* in struct worker_counters */
} worker_figures[] = {
	{"worker_bursts", "Bursts of packets that the worker took.",
	 offsetof(struct worker_counters, bursts)},
	{"worker_flows_created", "Sessions that began at the worker.",
	 offsetof(struct worker_counters, flows_created)},
	{"worker_handed_over_packets",
	 "Packets that arrived at the worker and belong to a session of another one.",
	 offsetof(struct worker_counters, handed_over)},
};

static void add_workers(struct exposition *e, const struct counters_page *page)
{
	one(e, GAUGE, "workers", "Workers of the datapath.", page->workers);
	for (size_t f = 0; f < sizeof(worker_figures) / sizeof(worker_figures[0]); f++) {
		const char *first = (const char *)page->worker + worker_figures[f].offset;

		exposition_family(e, COUNTER, worker_figures[f].name, worker_figures[f].help);
		for (unsigned i = 0; i < page->workers && i < COUNTERS_WORKERS; i++) {
			char text[4];

			snprintf(text, sizeof(text), "%u", i);
			exposition_number(e, counters_of((const void *)first, i), "worker", text,
					  LABELS_END);
		}
	}
}

static void add_pauses(struct exposition *e, const struct counters_page *page)
{
	uint64_t sum = 0;
	char bound[32];

	exposition_family(e, EXPOSITION_HISTOGRAM, "datapath_pause_seconds",
			  "How long the datapath did not look at its rings, though awake.");
	for (unsigned i = 0; i + 1 < COUNTERS_PAUSES; i++) {
		sum += load(page, &page->worker->pauses[i]);
		snprintf(bound, sizeof(bound), "%.10g",
			 (double)(2ull << (COUNTERS_PAUSE_SHIFT + i)) / 1e9);
		exposition_number(e, sum, "le", bound, LABELS_END);
	}
	exposition_number(e, sum + load(page, &page->worker->pauses[COUNTERS_PAUSES - 1]), "le",
			  "+Inf", LABELS_END);
	exposition_family(e, GAUGE, "datapath_longest_pause_seconds",
			  "The longest of these since the counters began.");
	exposition_real(e, (double)counters_most(page, &page->worker->longest_pause_ns) / 1e9,
			LABELS_END);
}

static void add_drops(struct exposition *e, const struct counters_page *page)
{
	exposition_family(e, COUNTER, "dropped_packets",
			  "Packets dropped, by reason (pgw stats show says what each means).");
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++)
		exposition_number(e, load(page, &page->worker->dropped[i]), "reason",
				  drop_name((enum drop_reason)i), LABELS_END);
}

/* What port_value() tells of a portgroup. */
enum port_figure {
	RCVD_PACKETS,
	RCVD_BYTES,
	SENT_PACKETS,
	SENT_BYTES,
	DROPPED_PACKETS,
	DROPPED_BYTES,
	KERNEL_PACKETS,
	RING_LOST,
	OFFLOAD_PACKETS,
	OFFLOAD_BYTES,
	PORT_FIGURES
};

static const struct {
	const char *name, *help;
} port_figures[PORT_FIGURES] = {
	[RCVD_PACKETS] = {"portgroup_received_packets", "Packets that arrived."},
	[RCVD_BYTES] = {"portgroup_received_bytes", "Bytes that arrived."},
	[SENT_PACKETS] = {"portgroup_sent_packets", "Packets that were sent."},
	[SENT_BYTES] = {"portgroup_sent_bytes", "Bytes that were sent."},
	[DROPPED_PACKETS] = {"portgroup_dropped_packets",
			     "Packets that arrived and were dropped, for whatever reason."},
	[DROPPED_BYTES] = {"portgroup_dropped_bytes", "Bytes of these."},
	[KERNEL_PACKETS] = {"portgroup_kernel_packets",
			    "Packets that arrived and were left to the kernel's own stack."},
	[RING_LOST] = {"portgroup_ring_lost_packets",
		       "Packets that the kernel could not hand over: the ring was full."},
	[OFFLOAD_PACKETS] = {"portgroup_offload_packets",
			     "Of the packets that arrived: those that the kernel forwarded."},
	[OFFLOAD_BYTES] = {"portgroup_offload_bytes", "Bytes of these."},
};

/* @o: what never came to the datapath; received and sent include it. */
static uint64_t port_value(enum port_figure figure, const struct counters_page *page,
			   const struct port_counters *p, const struct offload_counters *o)
{
	switch (figure) {
	case RCVD_PACKETS:
		return load(page, &p->rcvd_packets) + o->rcvd_packets;
	case RCVD_BYTES:
		return load(page, &p->rcvd_bytes) + o->rcvd_bytes;
	case SENT_PACKETS:
		return load(page, &p->sent_packets) + o->sent_packets;
	case SENT_BYTES:
		return load(page, &p->sent_bytes) + o->sent_bytes;
	case DROPPED_PACKETS:
		return load(page, &p->dropped_packets);
	case DROPPED_BYTES:
		return load(page, &p->dropped_bytes);
	case KERNEL_PACKETS:
		return load(page, &p->kernel_packets);
	case RING_LOST:
		return load(page, &p->ring_lost_packets);
	case OFFLOAD_PACKETS:
		return o->rcvd_packets;
	default:
		return o->rcvd_bytes;
	}
}

static void add_portgroups(struct exposition *e, const struct gateway *gateway,
			   const struct counters_page *page)
{
	struct offload_counters offloaded[CONFIG_PORTGROUPS_MAX];

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		offload_count(gateway->offload, i, &offloaded[i]);
	for (unsigned figure = 0; figure < PORT_FIGURES; figure++) {
		exposition_family(e, COUNTER, port_figures[figure].name, port_figures[figure].help);
		for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
			if (*gateway->names.portgroup[i])
				exposition_number(e,
						  port_value(figure, page, &page->worker->port[i],
							     &offloaded[i]),
						  "portgroup", gateway->names.portgroup[i],
						  LABELS_END);
	}
	exposition_family(e, GAUGE, "portgroup_up", "1 while the portgroup's link is up.");
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (*gateway->names.portgroup[i])
			exposition_number(e, !strcmp(gateway->ports[i].state, "up"), "portgroup",
					  gateway->names.portgroup[i], LABELS_END);
	exposition_family(e, GAUGE, "portgroup_io",
			  "1 for the way that packets come and go, 0 for the others.");
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		for (unsigned way = 0; *gateway->names.portgroup[i] && way < RECEIVING_WAYS; way++)
			exposition_number(e, receiving_way(gateway, i) == way, "portgroup",
					  gateway->names.portgroup[i], "state",
					  receiving_way_name(way), LABELS_END);
	exposition_family(e, GAUGE, "portgroup_offload",
			  "1 while the kernel forwards what is established.");
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (*gateway->names.portgroup[i])
			exposition_number(e, strcmp(offloading_state(gateway, i), "off") != 0,
					  "portgroup", gateway->names.portgroup[i], LABELS_END);
}

/* The datapath's index of a configured pool. */
static unsigned pool_index(const struct gateway *gateway, const char *pool)
{
	unsigned index = 0;

	while (index < NAMES_POOLS_MAX && strcmp(gateway->names.pool[index], pool) != 0)
		index++;
	return index;
}

static void add_pools(struct exposition *e, const struct gateway *gateway,
		      const struct counters_page *page)
{
	static const char *const protocols[COUNTERS_PROTOCOLS] = {"tcp", "udp", "icmp"};
	const struct config *config = &gateway->config;

	exposition_family(e, GAUGE, "pool_ports", "External ports of the pool, for each protocol.");
	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		exposition_number(
			e, pool->n_external * ((uint64_t)pool->port_last - pool->port_first + 1),
			"pool", pool->name, LABELS_END);
	}
	exposition_family(e, GAUGE, "pool_ports_used",
			  "External ports of the pool that sessions hold.");
	for (size_t i = 0; i < config->n_pools; i++) {
		unsigned index = pool_index(gateway, config->pools[i].name);

		for (unsigned j = 0; index < COUNTERS_POOLS && j < COUNTERS_PROTOCOLS; j++)
			exposition_number(e, load(page, &page->worker->pool_ports[index][j]),
					  "pool", config->pools[i].name, "protocol", protocols[j],
					  LABELS_END);
	}
}

static const struct {
	const char *name, *help;
	size_t offset; /* in struct rule_counters */
} rule_figures[] = {
	{"nat_flows_created", "Sessions that the rule admitted.",
	 offsetof(struct rule_counters, flows_created)},
	{"nat_flows_refused", "Sessions of the rule for which no port, record or limit was left.",
	 offsetof(struct rule_counters, flows_refused)},
	{"nat_ended_flow_packets", "Packets of the rule's sessions that have ended.",
	 offsetof(struct rule_counters, packets)},
	{"nat_ended_flow_bytes", "Bytes of the rule's sessions that have ended.",
	 offsetof(struct rule_counters, bytes)},
};

static void add_rules(struct exposition *e, const struct gateway *gateway,
		      const struct counters_page *page)
{
	const struct config *config = &gateway->config;

	for (size_t f = 0; f < sizeof(rule_figures) / sizeof(rule_figures[0]); f++) {
		exposition_family(e, COUNTER, rule_figures[f].name, rule_figures[f].help);
		for (size_t i = 0; i < config->n_nats; i++) {
			unsigned number = config->nats[i].number;
			const char *rule = (const char *)&page->worker->rule[number];
			char text[8];

			snprintf(text, sizeof(text), "%u", number);
			exposition_number(
				e, counters_of((const void *)(rule + rule_figures[f].offset), 0),
				"rule", text, LABELS_END);
		}
	}
}

enum backend_figure { BACKEND_UP, BACKEND_PASSED, BACKEND_FAILED };

static void add_backends(struct exposition *e, const struct gateway *gateway,
			 enum backend_figure figure)
{
	const struct config *config = &gateway->config;

	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t j = 0; j < s->n_backends; j++) {
			struct health_status status = checking_status(gateway, s->name, j);
			char address[ADDR_TEXT_BYTES], text[ADDR_TEXT_BYTES + 8];

			snprintf(text, sizeof(text), "%s:%u",
				 addr_text(s->backends[j].addr, address), s->backends[j].port);
			if (figure == BACKEND_UP)
				exposition_number(e, status.state != HEALTH_DOWN, "service",
						  s->name, "backend", text, LABELS_END);
			else if (s->check.kind != CHECK_NONE)
				exposition_number(
					e, figure == BACKEND_PASSED ? status.passed : status.failed,
					"service", s->name, "backend", text, LABELS_END);
		}
	}
}

static void add_services(struct exposition *e, const struct gateway *gateway)
{
	const struct config *config = &gateway->config;

	one(e, GAUGE, "services", "Services that are published.", config->n_services);
	exposition_family(e, GAUGE, "service_backends_up",
			  "Backends of the service that take new sessions.");
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];
		uint64_t up = 0;

		for (size_t j = 0; j < s->n_backends; j++)
			up += checking_status(gateway, s->name, j).state != HEALTH_DOWN;
		exposition_number(e, up, "service", s->name, LABELS_END);
	}
	exposition_family(
		e, GAUGE, "backend_up",
		"1 while the backend takes new sessions; one that is not checked counts as up.");
	add_backends(e, gateway, BACKEND_UP);
	exposition_family(e, COUNTER, "backend_checks_passed", "Checks that the backend passed.");
	add_backends(e, gateway, BACKEND_PASSED);
	exposition_family(e, COUNTER, "backend_checks_failed",
			  "Checks that the backend did not pass.");
	add_backends(e, gateway, BACKEND_FAILED);
}

static void add_log(struct exposition *e, const struct gateway *gateway,
		    const struct counters_page *page)
{
	one(e, COUNTER, "log_events", "Events that were told to the session log.",
	    load(page, &page->worker->log_written));
	one(e, COUNTER, "log_events_lost", "Events for which the session log had no room.",
	    load(page, &page->worker->log_lost));
	one(e, GAUGE, "log_events_pending", "Events that wait to be written.",
	    logger_pending(&gateway->log));
	one(e, GAUGE, "log_events_failed", "Events that the present pgw-log could not write.",
	    logger_failed(&gateway->log));
}

char *figures_text(void *context, size_t *bytes)
{
	struct gateway *gateway = context;
	const struct counters_page *page = gateway->counters.memory;
	struct exposition e = {.name = NULL};

	add_gateway(&e, gateway);
	add_processes(&e, gateway);
	add_flows(&e, gateway, page);
	add_workers(&e, page);
	add_pauses(&e, page);
	add_drops(&e, page);
	add_portgroups(&e, gateway, page);
	add_pools(&e, gateway, page);
	add_rules(&e, gateway, page);
	add_services(&e, gateway);
	add_log(&e, gateway, page);
	figures_relay(&e, gateway);
	return exposition_take(&e, bytes);
}

bool figures_ready(void *context, char *line, size_t bytes)
{
	const struct gateway *gateway = context;

	if (!gateway->datapath.pid)
		snprintf(line, bytes, "the datapath is being started again");
	else if (!watch_answers(&gateway->watch))
		snprintf(line, bytes, "the datapath does not answer");
	else if (*gateway->reconcile.trouble)
		snprintf(line, bytes, "the kernel does not match the configuration: %s",
			 gateway->reconcile.trouble);
	else
		return snprintf(line, bytes, "ready, revision %llu",
				(unsigned long long)gateway->revision) > 0;
	return false;
}

uint64_t figures_edition(void *context)
{
	const struct gateway *gateway = context;
	const struct gateway_counts *counts = &gateway->counts;

	/* All but the pids only grow. */
	return gateway->revision + counts->applied + counts->refused + counts->mended +
	       counts->datapath_restarts + counts->log_restarts +
	       ((uint64_t)gateway->datapath.pid << 32) + ((uint64_t)gateway->log.process.pid << 32);
}
