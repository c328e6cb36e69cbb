/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem - a port whose frames come from and go to the caller's memory: for tests and fuzzing.
 *
 * It counts exactly what the packet backend counts.
 */
#ifndef PGW_IO_MEM_H
#define PGW_IO_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/io/io.h"

#define MEM_PORT_FRAMES 1024u /* that each direction can hold */

/* mem_port_create() - Return: 0 or -ENOMEM. Ended by the port's close operation. */
int mem_port_create(struct io_counters counters, struct io_port **port);

/**
 * mem_port_push() - give the port a frame to receive
 * @frame: copied; Ethernet header first
 * @len: bytes, at most IO_FRAME_BYTES
 * @offload: NULL means none
 * @vlan: the frame came with an 802.1Q tag, already taken off
 * Return: false if the queue is full or the frame too long or out of memory.
 */
bool mem_port_push(struct io_port *port, const void *frame, uint32_t len,
		   const struct io_offload *offload, bool vlan);

/* mem_port_push_cut() - the same, of a frame that had @wire_len bytes on the wire (> @len). */
bool mem_port_push_cut(struct io_port *port, const void *frame, uint32_t len, uint32_t wire_len);

/**
 * mem_port_pop() - take the oldest frame that was sent
 * @buffer: gets head and tail as one piece
 * @size: bytes there; a longer frame is cut to it
 * @offload: NULL if not wanted
 * Return: length of the frame as sent, 0 if there is none.
 */
uint32_t mem_port_pop(struct io_port *port, void *buffer, uint32_t size,
		      struct io_offload *offload);

/* mem_port_sent() - frames that wait for mem_port_pop(). mem_port_waiting() - for rx(). */
unsigned mem_port_sent(const struct io_port *port);
unsigned mem_port_waiting(const struct io_port *port);

/**
 * mem_port_refuse() - let sends fail from now on, as an interface may
 * @error: ENOBUFS or EAGAIN (counted tx-no-buffer), any other (tx-error), 0 = accept again
 * @count: how many sends fail; UINT32_MAX = all
 */
void mem_port_refuse(struct io_port *port, int error, uint32_t count);

#endif
