/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_report - what came in, what went out, and why the rest did not; fields as in pgw stats. */
#include <time.h>

#include "tools/pgw/item.h"
#include "tools/pgw/replay.h"

static const struct print_column capture_columns[] = {
	{"begin", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"end", NULL, PRINT_PLAIN, 0, 0},
	{"duration-ms", "DURATION", PRINT_MILLISECONDS, PRINT_BRIEF, 0},
	{"frames", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"backward-frames", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"neighbours", NULL, PRINT_COUNT, 0, 0},
	{"neighbours-failed", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"seed", NULL, PRINT_NUMBER, 0, 0},
};
static const struct print_table capture_table = PRINT_TABLE(capture_columns);

static const struct print_column gateway_columns[] = {
	{"flows-created", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"flows-expired", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"flows", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"mappings-created", NULL, PRINT_COUNT, 0, 0},
	{"mappings", NULL, PRINT_COUNT, 0, 0},
	{"fragments-waiting", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"neighbours-waiting", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"icmp-sent", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"icmp-limited", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table gateway_table = PRINT_TABLE(gateway_columns);

static const struct print_column portgroup_columns[] = {
	{"name", "PORTGROUP", PRINT_NAME, PRINT_BRIEF, 0},
	{"mac", NULL, PRINT_MAC, 0, 0},
	{"mtu", NULL, PRINT_NUMBER, PRINT_STATISTIC, 0},
	{"rcvd-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"rcvd-bytes", NULL, PRINT_BYTES, 0, 0},
	{"sent-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"sent-bytes", NULL, PRINT_BYTES, 0, 0},
	{"dropped-packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"dropped-bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
	{"kernel-packets", NULL, PRINT_COUNT, 0, 0},
	{"own-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	{"redirected-packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
};
static const struct print_table portgroup_table = PRINT_TABLE(portgroup_columns);

static const struct print_column drop_columns[] = {
	{"reason", "DROPPED", PRINT_NAME, PRINT_BRIEF, 0},
	{"packets", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	{"text", "BECAUSE", PRINT_PLAIN, 0, 0},
};
static const struct print_table drop_table = PRINT_TABLE(drop_columns);

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *time_value(uint64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / REPLAY_SECOND_NS);
	char text[64];
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm))
		return json_null();
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%.*s.%09uZ", (int)n, text, (unsigned)(time_ns % REPLAY_SECOND_NS));
}

static json_t *capture_value(const struct replay *replay)
{
	uint64_t frames = 0, failed, known = replay_learn_count(replay, &failed);

	for (unsigned i = 0; i < replay->n_ports; i++)
		frames += replay->port[i].rcvd_frames;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "begin",
			 time_value(replay->first_ns), "end", time_value(replay->last_ns),
			 "duration-ms", number((replay->last_ns - replay->first_ns) / 1000000),
			 "frames", number(frames), "backward-frames", number(replay->backwards),
			 "neighbours", number(known), "neighbours-failed", number(failed), "seed",
			 json_sprintf("%llu", (unsigned long long)replay->options.seed));
}

static json_t *gateway_value(const struct worker_counters *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "flows-created",
			 number(c->flows_created), "flows-expired", number(c->flows_expired),
			 "flows", number(c->flows), "mappings-created", number(c->mappings_created),
			 "mappings", number(c->mappings), "fragments-waiting",
			 number(c->fragments_waiting), "neighbours-waiting",
			 number(c->neigh_waiting), "icmp-sent", number(c->icmp_sent),
			 "icmp-limited", number(c->icmp_limited));
}

static json_t *portgroup_value(const struct replay *replay, unsigned i)
{
	const struct port_counters *c = &replay->counters.port[i];
	const struct replay_port *port = &replay->port[i];
	char mac[MAC_TEXT_BYTES];

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", port->name,
		"mac", mac_text(port->mac, mac), "mtu", number(port->mtu), "rcvd-packets",
		number(c->rcvd_packets), "rcvd-bytes", number(c->rcvd_bytes), "sent-packets",
		number(c->sent_packets), "sent-bytes", number(c->sent_bytes), "dropped-packets",
		number(c->dropped_packets), "dropped-bytes", number(c->dropped_bytes),
		"kernel-packets", number(c->kernel_packets), "own-packets",
		number(port->own_packets), "redirected-packets", number(port->aimed_frames));
}

static json_t *report_value(const struct replay *replay, bool all_drops)
{
	json_t *portgroups = json_array(), *drops = json_array();

	for (unsigned i = 0; i < replay->n_ports; i++)
		json_array_append_new(portgroups, portgroup_value(replay, i));
	for (enum drop_reason i = DROP_NONE + 1; i < DROP_COUNT; i++)
		if (all_drops || replay->counters.dropped[i])
			json_array_append_new(drops, json_pack("{s:s, s:o, s:s}", "reason",
							       drop_name(i), "packets",
							       number(replay->counters.dropped[i]),
							       "text", drop_text(i)));
	return json_pack("{s:o, s:o, s:o, s:o}", "capture", capture_value(replay), "gateway",
			 gateway_value(&replay->counters), "portgroups", portgroups, "drops",
			 drops);
}

/* A table of one row. */
static void print_one(struct printer *printer, const struct print_table *table, json_t *value)
{
	json_t *rows = json_pack("[O?]", value);

	item_rows(printer, table, NULL, rows);
	json_decref(rows);
	print_line(printer, "%s", "");
}

void replay_report(const struct replay *replay, struct printer *printer, bool all_drops)
{
	json_t *report = report_value(replay, all_drops);
	const json_t *drops = json_object_get(report, "drops");

	if (print_style(printer)->json) {
		emit_value(print_emit(printer), report);
	} else {
		print_one(printer, &capture_table, json_object_get(report, "capture"));
		print_one(printer, &gateway_table, json_object_get(report, "gateway"));
		item_rows(printer, &portgroup_table, NULL, json_object_get(report, "portgroups"));
		if (json_array_size(drops) > 0) {
			print_line(printer, "%s", "");
			item_rows(printer, &drop_table, NULL, drops);
		}
	}
	json_decref(report);
}
