/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own - how the tc program (offload/own.h) tells the packet sockets that a packet is for one of
 * this host's own TCP connections: by skb->tc_index, which nobody else looks at on the way in.
 *
 * The sockets leave such packets out, before they are copied into a ring. The kernel's stack gets
 * them as ever.
 */
#ifndef PGW_IO_OWN_H
#define PGW_IO_OWN_H

#define OWN_TC_INDEX 0x7067 /* "pg" */

#endif
