/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/pipeline_oracle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/checksum.h"

void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "pipeline_fuzz: it does not hold that %s\n", what);
	abort();
}

void oracle_worker(struct oracle *o, const struct worker *worker,
		   const struct worker_counters *counters)
{
	o->worker = worker;
	o->counters = counters;
	o->frames_in = o->datagrams_out = 0;
}

/* vSphere never sees a client's address, and nobody his own. */
static bool may_send(const struct oracle *o, unsigned port, const struct ip_header *ip)
{
	bool to_vsphere = port == VSPHERE && ntohl(ip->dst) >> 8 == 0x0a0a00;

	if (to_vsphere && o->from_client && ntohl(ip->src) != 0x0a0a0002)
		return false;
	return ip->src != ip->dst;
}

static void check_transport(const struct ip_header *ip, uint32_t len)
{
	uint32_t header = (ip->version_ihl & 0xfu) * 4;
	const uint8_t *l4 = (const uint8_t *)ip + header;
	uint64_t sum = ip->proto == IPPROTO_ICMP
			       ? 0
			       : checksum_pseudo(ip->src, ip->dst, ip->proto, len - header);

	if (ntohs(ip->fragment) & (IP_MF | IP_OFFSET_MASK))
		return;
	if (ip->proto == IPPROTO_UDP && !l4[6] && !l4[7])
		return;
	must(checksum_fold(checksum_add(sum, l4, len - header)) == 0xffff,
	     "a transport checksum that was right still is");
}

void oracle_sent(struct oracle *o, unsigned port, const struct mac *ours,
		 const struct io_send *send)
{
	const struct ip_header *ip = (const struct ip_header *)(send->head + ETHERNET_BYTES);
	uint32_t len = send->head_len + send->tail_len, header;

	must(len <= IO_FRAME_BYTES && send->head_len >= ETHERNET_BYTES + IP_BYTES_MIN,
	     "a frame that is sent has a possible length");
	must(!memcmp(send->head + 6, ours, 6), "frames come from our address");
	header = (ip->version_ihl & 0xfu) * 4;
	must(ip->version_ihl >> 4 == 4 && header >= IP_BYTES_MIN &&
		     header <= send->head_len - ETHERNET_BYTES,
	     "the IP header is whole");
	must(ntohs(ip->total_len) + ETHERNET_BYTES == len, "the IP length is the frame's");
	must(checksum_fold(checksum_add(0, ip, header)) == 0xffff, "the IP checksum is right");
	must(ip->ttl, "the TTL is not 0");
	must(may_send(o, port, ip), "the source may be seen there");
	if (send->offload.gso_type == IO_GSO_NONE)
		must(len - ETHERNET_BYTES <= o->worker->port[port].link.mtu ||
			     ip->proto == IPPROTO_ICMP,
		     "a packet fits the MTU");
	if (send->tail_len && send->tail == o->piece_end) {
		o->piece_end += send->tail_len; /* one more piece of the same datagram */
		return;
	}
	o->piece_end = send->tail_len ? send->tail + send->tail_len : NULL;
	o->datagrams_out++;
	if (o->check_transport && !send->tail_len && !(send->offload.flags & IO_NEEDS_CSUM))
		check_transport(ip, len - ETHERNET_BYTES);
}

void oracle_accounts(const struct oracle *o)
{
	const struct worker_counters *c = o->counters;
	uint64_t in = o->frames_in + c->icmp_sent, out = o->datagrams_out;

	for (unsigned i = 1; i < DROP_COUNT; i++)
		out += c->dropped[i];
	for (unsigned i = 0; i < PORTS; i++)
		out += c->port[i].kernel_packets;
	out += c->fragments_waiting + c->neigh_waiting;
	must(in == out, "each packet is accounted for once");
	must(c->flows == o->worker->table.used && c->mappings == o->worker->mappings.used &&
		     c->fragments_waiting == o->worker->frags.waiting &&
		     c->neigh_waiting == o->worker->neighbours.waiting,
	     "the gauges agree with the tables");
}

void oracle_empty(struct oracle *o)
{
	const struct worker *w = o->worker;
	unsigned free_slots = 0;

	must(!w->table.used && !w->mappings.used, "flows and mappings are gone");
	must(!w->frags.waiting && !w->neighbours.waiting && !w->frags.oldest, "nothing waits");
	if (o->resets++ % 16)
		return;
	for (unsigned i = 0; i < w->neighbours.high; i++)
		must(!w->neighbours.entry[i].users, "neighbours have no users");
	for (unsigned i = 0; i < w->clients.high; i++)
		must(!w->clients.client[i].used ||
			     (!w->clients.client[i].flows && !w->clients.client[i].mappings),
		     "clients have nothing");
	for (uint16_t i = w->hold.free; i != HOLD_NONE; i = w->hold.slots[i].next)
		free_slots++;
	must(free_slots == w->hold.used, "all waiting room is free");
}
