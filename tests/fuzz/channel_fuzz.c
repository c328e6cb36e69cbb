/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel_fuzz - bytes as messages of the channel, each with descriptors, to the datapath's end.
 *
 * Input: bytes of damage D, D bytes of {what and offset low, offset high, value}, which change the
 * flow table and the snapshot that are handed over; then messages of {type, number of descriptors
 * and which ones, length of the body, body}. What must hold: no crash, no descriptor left over,
 * and the listening socket goes on accepting.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/config/model.h"
#include "datapath/flow/table.h"
#include "datapath/process/channel.h"
#include "datapath/process/control.h"
#include "datapath/worker/worker.h"

#define CAPACITY     64u
#define FLOWS	     3u
#define MESSAGES_MAX 16u
#define DESCRIPTORS  64 /* more than are ever open */

enum candidate { EMPTY_FILE, TABLE, COUNTERS, SNAPSHOT, CANDIDATES };

/* What a part is when it is whole. */
static struct {
	uint8_t *bytes;
	size_t size;
} whole[CANDIDATES];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_table(void)
{
	static const uint8_t key[32];
	struct flow_table flows;

	whole[TABLE].size = flow_table_bytes(CAPACITY);
	whole[TABLE].bytes = aligned_alloc(4096, whole[TABLE].size);
	assert(whole[TABLE].bytes);
	memset(whole[TABLE].bytes, 0, whole[TABLE].size);
	flow_table_format(whole[TABLE].bytes, CAPACITY, key, 0);
	if (flow_table_attach(&flows, whole[TABLE].bytes, whole[TABLE].size))
		abort();
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow *flow = &flows.records[flow_alloc(&flows, 0)];

		flow->tuple[0] =
			(struct flow_tuple){.src = i + 10, .sport = 5, .dst = 9, .dport = 7};
		flow->tuple[1] = (struct flow_tuple){
			.src = 9, .sport = 7, .dst = 0x0200000a, .dport = (be16)(i + 6)};
		flow->proto = i ? 6 : 17;
		flow->flags = i == 2 ? FLOW_SNAT : FLOW_SNAT | FLOW_EIM;
		flow->tcp_state = i ? TCP_ESTABLISHED : TCP_NONE;
		flow->port[1] = 1;
		if (!flow_publish(&flows, i))
			abort();
	}
	flow_table_detach(&flows);
}

static void make_snapshot(void)
{
	static const char text[] = "portgroup add vrack dev eth1 realm private\n"
				   "portgroup add vsphere dev eth2 realm vsphere\n"
				   "address add 172.16.0.1/24 portgroup vrack\n"
				   "address add 10.0.0.2/24 portgroup vsphere\n"
				   "pool add default external-ip-address 10.0.0.2\n"
				   "nat add 10 from 0.0.0.0/0 to 10.0.0.0/24 pool default\n"
				   "allow add 192.168.0.0/16\n";
	struct config_runtime runtime = {
		.portgroup = {{.index = 0, .ifindex = 11}, {.index = 1, .ifindex = 12}}};
	const uint16_t pools[] = {0};
	struct config_error error;
	struct config config;

	config_init(&config);
	if (config_parse(&config, text, sizeof(text) - 1, &error))
		abort();
	runtime.pool_index = pools;
	whole[SNAPSHOT].bytes = config_compile(&config, &runtime, &whole[SNAPSHOT].size);
	assert(whole[SNAPSHOT].bytes);
	config_free(&config);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_table();
	make_snapshot();
	whole[COUNTERS].size = sizeof(struct counters_page);
	return 0;
}

/* Descriptors that a message may carry. */
static void make_candidates(int candidates[CANDIDATES], const uint8_t *data, size_t size)
{
	uint8_t *memory[CANDIDATES] = {NULL};

	for (unsigned i = 0; i < CANDIDATES; i++) {
		candidates[i] = memfd_create("pgw-fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (candidates[i] < 0 || ftruncate(candidates[i], (off_t)whole[i].size))
			abort();
		if (!whole[i].bytes)
			continue;
		memory[i] = mmap(NULL, whole[i].size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 candidates[i], 0);
		assert(memory[i] != MAP_FAILED);
		memcpy(memory[i], whole[i].bytes, whole[i].size);
	}
	for (; size >= 3; data += 3, size -= 3) {
		unsigned part = data[0] & 1 ? SNAPSHOT : TABLE;
		size_t at = (size_t)(data[0] >> 1) | (size_t)data[1] << 7;

		memory[part][at % whole[part].size] = data[2];
	}
	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (memory[i])
			munmap(memory[i], whole[i].size);
		if (i != EMPTY_FILE)
			fcntl(candidates[i], F_ADD_SEALS,
			      F_SEAL_SHRINK | F_SEAL_GROW | (i == SNAPSHOT ? F_SEAL_WRITE : 0));
	}
}

/* Return: bytes of the input that the message took. */
static size_t send_one(int channel, const uint8_t *data, size_t size,
		       const int candidates[CANDIDATES])
{
	struct channel_message message = {.version = CHANNEL_VERSION};
	size_t body = data[2] < size - 3 ? data[2] : size - 3;
	unsigned n = data[1] & 3;
	int fds[CHANNEL_FDS_MAX];

	message.type = data[0] % (CHANNEL_TYPE_COUNT + 1);
	for (unsigned i = 0; i < n; i++)
		fds[i] = candidates[data[1] >> (2 + 2 * i) & 3];
	if (message.type == CHANNEL_TABLE) { /* sizes that can be right */
		message.u.table.bytes = whole[TABLE].size;
		message.u.table.counters_bytes = whole[COUNTERS].size;
	}
	if (body > sizeof(message.u))
		body = sizeof(message.u);
	memcpy(&message.u, data + 3, body);
	channel_send(channel, &message, fds, n);
	return 3 + body;
}

static void drain(int channel)
{
	struct channel_message message;
	int fds[CHANNEL_FDS_MAX];

	while (channel_receive(channel, &message, fds) == 1) {
		for (unsigned i = 0; i < CHANNEL_FDS_MAX; i++) {
			if (fds[i] >= 0)
				close(fds[i]);
		}
	}
}

static int connect_to(const struct sockaddr_un *address, socklen_t bytes)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)address, bytes))
		abort();
	return fd;
}

static void talk(struct control *control, int channel, const uint8_t *data, size_t size,
		 const int candidates[CANDIDATES])
{
	struct worker_status status;

	for (unsigned i = 1; i <= MESSAGES_MAX && size > 2; i++) {
		size_t used = send_one(channel, data, size, candidates);
		uint64_t now_ns = i * 1000000000ull;

		data += used;
		size -= used;
		control_channel(control, now_ns);
		worker_work(control_worker(control), now_ns, &status);
		control_report(control, &status);
		drain(channel);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t bytes = sizeof(address);
	int listen_fd, candidates[CANDIDATES], channel, last;
	struct control_error error;
	struct control *control;
	size_t damaged;

	if (!size)
		return 0;
	damaged = data[0] < size - 1 ? data[0] : size - 1;
	listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listen_fd, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    getsockname(listen_fd, (struct sockaddr *)&address, &bytes) || listen(listen_fd, 2) ||
	    control_create(&control, listen_fd, 2, &error))
		abort();
	make_candidates(candidates, data + 1, damaged);
	channel = connect_to(&address, bytes);
	control_accept(control);
	talk(control, channel, data + 1 + damaged, size - 1 - damaged, candidates);
	close(channel);
	channel = connect_to(&address, bytes);
	control_accept(control);
	control_destroy(control);
	for (unsigned i = 0; i < CANDIDATES; i++)
		close(candidates[i]);
	close(channel);
	close(listen_fd);
	/* The lowest free number grows if anything was left open. */
	last = dup(STDERR_FILENO);
	assert(last < DESCRIPTORS);
	close(last);
	return 0;
}
