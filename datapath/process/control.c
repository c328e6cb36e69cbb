/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - take what pgwd hands over, check it, give it to the worker, keep it for the next.
 *
 * pgwd is trusted with what it may ask, not with doing it well: every size, kind and seal of
 * what it sends is checked, and a message that is no question ends its connection. Only root
 * and this process's own user may connect; a new connection replaces the old one.
 *
 * Forwarding begins once there are a flow table and a snapshot, in whatever order they came.
 * The counters page is at one address for the whole life of the worker: private memory first,
 * over which the shared page is mapped when it comes. What was counted before is not carried
 * over, because nothing is forwarded before.
 *
 * Who owns what: the worker owns its ports; everything else that arrived is kept here, table
 * and counters for good, the snapshot until the worker has taken its successor.
 */
#include "datapath/process/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/flow/table.h"
#include "datapath/io/packet.h"
#include "datapath/process/asks.h"
#include "datapath/process/channel.h"
#include "datapath/process/events.h"
#include "datapath/process/log.h"
#include "datapath/process/memfd.h"
#include "datapath/worker/worker.h"

#define MESSAGES_AT_ONCE 64u
#define MTU_MIN		 68u /* RFC 791 */
#define MTU_MAX		 65535u

struct control {
	int listen_fd, channel_fd;
	struct worker *worker;
	struct events *events;
	struct counters_page *page;
	size_t page_bytes; /* of the address range reserved for it */
	int counters_fd;
	struct memfd table, snapshot;
	uint64_t revision;		  /* of the snapshot */
	int port_fds[SNAPSHOT_PORTS_MAX]; /* the worker's; -1: no such port */
	bool fds_changed;
	bool quit;
	bool swept; /* there is a SWEPT message that found no room */
	uint64_t swept_revision, swept_ended;
	uint64_t now_ns;
	struct asks asks;
	struct log_end log;
	uint64_t binary_device, binary_inode;
};

struct answer {
	struct channel_message message;
	int fds[CHANNEL_FDS_MAX]; /* kept here, lent to the answer */
	unsigned n_fds;
};

static void refuse(struct answer *answer, const char *what, const char *why)
{
	answer->message.type = CHANNEL_ERROR;
	snprintf(answer->message.u.text, sizeof(answer->message.u.text), "%s: %s", what, why);
}

static void accept_with(struct answer *answer, uint64_t value)
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

static void ask_to_resolve(void *context, uint32_t ifindex, be32 addr)
{
	struct control *c = context;
	struct channel_message message = {.type = CHANNEL_RESOLVE};

	if (c->channel_fd < 0 || !asks_admit(&c->asks, ifindex, addr, c->now_ns))
		return;
	message.u.resolve.ifindex = ifindex;
	message.u.resolve.addr = addr;
	/* If pgwd does not read, the worker will ask again. */
	if (channel_send(c->channel_fd, &message, NULL, 0))
		asks_forget(&c->asks, ifindex, addr);
}

static void close_channel(struct control *c)
{
	if (c->channel_fd < 0)
		return;
	close(c->channel_fd);
	c->channel_fd = -1;
	c->fds_changed = true;
	/* The next pgwd learns the state from HELLO. */
	c->swept = false;
}

/* counters_reserve() - private memory for the worker to count into from its start. */
static int counters_reserve(struct control *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	c->page_bytes = (sizeof(struct counters_page) + page - 1) / page * page;
	memory = mmap(NULL, c->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	c->page = memory;
	return 0;
}

static bool is_listening_seqpacket(int fd)
{
	static const struct {
		int option, wanted;
	} checks[] = {{SO_DOMAIN, AF_UNIX}, {SO_TYPE, SOCK_SEQPACKET}, {SO_ACCEPTCONN, 1}};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int value = -1;
		socklen_t bytes = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, checks[i].option, &value, &bytes) ||
		    value != checks[i].wanted)
			return false;
	}
	return true;
}

int control_create(struct control **control, int listen_fd, struct control_error *error)
{
	struct worker_options options = {.resolve = ask_to_resolve, .random = fill_random};
	struct stat binary;
	struct control *c;
	int err;

	if (!is_listening_seqpacket(listen_fd)) {
		snprintf(error->text, sizeof(error->text),
			 "descriptor %d is not pgwd's listening socket: pgw-datapath is started by "
			 "pgwd, start that instead",
			 listen_fd);
		return -ENOTSOCK;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		err = -ENOMEM;
		goto out_error;
	}
	c->listen_fd = listen_fd;
	c->channel_fd = c->counters_fd = c->table.fd = c->snapshot.fd = -1;
	c->log = LOG_END_NONE;
	/* Looked up now, while the filter of system calls is not yet there. */
	if (!stat("/proc/self/exe", &binary)) {
		c->binary_device = binary.st_dev;
		c->binary_inode = binary.st_ino;
	}
	c->fds_changed = true;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++)
		c->port_fds[i] = -1;
	err = counters_reserve(c);
	if (err)
		goto out_free;
	options.counters = &c->page->worker;
	options.context = c;
	err = worker_create(&c->worker, &options);
	if (err)
		goto out_unmap;
	err = events_create(&c->events, c->worker);
	if (err)
		goto out_worker;
	/* So that a connection which is gone again cannot make accept4() wait. */
	if (fcntl(listen_fd, F_SETFL, O_NONBLOCK)) {
		err = -errno;
		goto out_events;
	}
	*control = c;
	return 0;

out_events:
	events_destroy(c->events);
out_worker:
	worker_destroy(c->worker);
out_unmap:
	munmap(c->page, c->page_bytes);
out_free:
	free(c);
out_error:
	snprintf(error->text, sizeof(error->text), "cannot start: %s", strerror(-err));
	return err;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	close_channel(c);
	events_destroy(c->events);
	worker_destroy(c->worker);
	log_close(&c->log);
	memfd_drop(&c->snapshot);
	memfd_drop(&c->table);
	munmap(c->page, c->page_bytes);
	if (c->counters_fd >= 0)
		close(c->counters_fd);
	free(c);
}

static void take_hello(struct control *c, const struct channel_message *message, int *fds,
		       struct answer *answer)
{
	(void)message;
	(void)fds;
	answer->message.type = CHANNEL_HELLO;
	answer->message.u.hello.layout_version = FLOW_LAYOUT_VERSION;
	answer->message.u.hello.snapshot_version = SNAPSHOT_VERSION;
	answer->message.u.hello.revision = c->revision;
	answer->message.u.hello.events = events_fd(c->events) >= 0;
	answer->message.u.hello.binary_device = c->binary_device;
	answer->message.u.hello.binary_inode = c->binary_inode;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++) {
		if (c->port_fds[i] >= 0)
			answer->message.u.hello.ports |= 1u << i;
	}
	if (!c->table.memory)
		return;
	answer->message.u.hello.running = 1;
	answer->message.u.hello.capacity = ((const struct flow_header *)c->table.memory)->capacity;
	answer->fds[answer->n_fds++] = c->table.fd;
	answer->fds[answer->n_fds++] = c->counters_fd;
	if (c->snapshot.memory)
		answer->fds[answer->n_fds++] = c->snapshot.fd;
}

/* counters_use() - map the shared page over the private one. */
static const char *counters_use(struct control *c, int fd, uint64_t bytes)
{
	struct counters_page *page;
	const char *why;

	if (bytes < sizeof(*page) || bytes > COUNTERS_BYTES_MAX)
		return "wrong size";
	why = memfd_check(fd, bytes, F_SEAL_SHRINK);
	if (why)
		return why;
	/* Looked at elsewhere first: a wrong page must not come under the worker. */
	page = mmap(NULL, c->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return "cannot be mapped";
	if (page->magic && (page->magic != COUNTERS_MAGIC || page->version != COUNTERS_VERSION ||
			    page->bytes != sizeof(*page)))
		why = "of another version";
	munmap(page, c->page_bytes);
	if (why)
		return why;
	page = mmap(c->page, c->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (page == MAP_FAILED)
		abort(); /* the old page may be gone: the worker would count into nothing */
	page->magic = COUNTERS_MAGIC;
	page->version = COUNTERS_VERSION;
	page->bytes = sizeof(*page);
	/* Totals go on; what a predecessor held at its death it holds no more. */
	page->worker.flows = 0;
	page->worker.mappings = 0;
	page->worker.fragments_waiting = 0;
	page->worker.neigh_waiting = 0;
	memset(page->worker.pool_ports, 0, sizeof(page->worker.pool_ports));
	return NULL;
}

static void take_table(struct control *c, const struct channel_message *message, int *fds,
		       struct answer *answer)
{
	uint64_t bytes = message->u.table.bytes;
	const char *what, *why;
	void *memory;
	int64_t flows;

	if (c->table.memory)
		return refuse(answer, "flow table", "there is one already");
	if (!bytes || bytes > flow_table_bytes(FLOW_CAPACITY_MAX))
		return refuse(answer, "flow table", "wrong size");
	why = message->u.table.map ? memfd_check_map(fds[0], bytes)
				   : memfd_check(fds[0], bytes, F_SEAL_SHRINK);
	if (why)
		return refuse(answer, "flow table", why);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (memory == MAP_FAILED)
		return refuse(answer, "flow table", "cannot be mapped: is it writable?");
	/* every packet meets two of its pages; taken up if the system has huge pages for memfds */
	(void)madvise(memory, bytes, MADV_HUGEPAGE);
	what = "flow table";
	why = flow_table_check(memory, bytes);
	if (!why) {
		what = "counters page";
		why = counters_use(c, fds[1], message->u.table.counters_bytes);
	}
	if (why) {
		munmap(memory, bytes);
		return refuse(answer, what, why);
	}
	/* Next hops first, or packets of these flows would wait for them: the kernel answers at
	 * once. */
	events_read(c->events, c->now_ns);
	flows = worker_attach_table(c->worker, memory, bytes, c->now_ns);
	if (flows < 0) {
		munmap(memory, bytes);
		return refuse(answer, "flow table",
			      flows == -ENOMEM ? "out of memory" : "does not fit this build");
	}
	c->table = (struct memfd){.memory = memory, .bytes = bytes, .fd = fds[0]};
	if (c->counters_fd >= 0)
		close(c->counters_fd);
	c->counters_fd = fds[1];
	fds[0] = fds[1] = -1;
	c->fds_changed = true;
	accept_with(answer, (uint64_t)flows);
}

static void take_events(struct control *c, const struct channel_message *message, int *fds,
			struct answer *answer)
{
	(void)message;
	if (events_use(c->events, fds[0]))
		return refuse(answer, "events", "the descriptor is no usable rtnetlink socket");
	fds[0] = -1;
	c->fds_changed = true;
	accept_with(answer, 0);
}

static void take_port(struct control *c, const struct channel_message *message, int *fds,
		      struct answer *answer)
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
	uint32_t index = message->u.port.index;
	struct io_port *io;
	int err;

	if (index >= SNAPSHOT_PORTS_MAX || !link.ifindex || link.mtu < MTU_MIN ||
	    link.mtu > MTU_MAX)
		return refuse(answer, "port", "index, ifindex or MTU out of range");
	err = packet_port_attach(fds[0], &ring, worker_counters_of(c->worker, (uint8_t)index), &io);
	if (err)
		return refuse(answer, "port",
			      err == -ENOMEM ? "out of memory"
					     : "not a packet socket with that ring");
	/* The worker closes the former port of that index. */
	worker_port(c->worker, (uint8_t)index, &link, io);
	c->port_fds[index] = fds[0];
	fds[0] = -1;
	c->fds_changed = true;
	/* Changes since pgwd looked, and neighbours, went by as those of a link unknown. */
	events_refresh(c->events);
	accept_with(answer, 0);
}

static void take_port_gone(struct control *c, const struct channel_message *message, int *fds,
			   struct answer *answer)
{
	uint32_t index = message->u.port.index;

	(void)fds;
	if (index >= SNAPSHOT_PORTS_MAX || c->port_fds[index] < 0)
		return refuse(answer, "port", "there is none of that index");
	worker_port_gone(c->worker, (uint8_t)index);
	c->port_fds[index] = -1;
	c->fds_changed = true;
	accept_with(answer, 0);
}

static void take_snapshot(struct control *c, const struct channel_message *message, int *fds,
			  struct answer *answer)
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
	worker_snapshot(c->worker, &snapshot, c->now_ns);
	memfd_drop(&c->snapshot);
	c->snapshot = next;
	c->revision = snapshot.header->revision;
	c->fds_changed = true;
	accept_with(answer, c->revision);
}

static void take_flow_end(struct control *c, const struct channel_message *message, int *fds,
			  struct answer *answer)
{
	uint32_t record = message->u.flow.record;

	(void)fds;
	if (!c->table.memory || record >= ((const struct flow_header *)c->table.memory)->capacity)
		return refuse(answer, "flow", "there is no such record");
	/* That it has ended meanwhile is what was wanted, too: 0 flows were ended. */
	accept_with(answer, worker_end_flow(c->worker, record, message->u.flow.word, c->now_ns));
}

static void take_log(struct control *c, const struct channel_message *message, int *fds,
		     struct answer *answer)
{
	struct log_end next;
	const char *why;

	if (message->u.log.threshold > 100)
		return refuse(answer, "event ring", "the threshold is more than 100 per cent");
	why = log_open(&next, fds[0], message->u.log.bytes, fds[1]);
	if (why)
		return refuse(answer, "event ring", why);
	fds[0] = fds[1] = -1;
	worker_log(c->worker, NULL, 0);
	log_close(&c->log);
	c->log = next;
	worker_log(c->worker, &c->log.ring, message->u.log.threshold);
	accept_with(answer, 0);
}

static void take_log_off(struct control *c, const struct channel_message *message, int *fds,
			 struct answer *answer)
{
	(void)message;
	(void)fds;
	worker_log(c->worker, NULL, 0);
	log_close(&c->log);
	accept_with(answer, 0);
}

static void take_quit(struct control *c, const struct channel_message *message, int *fds,
		      struct answer *answer)
{
	(void)message;
	(void)fds;
	c->quit = true;
	accept_with(answer, 0);
}

/* Its answer is one that nobody waits for: pgwd goes on meanwhile. */
static void take_ping(struct control *c, const struct channel_message *message, int *fds,
		      struct answer *answer)
{
	(void)c;
	(void)message;
	(void)fds;
	answer->message.type = CHANNEL_ALIVE;
	answer->message.sequence = 0;
}

/* What pgwd may ask, and how many descriptors come with it. */
static const struct question {
	void (*take)(struct control *c, const struct channel_message *message, int *fds,
		     struct answer *answer);
	unsigned fds;
} questions[CHANNEL_TYPE_COUNT] = {
	[CHANNEL_HELLO] = {take_hello, 0},
	[CHANNEL_TABLE] = {take_table, 2},
	[CHANNEL_EVENTS] = {take_events, 1},
	[CHANNEL_PORT] = {take_port, 1},
	[CHANNEL_PORT_GONE] = {take_port_gone, 0},
	[CHANNEL_SNAPSHOT] = {take_snapshot, 1},
	[CHANNEL_FLOW_END] = {take_flow_end, 0},
	[CHANNEL_QUIT] = {take_quit, 0},
	[CHANNEL_LOG] = {take_log, 2},
	[CHANNEL_LOG_OFF] = {take_log_off, 0},
	[CHANNEL_PING] = {take_ping, 0},
};

/* answer_to() - Return: false if the connection must end. */
static bool answer_to(struct control *c, const struct channel_message *message, int *fds)
{
	const struct question *question = &questions[message->type];
	struct answer answer = {.message.sequence = message->sequence};

	if (!question->take || message->fds != question->fds)
		return false;
	question->take(c, message, fds, &answer);
	return !channel_send(c->channel_fd, &answer.message, answer.fds, answer.n_fds);
}

static void send_swept(struct control *c)
{
	struct channel_message message = {.type = CHANNEL_SWEPT};
	int err;

	message.u.swept.revision = c->swept_revision;
	message.u.swept.ended = c->swept_ended;
	err = channel_send(c->channel_fd, &message, NULL, 0);
	if ((err == -EAGAIN) != c->swept) {
		c->swept = err == -EAGAIN;
		c->fds_changed = true;
	}
}

void control_channel(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->channel_fd >= 0 && c->swept)
		send_swept(c);
	for (unsigned i = 0; i < MESSAGES_AT_ONCE && c->channel_fd >= 0 && !c->quit; i++) {
		struct channel_message message;
		int fds[CHANNEL_FDS_MAX];
		int got = channel_receive(c->channel_fd, &message, fds);

		if (got == -EAGAIN)
			return;
		if (got != 1 || !answer_to(c, &message, fds))
			close_channel(c);
		for (unsigned n = 0; n < CHANNEL_FDS_MAX; n++) {
			if (fds[n] >= 0)
				close(fds[n]);
		}
	}
}

static bool may_control(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

void control_accept(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!may_control(fd)) {
		close(fd);
		return;
	}
	close_channel(c);
	c->channel_fd = fd;
	c->fds_changed = true;
}

void control_events(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	events_read(c->events, now_ns);
}

bool control_fds(struct control *c, struct control_fds *fds)
{
	if (!c->fds_changed)
		return false;
	c->fds_changed = false;
	*fds = (struct control_fds){
		.listen = c->listen_fd,
		.channel = c->channel_fd,
		.channel_write = c->swept,
		.events = events_fd(c->events),
	};
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX && c->table.memory && c->snapshot.memory; i++) {
		if (c->port_fds[i] < 0)
			continue;
		fds->ports[fds->n_ports].fd = c->port_fds[i];
		fds->ports[fds->n_ports++].index = (uint8_t)i;
	}
	return true;
}

void control_port_error(int fd)
{
	int error;
	socklen_t bytes = sizeof(error);

	/* Reading clears it; the link's state comes from rtnetlink. */
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

void control_time(struct control *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
}

void control_count_wakeup(struct control *c)
{
	c->page->worker.wakeups++;
}

void control_count_pause(struct control *c, uint64_t ns)
{
	counters_pause(&c->page->worker, ns);
}

void control_report(struct control *c, const struct worker_status *status)
{
	if (!status->swept || c->channel_fd < 0)
		return;
	/* One that is still waiting is replaced: only the last revision matters, but no ended
	 * flow may be forgotten. */
	c->swept_ended = status->swept_ended + (c->swept ? c->swept_ended : 0);
	c->swept_revision = status->swept_revision;
	send_swept(c);
}

uint64_t control_log(struct control *c)
{
	return log_wake(&c->log, c->now_ns);
}

bool control_quit(const struct control *c)
{
	return c->quit;
}

struct worker *control_worker(struct control *c)
{
	return c->worker;
}
