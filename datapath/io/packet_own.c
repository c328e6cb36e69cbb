/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet_own - a filter of a packet socket: all but what own.h marks.
 *
 * Classic filters do not know skb->tc_index, so it is a BPF program, of six instructions.
 */
#include "datapath/io/packet_own.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "datapath/io/own.h"

static const struct bpf_insn not_own[] = {
	/* r0 = skb->tc_index */
	{.code = BPF_LDX | BPF_MEM | BPF_W,
	 .dst_reg = BPF_REG_0,
	 .src_reg = BPF_REG_1,
	 .off = offsetof(struct __sk_buff, tc_index)},
	/* r0 == OWN_TC_INDEX: over the next one */
	{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2, .imm = OWN_TC_INDEX},
	/* all bytes of it */
	{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
	{.code = BPF_JMP | BPF_EXIT},
	/* none */
	{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

static int load(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uint64_t)(uintptr_t)not_own;
	attr.insn_cnt = sizeof(not_own) / sizeof(not_own[0]);
	attr.license = (uint64_t)(uintptr_t) "GPL";
	memcpy(attr.prog_name, "pgw_not_own", sizeof("pgw_not_own"));
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int packet_leave_own(int fd)
{
	int program = load(), code = program < 0 ? -errno : 0;

	if (!code && setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)))
		code = -errno;
	if (program >= 0)
		close(program); /* the socket has its own reference */
	return code;
}
