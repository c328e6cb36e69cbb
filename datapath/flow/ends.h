/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ends - which connections the kernel's programs have closed: a ring in the flow table, told by the
 * programs on all processors, read by the one worker that there is (worker/ends.c). They close
 * those with sockets of this host behind the datapath (struct offload_port, .inside).
 *
 * A program takes a position (compare and swap of ends_head), moves the state, and then writes the
 * record's number there, together with the position: so the reader knows what was written from what
 * has only been taken, and whoever reads on after a reader that was killed finds nothing doubtful.
 * What is told is no more than where to look; what to make of it, the record says (flow/state.h).
 *
 * Limits: ENDS_SLOTS wait at most. Then, as when another program came in between, the packet goes
 * to user space, which reads all that waits before it looks at any packet.
 */
#ifndef PGW_FLOW_ENDS_H
#define PGW_FLOW_ENDS_H

#include "datapath/flow/layout.h"

#define ENDS_SLOTS     1024u
#define ENDS_A_ELEMENT (FLOW_ELEMENT_BYTES / 8)
#define ENDS_ELEMENTS  (ENDS_SLOTS / ENDS_A_ELEMENT)

/* What stands at @position once it was written. @record: FLOW_NONE if nothing came of it */
#define ENDS_SLOT(position, record) ((uint64_t)((position) + 1) << 32 | (record))

#endif
