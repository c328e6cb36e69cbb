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

#define PORT_FIRST    20000u
#define PORTS	      40000u
#define WINDOW	      64240u
#define FRAMES_A_WORK 64u
#define TTL	      64
#define FRAME_BYTES   (65535u + ETHERNET_BYTES) /* segments may come put together */

/* RFC 8446, 5.1 and 6: type, version, length, level, description */
#define TLS_ALERT	      21
#define TLS_ALERT_BYTES	      7u
#define TLS_DECODE_ERROR      50
#define TLS_INTERNAL_ERROR    80
#define TLS_UNRECOGNIZED_NAME 112

struct attempt {
	struct connect_target target;
	uint16_t port; /* ours */
	uint32_t seq;  /* of the SYN */
	bool refused;
	bool open; /* the SYN was accepted, the answer to the hello is waited for */
	uint32_t peer_seq;
	uint8_t hello[CONNECT_DATA_BYTES];
	uint16_t hello_bytes; /* 0: none is to be said */
};

struct connect {
	int fd;
	uint32_t ifindex;
	struct mac mac, gateway;
	be32 source;
	struct attempt attempts[CONNECT_TARGETS_MAX];
	unsigned n;
	int64_t again_ms, end_ms;
	uint8_t frame[FRAME_BYTES];
};

size_t connect_write(uint8_t *frame, const struct connect_end *from, const struct connect_end *to,
		     const struct connect_segment *segment)
{
	struct ethernet_header *ethernet = (struct ethernet_header *)frame;
	struct ip_header *ip = (struct ip_header *)(frame + ETHERNET_BYTES);
	struct tcp_header *tcp = (struct tcp_header *)(frame + ETHERNET_BYTES + IP_BYTES_MIN);
	uint16_t bytes = (uint16_t)(sizeof(*tcp) + segment->bytes);
	uint64_t sum;

	*ethernet =
		(struct ethernet_header){.dst = to->mac, .src = from->mac, .type = ETHERTYPE_IP_BE};
	*ip = (struct ip_header){
		.version_ihl = 0x45,
		.total_len = htons((uint16_t)(IP_BYTES_MIN + bytes)),
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
		.seq = htonl(segment->seq),
		.ack = htonl(segment->ack),
		.offset = (sizeof(*tcp) / 4) << 4,
		.flags = segment->flags,
		.window = htons(WINDOW),
	};
	if (segment->bytes)
		memcpy(tcp + 1, segment->data, segment->bytes);
	sum = checksum_pseudo(from->addr, to->addr, IPPROTO_TCP, bytes);
	tcp->check = (uint16_t)~checksum_fold(checksum_add(sum, tcp, bytes));
	return ETHERNET_BYTES + IP_BYTES_MIN + bytes;
}

bool connect_read(struct packet *packet, uint8_t *frame, size_t bytes)
{
	*packet = (struct packet){.data = frame, .len = (uint32_t)bytes};
	return packet_parse(packet) == DROP_NONE && packet->kind == PACKET_TRANSPORT &&
	       packet->proto == IPPROTO_TCP && packet_l4(packet, sizeof(struct tcp_header));
}

static bool is_between(const struct packet *packet, const struct connect_end *from,
		       const struct connect_end *to)
{
	return packet->tuple.src == from->addr && packet->tuple.dst == to->addr &&
	       packet->tuple.sport == htons(from->port) && packet->tuple.dport == htons(to->port);
}

enum connect_answer connect_judge(const struct packet *packet, const struct connect_end *from,
				  const struct connect_end *to, uint32_t seq, uint32_t *peer_seq)
{
	const struct tcp_header *tcp = packet_l4(packet, sizeof(*tcp));

	if (!is_between(packet, from, to) || !(tcp->flags & TCP_ACK) || ntohl(tcp->ack) != seq + 1)
		return CONNECT_NOTHING;
	if (tcp->flags & TCP_RST)
		return CONNECT_REFUSED;
	if (!(tcp->flags & TCP_SYN))
		return CONNECT_NOTHING;
	*peer_seq = ntohl(tcp->seq);
	return CONNECT_ACCEPTED;
}

/* An alert that pgw-relay gives; one of the backend's own that says the same is no use, either. */
static bool is_relays(const uint8_t *data, size_t bytes)
{
	return bytes >= TLS_ALERT_BYTES && data[0] == TLS_ALERT &&
	       (data[TLS_ALERT_BYTES - 1] == TLS_DECODE_ERROR ||
		data[TLS_ALERT_BYTES - 1] == TLS_INTERNAL_ERROR ||
		data[TLS_ALERT_BYTES - 1] == TLS_UNRECOGNIZED_NAME);
}

enum connect_answer connect_judge_tls(const struct packet *packet, const struct connect_end *from,
				      const struct connect_end *to, uint32_t seq)
{
	const struct tcp_header *tcp = packet_l4(packet, sizeof(*tcp));
	uint32_t header = (tcp->offset >> 4) * 4u, at = packet->l4 + header;

	if (!is_between(packet, from, to) || tcp->flags & TCP_SYN)
		return CONNECT_NOTHING;
	if (tcp->flags & TCP_RST)
		return CONNECT_REFUSED;
	if (header >= sizeof(*tcp) && at < packet->len && ntohl(tcp->seq) == seq)
		return is_relays(packet->data + at, packet->len - at) ? CONNECT_REFUSED
								      : CONNECT_ACCEPTED;
	return tcp->flags & TCP_FIN && ntohl(tcp->seq) == seq ? CONNECT_REFUSED : CONNECT_NOTHING;
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
			 const struct connect_segment *segment)
{
	const struct connect_end from = end_of(connect, attempt), to = target_of(connect, attempt);
	const struct sockaddr_ll there = {.sll_family = AF_PACKET,
					  .sll_protocol = ETHERTYPE_IP_BE,
					  .sll_ifindex = (int)connect->ifindex,
					  .sll_halen = sizeof(to.mac.b)};
	uint8_t frame[CONNECT_FRAME_BYTES + CONNECT_DATA_BYTES];
	size_t bytes = connect_write(frame, &from, &to, segment);
	ssize_t sent;

	/* One that is lost is sent again. */
	sent = sendto(connect->fd, frame, bytes, MSG_DONTWAIT, (const struct sockaddr *)&there,
		      sizeof(there));
	(void)sent;
}

/* What is waited for the answer to. */
static void ask(const struct connect *connect, const struct attempt *attempt)
{
	const struct connect_segment syn = {.flags = TCP_SYN, .seq = attempt->seq};
	const struct connect_segment hello = {.flags = TCP_ACK,
					      .seq = attempt->seq + 1,
					      .ack = attempt->peer_seq + 1,
					      .data = attempt->hello,
					      .bytes = attempt->hello_bytes};

	send_segment(connect, attempt, attempt->open ? &hello : &syn);
}

/* The connection is whole, and ended. */
static void end(const struct connect *connect, const struct attempt *attempt)
{
	const uint32_t seq = attempt->seq + 1 + (attempt->open ? attempt->hello_bytes : 0);
	struct connect_segment last = {.flags = TCP_ACK, .seq = seq, .ack = attempt->peer_seq + 1};

	send_segment(connect, attempt, &last);
	last.flags = TCP_RST | TCP_ACK;
	send_segment(connect, attempt, &last);
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

static int prepare(struct attempt *attempt, const struct connect_target *target, uint32_t random,
		   unsigned i)
{
	attempt->target = *target;
	attempt->seq = random;
	attempt->port =
		(uint16_t)(PORT_FIRST +
			   (random % (PORTS / CONNECT_TARGETS_MAX)) * CONNECT_TARGETS_MAX + i);
	if (!*target->name)
		return 0;
	attempt->hello_bytes = (uint16_t)connect_hello(attempt->hello, target->name);
	return attempt->hello_bytes ? 0 : -ENOMEM;
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
	for (unsigned i = 0; i < connect->n && !code; i++)
		code = prepare(&connect->attempts[i], &targets[i], random[i], i);
	if (code) {
		connect_close(connect);
		return fault(error, code, "out of memory");
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

/* Return: true: this target, or who is behind it, has answered. */
static bool hear(const struct connect *connect, struct attempt *attempt,
		 const struct packet *packet)
{
	const struct connect_end from = target_of(connect, attempt), to = end_of(connect, attempt);
	enum connect_answer answer;

	if (attempt->open)
		answer = connect_judge_tls(packet, &from, &to, attempt->peer_seq + 1);
	else
		answer = connect_judge(packet, &from, &to, attempt->seq, &attempt->peer_seq);
	if (answer == CONNECT_REFUSED)
		attempt->refused = true;
	if (answer != CONNECT_ACCEPTED)
		return false;
	if (attempt->hello_bytes && !attempt->open) {
		attempt->open = true;
		ask(connect, attempt);
		return false;
	}
	end(connect, attempt);
	return true;
}

static int timed_out(const struct connect *connect, struct ctl_error *error)
{
	const struct attempt *first = &connect->attempts[0];
	char text[ADDR_TEXT_BYTES];

	return fault(error, -ETIMEDOUT, "no connection through the gateway: %s:%u%s%.80s %s%s",
		     addr_text(first->target.addr, text), first->target.port,
		     *first->target.name ? " for " : "", first->target.name,
		     first->refused ? "refuses it" : "does not answer",
		     connect->n > 1 ? ", nor does another service" : "");
}

int connect_work(struct connect *connect, int64_t now_ms, struct connect_target *which,
		 struct ctl_error *error)
{
	bool open = false;

	for (unsigned frames = 0; frames < FRAMES_A_WORK; frames++) {
		ssize_t got = recv(connect->fd, connect->frame, FRAME_BYTES, MSG_DONTWAIT);
		struct packet packet;

		if (got <= 0)
			break;
		if (!connect_read(&packet, connect->frame, (size_t)got))
			continue;
		for (unsigned i = 0; i < connect->n; i++)
			if (hear(connect, &connect->attempts[i], &packet)) {
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
				ask(connect, &connect->attempts[i]);
		connect->again_ms = now_ms + CONNECT_AGAIN_MS;
	}
	return -EAGAIN;
}
