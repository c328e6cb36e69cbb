/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/tell.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "control/fault.h"
#include "control/receiving.h"

int tell_table(struct gateway *gateway, uint64_t *flows, struct ctl_error *error)
{
	struct channel_message question = {.type = CHANNEL_TABLE}, answer;
	const int fds[] = {gateway->table.fd, gateway->counters.fd};
	int code;

	question.u.table.bytes = gateway->table.bytes;
	question.u.table.counters_bytes = gateway->counters.bytes;
	question.u.table.map = gateway->table.map;
	gateway->datapath.has_table = true;
	code = peer_ask(&gateway->datapath.peer, &question, fds, 2, &answer, NULL, error);
	if (!code)
		*flows = answer.u.ok.value;
	return code;
}

int tell_events(struct gateway *gateway, struct ctl_error *error)
{
	const struct channel_message question = {.type = CHANNEL_EVENTS};
	int fd = kernel_events(), code;

	if (fd < 0)
		return fault(error, fd, "cannot open an rtnetlink socket: %s", strerror(-fd));
	code = peer_ask(&gateway->datapath.peer, &question, &fd, 1, NULL, NULL, error);
	close(fd);
	return code;
}

/* What both kinds of ports say. */
static struct channel_message of_port(uint16_t type, unsigned index,
				      const struct gateway_port *port)
{
	struct channel_message question = {.type = type};

	question.u.port.index = index;
	question.u.port.ifindex = port->link.ifindex;
	question.u.port.mtu = port->link.mtu;
	question.u.port.up = port->link.up;
	question.u.port.mac = port->link.mac;
	return question;
}

/* @number: of the worker whose socket goes with it */
static void add_socket(struct channel_message *question, const struct gateway_port *port,
		       unsigned number)
{
	const struct packet_ring *ring = &port->socket[number].ring;

	question->u.port.worker = (uint16_t)number;
	question->u.port.ring_frame_bytes = ring->frame_bytes;
	question->u.port.ring_block_bytes = ring->block_bytes;
	question->u.port.ring_blocks = ring->blocks;
}

int tell_port(struct gateway *gateway, unsigned index, const struct gateway_port *port,
	      struct ctl_error *error)
{
	struct channel_message question = of_port(CHANNEL_PORT, index, port);
	int code = 0;

	receiving_forget(gateway, index);
	for (unsigned i = 0; !code && i < gateway->datapath.workers; i++) {
		add_socket(&question, port, i);
		code = peer_ask(&gateway->datapath.peer, &question, &port->socket[i].fd, 1, NULL,
				NULL, error);
	}
	return code;
}

int tell_port_xdp(struct gateway *gateway, unsigned index, const struct gateway_port *port,
		  const struct xdp_socket *xdp, struct ctl_error *error)
{
	struct channel_message question = of_port(CHANNEL_PORT_XDP, index, port), answer;
	const int fds[] = {port->socket[0].fd, xdp->fd, xdp->memory_fd};

	add_socket(&question, port, 0);
	question.u.port.xdp_frame_bytes = xdp->frame_bytes;
	question.u.port.xdp_sends_only = xdp->sends_only;
	return peer_ask(&gateway->datapath.peer, &question, fds, 3, &answer, NULL, error);
}

int tell_port_gone(struct gateway *gateway, unsigned index, struct ctl_error *error)
{
	struct channel_message question = {.type = CHANNEL_PORT_GONE};

	receiving_forget(gateway, index);
	question.u.port.index = index;
	return peer_ask(&gateway->datapath.peer, &question, NULL, 0, NULL, NULL, error);
}

int tell_log(struct gateway *gateway, struct logger *log, struct ctl_error *error)
{
	struct channel_message question = {.type = CHANNEL_LOG_OFF};
	const int fds[] = {log->ring.fd, log->wake_fds[LOGGER_WRITER]};
	unsigned n_fds = 0;
	int code;

	if (log->ring.fd >= 0) {
		question.type = CHANNEL_LOG;
		question.u.log.bytes = log->ring.bytes;
		question.u.log.threshold = log->settings.threshold;
		n_fds = 2;
	}
	code = peer_ask(&gateway->datapath.peer, &question, fds, n_fds, NULL, NULL, error);
	log->told = !code;
	return code;
}

int tell_snapshot(struct gateway *gateway, const struct region *snapshot, uint64_t revision,
		  struct ctl_error *error)
{
	const struct channel_message question = {.type = CHANNEL_SNAPSHOT};
	struct channel_message answer;
	int code = peer_ask(&gateway->datapath.peer, &question, &snapshot->fd, 1, &answer, NULL,
			    error);

	if (code || answer.u.ok.value == revision)
		return code;
	gateway->datapath.peer.broken = true;
	return fault(error, -EPROTO,
		     "pgw-datapath answers for revision %" PRIu64 " instead of %" PRIu64,
		     answer.u.ok.value, revision);
}
