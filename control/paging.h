/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paging - huge pages for the flow table (netlink/hugepages.h), where it is large and a memfd: a
 * BPF array has none. Never makes anything else fail.
 */
#ifndef PGW_CONTROL_PAGING_H
#define PGW_CONTROL_PAGING_H

#include "control/gateway.h"

/* paging_want() - before a memfd of @bytes is made for the table, or when one was taken over. */
void paging_want(struct gateway *gateway, size_t bytes);

#endif
