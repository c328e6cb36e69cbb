/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PGW_IO_PACKET_OWN_H
#define PGW_IO_PACKET_OWN_H

/* packet_leave_own() - packets of this host's own connections, as far as the tc program has marked
 * them (own.h), do not come by this socket. Return: 0, -errno: they come. */
int packet_leave_own(int fd);

#endif
