/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay - captures through the datapath, offline: what the parts of pgw replay share.
 *
 *   replay.c          the command: files in, files out, in which order
 *   replay_options.c  its arguments
 *   replay_tap.c      the port between a capture and the worker
 *   replay_learn.c    whose link-layer address is whose: the neighbour table that no kernel keeps
 *   replay_run.c      the clock
 *   replay_report.c   what is said in the end
 *
 * Two clocks: capture time, nanoseconds since 1970 as the captures have it, and the worker's
 * monotonic time, which begins at REPLAY_BASE_NS with the first frame.
 */
#ifndef PGW_TOOL_REPLAY_H
#define PGW_TOOL_REPLAY_H

#include "control/config/model.h"
#include "datapath/io/pcap.h"
#include "datapath/worker/worker.h"
#include "tools/pgw/pgw.h"

#define REPLAY_BASE_NS	   (1000ull * REPLAY_SECOND_NS)
#define REPLAY_SECOND_NS   1000000000ull
#define REPLAY_RESOLVE_NS  (3 * REPLAY_SECOND_NS) /* as long as the kernel asks for a neighbour */
#define REPLAY_TIME_MAX_NS (7258118400ull * REPLAY_SECOND_NS) /* 2200: sums of times fit */
#define REPLAY_MTU_DEFAULT 1500u
#define REPLAY_LINGER_S	   5u /* longer than anything waits for a neighbour or a fragment */
#define REPLAY_SEED	   1u

/* NAME=VALUE of an option, as given; of -n, name is an address. */
struct replay_pair {
	const char *option;
	const char *text; /* whole, for messages */
	size_t name_bytes;
	const char *value;
};

struct replay_options {
	const char *config, *report; /* report: NULL = none */
	bool json, any_mac;
	uint64_t seed;
	uint32_t linger_s;
	struct replay_pair *pairs;
	size_t n_pairs;
};

/* replay_options_parse() - Return: EXIT_DONE or EXIT_WRONG; replay_options_free() in both cases. */
int replay_options_parse(struct replay_options *options, const struct pgw_call *call);
void replay_options_free(struct replay_options *options);

struct replay_port { /* a portgroup, in the order of the configuration */
	const char *name;
	const char *in, *out; /* NULL = none */
	char *temporary;      /* where out is written until it is complete */
	struct mac mac;
	bool mac_given;
	uint32_t mtu;
	struct io_port *tap;   /* the worker's, and closed by it */
	uint64_t rcvd_frames;  /* read from the capture, own ones included */
	uint64_t own_packets;  /* sent by the captured gateway itself: not replayed */
	uint64_t aimed_frames; /* whose destination --any-mac has changed */
};

struct replay_learned; /* replay_learn.c's */

struct replay {
	struct replay_options options;
	struct config config;
	void *block; /* the snapshot's */
	struct snapshot snapshot;
	struct replay_port port[CONFIG_PORTGROUPS_MAX];
	unsigned n_ports;
	struct replay_learned *learned;

	struct worker *worker;
	struct worker_counters counters;
	void *table;
	size_t table_bytes;
	uint64_t random; /* state of the generator */

	uint64_t first_ns, last_ns; /* capture time of the first and the last frame */
	uint64_t now_ns, next_ns;   /* worker time; when it wants to work next */
	uint64_t backwards;	    /* frames older than the one before them */
	bool out_of_memory;	    /* where nobody could return it */
};

/* The ifindex by which the worker knows a portgroup. */
#define REPLAY_IFINDEX(index) ((uint32_t)(index) + 1)

/* replay_options_bind() - portgroups, addresses and numbers of the options. Return: enum exit_code.
 */
int replay_options_bind(struct replay *replay);

/* replay_tap_open() - make the worker's port of portgroup @index; @pcap is its own from then on.
 * Return: 0 or -ENOMEM (then @pcap is still the caller's). */
int replay_tap_open(struct replay *replay, uint8_t index, struct io_port *pcap);
struct io_port *replay_tap_pcap(const struct replay_port *port); /* NULL if it is not open */

/* replay_learn_open(), _close() - the table. Return: 0 or -ENOMEM. */
int replay_learn_open(struct replay *replay);
void replay_learn_close(struct replay *replay);
/* replay_learn_fixed() - an address that option -n gives. Return: 0 or -ENOMEM. */
int replay_learn_fixed(struct replay *replay, uint8_t index, be32 addr, const struct mac *mac);
/* replay_learn_scan() - read an input once, before the clock starts: all neighbours that appear
 * in it, and the gateway's own MAC if it is not given. Return: enum exit_code. */
int replay_learn_scan(struct replay *replay, uint8_t index);
/* replay_learn_frame() - what a frame tells as it arrives. */
void replay_learn_frame(struct replay *replay, uint8_t index, const struct io_frame *frame);
/* replay_learn_asked() - the worker asks for a neighbour. */
void replay_learn_asked(struct replay *replay, uint32_t ifindex, be32 addr);
/* replay_learn_tell() - tell the worker what it asked for or what has changed.
 * Return: true if there was something. */
bool replay_learn_tell(struct replay *replay);
/* replay_learn_due() - when the next one of those that nobody answers for fails. */
uint64_t replay_learn_due(const struct replay *replay);
uint64_t replay_learn_count(const struct replay *replay, uint64_t *failed);

/* replay_run() - from the first frame to the last, and the lingering. Return: enum exit_code. */
int replay_run(struct replay *replay);
/* replay_run_start(), _end() - the worker and all that it needs. Return: enum exit_code. */
int replay_run_start(struct replay *replay);
void replay_run_end(struct replay *replay);

/* replay_report() - print it. */
void replay_report(const struct replay *replay, struct printer *printer, bool all_drops);

#endif
