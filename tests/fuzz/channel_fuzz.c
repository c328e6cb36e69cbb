/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel_fuzz - bytes as messages of the channel, each with descriptors, to the datapath's end.
 *
 * The input is a sequence of records: type, number of descriptors, which ones, then the message's
 * body. What must hold: no crash, no descriptor left over, and the listening socket goes on
 * accepting.
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

#include "datapath/flow/table.h"
#include "datapath/process/channel.h"
#include "datapath/process/control.h"
#include "datapath/worker/worker.h"

#define CAPACITY     64u
#define MESSAGES_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Descriptors that a message may carry: an empty file, a table, counters, an input as snapshot. */
static void make_candidates(int candidates[4], const uint8_t *data, size_t size)
{
	static const size_t page = 4096;
	static const uint8_t key[32];
	size_t bytes = flow_table_bytes(CAPACITY);
	void *memory;

	for (unsigned i = 0; i < 4; i++)
		candidates[i] = memfd_create("pgw-fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(candidates[1], (off_t)bytes) || ftruncate(candidates[2], (off_t)page) ||
	    write(candidates[3], data, size) != (ssize_t)size)
		abort();
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, candidates[1], 0);
	assert(memory != MAP_FAILED);
	flow_table_format(memory, CAPACITY, key, 0);
	/* Some inputs have a damaged table. */
	for (size_t i = 0; size && data[0] & 1 && i < size && i < 512; i++)
		((uint8_t *)memory)[i * 31 % bytes] ^= data[i];
	munmap(memory, bytes);
	for (unsigned i = 1; i < 4; i++)
		fcntl(candidates[i], F_ADD_SEALS,
		      F_SEAL_SHRINK | F_SEAL_GROW | (i == 3 ? F_SEAL_WRITE : 0));
}

static void send_one(int channel, const uint8_t **data, size_t *size, const int candidates[4])
{
	struct channel_message message = {.version = CHANNEL_VERSION};
	size_t body = *size - 2 < sizeof(message.u) ? *size - 2 : sizeof(message.u);
	unsigned n = (*data)[1] & 3;
	int fds[CHANNEL_FDS_MAX];

	message.type = (*data)[0] % (CHANNEL_TYPE_COUNT + 1);
	for (unsigned i = 0; i < n; i++)
		fds[i] = candidates[(*data)[1] >> (2 + 2 * i) & 3];
	if (message.type == CHANNEL_TABLE) { /* a size that can be right */
		message.u.table.bytes = flow_table_bytes(CAPACITY);
		message.u.table.counters_bytes = sizeof(struct counters_page);
		body = body < 8 ? 0 : 8;
	}
	memcpy(&message.u, *data + 2, body);
	channel_send(channel, &message, fds, n);
	*data += 2 + body;
	*size -= 2 + body;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t bytes = sizeof(address);
	int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct control_error error;
	struct worker_status status;
	struct control *control;
	int candidates[4], channel, last;

	if (bind(listen_fd, (struct sockaddr *)&address, sizeof(sa_family_t)) ||
	    getsockname(listen_fd, (struct sockaddr *)&address, &bytes) || listen(listen_fd, 2) ||
	    control_create(&control, listen_fd, &error))
		abort();
	make_candidates(candidates, data, size);
	channel = connect_to(&address, bytes);
	control_accept(control);
	for (unsigned i = 0; i < MESSAGES_MAX && size > 2; i++) {
		send_one(channel, &data, &size, candidates);
		control_channel(control, 1000000000u * (i + 1));
		worker_work(control_worker(control), 1000000000u * (i + 1), &status);
		control_report(control, &status);
		drain(channel);
	}
	close(channel);
	channel = connect_to(&address, bytes);
	control_accept(control);
	control_destroy(control);
	for (unsigned i = 0; i < 4; i++)
		close(candidates[i]);
	close(channel);
	close(listen_fd);
	/* The lowest free number grows if anything was left open. */
	last = dup(STDERR_FILENO);
	assert(last < 64);
	close(last);
	return 0;
}
