/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_run - the worker on the capture's clock.
 *
 * The frames of all inputs are taken in the order of their times; of equal ones, those of the
 * portgroup that comes first in the configuration. Before each, the worker works at every time
 * at which it asked to. A frame older than the one before it arrives at once, and is counted.
 *
 * Everything is a function of configuration, captures, options and seed: nothing reads a clock or
 * the system's random numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "datapath/flow/table.h"
#include "tools/pgw/message.h"
#include "tools/pgw/replay.h"

/* The worker's 32-bit time must not turn over unseen between two calls. */
#define STEP_MAX_NS (86400 * REPLAY_SECOND_NS)

static void seeded_random(void *context, void *buffer, size_t bytes)
{
	struct replay *replay = context;
	uint8_t *at = buffer;

	while (bytes > 0) { /* splitmix64 */
		uint64_t z = replay->random += 0x9e3779b97f4a7c15ull;
		size_t n = bytes < sizeof(z) ? bytes : sizeof(z);

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ z >> 27) * 0x94d049bb133111ebull;
		z ^= z >> 31;
		memcpy(at, &z, n);
		at += n;
		bytes -= n;
	}
}

static void resolve(void *context, uint32_t ifindex, be32 addr)
{
	replay_learn_asked(context, ifindex, addr);
}

/* The time that frames sent now bear. */
static void set_capture_clock(const struct replay *replay)
{
	for (unsigned i = 0; i < replay->n_ports; i++)
		pcap_port_clock(replay_tap_pcap(&replay->port[i]),
				replay->first_ns + (replay->now_ns - REPLAY_BASE_NS));
}

/* Whatever is due by now. */
static void work(struct replay *replay)
{
	struct worker_status status;

	set_capture_clock(replay);
	do
		worker_work(replay->worker, replay->now_ns, &status);
	while (replay_learn_tell(replay));
	replay->next_ns = status.next_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The clock goes on to @until_ns, and everything happens that is due until then. */
static void run_until(struct replay *replay, uint64_t until_ns)
{
	while (replay->now_ns < until_ns || replay->next_ns <= until_ns) {
		uint64_t due = earlier(replay->next_ns, replay_learn_due(replay));

		if (due < replay->now_ns)
			due = replay->now_ns;
		due = earlier(due, replay->now_ns + STEP_MAX_NS);
		replay->now_ns = earlier(due, until_ns);
		work(replay);
	}
}

/* The portgroup whose frame is next. Return: false if no input has a further one. */
static bool next_frame(const struct replay *replay, uint8_t *index, uint64_t *time_ns)
{
	bool found = false;
	uint64_t time;

	for (unsigned i = 0; i < replay->n_ports; i++) {
		if (!pcap_port_next(replay_tap_pcap(&replay->port[i]), &time) ||
		    (found && time >= *time_ns))
			continue;
		found = true;
		*index = (uint8_t)i;
		*time_ns = time;
	}
	return found;
}

/* Worker time of a capture time; not before now. */
static uint64_t worker_time(struct replay *replay, uint64_t time_ns)
{
	uint64_t time = REPLAY_BASE_NS;

	if (time_ns > replay->first_ns)
		time += time_ns - replay->first_ns;
	if (time_ns < replay->last_ns)
		replay->backwards++;
	else
		replay->last_ns = time_ns;
	return time < replay->now_ns ? replay->now_ns : time;
}

int replay_run(struct replay *replay)
{
	uint64_t time_ns;
	uint8_t index;
	bool more = next_frame(replay, &index, &time_ns);

	if (more)
		replay->first_ns = replay->last_ns = time_ns;
	work(replay);
	for (; more; more = next_frame(replay, &index, &time_ns)) {
		/* what is damaged was refused before, so the frame that is next can be read */
		run_until(replay, worker_time(replay, time_ns));
		set_capture_clock(replay);
		worker_receive(replay->worker, index, replay->now_ns);
		work(replay);
	}
	run_until(replay, replay->now_ns + replay->options.linger_s * REPLAY_SECOND_NS);
	if (replay->out_of_memory)
		return message_error("out of memory");
	return EXIT_DONE;
}

static int open_ports(struct replay *replay)
{
	for (unsigned i = 0; i < replay->n_ports; i++) {
		struct replay_port *port = &replay->port[i];
		struct worker_link link = {.ifindex = REPLAY_IFINDEX(i),
					   .mtu = port->mtu,
					   .up = true,
					   .mac = port->mac};
		struct pcap_port_error error;
		struct io_port *pcap;

		if (pcap_port_open(port->in, port->temporary,
				   worker_counters_of(replay->worker, (uint8_t)i), &pcap, &error)) {
			message_error("%s", error.text);
			return EXIT_REFUSED;
		}
		if (replay_tap_open(replay, (uint8_t)i, pcap)) {
			pcap->ops->close(pcap);
			return message_error("out of memory");
		}
		worker_port(replay->worker, (uint8_t)i, &link, port->tap);
	}
	return EXIT_DONE;
}

/* Pages that are never touched cost nothing, whatever capacity is configured. */
static int make_table(struct replay *replay)
{
	uint8_t key[32];
	void *table;

	replay->table_bytes = flow_table_bytes(replay->config.flow_capacity);
	table = mmap(NULL, replay->table_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table == MAP_FAILED)
		return -ENOMEM;
	replay->table = table;
	seeded_random(replay, key, sizeof(key));
	flow_table_format(table, replay->config.flow_capacity, key, 0);
	return worker_attach_table(replay->worker, table, replay->table_bytes, replay->now_ns) < 0
		       ? -ENOMEM
		       : 0;
}

int replay_run_start(struct replay *replay)
{
	const struct worker_options options = {.counters = &replay->counters,
					       .resolve = resolve,
					       .random = seeded_random,
					       .context = replay};
	int code;

	replay->random = replay->options.seed;
	replay->now_ns = REPLAY_BASE_NS;
	replay->next_ns = UINT64_MAX;
	if (worker_create(&replay->worker, &options) || make_table(replay))
		return message_error("out of memory");
	code = open_ports(replay);
	if (!code)
		worker_snapshot(replay->worker, &replay->snapshot, replay->now_ns);
	return code;
}

void replay_run_end(struct replay *replay)
{
	worker_destroy(replay->worker);
	replay->worker = NULL;
	if (replay->table)
		munmap(replay->table, replay->table_bytes);
	replay->table = NULL;
}
