/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message - ARP of IPv4 over Ethernet (RFC 826), as guard.h says and hears it. */
#ifndef PGW_ARP_MESSAGE_H
#define PGW_ARP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/addr.h"

#define ARP_MESSAGE_BYTES 28

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_message {
	enum arp_operation operation;
	struct mac sender_mac, target_mac;
	be32 sender, target;
};

/**
 * arp_message_read() - what follows the Ethernet header, from anybody
 * Return: false if it is no request or reply of IPv4 over Ethernet, or cut off.
 */
bool arp_message_read(struct arp_message *message, const uint8_t *bytes, size_t n);

void arp_message_write(uint8_t bytes[ARP_MESSAGE_BYTES], const struct arp_message *message);

#endif
