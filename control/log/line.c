/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/log/line.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char *const types[] = {
	[EVENT_SESSION_CREATE] = "session-create",
	[EVENT_SESSION_DELETE] = "session-delete",
	[EVENT_BIB_CREATE] = "mapping-create",
	[EVENT_BIB_DELETE] = "mapping-delete",
	[EVENT_REFUSED] = "refused",
	[EVENT_THRESHOLD] = "threshold",
};
static_assert(sizeof(types) / sizeof(types[0]) == EVENT_TYPE_COUNT, "one a type");

/* The names of datapath/base/drop.def, where there is one. */
static const char *const causes[] = {
	[EVENT_CAUSE_NONE] = "none",
	[EVENT_CAUSE_PORTS] = "ports-exhausted",
	[EVENT_CAUSE_SESSIONS] = "flow-table-full",
	[EVENT_CAUSE_MAPPINGS] = "mapping-table-full",
	[EVENT_CAUSE_CLIENT_SESSIONS] = "connection-limit",
	[EVENT_CAUSE_CLIENT_MAPPINGS] = "mapping-limit",
	[EVENT_CAUSE_CLIENT_RATE] = "creation-rate",
	[EVENT_CAUSE_CLIENT_PORTS] = "port-quota",
};
static_assert(sizeof(causes) / sizeof(causes[0]) == EVENT_CAUSE_COUNT, "one a cause");

struct line_text {
	char *at, *end;
};

static void __attribute__((format(printf, 2, 3)))
add(struct line_text *text, const char *format, ...)
{
	size_t room = (size_t)(text->end - text->at);
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vsnprintf(text->at, room, format, args);
	va_end(args);
	if (bytes > 0)
		text->at += (size_t)bytes < room ? (size_t)bytes : room - 1;
}

static void add_end(struct line_text *text, const char *name, be32 addr, be16 port)
{
	char buf[ADDR_TEXT_BYTES];

	add(text, ",\"%s-address\":\"%s\",\"%s-port\":%u", name, addr_text(addr, buf), name,
	    ntohs(port));
}

static void add_time(struct line_text *text, uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char when[24];
	struct tm tm;

	/* a year that no calendar has, from a clock that is far off */
	if (!gmtime_r(&seconds, &tm) || !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(when, sizeof(when), "1970-01-01T00:00:00");
	add(text, "{\"time\":\"%s.%03uZ\"", when, (unsigned)(time_ms % 1000));
}

static void add_protocol(struct line_text *text, uint8_t proto)
{
	const char *name = proto ? protocol_name(proto) : NULL;

	if (name)
		add(text, ",\"protocol\":\"%s\"", name);
	else if (proto)
		add(text, ",\"protocol\":\"%u\"", proto);
}

static void add_policy(struct line_text *text, const struct log_settings *settings,
		       const struct event *event)
{
	if (event->rule)
		add(text, ",\"rule\":%u", event->rule);
	if (event->pool < NAMES_POOLS_MAX && *settings->pool[event->pool])
		add(text, ",\"pool\":\"%s\"", settings->pool[event->pool]);
	else if (event->pool != EVENT_NO_POOL)
		add(text, ",\"pool\":\"#%u\"", event->pool);
}

static void add_portgroup(struct line_text *text, const char *name,
			  const struct log_settings *settings, uint8_t port)
{
	if (port < CONFIG_PORTGROUPS_MAX && *settings->portgroup[port].name)
		add(text, ",\"%s\":\"%s\"", name, settings->portgroup[port].name);
}

static void add_session(struct line_text *text, const struct log_settings *settings,
			const struct event *event)
{
	add_portgroup(text, "internal-portgroup", settings, event->port[0]);
	add_end(text, "internal-src", event->src, event->sport);
	add_end(text, "external-src", event->post_src, event->post_sport);
	if (settings->destinations) {
		add_portgroup(text, "external-portgroup", settings, event->port[1]);
		add_end(text, "internal-dst", event->dst, event->dport);
		add_end(text, "external-dst", event->post_dst, event->post_dport);
	}
	if (event->type == EVENT_SESSION_DELETE)
		add(text, ",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64, event->packets,
		    event->bytes);
}

static void add_refused(struct line_text *text, const struct log_settings *settings,
			const struct event *event)
{
	char addr[ADDR_TEXT_BYTES];

	add(text, ",\"cause\":\"%s\"", causes[event->cause]);
	add_portgroup(text, "internal-portgroup", settings, event->port[0]);
	add(text, ",\"internal-src-address\":\"%s\"", addr_text(event->src, addr));
	if (event->post_src)
		add(text, ",\"external-src-address\":\"%s\"", addr_text(event->post_src, addr));
	if (event->limit)
		add(text, ",\"limit\":%u", event->limit);
	add(text, ",\"count\":%u", event->count);
}

size_t line_print(char line[LINE_LOG_BYTES], const struct log_settings *settings,
		  const struct event *event, uint64_t time_ms)
{
	struct line_text text = {.at = line, .end = line + LINE_LOG_BYTES};

	add_time(&text, time_ms);
	add(&text, ",\"event\":\"%s\"", types[event->type]);
	add_protocol(&text, event->proto);
	switch (event->type) {
	case EVENT_SESSION_CREATE:
	case EVENT_SESSION_DELETE:
		add_session(&text, settings, event);
		break;
	case EVENT_BIB_CREATE:
	case EVENT_BIB_DELETE:
		add_portgroup(&text, "internal-portgroup", settings, event->port[0]);
		add_end(&text, "internal-src", event->src, event->sport);
		add_end(&text, "external-src", event->post_src, event->post_sport);
		break;
	case EVENT_REFUSED:
		add_refused(&text, settings, event);
		break;
	default:
		add(&text, ",\"of\":\"%s\",\"mark\":%u",
		    event->cause == EVENT_CAUSE_PORTS ? "pool" : "flow-table", event->limit);
	}
	add_policy(&text, settings, event);
	add(&text, "}\n");
	return (size_t)(text.at - line);
}
