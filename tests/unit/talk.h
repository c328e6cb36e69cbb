/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk - what the behaviour tests say to the harness's gateway: configurations, datagrams,
 * connections, and the exact age of a flow.
 *
 *   CLIENT, OTHER behind the router ── vrack ── gateway ── vsphere ── VC, ESX
 */
#ifndef PGW_TESTS_TALK_H
#define PGW_TESTS_TALK_H

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/checksum.h"
#include "tests/unit/harness.h"

#define CLIENT "192.168.50.10"
#define OTHER  "192.168.50.11"
#define VC     "10.10.0.10"
#define ESX    "10.10.0.11"
#define GW     "10.10.0.2"
#define VIP    "172.16.0.1"
#define TICK   (1ull << FLOW_TICK_SHIFT)

/* talk_config() - the harness's configuration with its first @old (NULL: nothing) replaced by
 * @text, or with @text added. Static: good until the next call. */
static inline const char *talk_config(const char *old, const char *text)
{
	static char config[8192];
	const char *at = old ? strstr(harness_config, old) : NULL;

	if (at)
		snprintf(config, sizeof(config), "%.*s%s%s", (int)(at - harness_config),
			 harness_config, text, at + strlen(old));
	else
		snprintf(config, sizeof(config), "%s%s\n", harness_config, text);
	return config;
}

static inline struct harness *talk_open(const char *config, uint32_t capacity)
{
	struct harness *h = harness_open(config, capacity);

	harness_neighbour(h, VSPHERE, ESX, &server_mac, NUD_REACHABLE);
	return h;
}

static inline struct probe datagram(const char *src, uint16_t sport, const char *dst,
				    uint16_t dport)
{
	return (struct probe){.src = src,
			      .sport = sport,
			      .dst = dst,
			      .dport = dport,
			      .proto = IPPROTO_UDP,
			      .payload = 32};
}

/* talk_udp() - send a datagram out through the pool. Return: its external port. */
static inline uint16_t talk_udp(struct harness *h, const char *src, uint16_t sport, const char *dst,
				uint16_t dport)
{
	struct probe out = datagram(src, sport, dst, dport);

	harness_send(h, VRACK, &out);
	return harness_expect(h, VSPHERE, &(struct probe){.src = GW, .dst = dst, .dport = dport},
			      NULL);
}

/* talk_pool_udp() - as talk_udp(), out of the ports that the harness's pool has by itself. */
static inline uint16_t talk_pool_udp(struct harness *h, const char *src, uint16_t sport,
				     const char *dst, uint16_t dport)
{
	uint16_t external = talk_udp(h, src, sport, dst, dport);

	assert_in_range(external, 16384, 65535);
	return external;
}

/* talk_passes() - whether @probe, sent in on @port, comes out on the other side; takes it. */
static inline bool talk_passes(struct harness *h, uint8_t port, const struct probe *probe)
{
	uint8_t other = port == VRACK ? VSPHERE : VRACK;
	struct frame *frame = calloc(1, sizeof(*frame));
	struct packet p;
	bool passed;

	assert_non_null(frame);
	harness_send(h, port, probe);
	passed = harness_take(h, other, frame, &p);
	free(frame);
	return passed;
}

/* talk_age() - set the clock to @ticks more than a timer of @seconds after @from_ns, without
 * letting the wheel work. */
static inline void talk_age(struct harness *h, uint64_t from_ns, uint64_t seconds, int ticks)
{
	uint64_t timeout = (seconds * SECOND + TICK - 1) >> FLOW_TICK_SHIFT;

	h->now_ns = ((from_ns >> FLOW_TICK_SHIFT) + timeout + (uint64_t)(int64_t)ticks)
		    << FLOW_TICK_SHIFT;
}

/* talk_discard() - throw away whatever was sent. */
static inline unsigned talk_discard(struct harness *h, uint8_t port)
{
	static uint8_t buffer[FRAME_MAX];
	unsigned n = 0;

	while (mem_port_pop(h->io[port], buffer, sizeof(buffer), NULL))
		n++;
	return n;
}

/* A connection of CLIENT:@port to VC:@to through the pool. */
struct connection {
	struct harness *h;
	uint16_t port, to, external;
	uint32_t seq[2]; /* next to send: client, server */
};

static inline struct probe talk_segment(const struct connection *c, unsigned side, uint8_t flags,
					uint16_t payload)
{
	struct probe p = {.src = side ? VC : CLIENT,
			  .sport = side ? c->to : c->port,
			  .dst = side ? GW : VC,
			  .dport = side ? c->external : c->to,
			  .proto = IPPROTO_TCP,
			  .tcp_flags = flags,
			  .payload = payload};

	p.seq = c->seq[side];
	p.ack = flags & TCP_ACK ? c->seq[1 - side] : 0;
	return p;
}

/* talk_tcp() - the next segment of @side; it must pass. */
static inline void talk_tcp(struct connection *c, unsigned side, uint8_t flags, uint16_t payload)
{
	struct probe p = talk_segment(c, side, flags, payload);

	harness_send(c->h, side ? VSPHERE : VRACK, &p);
	if (side)
		harness_expect(c->h, VRACK,
			       &(struct probe){.src = VC, .dst = CLIENT, .dport = c->port}, NULL);
	else
		c->external = harness_expect(
			c->h, VSPHERE, &(struct probe){.src = GW, .dst = VC, .dport = c->to}, NULL);
	c->seq[side] += payload + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

static inline void talk_connect(struct connection *c)
{
	talk_tcp(c, 0, TCP_SYN, 0);
	talk_tcp(c, 1, TCP_SYN | TCP_ACK, 0);
	talk_tcp(c, 0, TCP_ACK, 0);
}

/* talk_flow() - the flow of @c, NULL if there is none. */
static inline const struct flow *talk_flow(const struct connection *c)
{
	const struct flow_table *table = &c->h->worker->table;
	struct flow_tuple key = {
		.src = ip(CLIENT), .dst = ip(VC), .sport = htons(c->port), .dport = htons(c->to)};
	uint32_t ref = flow_find(table, &key, IPPROTO_TCP, VRACK,
				 flow_hash(table, &key, IPPROTO_TCP, VRACK));

	return ref == FLOW_NONE ? NULL : &table->records[FLOW_REF_INDEX(ref)];
}

/* talk_error() - make an ICMP error from @src to @dst that quotes @bytes of the IP packet @about.
 */
static inline void talk_error(struct frame *error, uint8_t port, const char *src, const char *dst,
			      uint8_t type, uint8_t code, const struct frame *about, uint32_t bytes)
{
	struct probe outer = {.src = src,
			      .dst = dst,
			      .proto = IPPROTO_ICMP,
			      .dport = 1,
			      .payload = (uint16_t)bytes};
	struct icmp_header icmp = {.type = type, .code = code};

	harness_build(port, &outer, error);
	memcpy(error->data + 42, about->data + 14, bytes);
	memcpy(error->data + 34, &icmp, sizeof(icmp));
	icmp.check = (uint16_t)~checksum_fold(checksum_add(0, error->data + 34, 8 + bytes));
	memcpy(error->data + 34, &icmp, sizeof(icmp));
}

#endif
