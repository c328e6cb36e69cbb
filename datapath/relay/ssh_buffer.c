/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/ssh_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 512u

uint8_t *ssh_buffer_reserve(struct ssh_buffer *buffer, size_t n)
{
	size_t used = ssh_buffer_size(buffer), capacity = buffer->capacity;
	uint8_t *bytes;

	if (buffer->capacity - buffer->end >= n)
		return buffer->bytes + buffer->end;
	if (used + n <= buffer->capacity && buffer->start >= used) {
		memcpy(buffer->bytes, ssh_buffer_data(buffer), used);
		buffer->start = 0;
		buffer->end = used;
		return buffer->bytes + used;
	}
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN;
	while (capacity < used + n) {
		if (capacity > SIZE_MAX / 2)
			return NULL;
		capacity *= 2;
	}
	bytes = malloc(capacity);
	if (!bytes)
		return NULL;
	if (used)
		memcpy(bytes, ssh_buffer_data(buffer), used);
	free(buffer->bytes);
	*buffer = (struct ssh_buffer){.bytes = bytes, .end = used, .capacity = capacity};
	return bytes + used;
}

int ssh_buffer_append(struct ssh_buffer *buffer, const void *data, size_t n)
{
	uint8_t *room = n ? ssh_buffer_reserve(buffer, n) : NULL;

	if (!n)
		return 0;
	if (!room)
		return -ENOMEM;
	memcpy(room, data, n);
	buffer->end += n;
	return 0;
}

void ssh_buffer_consume(struct ssh_buffer *buffer, size_t n)
{
	buffer->start += n;
	if (buffer->start == buffer->end)
		ssh_buffer_free(buffer);
}

void ssh_buffer_free(struct ssh_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct ssh_buffer){0};
}
