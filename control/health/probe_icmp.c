/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_icmp - an echo request on a raw socket that is connected to the backend's host.
 *
 * Clients' echo requests go through the gateway with identifiers of the pool's, so a reply with
 * ours may be meant for one of them: the nonce in the data tells which is the answer to this
 * request.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "control/health/probe.h"
#include "datapath/base/checksum.h"

#define IP_HEADER_MIN 20u
#define REPLIES_MAX   16u /* that are looked at in one go */

struct echo {
	uint8_t type, code;
	uint16_t check;
	uint16_t id, sequence;
	uint8_t nonce[PROBE_NONCE_BYTES];
};
static_assert(sizeof(struct echo) == 8 + PROBE_NONCE_BYTES, "as on the wire");

enum probe_result probe_icmp_start(struct probe *probe)
{
	const struct icmp_filter filter = {.data = ~(1u << ICMP_ECHOREPLY)};
	struct echo echo = {.type = ICMP_ECHO, .sequence = htons(1)};

	probe->step = PROBE_READING;
	if (getrandom(probe->nonce, sizeof(probe->nonce), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(probe->nonce) ||
	    getrandom(&probe->echo_id, sizeof(probe->echo_id), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(probe->echo_id) ||
	    setsockopt(probe->fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter))) {
		snprintf(probe->reason, sizeof(probe->reason), "%s", strerror(errno));
		return PROBE_UNKNOWN;
	}
	echo.id = probe->echo_id;
	memcpy(echo.nonce, probe->nonce, sizeof(echo.nonce));
	echo.check = (uint16_t)~checksum_fold(checksum_add(0, &echo, sizeof(echo)));
	if (send(probe->fd, &echo, sizeof(echo), MSG_NOSIGNAL) < 0)
		return probe_error(probe, errno);
	return PROBE_GOES_ON;
}

bool probe_icmp_is_reply(const struct probe *probe, const uint8_t *bytes, size_t n)
{
	size_t header = n ? (bytes[0] & 0xfu) * 4u : 0;
	struct echo echo;

	if (header < IP_HEADER_MIN || n < header + sizeof(echo))
		return false;
	memcpy(&echo, bytes + header, sizeof(echo));
	return echo.type == ICMP_ECHOREPLY && echo.code == 0 && echo.id == probe->echo_id &&
	       echo.sequence == htons(1) && !memcmp(echo.nonce, probe->nonce, sizeof(echo.nonce));
}

enum probe_result probe_icmp_ready(struct probe *probe)
{
	for (unsigned i = 0; i < REPLIES_MAX; i++) {
		uint8_t bytes[60 + sizeof(struct echo)]; /* the longest IP header before it */
		ssize_t got = recv(probe->fd, bytes, sizeof(bytes), 0);

		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? PROBE_GOES_ON
								 : probe_error(probe, errno);
		if (probe_icmp_is_reply(probe, bytes, (size_t)got))
			return PROBE_PASSED;
	}
	return PROBE_GOES_ON;
}
