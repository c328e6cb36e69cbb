/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaying_block - a configuration as pgw-relay reads it (datapath/relay/handover.h). */
#ifndef PGW_CONTROL_RELAYING_BLOCK_H
#define PGW_CONTROL_RELAYING_BLOCK_H

#include <jansson.h>

#include "control/inside.h"

/* relaying_block_needed() - whether there is anything for pgw-relay to do. */
bool relaying_block_needed(const struct config *config);

/**
 * relaying_block() - make it
 * @up: by backend, in the order of @config; NULL: all
 * @fds: HANDOVER_FDS_MAX - 1 places; set to the sockets, borrowed. They come behind the block
 * itself. Return: new reference, NULL without memory.
 */
json_t *relaying_block(const struct config *config, const struct inside *inside, const uint8_t *up,
		       uint64_t revision, int *fds, unsigned *n_fds);

#endif
