/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listening - the ports that sockets of this network namespace use. */
#ifndef PGW_NETLINK_LISTENING_H
#define PGW_NETLINK_LISTENING_H

#include <stddef.h>

#include "datapath/policy/snapshot.h"

/* listening_sockets() - kernel_listening() without the ports that the kernel may choose itself.
 * @list: malloc'ed, the caller's; sorted, unique. Return: 0 or -errno. */
int listening_sockets(struct snapshot_reserved **list, size_t *n);

#endif
