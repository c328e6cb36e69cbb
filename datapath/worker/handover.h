/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - frames on their way from the worker that received them to the one whose flow they
 * belong to. Private to datapath/worker.
 *
 * One ring for each pair of workers: one writer, one reader, no locks. A frame is copied into the
 * ring, because the one that it came in goes back with its burst. What finds no room is dropped and
 * counted: the reader is behind, as an interface is whose ring is full.
 *
 *   next     writer: slots filled          told     writer: slots that the reader knows of
 *   taken    reader: slots it works on     done     reader: slots the writer may use again
 *
 * Limits: HANDOVER_SLOTS a ring. A slot's pages are touched only as far as frames reach.
 */
#ifndef PGW_WORKER_HANDOVER_H
#define PGW_WORKER_HANDOVER_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "datapath/base/addr.h"
#include "datapath/io/io.h"

#define HANDOVER_SLOTS 256u /* a power of two */
#define HANDOVER_HOPS  4u   /* a frame whose flow ends and begins anew on its way goes no further */

enum handover_what {
	HANDOVER_FRAME,	   /* as it was received */
	HANDOVER_FRAGMENT, /* the same, and the ports that its datagram's first fragment had */
	HANDOVER_FIRST,	   /* no frame: what became of a datagram's first fragment */
};

struct handover {
	uint8_t what; /* enum handover_what */
	uint8_t port; /* portgroup on which it arrived */
	uint8_t hops; /* hand-overs so far */
	uint8_t reason, proto;
	be16 sport, dport; /* FRAGMENT, FIRST */
	uint16_t id, new_id;
	be32 src, dst; /* FIRST */
	uint32_t len;
	struct io_offload offload;
	uint8_t spare[6];
	uint8_t headroom[IO_HEADROOM];
	uint8_t data[IO_FRAME_BYTES + 5];
};
static_assert(sizeof(struct handover) % 4 == 0 && (offsetof(struct handover, data) + 14) % 4 == 0,
	      "IP headers are aligned");

struct handover_ring {
	_Alignas(64) _Atomic uint32_t told;
	uint32_t next, done_seen;
	_Alignas(64) _Atomic uint32_t done;
	uint32_t taken;
	struct handover *slots;
};

int handover_init(struct handover_ring *ring); /* 0 or -ENOMEM */
void handover_fini(struct handover_ring *ring);

/* handover_put() - the next slot to fill, NULL if there is no room. handover_tell() - the reader
 * may have what was filled. Return: whether there was anything to tell. */
struct handover *handover_put(struct handover_ring *ring);
bool handover_tell(struct handover_ring *ring);

/* handover_waiting() - slots to be read. handover_take() - the next of them; it stays the reader's
 * until handover_done(), which gives back all that were taken. */
uint32_t handover_waiting(const struct handover_ring *ring);
struct handover *handover_take(struct handover_ring *ring);
void handover_done(struct handover_ring *ring);

#endif
