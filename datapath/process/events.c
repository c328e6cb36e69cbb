/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events - mirror links and neighbours: dump, then follow.
 *
 * The kernel runs one dump at a time per socket, so the two dumps take turns:
 *
 *   IDLE --refresh--> LINKS --done--> NEIGHBOURS --done--> IDLE (or LINKS, if asked again)
 *
 * Changes that happen meanwhile arrive in between and are applied as they come. If the socket
 * overflowed (ENOBUFS), or a dump was interrupted by a change, everything is dumped again.
 *
 * A neighbour whose deletion was lost that way must not live on in the worker. So those that
 * the worker was told of are remembered with the number of the dump that last showed them; when
 * a dump ends, those that it has not shown are reported as deleted. Limit: NEIGHBOURS of them;
 * one beyond is passed on all the same, only a lost deletion of it would go unnoticed.
 *
 * Only the kernel is believed (sender port 0), and every length is checked.
 */
#include "datapath/process/events.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/worker/worker.h"

#define BUFFER_BYTES	 32768u /* as much as the kernel puts into one dump message */
#define READS_AT_ONCE	 64u
#define NEIGHBOURS	 8192u /* a power of two */
#define DUMP_PATIENCE_NS 5000000000u
#define PROBES		 16u
#define MTU_MAX		 65535u

enum dump {
	DUMP_IDLE,
	DUMP_LINKS,
	DUMP_NEIGHBOURS,
};

/* A place is free while ifindex is 0. */
struct known_neighbour {
	uint32_t ifindex;
	be32 addr;
	uint32_t dump; /* that last showed it, or during which it changed */
};

struct events {
	struct worker *worker;
	int fd;
	enum dump dump;
	uint64_t give_up_ns;  /* on the running dump, since changes were lost; 0 = never */
	bool again;	      /* start over when the running dump has ended */
	uint32_t dump_number; /* also the sequence number of its requests */
	struct known_neighbour known[NEIGHBOURS];
	union {
		struct nlmsghdr align;
		uint8_t bytes[BUFFER_BYTES];
	} buffer;
};

int events_create(struct events **events, struct worker *worker)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->worker = worker;
	e->fd = -1;
	*events = e;
	return 0;
}

void events_destroy(struct events *e)
{
	if (!e)
		return;
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}

int events_fd(const struct events *e)
{
	return e->fd;
}

/* ask() - request one dump. Return: false if it could not be sent now. */
static bool ask(struct events *e, uint16_t type, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		union {
			struct ifinfomsg link;
			struct ndmsg neighbour;
		} body;
	} request = {
		.header.nlmsg_type = type,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.header.nlmsg_seq = e->dump_number,
	};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	size_t body;

	if (type == RTM_GETLINK) {
		request.body.link.ifi_family = family;
		body = sizeof(request.body.link);
	} else {
		request.body.neighbour.ndm_family = family;
		body = sizeof(request.body.neighbour);
	}
	request.header.nlmsg_len = (uint32_t)(sizeof(request.header) + body);
	return sendto(e->fd, &request, request.header.nlmsg_len, MSG_DONTWAIT,
		      (const struct sockaddr *)&kernel, sizeof(kernel)) >= 0;
}

void events_refresh(struct events *e)
{
	if (e->fd < 0)
		return;
	if (e->dump != DUMP_IDLE) {
		e->again = true;
		return;
	}
	e->again = false;
	e->give_up_ns = 0;
	e->dump_number++;
	if (ask(e, RTM_GETLINK, AF_UNSPEC))
		e->dump = DUMP_LINKS;
	else
		e->again = true; /* the next message that is read tries again */
}

int events_use(struct events *e, int fd)
{
	struct {
		int option, wanted;
	} const checks[] = {{SO_DOMAIN, AF_NETLINK}, {SO_PROTOCOL, NETLINK_ROUTE}};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int value = -1;
		socklen_t bytes = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, checks[i].option, &value, &bytes) ||
		    value != checks[i].wanted)
			return -EINVAL;
	}
	if (e->fd >= 0)
		close(e->fd);
	e->fd = fd;
	e->dump = DUMP_IDLE;
	events_refresh(e);
	if (e->dump != DUMP_IDLE)
		return 0;
	e->fd = -1;
	return -EIO;
}

static struct known_neighbour *place_of(struct events *e, uint32_t ifindex, be32 addr)
{
	uint32_t start = (addr ^ ifindex * 0x9e3779b1u) * 0x85ebca6bu >> 16;
	struct known_neighbour *free_place = NULL;

	for (uint32_t i = 0; i < PROBES; i++) {
		struct known_neighbour *place = &e->known[(start + i) & (NEIGHBOURS - 1)];

		if (place->ifindex == ifindex && place->addr == addr)
			return place;
		if (!place->ifindex && !free_place)
			free_place = place;
	}
	return free_place;
}

static void remember(struct events *e, uint32_t ifindex, be32 addr, bool exists)
{
	struct known_neighbour *place = place_of(e, ifindex, addr);

	if (!place)
		return;
	*place = (struct known_neighbour){0};
	if (exists)
		*place = (struct known_neighbour){
			.ifindex = ifindex, .addr = addr, .dump = e->dump_number};
}

/* forget_vanished() - after a dump: what it did not show has been deleted unnoticed. */
static void forget_vanished(struct events *e, uint64_t now_ns)
{
	for (uint32_t i = 0; i < NEIGHBOURS; i++) {
		struct known_neighbour gone = e->known[i];

		if (!gone.ifindex || gone.dump == e->dump_number)
			continue;
		e->known[i] = (struct known_neighbour){0};
		worker_neighbour(e->worker, gone.ifindex, gone.addr, NULL, NUD_NONE, now_ns);
	}
}

/* attr_checked() - Return: @attr if all of it lies within @message, else NULL. */
static const struct nlattr *attr_checked(const struct nlmsghdr *message, const struct nlattr *attr)
{
	/* libmnl's own end of a message is rounded up, beyond what came. */
	const char *end = (const char *)message + message->nlmsg_len;

	return mnl_attr_ok(attr, (int)(end - (const char *)attr)) ? attr : NULL;
}

static const struct nlattr *first_attr(const struct nlmsghdr *message, size_t body)
{
	return attr_checked(message, mnl_nlmsg_get_payload_offset(message, body));
}

static void take_link(struct events *e, const struct nlmsghdr *message)
{
	const struct ifinfomsg *body = mnl_nlmsg_get_payload(message);
	const unsigned usable = IFF_UP | IFF_RUNNING;
	struct worker_link link = {0};
	const struct nlattr *attr;
	bool mtu = false, mac = false;

	/* Bridge ports report themselves in a family of their own, without MTU. */
	if (body->ifi_family != AF_UNSPEC || body->ifi_index <= 0)
		return;
	link.ifindex = (uint32_t)body->ifi_index;
	link.up = message->nlmsg_type == RTM_NEWLINK && (body->ifi_flags & usable) == usable;
	for (attr = first_attr(message, sizeof(*body)); attr;
	     attr = attr_checked(message, mnl_attr_next(attr))) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case IFLA_MTU:
			mtu = len == sizeof(uint32_t);
			if (mtu)
				link.mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_ADDRESS:
			mac = len == sizeof(link.mac);
			if (mac)
				memcpy(&link.mac, mnl_attr_get_payload(attr), sizeof(link.mac));
			break;
		default:
			break;
		}
	}
	if (!mtu || !mac)
		return;
	/* Loopback and some tunnels have more than an IPv4 packet can use. */
	if (link.mtu > MTU_MAX)
		link.mtu = MTU_MAX;
	worker_link(e->worker, &link);
}

static void take_neighbour(struct events *e, const struct nlmsghdr *message, uint64_t now_ns)
{
	const struct ndmsg *body = mnl_nlmsg_get_payload(message);
	uint16_t state = message->nlmsg_type == RTM_DELNEIGH ? NUD_NONE : body->ndm_state;
	const struct nlattr *attr;
	struct mac mac;
	be32 addr = 0;
	bool has_addr = false, has_mac = false;

	if (body->ndm_family != AF_INET || body->ndm_ifindex <= 0 || (body->ndm_flags & NTF_PROXY))
		return;
	for (attr = first_attr(message, sizeof(*body)); attr;
	     attr = attr_checked(message, mnl_attr_next(attr))) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case NDA_DST:
			has_addr = len == sizeof(addr);
			if (has_addr)
				memcpy(&addr, mnl_attr_get_payload(attr), sizeof(addr));
			break;
		case NDA_LLADDR:
			has_mac = len == sizeof(mac);
			if (has_mac)
				memcpy(&mac, mnl_attr_get_payload(attr), sizeof(mac));
			break;
		default:
			break;
		}
	}
	if (!has_addr)
		return;
	/* A usable state without an Ethernet address: a device of another kind. */
	if ((state & ~(NUD_INCOMPLETE | NUD_FAILED)) && !has_mac)
		return;
	remember(e, (uint32_t)body->ndm_ifindex, addr, state != NUD_NONE);
	worker_neighbour(e->worker, (uint32_t)body->ndm_ifindex, addr, has_mac ? &mac : NULL, state,
			 now_ns);
}

static bool body_fits(const struct nlmsghdr *message, size_t body)
{
	return message->nlmsg_len >= MNL_ALIGN(sizeof(*message)) + body;
}

/* must_try_again() - an earlier dump still runs, or was disturbed. Other errors would repeat. */
static bool must_try_again(const struct nlmsghdr *message)
{
	const struct nlmsgerr *body = mnl_nlmsg_get_payload(message);

	return message->nlmsg_type == NLMSG_ERROR && body_fits(message, sizeof(*body)) &&
	       (body->error == -EBUSY || body->error == -EINTR);
}

static void dump_ended(struct events *e, const struct nlmsghdr *message, uint64_t now_ns)
{
	enum dump ended = e->dump;

	/* One of a dump on a socket that was replaced, or of somebody else's request. */
	if (message->nlmsg_seq != e->dump_number || ended == DUMP_IDLE)
		return;
	e->dump = DUMP_IDLE;
	if (e->again || must_try_again(message)) {
		events_refresh(e);
	} else if (message->nlmsg_type == NLMSG_ERROR) {
		return;
	} else if (ended == DUMP_LINKS) {
		if (ask(e, RTM_GETNEIGH, AF_INET))
			e->dump = DUMP_NEIGHBOURS;
		else
			e->again = true;
	} else {
		forget_vanished(e, now_ns);
	}
}

static void take_message(struct events *e, const struct nlmsghdr *message, uint64_t now_ns)
{
	if ((message->nlmsg_flags & NLM_F_DUMP_INTR) && message->nlmsg_seq == e->dump_number)
		e->again = true;
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (body_fits(message, sizeof(struct ifinfomsg)))
			take_link(e, message);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (body_fits(message, sizeof(struct ndmsg)))
			take_neighbour(e, message, now_ns);
		break;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		dump_ended(e, message, now_ns);
		break;
	default:
		break;
	}
}

static void take_messages(struct events *e, size_t bytes, uint64_t now_ns)
{
	size_t at = 0;

	/* Not by mnl_nlmsg_ok(), which takes a length of 2 GiB and more for a negative one. */
	while (bytes - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = (const void *)(e->buffer.bytes + at);

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > bytes - at)
			return;
		take_message(e, message, now_ns);
		at += MNL_ALIGN(message->nlmsg_len);
		if (at > bytes)
			return;
	}
}

/*
 * start_over() - changes were lost
 * A dump that runs is waited for, because the kernel refuses a second one. Its messages are never
 * lost: the kernel makes the next one when the last has been read. But its refusal may have been.
 */
static void start_over(struct events *e, uint64_t now_ns)
{
	if (e->dump != DUMP_IDLE && !e->give_up_ns)
		e->give_up_ns = now_ns + DUMP_PATIENCE_NS;
	if (e->dump != DUMP_IDLE && now_ns < e->give_up_ns) {
		e->again = true;
		return;
	}
	e->dump = DUMP_IDLE;
	events_refresh(e);
}

void events_read(struct events *e, uint64_t now_ns)
{
	for (unsigned i = 0; i < READS_AT_ONCE && e->fd >= 0; i++) {
		struct sockaddr_nl from = {0};
		struct iovec piece = {.iov_base = &e->buffer, .iov_len = sizeof(e->buffer)};
		struct msghdr msg = {.msg_name = &from,
				     .msg_namelen = sizeof(from),
				     .msg_iov = &piece,
				     .msg_iovlen = 1};
		ssize_t got = recvmsg(e->fd, &msg, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			start_over(e, now_ns);
			continue;
		}
		if (got < 0)
			break;
		if (msg.msg_flags & MSG_TRUNC) {
			start_over(e, now_ns);
			continue;
		}
		if (msg.msg_namelen == sizeof(from) && from.nl_family == AF_NETLINK && !from.nl_pid)
			take_messages(e, (size_t)got, now_ns);
	}
	if (e->again && e->dump == DUMP_IDLE)
		events_refresh(e);
}
