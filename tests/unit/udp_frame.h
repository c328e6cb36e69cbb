/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * udp_frame - small UDP frames by a packet socket: make, send, wait for. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_UDP_FRAME_H
#define TESTS_UNIT_UDP_FRAME_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "datapath/base/addr.h"

#define UDP_BYTES   60 /* Ethernet, IPv4, UDP, 18 bytes of payload */
#define UDP_WAIT_MS 10000

static inline uint16_t udp_frame_sum(const uint8_t *data, size_t bytes)
{
	uint32_t total = 0;

	for (size_t i = 0; i < bytes; i += 2)
		total += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

struct ends {
	const char *src, *dst;
	uint16_t sport, dport;
};

static inline void make_udp(uint8_t frame[UDP_BYTES], struct mac dst, struct mac src,
			    struct ends ends)
{
	const uint8_t head[] = {8, 0, 0x45, 0, 0, UDP_BYTES - 14, 0, 1, 0, 0, 64, IPPROTO_UDP};
	const in_addr_t addrs[2] = {inet_addr(ends.src), inet_addr(ends.dst)};
	const uint16_t udp[4] = {htons(ends.sport), htons(ends.dport), htons(UDP_BYTES - 34), 0};
	uint16_t check;

	memset(frame, 0, UDP_BYTES);
	memcpy(frame, dst.b, 6);
	memcpy(frame + 6, src.b, 6);
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 26, addrs, sizeof(addrs));
	memcpy(frame + 34, udp, sizeof(udp)); /* without a checksum, as UDP may be */
	check = htons(udp_frame_sum(frame + 14, 20));
	memcpy(frame + 24, &check, sizeof(check));
}

/* expect_udp() - wait for a frame of these ends. Return: its source port (@ends.sport 0 = any). */
static inline uint16_t expect_udp(int fd, struct ends ends)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	const in_addr_t addrs[2] = {inet_addr(ends.src), inet_addr(ends.dst)};
	uint8_t frame[2048];
	uint16_t ports[2];

	do {
		assert_int_equal(poll(&polled, 1, UDP_WAIT_MS), 1);
		assert_true(recv(fd, frame, sizeof(frame), 0) >= UDP_BYTES);
		memcpy(ports, frame + 34, sizeof(ports));
	} while (memcmp(frame + 26, addrs, sizeof(addrs)) || ntohs(ports[1]) != ends.dport ||
		 (ends.sport && ntohs(ports[0]) != ends.sport));
	assert_int_equal(udp_frame_sum(frame + 14, 20), 0);
	return ntohs(ports[0]);
}

static inline void send_frame(int fd, const uint8_t *frame)
{
	assert_int_equal(send(fd, frame, UDP_BYTES, 0), UDP_BYTES);
}

#endif
