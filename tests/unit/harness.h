/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * harness - one worker between mem ports, with a clock of the test's own.
 *
 *   client side, portgroup 0 "vrack" 172.16.0.1/24     portgroup 1 "vsphere" 10.10.0.2/24
 *
 * A test sends frames in, takes what comes out, and moves the clock. Every frame that comes out is
 * checked: length, IP checksum, transport checksum.
 *
 * With PGW_TEST_WORKERS=N there are N workers between the same ports, and each frame is received by
 * any of them: whatever a test expects of one worker must hold of several.
 */
#ifndef PGW_TESTS_HARNESS_H
#define PGW_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/io/mem.h"
#include "datapath/proto/packet.h"
#include "datapath/worker/state.h"

#define VRACK	0
#define VSPHERE 1
#define SECOND	1000000000ull

extern const struct mac vrack_mac, vsphere_mac; /* the gateway's */
extern const struct mac router_mac, server_mac; /* its neighbours' */

/* The configuration that most tests use; tests append or replace statements. */
extern const char harness_config[];

struct harness {
	struct worker *worker; /* the lead */
	struct worker *member[WORKERS_MAX];
	unsigned members;
	struct worker_counters counters; /* of all of them: one thread runs them */
	bool apart; /* else; then each has counters, ports and random numbers of its own */
	struct worker_counters *apart_counters[WORKERS_MAX];
	struct io_port *apart_io[WORKERS_MAX][2];
	struct io_port *io[2];
	uint32_t steered; /* frames so far: where the next goes */
	void *table;
	size_t table_bytes;
	void *snapshot;
	uint64_t now_ns;
	uint64_t seed;
	unsigned asked; /* neighbours asked for */
	be32 asked_addr;
	const struct snapshot_reserved
		*reserved; /* for the next harness_configure(): listening ports */
	size_t n_reserved;
	const uint8_t *backend_up; /* for the next harness_configure(): see config_runtime */
	const struct mac
		*vmac; /* frames may come from this one beside the portgroups' own; NULL: none */
};

/* harness_open() - @config: statements of pgw.conf; server_mac answers for every vsphere address */
struct harness *harness_open(const char *config, uint32_t capacity);
/* harness_open_apart() - @members workers for as many threads; io[] are the lead's. */
struct harness *harness_open_apart(const char *config, uint32_t capacity, unsigned members);
void harness_close(struct harness *h);
void harness_configure(struct harness *h, const char *config); /* a reload, swept to its end */
/* harness_restart() - a new worker adopts the table, as after a crash. */
void harness_restart(struct harness *h);
/* harness_end_flow() - Return: false if there is none in @record. */
bool harness_end_flow(struct harness *h, uint32_t record);
void harness_advance(struct harness *h, uint64_t ns); /* the clock, and the work that is due */
void harness_neighbour(struct harness *h, uint8_t port, const char *addr, const struct mac *mac,
		       uint16_t state);

/* A packet as a test thinks of it. */
struct probe {
	const struct mac *from_mac; /* default: router_mac on vrack, server_mac on vsphere */
	const char *src, *dst;
	uint16_t sport,
		dport; /* ICMP echo: sport is the identifier of a request, dport of a reply */
	uint8_t proto;
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint16_t window;      /* default 65535 */
	uint8_t options[8];   /* of TCP */
	uint8_t option_bytes; /* a multiple of 4; 0: none */
	uint8_t ttl;	      /* default 64 */
	uint16_t id;
	uint16_t fragment; /* the IP header's fragment field: flags and offset */
	uint16_t payload;  /* bytes after the transport header; of a later fragment, all of it */
	bool later;	   /* no transport header: a later fragment */
	bool partial;	   /* checksum left to hardware */
	bool no_checksum;  /* UDP: 0 */
	uint16_t gso_size;
};

#define FRAME_MAX 66000u
struct frame {
	uint8_t data[FRAME_MAX];
	uint32_t len;
	struct io_offload offload;
};

uint32_t harness_build(uint8_t port, const struct probe *probe, struct frame *frame);
/* harness_build_options() - a segment with @bytes behind the header's fixed part: options, but for
 * the probe's payload. */
void harness_build_options(uint8_t port, const struct probe *probe, const uint8_t *options,
			   uint16_t bytes, struct frame *frame);
void harness_send_frame(struct harness *h, uint8_t port, const struct frame *frame);
void harness_send(struct harness *h, uint8_t port, const struct probe *probe);
void harness_run(struct harness *h); /* until all received frames are forwarded */
/* harness_work() - the work that is due, of all. */
void harness_work(struct harness *h, struct worker_status *status);

/* harness_take() - the next frame sent on @port, parsed and checked. Return: false if none. */
bool harness_take(struct harness *h, uint8_t port, struct frame *frame, struct packet *p);
/* harness_expect() - take one; fail the test if there is none or it differs in addresses or ports
 * (0 and NULL: any). Return: its source port, host order (ICMP echo: the identifier). */
uint16_t harness_expect(struct harness *h, uint8_t port, const struct probe *wanted,
			struct packet *p);
void harness_expect_nothing(struct harness *h);
void harness_expect_drop(struct harness *h, enum drop_reason reason, uint64_t total);

be32 ip(const char *text);

#endif
