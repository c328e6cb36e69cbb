/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_fuzz - a ring that a captured pgw-datapath has written, read by pgw-log's reader.
 *
 * The input: one byte of choices, the positions that the ring claims, then the memory of its
 * records. What must hold: no crash, every line is one line of printable text, every IPFIX
 * message is as long as it says and made of whole sets, and nothing of a destination is in
 * it unless it was asked for.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/log/reader.h"

#define CAPACITY 32u
#define ROUNDS	 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned number(const uint8_t *at, unsigned bytes)
{
	unsigned value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static void check_message(const struct log_settings *settings, const uint8_t *bytes, size_t n)
{
	size_t at = 16;

	assert(n >= 16 && n <= IPFIX_MESSAGE_BYTES && number(bytes, 2) == 10 &&
	       number(bytes + 2, 2) == n);
	while (at < n) {
		unsigned id = number(bytes + at, 2), length = number(bytes + at + 2, 2);

		assert(n - at >= 4 && length > 4 && length <= n - at);
		assert(settings->destinations || (id != 258 && id != 259));
		at += length;
	}
}

static void check_lines(const struct log_settings *settings, const char *text, size_t n)
{
	assert(n && text[n - 1] == '\n');
	for (size_t i = 0; i < n; i++)
		assert((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n');
	assert(settings->destinations || !memmem(text, n, "-dst-", 5));
}

static int check(void *context, const void *bytes, size_t n)
{
	const struct log_settings *settings = context;

	if (settings->kind == SESSION_LOG_IPFIX)
		check_message(settings, bytes, n);
	else
		check_lines(settings, bytes, n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reader reader;
	struct reader_clock clock = {.monotonic_ns = 1u << 30, .realtime_ns = 1700000000000000000};
	struct log_settings settings = {.version = LOG_SETTINGS_VERSION};
	size_t bytes = event_ring_bytes(CAPACITY), records;
	struct event_ring_header *header;
	uint64_t ends[2];

	if (size < 1 + sizeof(ends))
		return 0;
	header = aligned_alloc(64, bytes);
	if (!header)
		abort();
	memset(header, 0, bytes);
	event_ring_format(header, CAPACITY);
	settings.kind = data[0] & 1 ? SESSION_LOG_IPFIX : SESSION_LOG_FILE;
	settings.destinations = data[0] >> 1 & 1;
	memcpy(settings.pool[1], "default", sizeof("default"));
	memcpy(settings.portgroup[0].name, "vrack", sizeof("vrack"));
	memcpy(ends, data + 1, sizeof(ends));
	records = size - 1 - sizeof(ends);
	if (records > bytes - sizeof(*header))
		records = bytes - sizeof(*header);
	memcpy(header + 1, data + 1 + sizeof(ends), records);
	header->head = data[0] & 4 ? ends[0] : records / sizeof(struct event);
	header->tail = data[0] & 8 ? ends[1] : 0;
	assert(!reader_open(&reader, &settings, header, bytes, check, &settings));
	for (unsigned i = 0; i < ROUNDS; i++) {
		reader_work(&reader, &clock);
		header->head += data[0] >> 4;
		clock.realtime_ns += 20000000000;
	}
	free(header);
	return 0;
}
