/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/frame.h"
#include "tools/bench/topology.h"

static int inet_socket(int type, const char *address, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval limit = {.tv_sec = 5};
	int one = 1, ret, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address) {
		inet_pton(AF_INET, address, &addr.sin_addr);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	} else {
		ret = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	}
	if (ret == 0 && !address && type == SOCK_STREAM)
		ret = listen(fd, 4096);
	if (ret == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int tcp_listen(uint16_t port)
{
	return inet_socket(SOCK_STREAM, NULL, port);
}

int tcp_connect(const char *address, uint16_t port)
{
	return inet_socket(SOCK_STREAM, address, port);
}

int udp_bind(uint16_t port)
{
	return inet_socket(SOCK_DGRAM, NULL, port);
}

int udp_connect(uint16_t port)
{
	return inet_socket(SOCK_DGRAM, SERVER_ADDR, port);
}

void frame_addresses(struct frame_spec *spec)
{
	mac_parse(CLIENT_MAC, &spec->source);
	mac_parse(GATEWAY_C_MAC, &spec->destination);
	inet_pton(AF_INET, CLIENT_ADDR, &spec->src);
	inet_pton(AF_INET, SERVER_ADDR, &spec->dst);
}

int frame_socket(const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int one = 1, size = 4 << 20, ret, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}
