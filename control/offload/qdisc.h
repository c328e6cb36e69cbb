/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qdisc - whether anybody uses the clsact of an interface. */
#ifndef PGW_OFFLOAD_QDISC_H
#define PGW_OFFLOAD_QDISC_H

#include <stdint.h>

/* qdisc_filters() - filters at ingress and egress of an interface's clsact.
 * Return: 0 none, 1 some, -errno: that cannot be told. */
int qdisc_filters(uint32_t ifindex);

#endif
