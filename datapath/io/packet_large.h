/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet_large - frames that are larger than a slot of the receive ring.
 */
#ifndef PGW_IO_PACKET_LARGE_H
#define PGW_IO_PACKET_LARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/io/io.h"

struct packet_large;

/* packet_large_new() - Return: NULL if there is no memory. It takes 4 MiB at most, by need. */
struct packet_large *packet_large_new(void);
void packet_large_free(struct packet_large *large);

/**
 * packet_large_fetch() - have whole frames instead of their beginnings
 * @fd: the socket
 * @frames: those whose slots are marked TP_STATUS_COPY, in the order of the slots, with what the
 * slot holds of them; IO_BURST at most. Each is replaced by the whole frame, valid until the next
 * call, or gets data NULL if the kernel does not have it any more.
 * Return: how many it does not have.
 */
unsigned packet_large_fetch(struct packet_large *large, int fd, struct io_frame **frames,
			    unsigned n);

/* packet_large_forget() - throw away one frame that waits although no slot announces it. */
void packet_large_forget(struct packet_large *large, int fd);

#endif
