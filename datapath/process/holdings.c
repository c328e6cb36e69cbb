/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/process/holdings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/huge.h"
#include "datapath/flow/table.h"
#include "datapath/io/packet.h"
#include "datapath/io/xdp.h"
#include "datapath/process/events.h"
#include "datapath/worker/worker.h"

#define MTU_MIN 68u /* RFC 791 */
#define MTU_MAX 65535u

static void refuse(struct holdings_answer *answer, const char *what, const char *why)
{
	answer->message.type = CHANNEL_ERROR;
	snprintf(answer->message.u.text, sizeof(answer->message.u.text), "%s: %s", what, why);
}

static void accept_with(struct holdings_answer *answer, uint64_t value)
{
	answer->message.type = CHANNEL_OK;
	answer->message.u.ok.value = value;
}

static void fill_random(void *context, void *buffer, size_t bytes)
{
	uint8_t *to = buffer;

	(void)context;
	while (bytes) {
		ssize_t got = getrandom(to, bytes, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Ports and identifiers that can be guessed would be worse than an end. */
		if (got < 0)
			abort();
		to += got;
		bytes -= (size_t)got;
	}
}

/* counters_reserve() - private memory for the worker to count into from its start. */
static int counters_reserve(struct holdings *h)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	h->page_bytes = (sizeof(struct counters_page) + page - 1) / page * page;
	memory = mmap(NULL, h->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	h->page = memory;
	return 0;
}

/* make_workers() - Return: 0 or -errno; then there is none. */
static int make_workers(struct holdings *h, struct worker_options *options, unsigned workers)
{
	int err = 0;

	for (; h->workers < workers && !err; h->workers++) {
		unsigned i = h->workers;

		options[i].counters = &h->page->worker[i];
		options[i].random = fill_random;
		err = i ? worker_join(h->member[0], &h->member[i], &options[i])
			: worker_create(&h->member[0], &options[0]);
		if (err)
			break;
	}
	if (err && h->workers)
		worker_destroy(h->member[0]);
	return err;
}

int holdings_create(struct holdings *h, struct worker_options *options, unsigned workers)
{
	struct stat binary;
	int err;

	*h = (struct holdings){.counters_fd = -1,
			       .table = MEMFD_NONE,
			       .snapshot = MEMFD_NONE,
			       .log = LOG_END_NONE,
			       .changed = true};
	/* Looked up now, while the filter of system calls is not yet there. */
	if (!stat("/proc/self/exe", &binary)) {
		h->binary_device = binary.st_dev;
		h->binary_inode = binary.st_ino;
	}
	for (unsigned i = 0; i < WORKERS_MAX * SNAPSHOT_PORTS_MAX; i++)
		h->port_fds[i / SNAPSHOT_PORTS_MAX][i % SNAPSHOT_PORTS_MAX] = -1;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++)
		h->xdp_fds[i] = -1;
	err = counters_reserve(h);
	if (err)
		return err;
	err = make_workers(h, options, workers);
	if (err)
		goto out_unmap;
	err = events_create(&h->events, h->member[0]);
	if (err)
		goto out_worker;
	return 0;

out_worker:
	worker_destroy(h->member[0]);
out_unmap:
	munmap(h->page, h->page_bytes);
	return err;
}

void holdings_destroy(struct holdings *h)
{
	events_destroy(h->events);
	worker_destroy(h->member[0]);
	log_close(&h->log);
	memfd_drop(&h->snapshot);
	memfd_drop(&h->table);
	munmap(h->page, h->page_bytes);
	if (h->counters_fd >= 0)
		close(h->counters_fd);
}

static void take_hello(struct holdings *h, const struct channel_message *message, int *fds,
		       struct holdings_answer *answer)
{
	(void)message;
	(void)fds;
	answer->message.type = CHANNEL_HELLO;
	answer->message.u.hello.layout_version = FLOW_LAYOUT_VERSION;
	answer->message.u.hello.snapshot_version = SNAPSHOT_VERSION;
	answer->message.u.hello.revision = h->revision;
	answer->message.u.hello.events = events_fd(h->events) >= 0;
	answer->message.u.hello.binary_device = h->binary_device;
	answer->message.u.hello.binary_inode = h->binary_inode;
	answer->message.u.hello.workers = h->workers;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++) {
		if (h->port_fds[0][i] >= 0)
			answer->message.u.hello.ports |= 1u << i;
		if (h->xdp_senders & 1u << i)
			answer->message.u.hello.xdp_senders |= 1u << i;
	}
	if (!h->table.memory)
		return;
	answer->message.u.hello.running = 1;
	answer->message.u.hello.capacity = ((const struct flow_header *)h->table.memory)->capacity;
	answer->fds[answer->n_fds++] = h->table.fd;
	answer->fds[answer->n_fds++] = h->counters_fd;
	if (h->snapshot.memory)
		answer->fds[answer->n_fds++] = h->snapshot.fd;
}

/* Totals go on; what a predecessor held at its death it holds no more. */
static void forget_gauges(struct counters_page *page)
{
	for (unsigned i = 0; i < counters_blocks(page); i++) {
		page->worker[i].fragments_waiting = 0;
		page->worker[i].neigh_waiting = 0;
	}
	page->worker[0].flows = 0;
	page->worker[0].mappings = 0;
	memset(page->worker[0].pool_ports, 0, sizeof(page->worker[0].pool_ports));
}

/* counters_use() - map the shared page over the private one. */
static const char *counters_use(struct holdings *h, int fd, uint64_t bytes)
{
	struct counters_page *page;
	const char *why;

	if (bytes < sizeof(*page) || bytes > COUNTERS_BYTES_MAX)
		return "wrong size";
	why = memfd_check(fd, bytes, F_SEAL_SHRINK);
	if (why)
		return why;
	/* Looked at elsewhere first: a wrong page must not come under the worker. */
	page = mmap(NULL, h->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return "cannot be mapped";
	if (page->magic && (page->magic != COUNTERS_MAGIC || page->version != COUNTERS_VERSION ||
			    page->bytes != sizeof(*page)))
		why = "of another version";
	munmap(page, h->page_bytes);
	if (why)
		return why;
	page = mmap(h->page, h->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (page == MAP_FAILED)
		abort(); /* the old page may be gone: the worker would count into nothing */
	page->magic = COUNTERS_MAGIC;
	page->version = COUNTERS_VERSION;
	page->bytes = sizeof(*page);
	if (page->blocks < h->workers)
		page->blocks = h->workers;
	page->workers = h->workers;
	forget_gauges(page);
	return NULL;
}

static void take_table(struct holdings *h, const struct channel_message *message, int *fds,
		       struct holdings_answer *answer)
{
	uint64_t bytes = message->u.table.bytes;
	const char *what, *why;
	void *memory;
	int64_t flows;

	if (h->table.memory)
		return refuse(answer, "flow table", "there is one already");
	if (!bytes || bytes > flow_table_bytes(FLOW_CAPACITY_MAX))
		return refuse(answer, "flow table", "wrong size");
	why = message->u.table.map ? memfd_check_map(fds[0], bytes)
				   : memfd_check(fds[0], bytes, F_SEAL_SHRINK);
	if (why)
		return refuse(answer, "flow table", why);
	memory = huge_map(bytes, PROT_READ | PROT_WRITE, fds[0]);
	if (memory == MAP_FAILED)
		return refuse(answer, "flow table", "cannot be mapped: is it writable?");
	what = "flow table";
	why = flow_table_check(memory, bytes);
	if (!why) {
		what = "counters page";
		why = counters_use(h, fds[1], message->u.table.counters_bytes);
	}
	if (why) {
		munmap(memory, bytes);
		return refuse(answer, what, why);
	}
	/* Next hops first, or packets of these flows would wait for them: the kernel answers at
	 * once. */
	events_read(h->events, h->now_ns);
	flows = worker_attach_table(h->member[0], memory, bytes, h->now_ns);
	if (flows < 0) {
		munmap(memory, bytes);
		return refuse(answer, "flow table",
			      flows == -ENOMEM ? "out of memory" : "does not fit this build");
	}
	h->table = (struct memfd){.memory = memory, .bytes = bytes, .fd = fds[0]};
	if (h->counters_fd >= 0)
		close(h->counters_fd);
	h->counters_fd = fds[1];
	fds[0] = fds[1] = -1;
	h->changed = true;
	accept_with(answer, (uint64_t)flows);
}

static void take_events(struct holdings *h, const struct channel_message *message, int *fds,
			struct holdings_answer *answer)
{
	(void)message;
	if (events_use(h->events, fds[0]))
		return refuse(answer, "events", "the descriptor is no usable rtnetlink socket");
	fds[0] = -1;
	h->changed = true;
	accept_with(answer, 0);
}

/* open_xdp() - put AF_XDP beside a packet port, which stays the caller's if that fails. */
static const char *open_xdp(const struct channel_message *message, const int *fds,
			    struct io_counters counters, struct io_port **io)
{
	const struct xdp_socket xdp = {
		.fd = fds[1],
		.memory_fd = fds[2],
		.frame_bytes = message->u.port.xdp_frame_bytes,
		.sends_only = message->u.port.xdp_sends_only,
	};
	int err = xdp_port_attach(&xdp, *io, counters, io);

	if (!err)
		return NULL;
	return err == -ENOMEM ? "out of memory" : "not an AF_XDP socket with those rings";
}

static void take_port(struct holdings *h, const struct channel_message *message, int *fds,
		      struct holdings_answer *answer)
{
	const struct packet_ring ring = {
		.frame_bytes = message->u.port.ring_frame_bytes,
		.block_bytes = message->u.port.ring_block_bytes,
		.blocks = message->u.port.ring_blocks,
	};
	const struct worker_link link = {
		.ifindex = message->u.port.ifindex,
		.mtu = message->u.port.mtu,
		.up = message->u.port.up,
		.mac = message->u.port.mac,
	};
	bool xdp = message->type == CHANNEL_PORT_XDP;
	uint32_t index = message->u.port.index, number = message->u.port.worker;
	struct io_counters counters;
	const char *why = NULL;
	struct io_port *io;
	int err;

	if (index >= SNAPSHOT_PORTS_MAX || !link.ifindex || link.mtu < MTU_MIN ||
	    link.mtu > MTU_MAX || number >= (xdp ? 1 : h->workers))
		return refuse(answer, "port", "index, ifindex, MTU or worker out of range");
	counters = worker_counters_of(h->member[number], (uint8_t)index);
	err = packet_port_attach(fds[0], &ring, counters, &io);
	if (err)
		return refuse(answer, "port",
			      err == -ENOMEM ? "out of memory"
					     : "not a packet socket with that ring");
	if (xdp)
		why = open_xdp(message, fds, counters, &io);
	if (why) {
		io->ops->close(io);
		fds[0] = -1;
		return refuse(answer, "port", why);
	}
	/* The worker closes the former port of that index. */
	worker_port(h->member[number], (uint8_t)index, &link, io);
	h->port_fds[number][index] = fds[0];
	if (!number) {
		h->xdp_fds[index] = -1;
		h->xdp_senders &= ~(1u << index);
		if (xdp && message->u.port.xdp_sends_only)
			h->xdp_senders |= 1u << index;
		else if (xdp)
			h->xdp_fds[index] = fds[1];
	}
	fds[0] = -1;
	if (xdp)
		fds[1] = -1;
	h->changed = true;
	/* Changes since pgwd looked, and neighbours, went by as those of a link unknown. */
	events_refresh(h->events);
	accept_with(answer, 0);
}

static void take_port_gone(struct holdings *h, const struct channel_message *message, int *fds,
			   struct holdings_answer *answer)
{
	uint32_t index = message->u.port.index;

	(void)fds;
	if (index >= SNAPSHOT_PORTS_MAX || h->port_fds[0][index] < 0)
		return refuse(answer, "port", "there is none of that index");
	for (unsigned i = 0; i < h->workers; i++) {
		worker_port_gone(h->member[i], (uint8_t)index);
		h->port_fds[i][index] = -1;
	}
	h->xdp_fds[index] = -1;
	h->xdp_senders &= ~(1u << index);
	h->changed = true;
	accept_with(answer, 0);
}

static void take_snapshot(struct holdings *h, const struct channel_message *message, int *fds,
			  struct holdings_answer *answer)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct memfd next = {.fd = fds[0]};
	struct snapshot snapshot;
	struct stat stat;
	const char *why;

	(void)message;
	if (fstat(fds[0], &stat) || stat.st_size < (off_t)sizeof(struct snapshot_header) ||
	    stat.st_size > (off_t)SNAPSHOT_BYTES_MAX)
		return refuse(answer, "snapshot", "wrong size");
	next.bytes = (size_t)stat.st_size;
	why = memfd_check(fds[0], next.bytes, seals);
	if (why)
		return refuse(answer, "snapshot", why);
	next.memory = mmap(NULL, next.bytes, PROT_READ, MAP_PRIVATE, fds[0], 0);
	if (next.memory == MAP_FAILED)
		return refuse(answer, "snapshot", "cannot be mapped");
	why = snapshot_open(&snapshot, next.memory, next.bytes);
	if (why) {
		munmap(next.memory, next.bytes);
		return refuse(answer, "snapshot", why);
	}
	fds[0] = -1;
	worker_snapshot(h->member[0], &snapshot, h->now_ns);
	memfd_drop(&h->snapshot);
	h->snapshot = next;
	h->revision = snapshot.header->revision;
	h->changed = true;
	accept_with(answer, h->revision);
}

static void take_flows_end(struct holdings *h, const struct channel_message *message, int *fds,
			   struct holdings_answer *answer)
{
	const char *why = flow_filter_check(&message->u.flows.filter);

	(void)fds;
	if (!h->table.memory || !h->snapshot.memory)
		why = "there is no flow table, or no snapshot";
	if (why)
		return refuse(answer, "flows", why);
	worker_end_flows(h->member[0], &message->u.flows.filter, message->u.flows.limit,
			 message->u.flows.number, h->now_ns);
	accept_with(answer, message->u.flows.number);
}

static void take_log(struct holdings *h, const struct channel_message *message, int *fds,
		     struct holdings_answer *answer)
{
	struct log_end next;
	const char *why;

	if (message->u.log.threshold > 100)
		return refuse(answer, "event ring", "the threshold is more than 100 per cent");
	why = log_open(&next, fds[0], message->u.log.bytes, fds[1]);
	if (why)
		return refuse(answer, "event ring", why);
	fds[0] = fds[1] = -1;
	worker_log(h->member[0], NULL, 0);
	log_close(&h->log);
	h->log = next;
	worker_log(h->member[0], &h->log.ring, message->u.log.threshold);
	accept_with(answer, 0);
}

static void take_log_off(struct holdings *h, const struct channel_message *message, int *fds,
			 struct holdings_answer *answer)
{
	(void)message;
	(void)fds;
	worker_log(h->member[0], NULL, 0);
	log_close(&h->log);
	accept_with(answer, 0);
}

static void take_quit(struct holdings *h, const struct channel_message *message, int *fds,
		      struct holdings_answer *answer)
{
	(void)message;
	(void)fds;
	h->quit = true;
	accept_with(answer, 0);
}

/* Its answer is one that nobody waits for: pgwd goes on meanwhile. */
static void take_ping(struct holdings *h, const struct channel_message *message, int *fds,
		      struct holdings_answer *answer)
{
	(void)h;
	(void)message;
	(void)fds;
	answer->message.type = CHANNEL_ALIVE;
	answer->message.sequence = 0;
}

/* What pgwd may ask, and how many descriptors come with it. */
static const struct question {
	void (*take)(struct holdings *h, const struct channel_message *message, int *fds,
		     struct holdings_answer *answer);
	unsigned fds;
} questions[CHANNEL_TYPE_COUNT] = {
	[CHANNEL_HELLO] = {take_hello, 0},	 [CHANNEL_TABLE] = {take_table, 2},
	[CHANNEL_EVENTS] = {take_events, 1},	 [CHANNEL_PORT] = {take_port, 1},
	[CHANNEL_PORT_XDP] = {take_port, 3},	 [CHANNEL_PORT_GONE] = {take_port_gone, 0},
	[CHANNEL_SNAPSHOT] = {take_snapshot, 1}, [CHANNEL_FLOWS_END] = {take_flows_end, 0},
	[CHANNEL_QUIT] = {take_quit, 0},	 [CHANNEL_LOG] = {take_log, 2},
	[CHANNEL_LOG_OFF] = {take_log_off, 0},	 [CHANNEL_PING] = {take_ping, 0},
};

bool holdings_answer(struct holdings *h, const struct channel_message *message, int *fds,
		     uint64_t now_ns, struct holdings_answer *answer)
{
	const struct question *question = &questions[message->type];

	if (!question->take || message->fds != question->fds)
		return false;
	h->now_ns = now_ns;
	answer->message.sequence = message->sequence;
	question->take(h, message, fds, answer);
	return true;
}
