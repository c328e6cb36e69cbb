/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_wire - the data types of RFC 4251 section 5, read and written within bounds.
 *
 * A reader that has met something too short stays bad: whatever it returns then is empty, and
 * its user asks once, at the end. A writer that has run out of room stays full in the same way.
 */
#ifndef PGW_RELAY_SSH_WIRE_H
#define PGW_RELAY_SSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that lie somewhere else; not terminated. */
struct ssh_text {
	const uint8_t *data;
	size_t size;
};
#define SSH_TEXT(literal) ((struct ssh_text){(const uint8_t *)(literal), sizeof(literal) - 1})

struct ssh_reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

struct ssh_writer {
	uint8_t *data;
	size_t size, capacity;
	bool full;
};

uint8_t ssh_get_u8(struct ssh_reader *reader);
bool ssh_get_bool(struct ssh_reader *reader);
uint32_t ssh_get_u32(struct ssh_reader *reader);
struct ssh_text ssh_get_text(struct ssh_reader *reader);
const uint8_t *ssh_get_bytes(struct ssh_reader *reader, size_t n);
/* ssh_get_mpint() - a number that is not negative, without its leading zeros */
struct ssh_text ssh_get_mpint(struct ssh_reader *reader);

void ssh_put_u8(struct ssh_writer *writer, uint8_t value);
void ssh_put_u32(struct ssh_writer *writer, uint32_t value);
void ssh_put_bytes(struct ssh_writer *writer, const void *data, size_t n);
void ssh_put_text(struct ssh_writer *writer, struct ssh_text text);
void ssh_put_string(struct ssh_writer *writer, const char *string);
/* ssh_put_mpint() - @n bytes, big-endian, as a number that is not negative */
void ssh_put_mpint(struct ssh_writer *writer, const uint8_t *number, size_t n);

bool ssh_text_is(struct ssh_text text, const char *string);

/* ssh_list_has() - is @name an element of the comma-separated @list? */
bool ssh_list_has(struct ssh_text list, const char *name);

/* ssh_list_next() - take the first element off @list; Return: false if there is none left. */
bool ssh_list_next(struct ssh_text *list, struct ssh_text *element);

static inline void ssh_store_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

static inline uint32_t ssh_load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#endif
