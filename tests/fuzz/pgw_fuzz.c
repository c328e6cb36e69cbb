/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgw_fuzz - the tool, answered by bytes in place of a gateway.
 *
 * Input: options, command, bytes of damage D, then D bytes that damage the flow table and the
 * snapshot that are handed over (odd D: none are), then what the gateway answers.
 *
 * What must hold, besides no crash: text has no control characters that a terminal would act on;
 * with -j there is nothing but JSON; the exit code is one of those documented.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/config/model.h"
#include "datapath/flow/table.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/remote.h"

#define CAPACITY     64u
#define FLOWS	     5u
#define ANSWER_MAX   65536u
#define SNAPSHOT_MAX 8192u

static const char *const commands[][4] = {
	{"portgroup"},
	{"address"},
	{"route"},
	{"pool"},
	{"nat"},
	{"service"},
	{"allow"},
	{"set"},
	{"neighbour"},
	{"stats"},
	{"stats", "show", "drops"},
	{"version"},
	{"monitor"},
	{"session"},
	{"session", "show", "state", "established"},
	{"session", "show", "count"},
	{"session", "del", "all"},
	{"config", "show"},
	{"config", "save"},
	{"config", "diff", "/dev/null"},
	{"config", "apply", "/dev/null"},
	{"allow", "add", "10.0.0.0/8"},
	{"pool", "show", "p"},
	{"service", "show", "name", "s"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* What the gateway hands over beside an answer: as it should be, and a copy to damage. */
static struct part {
	uint8_t *whole, *shared;
	size_t bytes;
	int fd;
} table, snapshot;
static int output_fd, peer_fd = -1;
static struct {
	const uint8_t *text;
	size_t bytes;
	bool with_parts;
} said;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the gateway says, whenever it is connected to, whatever it is asked. */
static void answer(int fd)
{
	const int fds[2] = {table.fd, snapshot.fd};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(fds))];
	} control = {.header = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(sizeof(fds))}};
	struct iovec piece = {.iov_base = (void *)(uintptr_t)said.text, .iov_len = said.bytes};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};

	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	if (said.with_parts) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	if (said.bytes && sendmsg(fd, &msg, MSG_DONTWAIT) != (ssize_t)said.bytes)
		abort();
	shutdown(fd, SHUT_WR);
}

/* Whatever it is to be connected to, it is to our end of a pair. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
	int pair[2], room = 1 << 20;

	(void)address;
	(void)bytes;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) ||
	    dup3(pair[0], fd, O_CLOEXEC) != fd)
		abort();
	close(pair[0]);
	if (peer_fd >= 0)
		close(peer_fd);
	peer_fd = pair[1];
	answer(peer_fd);
	return 0;
}

static void make_part(struct part *part, const void *whole, size_t bytes)
{
	part->bytes = bytes;
	part->whole = malloc(bytes);
	part->fd = memfd_create("pgw-fuzz", MFD_CLOEXEC);
	if (!part->whole || part->fd < 0 || ftruncate(part->fd, (off_t)bytes))
		abort();
	memcpy(part->whole, whole, bytes);
	part->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, part->fd, 0);
	if (part->shared == MAP_FAILED)
		abort();
}

static void make_table(void)
{
	size_t bytes = flow_table_bytes(CAPACITY);
	void *memory = aligned_alloc(4096, bytes);
	const uint8_t key[32] = {1};
	struct flow_table flows;

	assert(memory);
	memset(memory, 0, bytes);
	flow_table_format(memory, CAPACITY, key, 0);
	if (flow_table_attach(&flows, memory, bytes))
		abort();
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow *flow = &flows.records[i];

		flow->tuple[0] =
			(struct flow_tuple){.src = i + 10, .sport = 5, .dst = 9, .dport = 7};
		flow->tuple[1] = (struct flow_tuple){.src = 9, .sport = 7, .dst = 10, .dport = 6};
		flow->proto = i % 3 ? 6 : 17;
		flow->flags = (uint8_t)(i * 7);
		flow->tcp_state = i % 3 ? (uint8_t)(1 + i) : 0;
		flow->port[1] = 1;
		flow->word = FLOW_WORD(FLOW_ACTIVE, 3);
	}
	flows.header->record_high = FLOWS;
	flow_table_detach(&flows);
	make_part(&table, memory, bytes);
	free(memory);
}

static void make_snapshot(void)
{
	static const char text[] = "portgroup add vrack dev eth1 realm private\n"
				   "address add 172.16.0.1/24 portgroup vrack\n";
	struct config_runtime runtime = {.portgroup = {{.index = 0, .ifindex = 11}}};
	struct config_error error;
	struct config config;
	size_t bytes;
	void *block;

	config_init(&config);
	if (config_parse(&config, text, sizeof(text) - 1, &error))
		abort();
	block = config_compile(&config, &runtime, &bytes);
	assert(block && bytes <= SNAPSHOT_MAX);
	make_part(&snapshot, block, bytes);
	free(block);
	config_free(&config);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_table();
	make_snapshot();
	output_fd = memfd_create("pgw-fuzz-output", MFD_CLOEXEC);
	stderr = fopen("/dev/null", "w"); /* messages; libFuzzer has kept its own */
	return output_fd < 0 || !stderr;
}

/* Triples {part and offset low, offset high, value}. */
static void damage(const uint8_t *data, size_t size)
{
	memcpy(table.shared, table.whole, table.bytes);
	memcpy(snapshot.shared, snapshot.whole, snapshot.bytes);
	for (; size >= 3; data += 3, size -= 3) {
		struct part *part = data[0] & 1 ? &snapshot : &table;
		size_t at = (size_t)(data[0] >> 1) | (size_t)data[1] << 7;

		part->shared[at % part->bytes] = data[2];
	}
}

static void check_output(const struct options *options, int code)
{
	off_t bytes = lseek(output_fd, 0, SEEK_END);
	char *text;

	assert(bytes >= 0);
	if (!bytes)
		return;
	text = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, output_fd, 0);
	assert(text != MAP_FAILED);
	for (off_t i = 0; i < bytes; i++)
		assert((uint8_t)text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
	for (off_t at = 0; options->json && code == EXIT_DONE && at < bytes;) {
		json_error_t error;
		json_t *value = json_loadb(
			text + at, (size_t)(bytes - at),
			JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

		assert(value || error.position == 0 || text[at] == '\n');
		json_decref(value);
		at += value ? error.position : 1;
	}
	munmap(text, (size_t)bytes);
	if (ftruncate(output_fd, 0) || lseek(output_fd, 0, SEEK_SET))
		abort();
}

static void run(struct pgw *pgw, uint8_t command)
{
	const char **words = (const char **)(uintptr_t)commands[command % COMMANDS];
	struct print_style style = {
		.json = pgw->options.json,
		.pretty = pgw->options.pretty,
		.human = pgw->options.human,
		.statistics = pgw->options.statistics,
		.details = pgw->options.details,
		.oneline = pgw->options.oneline,
		.brief = pgw->options.brief,
	};
	int argc = 0, code;

	while (argc < 4 && words[argc])
		argc++;
	pgw->printer = printer_create(output_fd, &style);
	assert(pgw->printer);
	code = grammar_run(pgw, argc, words);
	assert(code >= EXIT_DONE && code <= EXIT_REFUSED);
	assert(!print_flush(pgw->printer));
	printer_destroy(pgw->printer);
	check_output(&pgw->options, code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pgw pgw = {.client = NULL};
	size_t damaged;

	if (size < 3 || size > ANSWER_MAX)
		return 0;
	pgw.options = (struct options){
		.json = data[0] & 1,
		.pretty = data[0] & 2,
		.human = data[0] & 4,
		.statistics = data[0] & 8,
		.details = data[0] & 16,
		.oneline = data[0] & 32,
		.brief = data[0] & 64,
		.timestamp = data[0] & 128,
	};
	damaged = data[2] > size - 3 ? size - 3 : data[2];
	damage(data + 3, damaged);
	said.text = data + 3 + damaged;
	said.bytes = size - 3 - damaged;
	said.with_parts = !(data[2] & 1);
	run(&pgw, data[1]);
	remote_close(&pgw);
	return 0;
}
