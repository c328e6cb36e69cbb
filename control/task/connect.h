/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connect - a real TCP connection through the gateway, made by a client that is not there.
 *
 * One end of a veth pair is a portgroup of the datapath, for as long as it takes; at the other end
 * this client sends SYN to services, from an address that may use the gateway, and completes the
 * handshake with whoever answers: the backend, behind policy, translation and routing. Then it
 * resets the connection. The kernel's own stack has no part in it, so nothing that the gateway's
 * host may do and its clients may not can make the check pass.
 *
 * Behind a TLS name the handshake is pgw-relay's, whatever became of the backend. There the client
 * sends the first message of TLS as well, and what counts is what the backend says to that.
 */
#ifndef PGW_TASK_CONNECT_H
#define PGW_TASK_CONNECT_H

#include "control/config/model.h"
#include "control/ctl/client.h"
#include "datapath/proto/packet.h"

#define CONNECT_TARGETS_MAX 16
#define CONNECT_WAIT_MS	    6000
#define CONNECT_AGAIN_MS    500 /* between two SYNs */

struct connect_target {
	be32 addr;
	uint16_t port;	       /* host order */
	char name[CONFIG_SNI]; /* TLS name; "": none */
};

struct connect;

/**
 * connect_open() - begin to connect
 * @name: the client's end of the pair
 * @gateway: MAC of the other end
 * @source: address of the client
 */
int connect_open(struct connect **connect, const char *name, struct mac gateway, be32 source,
		 const struct connect_target *targets, unsigned n, int64_t now_ms,
		 struct ctl_error *error);

/* connect_work() - Return: 0 one has answered, *@which; -EAGAIN not yet; -ETIMEDOUT with @error. */
int connect_work(struct connect *connect, int64_t now_ms, struct connect_target *which,
		 struct ctl_error *error);
void connect_close(struct connect *connect); /* NULL is permitted */

/* What goes out and what is made of what comes in, for tests. */
#define CONNECT_FRAME_BYTES 54	 /* without data */
#define CONNECT_DATA_BYTES  1400 /* at most */

enum connect_answer { CONNECT_NOTHING, CONNECT_ACCEPTED, CONNECT_REFUSED };

struct connect_end {
	struct mac mac;
	be32 addr;
	uint16_t port;
};

struct connect_segment {
	uint8_t flags;
	uint32_t seq, ack; /* host order */
	const void *data;
	uint16_t bytes; /* of it */
};

/* connect_write() - a TCP segment. @frame: of CONNECT_FRAME_BYTES and those of the data. Return:
 * bytes of the frame. */
size_t connect_write(uint8_t *frame, const struct connect_end *from, const struct connect_end *to,
		     const struct connect_segment *segment);

/* connect_read() - a frame that came. Return: false if it is no TCP segment. */
bool connect_read(struct packet *packet, uint8_t *frame, size_t bytes);

/* connect_judge() - what a segment from @from to @to says about a SYN of sequence @seq.
 * @peer_seq: set to the peer's, where it accepts. */
enum connect_answer connect_judge(const struct packet *packet, const struct connect_end *from,
				  const struct connect_end *to, uint32_t seq, uint32_t *peer_seq);

/* connect_judge_tls() - what it says about a TLS hello. @seq: the first that the peer sends. */
enum connect_answer connect_judge_tls(const struct packet *packet, const struct connect_end *from,
				      const struct connect_end *to, uint32_t seq);

/* connect_hello() - the first message of a TLS client that asks for @name. Return: its bytes, 0
 * where there is no memory. */
size_t connect_hello(uint8_t hello[CONNECT_DATA_BYTES], const char *name);

#endif
