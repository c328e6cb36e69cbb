/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay_learn - the neighbours that a kernel would know, from what the captures show.
 *
 * Sources: ARP (sender), and IPv4 packets whose source lies in a connected network. Every input is
 * read once before the clock starts, so that a host is known from the start by the first
 * address that it shows anywhere; later changes take effect when they come. Option -n
 * outweighs both.
 *
 * The worker must not be told anything while it works: what it asks for and what changes waits
 * in the queue `ready`, or in `failing` if nobody answers for the address. Both are in order of
 * time. An entry is in one of them at most once, see `queued`.
 *
 * Limits: LEARNED_MAX neighbours; what a capture shows beyond them is not learned.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/proto/packet.h"
#include "tools/pgw/message.h"
#include "tools/pgw/replay.h"

#define LEARNED_MAX    (1u << 20)
#define CANDIDATES_MAX 64u /* MAC addresses of which one may be the gateway's */

struct neighbour_entry {
	be32 addr;
	uint8_t index; /* portgroup */
	bool known;    /* mac is right */
	bool fixed;    /* by option -n */
	bool queued;   /* in one of the queues */
	struct mac mac;
	uint64_t due_ns; /* in failing: when it fails */
};

struct queue {
	struct neighbour_entry **entry;
	size_t first, end, room;
};

struct replay_learned {
	void *root; /* of tsearch() */
	size_t entries, known;
	struct queue ready, failing;
	uint64_t failed;
};

static int compare(const void *a, const void *b)
{
	const struct neighbour_entry *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->index - y->index;
}

static struct neighbour_entry *find(const struct replay_learned *learned, uint8_t index, be32 addr)
{
	const struct neighbour_entry key = {.addr = addr, .index = index};
	struct neighbour_entry **found = tfind(&key, &learned->root, compare);

	return found ? *found : NULL;
}

/* Return: NULL without memory or room. */
static struct neighbour_entry *get(struct replay_learned *learned, uint8_t index, be32 addr)
{
	struct neighbour_entry *entry = find(learned, index, addr);

	if (entry || learned->entries >= LEARNED_MAX)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->addr = addr;
	entry->index = index;
	if (!tsearch(entry, &learned->root, compare)) {
		free(entry);
		return NULL;
	}
	learned->entries++;
	return entry;
}

static bool queue_put(struct queue *queue, struct neighbour_entry *entry)
{
	if (queue->first == queue->end)
		queue->first = queue->end = 0;
	if (queue->end == queue->room) {
		size_t room = queue->room * 2 + 64;
		struct neighbour_entry **larger = reallocarray(queue->entry, room, sizeof(*larger));

		if (!larger)
			return false;
		queue->entry = larger;
		queue->room = room;
	}
	queue->entry[queue->end++] = entry;
	entry->queued = true;
	return true;
}

static struct neighbour_entry *queue_take(struct queue *queue)
{
	struct neighbour_entry *entry = queue->entry[queue->first++];

	entry->queued = false;
	return entry;
}

int replay_learn_open(struct replay *replay)
{
	replay->learned = calloc(1, sizeof(*replay->learned));
	return replay->learned ? 0 : -ENOMEM;
}

void replay_learn_close(struct replay *replay)
{
	struct replay_learned *learned = replay->learned;

	if (!learned)
		return;
	tdestroy(learned->root, free);
	free(learned->ready.entry);
	free(learned->failing.entry);
	free(learned);
	replay->learned = NULL;
}

static void set_mac(struct replay_learned *learned, struct neighbour_entry *entry,
		    const struct mac *mac)
{
	learned->known += !entry->known;
	entry->known = true;
	entry->mac = *mac;
}

int replay_learn_fixed(struct replay *replay, uint8_t index, be32 addr, const struct mac *mac)
{
	struct neighbour_entry *entry = get(replay->learned, index, addr);

	if (!entry)
		return -ENOMEM;
	set_mac(replay->learned, entry, mac);
	entry->fixed = true;
	return 0;
}

/* Whether @addr can be a neighbour on portgroup @index: of a connected network, and a host's. */
static bool is_neighbour(const struct replay *replay, uint8_t index, be32 addr)
{
	const struct snapshot_route *route = snapshot_route(&replay->snapshot, addr);
	be32 host;

	if (!route || route->via || route->port != index ||
	    snapshot_address(&replay->snapshot, addr))
		return false;
	host = addr & ~prefix_mask(route->prefix_len);
	return route->prefix_len > 30 || (host && host != ~prefix_mask(route->prefix_len));
}

/* What a frame says of its sender. */
struct sender {
	be32 addr;
	struct mac mac;
	bool arp;
};

static bool read_arp(const struct io_frame *frame, struct sender *sender)
{
	struct ether_arp arp;

	if (frame->len < ETHERNET_BYTES + sizeof(arp))
		return false;
	memcpy(&arp, frame->data + ETHERNET_BYTES, sizeof(arp));
	if (arp.arp_hrd != htons(ARPHRD_ETHER) || arp.arp_pro != htons(ETHERTYPE_IP) ||
	    arp.arp_hln != ETH_ALEN || arp.arp_pln != sizeof(be32))
		return false;
	memcpy(&sender->addr, arp.arp_spa, sizeof(sender->addr));
	memcpy(&sender->mac, arp.arp_sha, sizeof(sender->mac));
	sender->arp = true;
	return true;
}

static bool is_station(const struct mac *mac)
{
	return !(mac->b[0] & 1) && !mac_equal(mac, &(struct mac){{0}});
}

/* Return: false if the frame tells nothing of a sender, or is not sound. */
static bool read_sender(const struct io_frame *frame, struct packet *p, struct sender *sender)
{
	const struct ethernet_header *ethernet = (const struct ethernet_header *)frame->data;

	*sender = (struct sender){.arp = false};
	if (frame->len < ETHERNET_BYTES || frame->vlan)
		return false;
	if (ethernet->type == htons(ETHERTYPE_ARP))
		return read_arp(frame, sender) && is_station(&sender->mac);
	*p = (struct packet){.data = frame->data, .len = frame->len};
	if (packet_parse(p))
		return false;
	sender->addr = packet_ip(p)->src;
	sender->mac = ethernet->src;
	return is_station(&sender->mac);
}

void replay_learn_frame(struct replay *replay, uint8_t index, const struct io_frame *frame)
{
	struct replay_learned *learned = replay->learned;
	struct sender sender;
	struct packet p;
	struct neighbour_entry *entry;

	if (!read_sender(frame, &p, &sender) || !is_neighbour(replay, index, sender.addr))
		return;
	entry = get(learned, index, sender.addr);
	if (!entry || entry->fixed || (entry->known && mac_equal(&entry->mac, &sender.mac)))
		return;
	set_mac(learned, entry, &sender.mac);
	if (!entry->queued && !queue_put(&learned->ready, entry))
		replay->out_of_memory = true;
}

void replay_learn_asked(struct replay *replay, uint32_t ifindex, be32 addr)
{
	struct replay_learned *learned = replay->learned;
	struct neighbour_entry *entry = get(learned, (uint8_t)(ifindex - 1), addr);

	if (!entry) {
		replay->out_of_memory |= learned->entries < LEARNED_MAX;
		return; /* unanswered: the worker drops what waits after three seconds */
	}
	if (entry->queued)
		return;
	entry->due_ns = replay->now_ns + REPLAY_RESOLVE_NS;
	if (!queue_put(entry->known ? &learned->ready : &learned->failing, entry))
		replay->out_of_memory = true;
}

bool replay_learn_tell(struct replay *replay)
{
	struct replay_learned *learned = replay->learned;
	bool told = false;

	while (learned->ready.first < learned->ready.end) {
		struct neighbour_entry *entry = queue_take(&learned->ready);

		worker_neighbour(replay->worker, REPLAY_IFINDEX(entry->index), entry->addr,
				 &entry->mac, NUD_REACHABLE, replay->now_ns);
		told = true;
	}
	while (replay_learn_due(replay) <= replay->now_ns) {
		struct neighbour_entry *entry = queue_take(&learned->failing);
		/* it may have shown itself meanwhile */
		uint16_t state = entry->known ? NUD_REACHABLE : NUD_FAILED;

		learned->failed += !entry->known;
		worker_neighbour(replay->worker, REPLAY_IFINDEX(entry->index), entry->addr,
				 &entry->mac, state, replay->now_ns);
		told = true;
	}
	return told;
}

uint64_t replay_learn_due(const struct replay *replay)
{
	const struct queue *failing = &replay->learned->failing;

	return failing->first < failing->end ? failing->entry[failing->first]->due_ns : UINT64_MAX;
}

uint64_t replay_learn_count(const struct replay *replay, uint64_t *failed)
{
	*failed = replay->learned->failed;
	return replay->learned->known;
}

/* The search for the gateway's own MAC: what it says itself by ARP, else where most of what it
 * would have to forward is sent to. */
struct search {
	bool certain;
	struct mac found;
	unsigned n;
	struct {
		struct mac mac;
		uint64_t frames;
	} candidate[CANDIDATES_MAX];
};

static void vote(struct search *search, const struct mac *mac)
{
	unsigned i = 0;

	while (i < search->n && !mac_equal(&search->candidate[i].mac, mac))
		i++;
	if (i == CANDIDATES_MAX)
		return;
	if (i == search->n)
		search->candidate[search->n++].mac = *mac;
	search->candidate[i].frames++;
}

/* Whether a packet that arrives on portgroup @index would be ours to take. */
static bool is_for_us(const struct replay *replay, uint8_t index, be32 dst)
{
	const struct snapshot_route *route = snapshot_route(&replay->snapshot, dst);

	return snapshot_address(&replay->snapshot, dst) || (route && route->port != index);
}

static void scan_frame(struct replay *replay, uint8_t index, const struct io_frame *frame,
		       struct search *search)
{
	const struct ethernet_header *ethernet = (const struct ethernet_header *)frame->data;
	const struct snapshot_address *own;
	struct neighbour_entry *entry;
	struct sender sender;
	struct packet p;

	if (!read_sender(frame, &p, &sender))
		return;
	if (is_neighbour(replay, index, sender.addr)) {
		entry = get(replay->learned, index, sender.addr);
		if (entry && !entry->known)
			set_mac(replay->learned, entry, &sender.mac);
	}
	own = snapshot_address(&replay->snapshot, sender.addr);
	if (sender.arp && own && own->port == index) {
		search->certain = true;
		search->found = sender.mac;
	} else if (!sender.arp && is_station(&ethernet->dst) &&
		   is_for_us(replay, index, packet_ip(&p)->dst)) {
		vote(search, &ethernet->dst);
	}
}

static void settle_search(struct replay_port *port, const struct search *search)
{
	uint64_t most = 0;

	if (search->certain)
		port->mac = search->found;
	for (unsigned i = 0; i < search->n && !search->certain; i++)
		if (search->candidate[i].frames > most) {
			most = search->candidate[i].frames;
			port->mac = search->candidate[i].mac;
		}
}

/* All that @pcap has, once. Return: false if a frame has a time that no clock can have told. */
static bool scan(struct replay *replay, uint8_t index, struct io_port *pcap)
{
	struct search search = {.n = 0};
	struct io_frame frame;
	uint64_t time_ns;

	pcap_port_clock(pcap, UINT64_MAX);
	while (pcap_port_next(pcap, &time_ns)) {
		if (time_ns > REPLAY_TIME_MAX_NS)
			return false;
		if (pcap->ops->rx(pcap, &frame, 1))
			scan_frame(replay, index, &frame, &search);
	}
	if (!replay->port[index].mac_given)
		settle_search(&replay->port[index], &search);
	return true;
}

int replay_learn_scan(struct replay *replay, uint8_t index)
{
	struct port_counters counted = {0};
	uint64_t dropped[DROP_COUNT];
	struct pcap_port_error error;
	struct io_port *pcap;
	const char *problem;
	int code = EXIT_DONE;

	if (pcap_port_open(replay->port[index].in, NULL,
			   (struct io_counters){.port = &counted, .dropped = dropped}, &pcap,
			   &error))
		return message_error("%s", error.text);
	problem = scan(replay, index, pcap)
			  ? pcap_port_problem(pcap)
			  : "the capture is damaged: a frame's time is beyond the year 2200";
	if (problem)
		code = message_error(
			"%s: %s; what can be read of it is saved by \"editcap IN OUT\"",
			replay->port[index].in, problem);
	pcap->ops->close(pcap);
	return code;
}
