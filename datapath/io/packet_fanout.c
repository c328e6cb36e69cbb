/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet_fanout - to which of an interface's sockets the kernel gives a frame.
 *
 * A group of sockets, in the order in which they joined; a classic BPF program names one by a
 * number, of which the kernel takes the remainder. What the program cannot read goes to the first.
 * When the link goes down and comes up again, the kernel makes the order anew, the same one.
 *
 * The program's bytes begin at the IP header.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "datapath/io/packet.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

#define IP_ID	    4
#define IP_FRAGMENT 6
#define IP_PROTOCOL 9
#define IP_SOURCE   12
#define IP_OFFSET   0x1fff /* of the fragment field: where in the datagram it lies */
#define ICMP_ID	    4	   /* behind the IP header, as all below */
#define SOURCE_PORT 0
#define TARGET_PORT 2

#define LOAD_HALF(at)	     BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (at))
#define LOAD_HALF_BEHIND(at) BPF_STMT(BPF_LD | BPF_H | BPF_IND, (at))
#define RETURN		     BPF_STMT(BPF_RET | BPF_A, 0)
/* The same up to here: 9 is what a later fragment goes to, 5 an ICMP message, 7 what has ports. */
#define BEGIN                                                                                      \
	LOAD_HALF(IP_FRAGMENT), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, IP_OFFSET, 7, 0),             \
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                                            \
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL),                                   \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 2)
#define RETURN_WITH_SOURCE                                                                         \
	BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_SOURCE),            \
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), RETURN

static struct sock_filter by_source[] = {
	BEGIN,
	/* 5 */ LOAD_HALF_BEHIND(ICMP_ID),
	BPF_STMT(BPF_JMP | BPF_JA, 3),
	/* 7 */ LOAD_HALF_BEHIND(SOURCE_PORT),
	BPF_STMT(BPF_JMP | BPF_JA, 1),
	/* 9 */ LOAD_HALF(IP_ID),
	/* 10 */ RETURN_WITH_SOURCE,
};

static struct sock_filter by_port[] = {
	BEGIN,
	/* 5 */ LOAD_HALF_BEHIND(ICMP_ID),
	RETURN,
	/* 7 */ LOAD_HALF_BEHIND(TARGET_PORT),
	RETURN,
	/* 9 */ LOAD_HALF(IP_ID),
	RETURN_WITH_SOURCE,
};

static const struct sock_fprog programs[] = {
	[PACKET_BY_SOURCE] = {sizeof(by_source) / sizeof(by_source[0]), by_source},
	[PACKET_BY_PORT] = {sizeof(by_port) / sizeof(by_port[0]), by_port},
};

int packet_fanout_join(int fd, enum packet_spread spread, int *group)
{
	int type = PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_IGNORE_OUTGOING, value;
	socklen_t bytes = sizeof(value);

	if (*group >= 0) {
		value = *group | type << 16;
		return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)) ? -errno
											: 0;
	}
	value = (type | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &programs[spread],
		       sizeof(programs[spread])) ||
	    getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &bytes))
		return -errno;
	*group = value & 0xffff;
	return 0;
}
