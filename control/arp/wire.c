/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/arp/wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_BYTES (sizeof(struct ether_header) + ARP_MESSAGE_BYTES)
#define SENDER_AT   (sizeof(struct ether_header) + 14) /* in a frame */
#define TARGET_AT   (sizeof(struct ether_header) + 24)

enum { HEAD = 6, PER_ADDRESS = 2, TAIL = 1 };
static_assert(HEAD + PER_ADDRESS * WIRE_FILTER_MAX + TAIL <= BPF_MAXINSNS,
	      "a filter of that length");

static int attach(int fd, struct sock_filter *program, size_t n)
{
	const struct sock_fprog filter = {.len = (unsigned short)n, .filter = program};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		return -errno;
	return 0;
}

int wire_open(void)
{
	const struct sockaddr_ll any = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
	/* Bound to nothing yet, so that nothing is queued before the filter is there. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	err = wire_filter(fd, NULL, 0);
	if (!err && bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int wire_filter(int fd, const be32 *addresses, size_t n)
{
	/* Not what we have sent ourselves. Of a probe, which has no sender, the target counts. */
	static const struct sock_filter head[HEAD] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TARGET_AT),
	};
	static const struct sock_filter accept = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	static const struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_filter *program;
	size_t used = HEAD;
	int err;

	if (n > WIRE_FILTER_MAX) /* all but our own */
		n = 0;
	else if (!n)
		return attach(fd, (struct sock_filter *)&drop, 1);
	program = calloc(HEAD + PER_ADDRESS * n + TAIL, sizeof(*program));
	if (!program)
		return -ENOMEM;
	memcpy(program, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							       ntohl(addresses[i]), 0, 1);
		program[used++] = accept;
	}
	program[used++] = n ? drop : accept;
	err = attach(fd, program, used);
	free(program);
	return err;
}

int wire_send(int fd, uint32_t ifindex, const struct mac *from, const struct arp_message *message)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ARP),
				       .sll_ifindex = (int)ifindex,
				       .sll_halen = sizeof(struct mac),
				       .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct ether_header header = {.ether_type = htons(ETH_P_ARP)};
	uint8_t frame[FRAME_BYTES];

	memset(header.ether_dhost, 0xff, sizeof(header.ether_dhost));
	memcpy(header.ether_shost, from ? from : &message->sender_mac, sizeof(header.ether_shost));
	memcpy(frame, &header, sizeof(header));
	arp_message_write(frame + sizeof(header), message);
	if (sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

int wire_receive(int fd, uint32_t *ifindex, struct arp_message *message)
{
	uint8_t frame[FRAME_BYTES];
	struct sockaddr_ll from = {.sll_family = 0};
	socklen_t length = sizeof(from);
	ssize_t got = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from, &length);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (got < (ssize_t)sizeof(struct ether_header) ||
	    !arp_message_read(message, frame + sizeof(struct ether_header),
			      (size_t)got - sizeof(struct ether_header)))
		return -EBADMSG;
	*ifindex = (uint32_t)from.sll_ifindex;
	return 1;
}
