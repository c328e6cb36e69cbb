/* SPDX-License-Identifier: GPL-2.0-or-later */
/* announce - gratuitous ARP: neighbours learn at once which MAC an address has now. */
#ifndef PGW_NETLINK_ANNOUNCE_H
#define PGW_NETLINK_ANNOUNCE_H

#include "datapath/base/addr.h"

/* announce() - an ARP announcement (RFC 5227 2.3) from an interface of MAC @mac. Return: 0 or
 * -errno; without it neighbours learn later, so it is no reason to fail. */
int announce(uint32_t ifindex, const struct mac *mac, be32 addr);

#endif
