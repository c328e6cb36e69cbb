/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/gob.h"

#include <errno.h>
#include <string.h>

#define TYPE_NUMBER	  65
#define MESSAGE_MAX	  (GOB_VALUE_MAX + 64u)
#define INTEGER_BYTES_MAX 8u
#define FIELD_SOURCE	  1
#define FIELD_PAYLOAD	  2

/* Length, number -65, and what Go says about struct udpPacket { Src string; Payload []byte }. */
static const uint8_t definition[] = {
	0x2b, 0xff, 0x81, 0x03, 0x01, 0x01, 0x09, 'u',	'd',  'p',  'P',  'a',	'c',  'k',  'e',
	't',  0x01, 0xff, 0x82, 0x00, 0x01, 0x02, 0x01, 0x03, 'S',  'r',  'c',	0x01, 0x0c, 0x00,
	0x01, 0x07, 'P',  'a',	'y',  'l',  'o',  'a',	'd',  0x01, 0x0a, 0x00, 0x00, 0x00,
};

struct ssh_text gob_definition(void)
{
	return (struct ssh_text){definition, sizeof(definition)};
}

static uint64_t get_unsigned(struct ssh_reader *reader)
{
	uint8_t first = ssh_get_u8(reader);
	unsigned n = 256u - first;
	const uint8_t *bytes;
	uint64_t value = 0;

	if (first < 128)
		return first;
	if (n > INTEGER_BYTES_MAX) {
		reader->bad = true;
		return 0;
	}
	bytes = ssh_get_bytes(reader, n);
	for (unsigned i = 0; bytes && i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int64_t get_signed(struct ssh_reader *reader)
{
	uint64_t value = get_unsigned(reader);

	return value & 1 ? (int64_t) ~(value >> 1) : (int64_t)(value >> 1);
}

static struct ssh_text get_bytes(struct ssh_reader *reader, size_t max)
{
	uint64_t n = get_unsigned(reader);
	const uint8_t *bytes;

	if (n > max) {
		reader->bad = true;
		return (struct ssh_text){0};
	}
	bytes = ssh_get_bytes(reader, (size_t)n);
	return (struct ssh_text){bytes, bytes ? (size_t)n : 0};
}

/* read_value() - the fields, each with the distance of its number from the one before */
static bool read_value(struct ssh_reader *reader, struct gob_datagram *datagram)
{
	uint64_t field = 0, step;

	*datagram = (struct gob_datagram){{(const uint8_t *)"", 0}, {(const uint8_t *)"", 0}};
	while ((step = get_unsigned(reader)) != 0 && !reader->bad) {
		if (step > FIELD_PAYLOAD)
			return false;
		field += step;
		if (field == FIELD_SOURCE)
			datagram->source = get_bytes(reader, GOB_SOURCE_MAX);
		else if (field == FIELD_PAYLOAD)
			datagram->payload = get_bytes(reader, GOB_PAYLOAD_MAX);
		else
			return false;
	}
	return !reader->bad && reader->left == 0;
}

/* read_message() - @whole: with its length; the reader stands after that */
static int read_message(struct gob_reader *gob, struct ssh_text whole, struct ssh_reader *reader,
			void (*take)(void *context, const struct gob_datagram *datagram),
			void *context)
{
	int64_t number = get_signed(reader);
	struct gob_datagram datagram;

	if (number == -TYPE_NUMBER && !gob->defined && whole.size == sizeof(definition) &&
	    memcmp(whole.data, definition, sizeof(definition)) == 0) {
		gob->defined = true;
		return 0;
	}
	if (number != TYPE_NUMBER || !gob->defined || !read_value(reader, &datagram))
		return -EPROTO;
	take(context, &datagram);
	return 0;
}

int gob_read(struct gob_reader *reader, const uint8_t *data, size_t n,
	     void (*take)(void *context, const struct gob_datagram *datagram), void *context)
{
	int error = ssh_buffer_append(&reader->bytes, data, n);

	while (!error && ssh_buffer_size(&reader->bytes)) {
		struct ssh_text whole = {ssh_buffer_data(&reader->bytes),
					 ssh_buffer_size(&reader->bytes)};
		struct ssh_reader at = {.at = whole.data, .left = whole.size};
		uint64_t size = get_unsigned(&at);

		if (at.bad) /* its length has not come whole, or never will */
			return whole.size > INTEGER_BYTES_MAX ? -EPROTO : 0;
		if (size == 0 || size > MESSAGE_MAX)
			return -EPROTO;
		if (size > at.left)
			return 0;
		at.left = (size_t)size;
		whole.size = (size_t)(at.at - whole.data) + (size_t)size;
		error = read_message(reader, whole, &at, take, context);
		ssh_buffer_consume(&reader->bytes, whole.size);
	}
	return error;
}

void gob_reader_free(struct gob_reader *reader)
{
	ssh_buffer_free(&reader->bytes);
	reader->defined = false;
}

static size_t put_unsigned(uint8_t *at, uint64_t value)
{
	unsigned n = 0;

	if (value < 128) {
		at[0] = (uint8_t)value;
		return 1;
	}
	for (uint64_t rest = value; rest; rest >>= 8)
		n++;
	at[0] = (uint8_t)(256 - n);
	for (unsigned i = 0; i < n; i++)
		at[1 + i] = (uint8_t)(value >> 8 * (n - 1 - i));
	return 1 + n;
}

static size_t unsigned_bytes(uint64_t value)
{
	uint8_t bytes[1 + INTEGER_BYTES_MAX];

	return put_unsigned(bytes, value);
}

static void write_unsigned(struct ssh_writer *writer, uint64_t value)
{
	uint8_t bytes[1 + INTEGER_BYTES_MAX];

	ssh_put_bytes(writer, bytes, put_unsigned(bytes, value));
}

static void write_field(struct ssh_writer *writer, uint64_t step, struct ssh_text text)
{
	write_unsigned(writer, step);
	write_unsigned(writer, text.size);
	ssh_put_bytes(writer, text.data, text.size);
}

static size_t field_bytes(struct ssh_text text)
{
	return text.size ? 1 + unsigned_bytes(text.size) + text.size : 0;
}

void gob_write(struct ssh_writer *writer, const struct gob_datagram *datagram)
{
	const uint64_t number = 2 * TYPE_NUMBER; /* positive */
	uint64_t step = FIELD_SOURCE;

	write_unsigned(writer, unsigned_bytes(number) + field_bytes(datagram->source) +
				       field_bytes(datagram->payload) + 1);
	write_unsigned(writer, number);
	if (datagram->source.size)
		write_field(writer, step, datagram->source);
	else
		step = FIELD_PAYLOAD;
	if (datagram->payload.size)
		write_field(writer, step, datagram->payload);
	write_unsigned(writer, 0);
}
