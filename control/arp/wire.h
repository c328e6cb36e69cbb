/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - one packet socket for the ARP messages of all links of this namespace.
 *
 * A filter in the kernel lets through only what guard.h must hear: messages whose sender is one of
 * the guarded addresses, and probes for one. So a flood of ARP between others, or of questions for
 * our addresses, does not wake pgwd. With more than WIRE_FILTER_MAX addresses all ARP comes
 * through.
 */
#ifndef PGW_ARP_WIRE_H
#define PGW_ARP_WIRE_H

#include "control/arp/message.h"

#define WIRE_FILTER_MAX 1000

/* wire_open() - a non-blocking socket that hears nothing before wire_filter(). Return: descriptor
 * or -errno. */
int wire_open(void);

/* wire_filter() - hear of these addresses, and none else; @n 0: nothing. Return: 0 or -errno. */
int wire_filter(int fd, const be32 *addresses, size_t n);

/* wire_send() - broadcast @message on a link. @from: the Ethernet source; NULL: the sender of it.
 * Return: 0 or -errno. */
int wire_send(int fd, uint32_t ifindex, const struct mac *from, const struct arp_message *message);

/**
 * wire_receive() - the next message that has come
 * Return: 1; 0: there is none now; -EBADMSG: it is no ARP of IPv4; other -errno.
 */
int wire_receive(int fd, uint32_t *ifindex, struct arp_message *message);

#endif
