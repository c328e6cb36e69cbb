/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel - the messages between pgwd and pgw-datapath.
 *
 * A UNIX SOCK_SEQPACKET connection: pgwd makes the listening socket RUNDIR/datapath.sock and
 * hands it to the datapath as descriptor CHANNEL_LISTEN_FD; then, and also after a restart of
 * pgwd, it connects there. One connection at a time: a new one replaces the old one. The
 * datapath goes on forwarding when the connection ends.
 *
 * Each message is exactly one struct channel_message; descriptors travel beside it. Both ends
 * treat what they receive as hostile: wrong size, version, type or descriptor count ends the
 * connection.
 *
 *   pgwd -> datapath            descriptors                  answer
 *   HELLO                       -                            HELLO, + table, counters, snapshot if
 * it runs TABLE  u.table              flow table, counters page    OK u.ok (flows adopted) | ERROR
 *   EVENTS                      rtnetlink socket             OK | ERROR
 *   PORT   u.port               AF_PACKET socket (ring set)  OK | ERROR, one for each worker
 *   PORT_XDP u.port             the same, AF_XDP socket (not OK | ERROR; pgwd binds it then. For
 * the bound), memfd of its frames  first worker PORT_GONE u.port            - OK | ERROR SNAPSHOT
 * sealed memfd                 OK u.ok (revision) | ERROR
 *   FLOWS_END u.flows           -                            OK; ENDED when it has | ERROR
 *   LOG    u.log                event ring, wake-up socket   OK | ERROR
 *   LOG_OFF                     -                            OK
 *   QUIT                        -                            OK, then the process ends
 *   PING                        -                            ALIVE, unasked: nobody waits for it
 *
 *   datapath -> pgwd, unasked:  RESOLVE u.resolve; SWEPT u.swept (flows ended by a snapshot);
 *                               ENDED u.ended, after FLOWS_END; ALIVE, after a PING
 *
 * A FLOWS_END gives up a former one that has not been finished: nobody waits for that any more.
 */
#ifndef PGW_PROCESS_CHANNEL_H
#define PGW_PROCESS_CHANNEL_H

#include <assert.h>
#include <stdint.h>

#include "datapath/base/addr.h"
#include "datapath/flow/filter.h"

#define CHANNEL_LISTEN_FD 3
#define CHANNEL_VERSION	  2u
#define CHANNEL_FDS_MAX	  3
#define CHANNEL_TEXT	  200

enum channel_type {
	CHANNEL_HELLO = 1,
	CHANNEL_TABLE,
	CHANNEL_EVENTS,
	CHANNEL_PORT,
	CHANNEL_PORT_GONE,
	CHANNEL_SNAPSHOT,
	CHANNEL_FORMER_FLOW_END, /* not used any more */
	CHANNEL_QUIT,
	CHANNEL_OK,
	CHANNEL_ERROR,
	CHANNEL_RESOLVE,
	CHANNEL_SWEPT,
	CHANNEL_LOG, /* instead of the former ring, if there is one */
	CHANNEL_LOG_OFF,
	CHANNEL_PING,
	CHANNEL_ALIVE,
	CHANNEL_PORT_XDP,
	CHANNEL_FLOWS_END,
	CHANNEL_ENDED,
	CHANNEL_TYPE_COUNT
};

struct channel_message {
	uint32_t version;  /* CHANNEL_VERSION */
	uint16_t type;	   /* enum channel_type */
	uint16_t fds;	   /* descriptors beside it */
	uint32_t sequence; /* chosen by the asker, copied into the answer; 0 in unasked messages */
	uint32_t spare;
	union {
		struct {
			uint32_t layout_version;   /* FLOW_LAYOUT_VERSION of the sender */
			uint32_t snapshot_version; /* SNAPSHOT_VERSION of the sender */
			uint32_t running;	   /* answer: 1 if it has a table */
			uint32_t capacity;	   /* answer: flows its table holds */
			uint64_t revision;	   /* answer: of its snapshot, 0 if none */
			uint32_t ports;	 /* answer: bit set of the portgroup indexes it has */
			uint32_t events; /* answer: 1 if it has an rtnetlink socket */
			/* answer: the file that it runs; 0: it cannot tell */
			uint64_t binary_device, binary_inode;
			uint32_t workers;     /* answer: how many forward; 0: one */
			uint32_t xdp_senders; /* answer: of ports, those with AF_XDP to send only */
		} hello;
		struct {
			uint64_t bytes; /* of the table */
			uint64_t counters_bytes;
			uint32_t map; /* 1: the table is a BPF array; 0: a memfd whose size is
					 sealed */
			uint32_t spare;
		} table;
		struct {
			uint32_t index; /* portgroup index, < SNAPSHOT_PORTS_MAX */
			uint32_t ifindex;
			uint32_t mtu; /* bytes */
			uint32_t up;  /* 1 if the link is up */
			uint32_t ring_frame_bytes, ring_block_bytes,
				ring_blocks; /* of the RX ring */
			struct mac mac;
			uint16_t worker;	  /* whose socket it is */
			uint32_t xdp_frame_bytes; /* PORT_XDP: of one frame of the memfd */
			uint32_t xdp_sends_only;  /* 1: it receives nothing */
		} port;
		struct {
			uint64_t value; /* as the table above says */
		} ok;
		struct {
			uint64_t number; /* of this question: ENDED has it */
			uint64_t limit;	 /* flows that are ended at most */
			struct flow_filter filter;
		} flows;
		struct {
			uint64_t number;
			uint64_t ended; /* flows */
		} ended;
		struct {
			uint64_t bytes;	    /* of the ring */
			uint32_t threshold; /* per cent at which a fill is told, 0 = never */
			uint32_t spare;
		} log;
		struct {
			uint32_t ifindex;
			be32 addr;
		} resolve;
		struct {
			uint64_t revision;
			uint64_t ended; /* flows that the snapshot no longer admits */
		} swept;
		char text[CHANNEL_TEXT]; /* ERROR: what was wrong, NUL terminated */
	} u;
};
static_assert(sizeof(struct channel_message) == 16 + CHANNEL_TEXT, "fixed size");

/**
 * channel_send() - send one message with its descriptors (never blocks)
 * Return: 0, or -errno (-EAGAIN: the peer does not read).
 */
int channel_send(int fd, const struct channel_message *message, const int *fds, unsigned n_fds);

/**
 * channel_receive() - receive and check one message
 * @fds: CHANNEL_FDS_MAX places; received descriptors (close-on-exec), -1 where there is none.
 *       The caller owns them.
 * Return: 1 message received; 0 the peer closed; -EAGAIN none now; -EPROTO malformed (any
 * descriptors have been closed); other -errno.
 */
int channel_receive(int fd, struct channel_message *message, int fds[CHANNEL_FDS_MAX]);

#endif
