/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/arp/message.h"

#include <string.h>

/* Hardware type 1 (Ethernet), protocol type 0x0800 (IPv4), their lengths: what all messages that
 * concern us begin with. The operation follows. */
static const uint8_t prefix[6] = {0, 1, 8, 0, sizeof(struct mac), sizeof(be32)};

enum { OPERATION = 6, SENDER_MAC = 8, SENDER = 14, TARGET_MAC = 18, TARGET = 24 };

bool arp_message_read(struct arp_message *message, const uint8_t *bytes, size_t n)
{
	unsigned operation;

	if (n < ARP_MESSAGE_BYTES || memcmp(bytes, prefix, sizeof(prefix)) != 0)
		return false;
	operation = (unsigned)bytes[OPERATION] << 8 | bytes[OPERATION + 1];
	if (operation != ARP_REQUEST && operation != ARP_REPLY)
		return false;
	message->operation = operation;
	memcpy(&message->sender_mac, bytes + SENDER_MAC, sizeof(message->sender_mac));
	memcpy(&message->sender, bytes + SENDER, sizeof(message->sender));
	memcpy(&message->target_mac, bytes + TARGET_MAC, sizeof(message->target_mac));
	memcpy(&message->target, bytes + TARGET, sizeof(message->target));
	return true;
}

void arp_message_write(uint8_t bytes[ARP_MESSAGE_BYTES], const struct arp_message *message)
{
	memcpy(bytes, prefix, sizeof(prefix));
	bytes[OPERATION] = 0;
	bytes[OPERATION + 1] = (uint8_t)message->operation;
	memcpy(bytes + SENDER_MAC, &message->sender_mac, sizeof(message->sender_mac));
	memcpy(bytes + SENDER, &message->sender, sizeof(message->sender));
	memcpy(bytes + TARGET_MAC, &message->target_mac, sizeof(message->target_mac));
	memcpy(bytes + TARGET, &message->target, sizeof(message->target));
}
