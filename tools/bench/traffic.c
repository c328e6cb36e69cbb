/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/traffic.h"

#include <errno.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/child.h"
#include "tools/bench/frame.h"
#include "tools/bench/sockets.h"
#include "tools/bench/verify.h"

#define PACED_BURST   64u
#define PACED_TICK_NS 250000u
#define FLOOD_REPEAT                                                                               \
	(1u << 22) /* frames per call: long, for a call begins with milliseconds of set-up */
#define SETTLE_NS    20000000u
#define SETTLE_TRIES 250

struct traffic *traffic_create(void)
{
	struct traffic *traffic = shared(sizeof(*traffic));

	if (traffic)
		traffic->cpu = -1;
	return traffic;
}

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	traffic_stop(traffic);
	unshared(traffic, sizeof(*traffic));
}

void traffic_stop(struct traffic *traffic)
{
	child_end(traffic->pid);
	traffic->pid = 0;
}

struct burst {
	uint8_t frame[PACED_BURST][FRAME_SMALL_BYTES];
	struct iovec iov[PACED_BURST];
	struct mmsghdr message[PACED_BURST];
};

static void burst_init(struct burst *burst, const struct frame_spec *spec)
{
	memset(burst, 0, sizeof(*burst));
	for (unsigned i = 0; i < PACED_BURST; i++) {
		frame_udp(burst->frame[i], spec);
		burst->iov[i] = (struct iovec){burst->frame[i], FRAME_SMALL_BYTES};
		burst->message[i].msg_hdr.msg_iov = &burst->iov[i];
		burst->message[i].msg_hdr.msg_iovlen = 1;
	}
}

/* burst_send() - send the next @n frames; one that is refused is skipped */
static void burst_send(struct traffic *traffic, int fd, struct burst *burst, unsigned n)
{
	uint64_t first = atomic_load(&traffic->sent) + atomic_load(&traffic->refused);
	struct frame_spec spec;
	unsigned done = 0;

	memcpy(&spec.src, burst->frame[0] + 26, sizeof(spec.src));
	for (unsigned i = 0; i < n; i++) {
		uint64_t flow = (first + i) % ((uint64_t)traffic->sports * traffic->dports);

		frame_rewrite(burst->frame[i], spec.src,
			      (uint16_t)(TRAFFIC_SPORT + flow % traffic->sports),
			      (uint16_t)(TRAFFIC_DPORT + flow / traffic->sports));
	}
	while (done < n) {
		int sent = sendmmsg(fd, burst->message + done, n - done, 0);

		if (sent > 0) {
			done += (unsigned)sent;
			atomic_fetch_add(&traffic->sent, (unsigned)sent);
		} else {
			done++;
			atomic_fetch_add(&traffic->refused, 1);
		}
	}
}

static int paced_main(void *arg)
{
	struct traffic *traffic = arg;
	struct frame_spec spec = {
		.sport = TRAFFIC_SPORT, .dport = TRAFFIC_DPORT, .bytes = FRAME_SMALL_BYTES};
	int fd = frame_socket(CLIENT_DEV, &spec);
	struct burst *burst = malloc(sizeof(*burst));
	uint64_t begin = now_ns(), done = 0;

	if (fd < 0 || !burst) {
		atomic_store(&traffic->ended, fd < 0 ? fd : -ENOMEM);
		return 1;
	}
	burst_init(burst, &spec);
	while (!traffic->count || done < traffic->count) {
		uint64_t due = (now_ns() - begin) * traffic->rate_pps / 1000000000u;
		unsigned n = due - done < PACED_BURST ? (unsigned)(due - done) : PACED_BURST;

		if (traffic->count && n > traffic->count - done)
			n = (unsigned)(traffic->count - done);
		if (n == 0) {
			nanosleep(&(struct timespec){.tv_nsec = PACED_TICK_NS}, NULL);
			continue;
		}
		burst_send(traffic, fd, burst, n);
		done += n;
	}
	atomic_store(&traffic->ended, 1);
	return 0;
}

#define ENTRIES(array)	     (sizeof(array) / sizeof((array)[0]))
#define INSN(op, d, s, o, i) ((struct bpf_insn){(op), (d), (s), (o), (int)(i)})

/**
 * flood_program() - XDP: write the frame, draw a source port, keep the checksum by adjusting the
 * payload, and redirect to @ifindex
 * @template: what to write; the frames' memory comes back from the receiver, who has forwarded
 *            from it and so has changed it
 * @spare: the payload that is part of the template's port
 * Return: a descriptor or -errno.
 */
static int flood_program(unsigned ifindex, const uint8_t template[FRAME_SMALL_BYTES],
			 unsigned spare)
{
	const struct bpf_insn head[] = {
		INSN(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_7, BPF_REG_1, 0, 0), /* data */
		INSN(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_1, 4, 0), /* data_end */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_7, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, FRAME_SMALL_BYTES),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 /* XDP_DROP */),
		INSN(BPF_JMP | BPF_JLE | BPF_X, BPF_REG_4, BPF_REG_3, 1, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const struct bpf_insn tail[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, TRAFFIC_FLOOD_FLOWS - 1),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_0, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, TRAFFIC_SPORT),
		INSN(BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_1, 0, 0, 16),
		INSN(BPF_STX | BPF_H | BPF_MEM, BPF_REG_7, BPF_REG_1, 34, 0), /* UDP source */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, spare),
		INSN(BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_2, BPF_REG_0, 0, 0),
		INSN(BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_2, 0, 0, 16),
		INSN(BPF_STX | BPF_H | BPF_MEM, BPF_REG_7, BPF_REG_2, 42, 0), /* payload */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, ifindex),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct bpf_insn program[ENTRIES(head) + FRAME_SMALL_BYTES / 4 + ENTRIES(tail)];
	unsigned n = ENTRIES(head);
	union bpf_attr attr;
	long fd;

	memcpy(program, head, sizeof(head));
	for (unsigned at = 0; at < FRAME_SMALL_BYTES; at += 4) {
		int word;

		memcpy(&word, template + at, sizeof(word));
		program[n++] = INSN(BPF_ST | BPF_W | BPF_MEM, BPF_REG_7, 0, (short)at, word);
	}
	memcpy(program + n, tail, sizeof(tail));
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = ENTRIES(program);
	attr.license = (uintptr_t) "GPL";
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}

static int flood_main(void *arg)
{
	struct traffic *traffic = arg;
	const unsigned spare = 1000; /* the payload that the template's port stands for */
	struct frame_spec spec = {
		.sport = TRAFFIC_SPORT + spare, .dport = TRAFFIC_DPORT, .bytes = FRAME_SMALL_BYTES};
	int sock = frame_socket(CLIENT_DEV, &spec);
	uint8_t frame[FRAME_SMALL_BYTES];
	union bpf_attr attr;
	int program;

	close(sock);
	frame_udp(frame, &spec);
	program = flood_program(if_nametoindex(CLIENT_DEV), frame, spare);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)program;
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in = sizeof(frame);
	attr.test.repeat = FLOOD_REPEAT;
	attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	while (program >= 0) {
		uint64_t begin = now_ns();

		if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
			break;
		atomic_fetch_add(&traffic->sent, FLOOD_REPEAT);
		atomic_fetch_add(&traffic->flood_ns, now_ns() - begin);
	}
	atomic_store(&traffic->ended, program < 0 ? program : -errno);
	return 1;
}

int traffic_start(struct run *run, struct traffic *traffic)
{
	traffic->pid = child_start((struct place){run->topology.client, traffic->cpu},
				   traffic->rate_pps ? paced_main : flood_main, traffic);
	if (traffic->pid > 0)
		return 0;
	return run_fail(run, "cannot start the generator: %s", strerror(-traffic->pid));
}

int sink_create(struct run *run)
{
	char rules[1024], output[200];
	int status;

	snprintf(rules, sizeof(rules),
		 "table netdev bench {\n"
		 "  counter translated { }\n"
		 "  counter foreign { }\n"
		 "  chain in {\n"
		 "    type filter hook ingress device " SERVER_DEV " priority 0;\n"
		 "    udp dport %u-%u ip saddr %s counter name translated drop\n"
		 "    udp dport %u-%u counter name foreign drop\n"
		 "  }\n"
		 "}\n",
		 TRAFFIC_DPORT, TRAFFIC_DPORT + 999, verify_source(run->variant), TRAFFIC_DPORT,
		 TRAFFIC_DPORT + 999);
	status = command((struct place){run->topology.server, -1},
			 (const char *const[]){"nft", "-f", "-", NULL}, rules, output,
			 sizeof(output));
	if (status)
		return run_fail(run, "nft failed for the sink (%d): %s", status, output);
	return 0;
}

int sink_read(struct run *run, struct sink_count *count)
{
	char output[4096];
	int status = command((struct place){run->topology.server, -1},
			     (const char *const[]){"nft", "-j", "list", "counters", NULL}, NULL,
			     output, sizeof(output));
	json_t *root = status ? NULL : json_loads(output, 0, NULL), *item;
	unsigned found = 0;
	size_t i;

	json_array_foreach(json_object_get(root, "nftables"), i, item)
	{
		json_t *counter = json_object_get(item, "counter");
		const char *name = json_string_value(json_object_get(counter, "name"));
		json_int_t packets = json_integer_value(json_object_get(counter, "packets"));

		if (!name)
			continue;
		found++;
		if (strcmp(name, "translated") == 0)
			count->translated = (uint64_t)packets;
		else
			count->foreign = (uint64_t)packets;
	}
	json_decref(root);
	if (found != 2)
		return run_fail(run, "cannot read the sink's counters: %.200s", output);
	if (count->foreign)
		return run_fail(run, "%llu packets showed a source other than %s",
				(unsigned long long)count->foreign, verify_source(run->variant));
	return 0;
}

int sink_settle(struct run *run, struct sink_count *count)
{
	uint64_t last = UINT64_MAX;

	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		if (sink_read(run, count))
			return -1;
		if (count->translated == last)
			return 0;
		last = count->translated;
		if (!wait_ns(SETTLE_NS))
			return run_fail(run, "interrupted");
	}
	return run_fail(run, "packets still arrive 5 s after the last was sent");
}
