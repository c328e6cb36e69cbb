/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/fault.h"
#include "control/netlink/pair.h"
#include "datapath/base/checksum.h"
#include "datapath/flow/tcp.h"
#include "datapath/proto/packet.h"

#define PORT_FIRST    20000u
#define PORTS	      40000u
#define WINDOW	      64240u
#define FRAMES_A_WORK 64u
#define TTL	      64

struct attempt {
	struct connect_target target;
	uint16_t port; /* ours */
	uint32_t seq;  /* of the SYN */
	bool refused;
};

struct connect {
	int fd;
	uint32_t ifindex;
	struct mac mac, gateway;
	be32 source;
	struct attempt attempts[CONNECT_TARGETS_MAX];
	unsigned n;
	int64_t again_ms, end_ms;
};

void connect_segment(uint8_t frame[CONNECT_FRAME_BYTES], const struct connect_end *from,
		     const struct connect_end *to, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct ethernet_header *ethernet = (struct ethernet_header *)frame;
	struct ip_header *ip = (struct ip_header *)(frame + ETHERNET_BYTES);
	struct tcp_header *tcp = (struct tcp_header *)(frame + ETHERNET_BYTES + IP_BYTES_MIN);
	uint64_t sum;

	*ethernet =
		(struct ethernet_header){.dst = to->mac, .src = from->mac, .type = ETHERTYPE_IP_BE};
	*ip = (struct ip_header){
		.version_ihl = 0x45,
		.total_len = htons(IP_BYTES_MIN + sizeof(*tcp)),
		.fragment = htons(IP_DF),
		.ttl = TTL,
		.proto = IPPROTO_TCP,
		.src = from->addr,
		.dst = to->addr,
	};
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	*tcp = (struct tcp_header){
		.sport = htons(from->port),
		.dport = htons(to->port),
		.seq = htonl(seq),
		.ack = htonl(ack),
		.offset = (sizeof(*tcp) / 4) << 4,
		.flags = flags,
		.window = htons(WINDOW),
	};
	sum = checksum_pseudo(from->addr, to->addr, IPPROTO_TCP, sizeof(*tcp));
	tcp->check = (uint16_t)~checksum_fold(checksum_add(sum, tcp, sizeof(*tcp)));
}

enum connect_answer connect_judge(const uint8_t *frame, size_t bytes,
				  const struct connect_end *from, const struct connect_end *to,
				  uint32_t seq, uint32_t *peer_seq)
{
	uint8_t copy[128];
	struct packet packet = {.data = copy};
	const struct tcp_header *tcp;

	/* packet_parse() trims and may write; no segment of a handshake is longer. */
	packet.len = (uint32_t)(bytes < sizeof(copy) ? bytes : sizeof(copy));
	memcpy(copy, frame, packet.len);
	if (bytes > sizeof(copy) || packet_parse(&packet) || packet.kind != PACKET_TRANSPORT ||
	    packet.proto != IPPROTO_TCP || packet.tuple.src != from->addr ||
	    packet.tuple.dst != to->addr || packet.tuple.sport != htons(from->port) ||
	    packet.tuple.dport != htons(to->port))
		return CONNECT_NOTHING;
	tcp = packet_l4(&packet, sizeof(*tcp));
	if (!tcp || !(tcp->flags & TCP_ACK) || ntohl(tcp->ack) != seq + 1)
		return CONNECT_NOTHING;
	if (tcp->flags & TCP_RST)
		return CONNECT_REFUSED;
	if (!(tcp->flags & TCP_SYN))
		return CONNECT_NOTHING;
	*peer_seq = ntohl(tcp->seq);
	return CONNECT_ACCEPTED;
}

static struct connect_end end_of(const struct connect *connect, const struct attempt *attempt)
{
	return (struct connect_end){connect->mac, connect->source, attempt->port};
}

static struct connect_end target_of(const struct connect *connect, const struct attempt *attempt)
{
	return (struct connect_end){connect->gateway, attempt->target.addr, attempt->target.port};
}

static void send_segment(const struct connect *connect, const struct attempt *attempt,
			 uint8_t flags, uint32_t seq, uint32_t ack)
{
	const struct connect_end from = end_of(connect, attempt), to = target_of(connect, attempt);
	const struct sockaddr_ll there = {.sll_family = AF_PACKET,
					  .sll_protocol = ETHERTYPE_IP_BE,
					  .sll_ifindex = (int)connect->ifindex,
					  .sll_halen = sizeof(to.mac.b)};
	uint8_t frame[CONNECT_FRAME_BYTES];
	ssize_t sent;

	connect_segment(frame, &from, &to, flags, seq, ack);
	/* One that is lost is sent again. */
	sent = sendto(connect->fd, frame, sizeof(frame), MSG_DONTWAIT,
		      (const struct sockaddr *)&there, sizeof(there));
	(void)sent;
}

static int open_socket(struct connect *connect, const char *name)
{
	struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = ETHERTYPE_IP_BE};
	int code = pair_end(name, &connect->ifindex, &connect->mac);

	if (code)
		return code;
	connect->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	here.sll_ifindex = (int)connect->ifindex;
	if (connect->fd < 0 || bind(connect->fd, (const struct sockaddr *)&here, sizeof(here)))
		return -errno;
	return 0;
}

int connect_open(struct connect **out, const char *name, struct mac gateway, be32 source,
		 const struct connect_target *targets, unsigned n, int64_t now_ms,
		 struct ctl_error *error)
{
	struct connect *connect = calloc(1, sizeof(*connect));
	uint32_t random[CONNECT_TARGETS_MAX];
	int code;

	*out = NULL;
	if (!connect)
		return fault(error, -ENOMEM, "out of memory");
	connect->fd = -1;
	connect->gateway = gateway;
	connect->source = source;
	connect->again_ms = now_ms;
	connect->end_ms = now_ms + CONNECT_WAIT_MS;
	connect->n = n < CONNECT_TARGETS_MAX ? n : CONNECT_TARGETS_MAX;
	code = open_socket(connect, name);
	if (!code && getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		code = -EIO;
	if (code) {
		connect_close(connect);
		return fault(error, code, "cannot use %s: %s", name, strerror(-code));
	}
	for (unsigned i = 0; i < connect->n; i++) {
		connect->attempts[i].target = targets[i];
		connect->attempts[i].seq = random[i];
		connect->attempts[i].port = (uint16_t)(PORT_FIRST +
						       (random[i] % (PORTS / CONNECT_TARGETS_MAX)) *
							       CONNECT_TARGETS_MAX +
						       i);
	}
	*out = connect;
	return 0;
}

void connect_close(struct connect *connect)
{
	if (!connect)
		return;
	if (connect->fd >= 0)
		close(connect->fd);
	free(connect);
}

/* Return: true: this target has accepted; the connection is whole, and ended. */
static bool hear(struct connect *connect, struct attempt *attempt, const uint8_t *frame,
		 size_t bytes)
{
	const struct connect_end from = target_of(connect, attempt), to = end_of(connect, attempt);
	uint32_t peer_seq;

	switch (connect_judge(frame, bytes, &from, &to, attempt->seq, &peer_seq)) {
	case CONNECT_ACCEPTED:
		send_segment(connect, attempt, TCP_ACK, attempt->seq + 1, peer_seq + 1);
		send_segment(connect, attempt, TCP_RST | TCP_ACK, attempt->seq + 1, peer_seq + 1);
		return true;
	case CONNECT_REFUSED:
		attempt->refused = true;
		return false;
	default:
		return false;
	}
}

static int timed_out(const struct connect *connect, struct ctl_error *error)
{
	const struct attempt *first = &connect->attempts[0];
	char text[ADDR_TEXT_BYTES];

	return fault(error, -ETIMEDOUT, "no connection through the gateway: %s:%u %s%s",
		     addr_text(first->target.addr, text), first->target.port,
		     first->refused ? "refuses it" : "does not answer",
		     connect->n > 1 ? ", nor does another service" : "");
}

int connect_work(struct connect *connect, int64_t now_ms, struct connect_target *which,
		 struct ctl_error *error)
{
	uint8_t frame[2048];
	bool open = false;

	for (unsigned frames = 0; frames < FRAMES_A_WORK; frames++) {
		ssize_t got = recv(connect->fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (got <= 0)
			break;
		for (unsigned i = 0; i < connect->n; i++)
			if (hear(connect, &connect->attempts[i], frame, (size_t)got)) {
				*which = connect->attempts[i].target;
				return 0;
			}
	}
	for (unsigned i = 0; i < connect->n; i++)
		open |= !connect->attempts[i].refused;
	if (!open || now_ms >= connect->end_ms)
		return timed_out(connect, error);
	if (now_ms >= connect->again_ms) {
		for (unsigned i = 0; i < connect->n; i++)
			if (!connect->attempts[i].refused)
				send_segment(connect, &connect->attempts[i], TCP_SYN,
					     connect->attempts[i].seq, 0);
		connect->again_ms = now_ms + CONNECT_AGAIN_MS;
	}
	return -EAGAIN;
}
