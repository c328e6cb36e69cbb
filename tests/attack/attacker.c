/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attacker - floods a gateway from a namespace of a test: pgw_attacker KIND DEVICE MAC SECONDS RATE
 *
 *   syn        SYNs of ten hosts of 172.16.0.0/24 to 10.10.0.21:9, which never answers
 *   fragments  later fragments of datagrams whose first one never comes
 *   scan       SYNs and datagrams to the ports 16384-65535 of 10.10.0.2, from outside
 *   reflect    datagrams in a victim's name (172.16.0.77) that ask for errors: TTL 1, no route,
 *              ports that are not there
 *   arp        ARP requests of 220 addresses of 10.10.0.0/24, of another station each time
 *   spoof      datagrams and SYNs of random sources to 10.10.0.10
 *
 * MAC is the gateway's on that link; ARP requests go to it alone, too. It sends at most RATE frames
 * a second (at most 10^6) for at most 60 s or until SIGTERM, then prints "sent FRAMES bytes BYTES
 * rate FRAMES/S" and ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "datapath/base/addr.h"
#include "datapath/base/checksum.h"

#define BATCH	    32u
#define FRAME_BYTES 128u
#define RATE_MAX    1000000u
#define SECONDS_MAX 60.0

struct attacker {
	uint64_t random;
	uint64_t count;
	struct mac own, gateway;
	uint8_t frame[BATCH][FRAME_BYTES];
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH];
};

static uint32_t draw(struct attacker *a)
{
	a->random = a->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(a->random >> 32);
}

static struct iphdr *begin(const struct attacker *a, uint8_t *frame, uint32_t src, uint32_t dst,
			   uint8_t proto)
{
	struct ether_header *ethernet = (struct ether_header *)frame;
	struct iphdr *ip = (struct iphdr *)(frame + ETH_HLEN);

	memcpy(ethernet->ether_dhost, &a->gateway, ETH_ALEN);
	memcpy(ethernet->ether_shost, &a->own, ETH_ALEN);
	ethernet->ether_type = htons(ETHERTYPE_IP);
	*ip = (struct iphdr){.version = 4,
			     .ihl = 5,
			     .ttl = 64,
			     .protocol = proto,
			     .saddr = htonl(src),
			     .daddr = htonl(dst)};
	return ip;
}

/* Return: bytes of the frame */
static uint32_t finish(struct iphdr *ip, uint32_t payload)
{
	ip->tot_len = htons((uint16_t)(sizeof(*ip) + payload));
	ip->check = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	return ETH_HLEN + (uint32_t)sizeof(*ip) + payload;
}

static uint32_t put_syn(struct iphdr *ip, uint16_t sport, uint16_t dport, uint32_t seq)
{
	struct tcphdr *tcp = (struct tcphdr *)(ip + 1);

	*tcp = (struct tcphdr){.source = htons(sport),
			       .dest = htons(dport),
			       .seq = htonl(seq),
			       .doff = 5,
			       .syn = 1,
			       .window = htons(1024)};
	tcp->check = (uint16_t)~checksum_fold(
		checksum_add(checksum_pseudo(ip->saddr, ip->daddr, IPPROTO_TCP, sizeof(*tcp)), tcp,
			     sizeof(*tcp)));
	return finish(ip, sizeof(*tcp));
}

static uint32_t put_udp(struct iphdr *ip, uint16_t sport, uint16_t dport, uint32_t payload)
{
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	/* no checksum: a sender need not use one */
	*udp = (struct udphdr){.source = htons(sport),
			       .dest = htons(dport),
			       .len = htons((uint16_t)(sizeof(*udp) + payload))};
	memset(udp + 1, 'x', payload);
	return finish(ip, (uint32_t)sizeof(*udp) + payload);
}

static uint32_t make_syn(struct attacker *a, uint8_t *frame)
{
	struct iphdr *ip = begin(a, frame, 0xac100064 + draw(a) % 10, 0x0a0a0015, IPPROTO_TCP);

	return put_syn(ip, (uint16_t)(1024 + draw(a) % 64000), 9, draw(a));
}

static uint32_t make_fragment(struct attacker *a, uint8_t *frame)
{
	struct iphdr *ip = begin(a, frame, 0xac100064 + draw(a) % 100, 0x0a0a000a, IPPROTO_UDP);

	ip->id = (uint16_t)draw(a);
	ip->frag_off = htons((uint16_t)(IP_MF | (1 + draw(a) % 1000)));
	memset(ip + 1, 'x', 64);
	return finish(ip, 64);
}

static uint32_t make_scan(struct attacker *a, uint8_t *frame)
{
	uint16_t port = (uint16_t)(16384 + a->count / 2 % 49152);
	bool syn = a->count % 2;
	struct iphdr *ip = begin(a, frame, 0x0a0a0015, 0x0a0a0002, syn ? IPPROTO_TCP : IPPROTO_UDP);

	return syn ? put_syn(ip, 40000, port, draw(a)) : put_udp(ip, 40000, port, 18);
}

static uint32_t make_reflect(struct attacker *a, uint8_t *frame)
{
	static const uint32_t targets[] = {0x0a0a000a, 0x0a140001, 0x0a0a0002};
	uint32_t which = (uint32_t)(a->count % 3);
	struct iphdr *ip = begin(a, frame, 0xac10004d, targets[which], IPPROTO_UDP);

	ip->ttl = which == 0 ? 1 : 64;
	return put_udp(ip, (uint16_t)(1024 + draw(a) % 64000), (uint16_t)(20000 + draw(a) % 1000),
		       32);
}

struct arp {
	struct ether_header ethernet;
	be16 hardware, protocol;
	uint8_t hardware_bytes, protocol_bytes;
	be16 operation;
	struct mac sender;
	be32 sender_addr;
	struct mac target;
	be32 target_addr;
} __attribute__((packed));

static uint32_t make_arp(struct attacker *a, uint8_t *frame)
{
	struct arp *arp = (struct arp *)frame;
	uint32_t low = 30 + draw(a) % 220, mac = draw(a);

	memset(arp, 0, sizeof(*arp));
	memcpy(arp->ethernet.ether_dhost, &a->gateway, ETH_ALEN);
	arp->sender.b[0] = 2; /* locally administered */
	memcpy(&arp->sender.b[2], &mac, 4);
	memcpy(arp->ethernet.ether_shost, &arp->sender, ETH_ALEN);
	arp->ethernet.ether_type = htons(ETHERTYPE_ARP);
	arp->hardware = htons(ARPHRD_ETHER);
	arp->protocol = htons(ETHERTYPE_IP);
	arp->hardware_bytes = ETH_ALEN;
	arp->protocol_bytes = 4;
	arp->operation = htons(ARPOP_REQUEST);
	arp->sender_addr = htonl(0x0a0a0000 + low);
	arp->target_addr = htonl(0x0a0a0002);
	return sizeof(*arp);
}

static uint32_t make_spoof(struct attacker *a, uint8_t *frame)
{
	bool syn = a->count % 2;
	struct iphdr *ip = begin(a, frame, draw(a), 0x0a0a000a, syn ? IPPROTO_TCP : IPPROTO_UDP);

	/* not those that may pass: the point is who must not */
	if (ntohl(ip->saddr) >> 8 == 0xac1000 || ntohl(ip->saddr) >> 8 == 0xc0a832)
		ip->saddr = htonl(0x01020304);
	return syn ? put_syn(ip, (uint16_t)(1024 + draw(a) % 64000), 80, draw(a))
		   : put_udp(ip, (uint16_t)(1024 + draw(a) % 64000), 7, 18);
}

static const struct {
	const char *name;
	uint32_t (*make)(struct attacker *a, uint8_t *frame);
} kinds[] = {
	{"syn", make_syn},   {"fragments", make_fragment},
	{"scan", make_scan}, {"reflect", make_reflect},
	{"arp", make_arp},   {"spoof", make_spoof},
};

static volatile sig_atomic_t ended; /* the one thing that a signal handler may touch */

static void end_on_signal(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_device(const char *device, struct attacker *a)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(device)};
	socklen_t bytes = sizeof(at);
	int on = 1, fd;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(fd, (struct sockaddr *)&at, &bytes) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on))) {
		fprintf(stderr, "pgw_attacker: %s: %s\n", device, strerror(errno));
		return -1;
	}
	memcpy(&a->own, at.sll_addr, sizeof(a->own));
	return fd;
}

/* Return: frames sent. A full device queue costs the frame: nobody waits for an attacker. */
static unsigned send_batch(struct attacker *a, int fd, unsigned kind, uint64_t *bytes)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < BATCH; i++, a->count++) {
		a->part[i].iov_base = a->frame[i];
		a->part[i].iov_len = kinds[kind].make(a, a->frame[i]);
		a->message[i].msg_hdr = (struct msghdr){.msg_iov = &a->part[i], .msg_iovlen = 1};
	}
	for (unsigned i = 0; i < BATCH;) {
		int n = sendmmsg(fd, &a->message[i], BATCH - i, 0);

		if (n <= 0) {
			i++;
			continue;
		}
		for (unsigned end = i + (unsigned)n; i < end; i++, sent++)
			*bytes += a->part[i].iov_len;
	}
	return sent;
}

static int usage(void)
{
	fputs("Usage: pgw_attacker syn|fragments|scan|reflect|arp|spoof DEVICE MAC SECONDS RATE\n",
	      stderr);
	return 1;
}

int main(int argc, char **argv)
{
	static struct attacker attacker = {.random = 99};
	uint64_t sent = 0, bytes = 0;
	double seconds, begin_s, elapsed;
	unsigned kind = 0;
	long rate;
	int fd;

	if (argc != 6 || !mac_parse(argv[3], &attacker.gateway))
		return usage();
	while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, argv[1]) != 0)
		kind++;
	seconds = strtod(argv[4], NULL);
	rate = strtol(argv[5], NULL, 10);
	if (kind == sizeof(kinds) / sizeof(kinds[0]) || !(seconds > 0 && seconds <= SECONDS_MAX) ||
	    rate < 1 || rate > RATE_MAX)
		return usage();
	fd = open_device(argv[2], &attacker);
	if (fd < 0)
		return 1;
	signal(SIGTERM, end_on_signal);
	begin_s = now_s();
	while ((elapsed = now_s() - begin_s) < seconds && !ended) {
		if ((double)attacker.count > elapsed * (double)rate) {
			poll(NULL, 0, 1); /* the pace of the flood */
			continue;
		}
		sent += send_batch(&attacker, fd, kind, &bytes);
	}
	close(fd);
	printf("sent %lu bytes %lu rate %.0f\n", (unsigned long)sent, (unsigned long)bytes,
	       (double)sent / elapsed);
	return 0;
}
