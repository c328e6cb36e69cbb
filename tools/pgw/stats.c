/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/revision.h"

static const struct print_column gateway_columns[] = {
	{"revision", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"uptime", NULL, PRINT_SECONDS, PRINT_BRIEF, 0},
	{"flows", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"flow-capacity", NULL, PRINT_COUNT, 0, 0},
	{"mappings", NULL, PRINT_COUNT, 0, 0},
	{"flows-created", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"flows-expired", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"flows-ended", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"fragments-waiting", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"neighbours-waiting", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"icmp-sent", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"icmp-limited", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"longest-pause-ns", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"log-written", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"log-lost", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"log-failed", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"datapath-pid", NULL, PRINT_NUMBER, 0, 0},
	{"workers", NULL, PRINT_NUMBER, PRINT_STATISTIC, 0},
};
static const struct print_table gateway_table = PRINT_TABLE(gateway_columns);

static const struct print_column portgroup_columns[] = {
	{"name", "PORTGROUP", PRINT_NAME, PRINT_BRIEF, 0},
	{"rcvd-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"rcvd-bytes", NULL, PRINT_BYTES, 0, 0},
	{"sent-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"sent-bytes", NULL, PRINT_BYTES, 0, 0},
	{"offload-packets", NULL, PRINT_COUNT, 0, 0},
	{"offload-bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	{"dropped-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"dropped-bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	{"kernel-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"ring-lost-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table portgroup_table = PRINT_TABLE(portgroup_columns);

static const struct print_column drop_columns[] = {
	{"reason", "DROPPED", PRINT_NAME, PRINT_BRIEF, 0},
	{"packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"text", "BECAUSE", PRINT_PLAIN, 0, 0},
};
static const struct print_table drop_table = PRINT_TABLE(drop_columns);

static const struct print_column ended_columns[] = {
	{"reason", "ENDED", PRINT_NAME, PRINT_BRIEF, 0},
	{"connections", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"text", "BECAUSE", PRINT_PLAIN, 0, 0},
};
static const struct print_table ended_table = PRINT_TABLE(ended_columns);

static const struct print_column refused_columns[] = {
	{"reason", "REFUSED", PRINT_NAME, PRINT_BRIEF, 0},
	{"connections", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"text", "BECAUSE", PRINT_PLAIN, 0, 0},
};
static const struct print_table refused_table = PRINT_TABLE(refused_columns);

static const struct print_column pause_columns[] = {
	{"from-ns", "PAUSE-FROM-NS", PRINT_NUMBER, PRINT_BRIEF, 0},
	{"count", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
};
static const struct print_table pause_table = PRINT_TABLE(pause_columns);

static const struct print_column worker_columns[] = {
	{"worker", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"rcvd-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"sent-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"dropped-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"handed-over-packets", NULL, PRINT_COUNT, 0, 0},
	{"flows-created", NULL, PRINT_COUNT, 0, 0},
	{"bursts", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"wakeups", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"longest-pause-ns", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table worker_table = PRINT_TABLE(worker_columns);

enum section {
	GATEWAY = 1,
	PORTGROUP = 2,
	DROPS = 4,
	RELAY = 8,
	WORKERS = 16,
	ALL = 31,
	PAUSES = 32
};

static int parse_section(const struct pgw_call *call, unsigned *section)
{
	static const struct {
		const char *name;
		unsigned section;
	} names[] = {{"gateway", GATEWAY}, {"portgroup", PORTGROUP}, {"drops", DROPS},
		     {"relay", RELAY},	   {"workers", WORKERS},     {"pauses", PAUSES},
		     {"all", ALL}};

	*section = ALL;
	if (call->argc == 0)
		return EXIT_DONE;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, call->argv[0]) == 0) {
			*section = names[i].section;
			return grammar_end(call, 1);
		}
	}
	return message_wrong(call->argv[0],
			     "expected gateway, portgroup, drops, relay, workers, pauses or all");
}

/* Reasons that occurred; with -d also the others. @count: the member that says how often */
static json_t *chosen_reasons(const json_t *drops, const char *count, bool all)
{
	json_t *chosen = json_array();

	for (size_t i = 0; i < json_array_size(drops); i++) {
		json_t *drop = json_array_get(drops, i);

		if (all || json_integer_value(json_object_get(drop, count)) != 0)
			json_array_append(chosen, drop);
	}
	return chosen;
}

/* One section; in JSON with its key where several stand in one object. */
static void print_section(struct printer *printer, const char *key, const struct print_table *table,
			  const json_t *rows)
{
	if (key)
		emit_key(print_emit(printer), key);
	item_rows(printer, table, NULL, rows);
}

static void print_gateway(struct printer *printer, bool keyed, json_t *gateway)
{
	json_t *rows;

	if (print_style(printer)->json) {
		if (keyed)
			emit_key(print_emit(printer), "gateway");
		emit_value(print_emit(printer), gateway);
		return;
	}
	revision_pending(printer, "", gateway);
	revision_not_saved(printer, gateway);
	rows = json_pack("[O?]", gateway);
	item_rows(printer, &gateway_table, NULL, rows);
	json_decref(rows);
}

/* How relayed connections have ended, why connectors were refused; in JSON all that pgw-relay tells
 * of itself. */
static void print_relay(const struct pgw_call *call, bool keyed, bool apart, json_t *relay)
{
	struct printer *printer = call->pgw->printer;
	json_t *ended, *refused;

	if (print_style(printer)->json) {
		if (keyed && relay)
			emit_key(print_emit(printer), "relay");
		if (relay)
			emit_value(print_emit(printer), relay);
		else if (!keyed)
			item_rows(printer, &ended_table, NULL, NULL);
		return;
	}
	ended = chosen_reasons(json_object_get(relay, "ended"), "connections",
			       call->pgw->options.details);
	if (apart && json_array_size(ended) > 0)
		print_line(printer, "%s", "");
	item_rows(printer, &ended_table, NULL, ended);
	refused = chosen_reasons(json_object_get(json_object_get(relay, "tunnels"), "refused"),
				 "connections", call->pgw->options.details);
	if (json_array_size(refused) > 0) {
		print_line(printer, "%s", "");
		item_rows(printer, &refused_table, NULL, refused);
	}
	json_decref(refused);
	json_decref(ended);
}

static int stats_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	bool json = call->pgw->options.json, keyed;
	json_t *answer, *drops, *workers;
	unsigned section;
	int code = parse_section(call, &section);

	if (code)
		return code;
	code = remote_ask(call->pgw,
			  json_pack("{s:s, s:b}", "op", "stats", "all", call->pgw->options.details),
			  &answer, NULL, NULL);
	if (code)
		return code;
	keyed = json && section == ALL;
	drops = chosen_reasons(json_object_get(answer, "drops"), "packets",
			       call->pgw->options.details);
	if (keyed)
		emit_open(print_emit(printer), '{');
	if (section & GATEWAY)
		print_gateway(printer, keyed, json_object_get(answer, "gateway"));
	if (section == ALL)
		print_line(printer, "%s", "");
	if (section & PORTGROUP)
		print_section(printer, keyed ? "portgroups" : NULL, &portgroup_table,
			      json_object_get(answer, "portgroups"));
	if (section == ALL && json_array_size(drops) > 0)
		print_line(printer, "%s", "");
	if (section & DROPS)
		print_section(printer, keyed ? "drops" : NULL, &drop_table, drops);
	if (section & RELAY)
		print_relay(call, keyed, section == ALL, json_object_get(answer, "relay"));
	workers = json_object_get(answer, "workers");
	/* a single one has done what stands above */
	if (section == WORKERS || keyed || (section & WORKERS && json_array_size(workers) > 1)) {
		if (section == ALL)
			print_line(printer, "%s", "");
		print_section(printer, keyed ? "workers" : NULL, &worker_table, workers);
	}
	if (section & PAUSES)
		print_section(printer, NULL, &pause_table,
			      json_object_get(json_object_get(answer, "gateway"), "pauses"));
	if (keyed)
		emit_close(print_emit(printer), '}');
	json_decref(drops);
	json_decref(answer);
	return EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", "list", "[ gateway | portgroup | drops | relay | workers | pauses | all ]",
	 "counters; -s shows more of them, -d all reasons for drops", stats_show},
};

const struct pgw_object stats_object = {
	.name = "stats",
	.text = "counters of the gateway, its portgroups, and what was dropped why",
	OBJECT_COMMANDS(commands),
};
