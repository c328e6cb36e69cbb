/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offload_bench - the tc and the XDP program of datapath/offload, run by the kernel's
 * BPF_PROG_TEST_RUN on frames of the test's making, against what the worker makes of the same.
 *
 * Worker and program work on one flow table, a BPF map. A frame is shown to the program first. If
 * it leaves it alone, then the frame and the flow must be as they were. If it forwards it, then all
 * is put back, the worker gets the frame, and must send the same bytes and leave the same record.
 */
#ifndef PGW_TESTS_OFFLOAD_BENCH_H
#define PGW_TESTS_OFFLOAD_BENCH_H

#include "tests/unit/talk.h"

#define SKIPPED 77
#define MTU	1500u
/* A connection that is not established, idle for so long, is left to the worker, whose own timer is
 * longer. */
#define BENCH_TRANS_TICKS 200000u

enum hook { HOOK_TC, HOOK_XDP };
extern enum hook bench_hooks[];

struct bench {
	enum hook hook; /* the program under test */
	struct harness *h;
	struct forward_bpf *program;
	int table_fd;
	unsigned runs;
	uint32_t inside; /* portgroups, a bit each, that lead to sockets of this host */
	void *table;
	size_t bytes;
};

/* A frame of every kind of flow that the harness's configuration makes. */
struct talk {
	struct connection tcp; /* through the pool */
	uint16_t udp_external; /* of CLIENT:4000 to VC:53 */
};

/* bench_possible() - Return: false, and a message, if BPF programs are not permitted here. */
bool bench_possible(void);
/* bench_open() - @state: of the test, its hook */
struct bench *bench_open(void **state);
void bench_close(struct bench *b);
void bench_set_port(struct bench *b, uint32_t index, uint32_t mtu, bool up);
void bench_set_inside(struct bench *b, uint32_t index);
void bench_refuse_xdp(struct bench *b, uint32_t index); /* its link takes no frames from XDP */
void bench_limit_mss(struct bench *b, uint32_t index,
		     uint16_t mss_max);		     /* OFFLOAD_MSS_*, or bytes */
void bench_talk(struct bench *b, struct talk *talk); /* make the flows of @talk */
/* bench_age() - nothing has been seen of @c for @ticks. */
void bench_age(const struct connection *c, uint32_t ticks);
/* bench_datagram() - one of the UDP flow, from the client. */
struct probe bench_datagram(uint16_t payload);

/* bench_compare() - the property. Return: whether the program forwarded @frame. */
bool bench_compare(struct bench *b, uint8_t port, const struct frame *frame);
/* bench_arrives() - @frame is the program's, or, if that leaves it alone, the worker's. Return:
 * whether one of them sent it, as @out. */
bool bench_arrives(struct bench *b, uint8_t port, const struct frame *frame, struct frame *out);
/* bench_forwards() - bench_compare() of @probe; what was sent is thrown away. */
bool bench_forwards(struct bench *b, uint8_t port, const struct probe *probe);

/* Each test for each of the two programs. */
#define BOTH(name)                                                                                 \
	cmocka_unit_test_prestate(test_##name, &bench_hooks[HOOK_TC]),                             \
	{                                                                                          \
		"test_" #name "_xdp", test_##name, NULL, NULL, &bench_hooks[HOOK_XDP]              \
	}

#endif
