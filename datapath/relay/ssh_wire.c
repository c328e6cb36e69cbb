/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/ssh_wire.h"

#include <string.h>

const uint8_t *ssh_get_bytes(struct ssh_reader *reader, size_t n)
{
	const uint8_t *at = reader->at;

	if (reader->bad || reader->left < n) {
		reader->bad = true;
		reader->left = 0;
		return NULL;
	}
	reader->at += n;
	reader->left -= n;
	return at;
}

uint8_t ssh_get_u8(struct ssh_reader *reader)
{
	const uint8_t *at = ssh_get_bytes(reader, 1);

	return at ? *at : 0;
}

bool ssh_get_bool(struct ssh_reader *reader)
{
	return ssh_get_u8(reader) != 0;
}

uint32_t ssh_get_u32(struct ssh_reader *reader)
{
	const uint8_t *at = ssh_get_bytes(reader, 4);

	return at ? ssh_load_u32(at) : 0;
}

struct ssh_text ssh_get_text(struct ssh_reader *reader)
{
	uint32_t n = ssh_get_u32(reader);
	const uint8_t *at = ssh_get_bytes(reader, n);

	return (struct ssh_text){at, at ? n : 0};
}

struct ssh_text ssh_get_mpint(struct ssh_reader *reader)
{
	struct ssh_text number = ssh_get_text(reader);

	if (number.size && number.data[0] & 0x80) {
		reader->bad = true;
		return (struct ssh_text){0};
	}
	while (number.size && number.data[0] == 0) {
		number.data++;
		number.size--;
	}
	return number;
}

void ssh_put_bytes(struct ssh_writer *writer, const void *data, size_t n)
{
	if (writer->full || writer->capacity - writer->size < n) {
		writer->full = true;
		return;
	}
	if (n)
		memcpy(writer->data + writer->size, data, n);
	writer->size += n;
}

void ssh_put_u8(struct ssh_writer *writer, uint8_t value)
{
	ssh_put_bytes(writer, &value, 1);
}

void ssh_put_u32(struct ssh_writer *writer, uint32_t value)
{
	uint8_t bytes[4];

	ssh_store_u32(bytes, value);
	ssh_put_bytes(writer, bytes, sizeof(bytes));
}

void ssh_put_text(struct ssh_writer *writer, struct ssh_text text)
{
	ssh_put_u32(writer, (uint32_t)text.size);
	ssh_put_bytes(writer, text.data, text.size);
}

void ssh_put_string(struct ssh_writer *writer, const char *string)
{
	ssh_put_text(writer, (struct ssh_text){(const uint8_t *)string, strlen(string)});
}

void ssh_put_mpint(struct ssh_writer *writer, const uint8_t *number, size_t n)
{
	bool zero;

	while (n && *number == 0) {
		number++;
		n--;
	}
	zero = n && *number & 0x80; /* or it would be read as negative */
	ssh_put_u32(writer, (uint32_t)(n + zero));
	if (zero)
		ssh_put_u8(writer, 0);
	ssh_put_bytes(writer, number, n);
}

bool ssh_text_is(struct ssh_text text, const char *string)
{
	size_t n = strlen(string);

	return text.size == n && (n == 0 || memcmp(text.data, string, n) == 0);
}

bool ssh_list_next(struct ssh_text *list, struct ssh_text *element)
{
	const uint8_t *comma;

	if (!list->size)
		return false;
	comma = memchr(list->data, ',', list->size);
	*element = *list;
	if (!comma) {
		list->size = 0;
		return true;
	}
	element->size = (size_t)(comma - list->data);
	list->data += element->size + 1;
	list->size -= element->size + 1;
	return true;
}

bool ssh_list_has(struct ssh_text list, const char *name)
{
	struct ssh_text element;

	while (ssh_list_next(&list, &element))
		if (ssh_text_is(element, name))
			return true;
	return false;
}
