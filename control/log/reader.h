/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader - takes events from the ring, checks them, and sends or writes them out.
 *
 * The ring is written by pgw-datapath, which meets hostile packets: nothing in it is believed. An
 * event whose type, cause or indexes are unknown counts as failed; its time is brought into the
 * last READER_PAST_S.
 */
#ifndef PGW_LOG_READER_H
#define PGW_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/log/ipfix.h"
#include "control/log/line.h"
#include "control/log/settings.h"
#include "datapath/base/event_ring.h"

#define READER_BATCH  256u
#define READER_PAST_S 3600u

/* The time of one batch: what a monotonic time is in the calendar. */
struct reader_clock {
	uint64_t monotonic_ns, realtime_ns;
};

struct reader {
	const struct log_settings *settings;
	struct event_ring ring;
	/* write() - send one datagram, or append lines; Return: 0 or -errno */
	int (*write)(void *context, const void *bytes, size_t n);
	void *context;
	int trouble; /* -errno of the last write that failed, 0: the last one succeeded */
	struct ipfix ipfix;
	char lines[READER_BATCH * 256];
	size_t lines_used;
	uint32_t unwritten;	   /* events in ipfix.message or lines */
	uint64_t exported, failed; /* in this batch */
};

/**
 * reader_open() - start on a ring
 * @settings: reader_settings_are_sound() has found them good
 * @memory, @bytes: the ring's
 * @write: see struct reader
 * Return: NULL, or what is wrong with the ring (static text).
 */
const char *reader_open(struct reader *reader, const struct log_settings *settings, void *memory,
			size_t bytes, int (*write)(void *context, const void *bytes, size_t n),
			void *context);

/* reader_work() - write out what is there, at most one batch. Return: events taken. */
unsigned reader_work(struct reader *reader, const struct reader_clock *clock);

/* reader_event_is_sound() - whether the exporters may be given it */
bool reader_event_is_sound(const struct event *event);

/* reader_settings_are_sound() - Return: NULL, or what is wrong with them (static text). */
const char *reader_settings_are_sound(const struct log_settings *settings);

#endif
