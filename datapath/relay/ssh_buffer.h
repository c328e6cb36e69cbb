/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_buffer - bytes that wait: appended at the end, taken from the front.
 *
 * Grows by doubling and gives its memory back when it is empty, so that an idle tunnel holds none.
 * It has no limit of its own; each user says how full it may get.
 */
#ifndef PGW_RELAY_SSH_BUFFER_H
#define PGW_RELAY_SSH_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct ssh_buffer {
	uint8_t *bytes;
	size_t start, end, capacity;
};

static inline size_t ssh_buffer_size(const struct ssh_buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline uint8_t *ssh_buffer_data(const struct ssh_buffer *buffer)
{
	return buffer->bytes + buffer->start;
}

/* ssh_buffer_reserve() - room for @n bytes at the end; Return: where, NULL without memory */
uint8_t *ssh_buffer_reserve(struct ssh_buffer *buffer, size_t n);

/* ssh_buffer_commit() - @n of the reserved bytes have been written */
static inline void ssh_buffer_commit(struct ssh_buffer *buffer, size_t n)
{
	buffer->end += n;
}

/* ssh_buffer_append() - Return: 0 or -ENOMEM */
int ssh_buffer_append(struct ssh_buffer *buffer, const void *data, size_t n);

/* ssh_buffer_consume() - take @n bytes off the front */
void ssh_buffer_consume(struct ssh_buffer *buffer, size_t n);
/* ssh_buffer_empty() - forget what is in it, keep its memory */
static inline void ssh_buffer_empty(struct ssh_buffer *buffer)
{
	buffer->start = buffer->end = 0;
}
void ssh_buffer_free(struct ssh_buffer *buffer);

#endif
