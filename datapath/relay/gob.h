/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gob - datagrams in a stream, as chisel sends them: Go's encoding/gob of
 * struct { Src string; Payload []byte }.
 *
 * Each message is its length and a body; the first of each direction defines the type, the others
 * are values. Unsigned integers below 128 are one byte, others a byte 256 - n and n bytes,
 * big-endian; signed ones have their sign in the lowest bit. A field that is empty is left out.
 * Only this one type is known, with the number that Go gives the first type of a program (65).
 */
#ifndef PGW_RELAY_GOB_H
#define PGW_RELAY_GOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_buffer.h"
#include "datapath/relay/ssh_wire.h"

#define GOB_PAYLOAD_MAX 9012u
#define GOB_SOURCE_MAX	64u /* "[address%zone]:port" */

struct gob_datagram {
	struct ssh_text source, payload;
};

struct gob_reader {
	struct ssh_buffer bytes; /* an incomplete message */
	bool defined;		 /* the type has come */
};

/*
 * gob_read() - append @n bytes, and hand over each datagram that is complete
 * @take: its texts live until it returns
 * Return: 0, -EPROTO malformed, -ENOMEM. At most one message's bytes stay behind.
 */
int gob_read(struct gob_reader *reader, const uint8_t *data, size_t n,
	     void (*take)(void *context, const struct gob_datagram *datagram), void *context);
void gob_reader_free(struct gob_reader *reader);

/* gob_definition() - the type, to be sent once before the first value */
struct ssh_text gob_definition(void);

/* gob_write() - append a value */
void gob_write(struct ssh_writer *writer, const struct gob_datagram *datagram);
#define GOB_VALUE_MAX (GOB_PAYLOAD_MAX + GOB_SOURCE_MAX + 16u) /* bytes of a value */

#endif
