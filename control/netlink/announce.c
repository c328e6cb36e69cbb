/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/netlink/announce.h"

struct arp { /* of IPv4 over Ethernet */
	uint16_t hardware, protocol;
	uint8_t hardware_bytes, protocol_bytes;
	uint16_t operation;
	struct mac sender;
	uint8_t sender_addr[4];
	struct mac target;
	uint8_t target_addr[4];
};
static_assert(sizeof(struct arp) == 28, "as on the wire");

int announce(uint32_t ifindex, const struct mac *mac, be32 addr)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = (int)ifindex,
		.sll_halen = sizeof(*mac),
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};
	struct arp arp = {
		.hardware = htons(ARPHRD_ETHER),
		.protocol = htons(ETH_P_IP),
		.hardware_bytes = sizeof(*mac),
		.protocol_bytes = sizeof(addr),
		.operation = htons(ARPOP_REQUEST),
		.sender = *mac,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(arp.sender_addr, &addr, sizeof(addr));
	memcpy(arp.target_addr, &addr, sizeof(addr));
	if (sendto(fd, &arp, sizeof(arp), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err = -errno;
	close(fd);
	return err;
}
