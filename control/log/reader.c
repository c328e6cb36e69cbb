/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/log/reader.h"

#include <string.h>

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000ull

const char *reader_open(struct reader *reader, const struct log_settings *settings, void *memory,
			size_t bytes, int (*write)(void *context, const void *bytes, size_t n),
			void *context)
{
	memset(reader, 0, sizeof(*reader));
	reader->settings = settings;
	reader->write = write;
	reader->context = context;
	ipfix_init(&reader->ipfix, settings);
	return event_ring_reader(&reader->ring, memory, bytes);
}

bool reader_event_is_sound(const struct event *event)
{
	if (event->type < EVENT_SESSION_CREATE || event->type >= EVENT_TYPE_COUNT ||
	    event->cause >= EVENT_CAUSE_COUNT)
		return false;
	switch (event->type) {
	case EVENT_REFUSED:
		return event->cause != EVENT_CAUSE_NONE;
	case EVENT_THRESHOLD:
		return event->cause == EVENT_CAUSE_PORTS || event->cause == EVENT_CAUSE_SESSIONS;
	default:
		return event->cause == EVENT_CAUSE_NONE;
	}
}

static bool ends(const char *text, size_t bytes)
{
	return memchr(text, '\0', bytes) != NULL;
}

const char *reader_settings_are_sound(const struct log_settings *settings)
{
	if (settings->version != LOG_SETTINGS_VERSION)
		return "of another version than pgw-log: install both from one build";
	if (settings->kind != SESSION_LOG_IPFIX && settings->kind != SESSION_LOG_FILE)
		return "of an unknown kind";
	if (!ends(settings->path, sizeof(settings->path)))
		return "with an endless path";
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (!ends(settings->portgroup[i].name, CONFIG_NAME))
			return "with an endless portgroup name";
	for (unsigned i = 0; i < NAMES_POOLS_MAX; i++)
		if (!ends(settings->pool[i], CONFIG_NAME))
			return "with an endless pool name";
	return NULL;
}

static uint64_t calendar_ms(const struct reader_clock *clock, uint64_t time_ns)
{
	uint64_t age_ns = clock->monotonic_ns > time_ns ? clock->monotonic_ns - time_ns : 0;

	if (age_ns > READER_PAST_S * NS_PER_S)
		age_ns = READER_PAST_S * NS_PER_S;
	if (age_ns > clock->realtime_ns)
		age_ns = clock->realtime_ns;
	return (clock->realtime_ns - age_ns) / NS_PER_MS;
}

static void write_out(struct reader *reader, const void *bytes, size_t n)
{
	reader->trouble = reader->write(reader->context, bytes, n);
	if (reader->trouble)
		reader->failed += reader->unwritten;
	else
		reader->exported += reader->unwritten;
	reader->unwritten = 0;
}

static void flush(struct reader *reader, uint64_t now_ms)
{
	size_t bytes;

	if (!reader->unwritten)
		return;
	if (reader->settings->kind == SESSION_LOG_IPFIX) {
		bytes = ipfix_finish(&reader->ipfix, now_ms);
		write_out(reader, reader->ipfix.message, bytes);
	} else {
		write_out(reader, reader->lines, reader->lines_used);
		reader->lines_used = 0;
	}
}

static void add(struct reader *reader, const struct event *event, const struct reader_clock *clock)
{
	uint64_t now_ms = clock->realtime_ns / NS_PER_MS;
	uint64_t time_ms = calendar_ms(clock, event->time_ns);

	if (reader->settings->kind == SESSION_LOG_IPFIX) {
		/* an empty message has room for any event, so the second try succeeds */
		if (!ipfix_add(&reader->ipfix, event, time_ms, now_ms)) {
			flush(reader, now_ms);
			ipfix_add(&reader->ipfix, event, time_ms, now_ms);
		}
	} else {
		if (sizeof(reader->lines) - reader->lines_used < LINE_LOG_BYTES)
			flush(reader, now_ms);
		reader->lines_used += line_print(reader->lines + reader->lines_used,
						 reader->settings, event, time_ms);
	}
	reader->unwritten++;
}

unsigned reader_work(struct reader *reader, const struct reader_clock *clock)
{
	struct event events[READER_BATCH];
	unsigned n = event_ring_take(&reader->ring, events, READER_BATCH);

	reader->exported = reader->failed = 0;
	for (unsigned i = 0; i < n; i++) {
		if (reader_event_is_sound(&events[i]))
			add(reader, &events[i], clock);
		else
			reader->failed++;
	}
	flush(reader, clock->realtime_ns / NS_PER_MS);
	event_ring_done(&reader->ring, reader->exported, reader->failed);
	return n;
}
