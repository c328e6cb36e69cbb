/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_channel - RFC 4254: global requests, channels that the gateway opens, their windows.
 *
 * A channel: OPENING (CHANNEL_OPEN is out) -> OPEN -> CLOSING (our CLOSE is out) -> gone when the
 * client's CLOSE has come. When theirs comes first we answer at once, and it is gone. The id of a
 * channel is its place in ssh->channels and is used again only when the channel is gone, so a
 * message for it can never reach another one. When the owner closes a channel that is still
 * OPENING, the CLOSE is sent once the client has confirmed.
 *
 * Windows: the client may send granted bytes; every byte that its owner has put somewhere
 * (ssh_channel_consumed()) is granted again, in steps of at least a quarter of the window. What
 * is sent beyond what was granted ends the connection: it is how a client would fill our memory.
 * In the other direction ssh_channel_room() takes care; whoever finds no room waits in a queue, and
 * each is called once when there may be some.
 *
 * Messages for channels that do not exist, data after EOF or after CLOSE end the connection, too.
 */
#include "datapath/relay/ssh_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATA_HEADER  9u	 /* message, channel, length */
#define PACKET_FLOOR 64u /* a client that takes less in one message is not served */

static struct ssh_channel *channel_find(const struct ssh *ssh, uint32_t id)
{
	return id < ssh->n_places ? ssh->channels[id] : NULL;
}

/* no_longer_waiting() - or its id might stand in the queue for another channel */
static void no_longer_waiting(struct ssh *ssh, uint32_t id)
{
	uint32_t at = 0;

	while (at < ssh->n_waiting && ssh->waiting[at] != id)
		at++;
	if (at == ssh->n_waiting)
		return;
	ssh->n_waiting--;
	memmove(ssh->waiting + at, ssh->waiting + at + 1,
		(ssh->n_waiting - at) * sizeof(*ssh->waiting));
}

static void channel_free(struct ssh *ssh, struct ssh_channel *channel)
{
	if (channel->waits)
		no_longer_waiting(ssh, channel->id);
	ssh->channels[channel->id] = NULL;
	ssh->n_channels--;
	if (channel->id < ssh->first_free)
		ssh->first_free = channel->id;
	free(channel);
	if (ssh->n_channels == 0) { /* an idle tunnel keeps nothing */
		free(ssh->channels);
		free(ssh->waiting);
		ssh->channels = NULL;
		ssh->waiting = NULL;
		ssh->n_places = ssh->first_free = ssh->n_waiting = ssh->waiting_capacity = 0;
	}
}

void ssh_channels_free(struct ssh *ssh)
{
	for (uint32_t i = 0; i < ssh->n_places; i++)
		free(ssh->channels[i]);
	free(ssh->channels);
	free(ssh->waiting);
}

unsigned ssh_channel_count(const struct ssh *ssh)
{
	return ssh->n_channels;
}

static bool make_place(struct ssh *ssh)
{
	uint32_t n = ssh->n_places ? 2 * ssh->n_places : 4;
	struct ssh_channel **channels;

	while (ssh->first_free < ssh->n_places && ssh->channels[ssh->first_free])
		ssh->first_free++;
	if (ssh->first_free < ssh->n_places)
		return true;
	if (ssh->n_places >= SSH_CHANNELS_MAX)
		return false;
	channels = realloc(ssh->channels, n * sizeof(struct ssh_channel *));
	if (!channels)
		return false;
	memset(channels + ssh->n_places, 0, (n - ssh->n_places) * sizeof(struct ssh_channel *));
	ssh->channels = channels;
	ssh->n_places = n;
	return true;
}

struct ssh_channel *ssh_channel_open(struct ssh *ssh, const char *type, struct ssh_text extra,
				     uint32_t window_bytes, void *user)
{
	uint8_t payload[1 + 4 + 32 + 12 + 512];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};
	struct ssh_channel *channel;

	if (ssh->failed || ssh->state != SSH_STATE_OPEN || !make_place(ssh))
		return NULL;
	ssh_put_u8(&writer, SSH_MSG_CHANNEL_OPEN);
	ssh_put_string(&writer, type);
	ssh_put_u32(&writer, ssh->first_free);
	ssh_put_u32(&writer, window_bytes);
	ssh_put_u32(&writer, SSH_DATA_MAX);
	ssh_put_bytes(&writer, extra.data, extra.size);
	channel = writer.full ? NULL : calloc(1, sizeof(*channel));
	if (!channel)
		return NULL;
	*channel = (struct ssh_channel){.id = ssh->first_free,
					.user = user,
					.granted = window_bytes,
					.window_bytes = window_bytes};
	ssh->channels[channel->id] = channel;
	ssh->n_channels++;
	if (ssh_send(ssh, payload, writer.size)) {
		channel_free(ssh, channel);
		return NULL;
	}
	return channel;
}

/* --- out ----------------------------------------------------------------------------------- */

static bool may_send(const struct ssh *ssh, const struct ssh_channel *channel)
{
	return channel->state == SSH_CHANNEL_OPEN && channel->window && !ssh->failed &&
	       ssh->exchange != SSH_EXCHANGE_ASKED && ssh->exchange != SSH_EXCHANGE_CHOSEN &&
	       ssh_buffer_size(&ssh->out) < SSH_OUTPUT_PAUSE;
}

static void wait_for_room(struct ssh *ssh, struct ssh_channel *channel)
{
	uint32_t n = ssh->waiting_capacity ? 2 * ssh->waiting_capacity : 4;
	uint32_t *waiting;

	if (channel->waits)
		return;
	if (ssh->n_waiting == ssh->waiting_capacity) {
		waiting = realloc(ssh->waiting, n * sizeof(*waiting));
		if (!waiting) {
			ssh->failed = -ENOMEM; /* nobody would ever call it again */
			return;
		}
		ssh->waiting = waiting;
		ssh->waiting_capacity = n;
	}
	ssh->waiting[ssh->n_waiting++] = channel->id;
	channel->waits = true;
}

size_t ssh_channel_room(struct ssh *ssh, struct ssh_channel *channel)
{
	size_t room = channel->packet_max;

	if (!may_send(ssh, channel)) {
		wait_for_room(ssh, channel);
		return 0;
	}
	return room < channel->window ? room : channel->window;
}

uint8_t *ssh_channel_fill(struct ssh *ssh, struct ssh_channel *channel, size_t n)
{
	uint8_t *payload = ssh_begin(ssh, DATA_HEADER + n);

	(void)channel;
	return payload ? payload + DATA_HEADER : NULL;
}

int ssh_channel_filled(struct ssh *ssh, struct ssh_channel *channel, size_t n)
{
	uint8_t *payload = ssh_begin(ssh, DATA_HEADER); /* where the data is already */

	if (!n && !ssh_buffer_size(&ssh->out))
		ssh_buffer_free(&ssh->out); /* an idle tunnel keeps nothing */
	if (!n)
		return 0;
	payload[0] = SSH_MSG_CHANNEL_DATA;
	ssh_store_u32(payload + 1, channel->peer_id);
	ssh_store_u32(payload + 5, (uint32_t)n);
	channel->window -= (uint32_t)n;
	return ssh_finish(ssh, DATA_HEADER + n);
}

static int send_for(struct ssh *ssh, enum ssh_message message, uint32_t peer_id)
{
	uint8_t payload[5] = {(uint8_t)message};

	ssh_store_u32(payload + 1, peer_id);
	return ssh_send(ssh, payload, sizeof(payload));
}

void ssh_channel_eof(struct ssh *ssh, struct ssh_channel *channel)
{
	if (channel->eof_sent || channel->state != SSH_CHANNEL_OPEN)
		return;
	channel->eof_sent = true;
	send_for(ssh, SSH_MSG_CHANNEL_EOF, channel->peer_id);
}

void ssh_channel_close(struct ssh *ssh, struct ssh_channel *channel)
{
	channel->user = NULL;
	if (channel->state == SSH_CHANNEL_OPEN)
		send_for(ssh, SSH_MSG_CHANNEL_CLOSE, channel->peer_id);
	if (channel->state != SSH_CHANNEL_OPENING)
		channel->state = SSH_CHANNEL_CLOSING;
}

void ssh_channel_consumed(struct ssh *ssh, struct ssh_channel *channel, size_t n)
{
	uint8_t payload[9] = {SSH_MSG_CHANNEL_WINDOW_ADJUST};

	channel->consumed += (uint32_t)n;
	if (channel->state != SSH_CHANNEL_OPEN || channel->eof_received ||
	    channel->consumed < channel->window_bytes / 4)
		return;
	ssh_store_u32(payload + 1, channel->peer_id);
	ssh_store_u32(payload + 5, channel->consumed);
	channel->granted += channel->consumed;
	channel->consumed = 0;
	ssh_send(ssh, payload, sizeof(payload));
}

/* ssh_sent() - all that wait now, once; who finds no room queues anew */
void ssh_sent(struct ssh *ssh)
{
	uint32_t n = ssh->n_waiting;

	if (!ssh_buffer_size(&ssh->out)) {
		ssh->out_usual = ssh->out_peak;
		ssh->out_peak = 0;
	}
	if (ssh->exchange == SSH_EXCHANGE_ASKED || ssh->exchange == SSH_EXCHANGE_CHOSEN ||
	    ssh_buffer_size(&ssh->out) >= SSH_OUTPUT_PAUSE)
		return;
	while (n-- && ssh->n_waiting && !ssh->failed) {
		uint32_t id = ssh->waiting[0];
		struct ssh_channel *channel = channel_find(ssh, id);

		memmove(ssh->waiting, ssh->waiting + 1, --ssh->n_waiting * sizeof(*ssh->waiting));
		if (channel)
			channel->waits = false;
		if (channel && channel->user && channel->state == SSH_CHANNEL_OPEN)
			ssh->settings.handler->channel_writable(ssh->settings.owner, channel);
		if (ssh_buffer_size(&ssh->out) >= SSH_OUTPUT_PAUSE)
			return; /* the others keep their place before those that were served */
	}
}

/* --- in ------------------------------------------------------------------------------------ */

static int malformed(struct ssh *ssh, const char *what)
{
	return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR, "malformed %s", what);
}

static int take_request(struct ssh *ssh, struct ssh_reader *reader)
{
	struct ssh_text name = ssh_get_text(reader);
	bool wants_answer = ssh_get_bool(reader);
	uint8_t text[SSH_ANSWER_MAX];
	struct ssh_writer answer = {.data = text, .capacity = sizeof(text)};
	enum ssh_granted granted;

	if (reader->bad)
		return malformed(ssh, "global request");
	granted = ssh->settings.handler->request(ssh->settings.owner, name, reader, &answer);
	if (ssh->failed)
		return ssh->failed;
	if (granted == SSH_LATER) {
		ssh->later = true;
		ssh->later_silently = !wants_answer;
		return 0;
	}
	if (!wants_answer)
		return 0;
	return ssh_send_answer(ssh, granted, (struct ssh_text){text, answer.size});
}

static int refuse_channel(struct ssh *ssh, struct ssh_reader *reader)
{
	uint8_t payload[128];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};
	uint32_t peer_id;

	ssh_get_text(reader);
	peer_id = ssh_get_u32(reader);
	if (reader->bad)
		return malformed(ssh, "CHANNEL_OPEN");
	ssh_put_u8(&writer, SSH_MSG_CHANNEL_OPEN_FAILURE);
	ssh_put_u32(&writer, peer_id);
	ssh_put_u32(&writer, SSH_OPEN_ADMINISTRATIVELY_PROHIBITED);
	ssh_put_string(&writer, "only remote forwardings here: ssh -N -R PORT:HOST:PORT");
	ssh_put_string(&writer, "");
	return ssh_send(ssh, payload, writer.size);
}

static int take_confirmation(struct ssh *ssh, struct ssh_channel *channel,
			     struct ssh_reader *reader)
{
	channel->peer_id = ssh_get_u32(reader);
	channel->window = ssh_get_u32(reader);
	channel->packet_max = ssh_get_u32(reader);
	if (reader->bad || channel->state != SSH_CHANNEL_OPENING)
		return malformed(ssh, "CHANNEL_OPEN_CONFIRMATION");
	if (channel->packet_max > SSH_DATA_MAX)
		channel->packet_max = SSH_DATA_MAX;
	channel->state = SSH_CHANNEL_OPEN;
	if (channel->packet_max < PACKET_FLOOR)
		return malformed(ssh, "maximum packet size");
	if (!channel->user)
		ssh_channel_close(ssh, channel); /* its owner left meanwhile */
	else
		ssh->settings.handler->channel_opened(ssh->settings.owner, channel);
	return ssh->failed;
}

static int take_failure(struct ssh *ssh, struct ssh_channel *channel, struct ssh_reader *reader)
{
	struct ssh_text why;

	ssh_get_u32(reader);
	why = ssh_get_text(reader);
	if (reader->bad || channel->state != SSH_CHANNEL_OPENING)
		return malformed(ssh, "CHANNEL_OPEN_FAILURE");
	if (channel->user)
		ssh->settings.handler->channel_refused(ssh->settings.owner, channel, why);
	channel_free(ssh, channel);
	return ssh->failed;
}

static int take_adjust(struct ssh *ssh, struct ssh_channel *channel, struct ssh_reader *reader)
{
	uint32_t more = ssh_get_u32(reader);

	if (reader->bad || more > UINT32_MAX - channel->window)
		return malformed(ssh, "CHANNEL_WINDOW_ADJUST");
	channel->window += more;
	if (channel->waits && channel->user && may_send(ssh, channel))
		ssh->settings.handler->channel_writable(ssh->settings.owner, channel);
	return ssh->failed;
}

static int take_data(struct ssh *ssh, struct ssh_channel *channel, struct ssh_text data,
		     const struct ssh_reader *reader)
{
	if (reader->bad || reader->left)
		return malformed(ssh, "CHANNEL_DATA");
	if (channel->eof_received)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"data after the end of data");
	if (data.size > SSH_DATA_MAX)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"data beyond the maximum packet size");
	if (data.size > channel->granted)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"data beyond the window");
	channel->granted -= (uint32_t)data.size;
	if (channel->state == SSH_CHANNEL_OPEN && channel->user)
		ssh->settings.handler->channel_data(ssh->settings.owner, channel, data.data,
						    data.size);
	return ssh->failed;
}

static int take_close(struct ssh *ssh, struct ssh_channel *channel)
{
	if (channel->state == SSH_CHANNEL_OPEN) {
		if (send_for(ssh, SSH_MSG_CHANNEL_CLOSE, channel->peer_id))
			return ssh->failed;
		channel->state = SSH_CHANNEL_CLOSING;
		if (channel->user)
			ssh->settings.handler->channel_closed(ssh->settings.owner, channel);
	}
	channel_free(ssh, channel);
	return ssh->failed;
}

/* take_channel_request() - keepalive@openssh.com comes this way from some; nothing is granted */
static int take_channel_request(struct ssh *ssh, struct ssh_channel *channel,
				struct ssh_reader *reader)
{
	bool wants_answer;

	ssh_get_text(reader);
	wants_answer = ssh_get_bool(reader);
	if (reader->bad)
		return malformed(ssh, "CHANNEL_REQUEST");
	if (!wants_answer || channel->state != SSH_CHANNEL_OPEN) /* nothing follows our CLOSE */
		return 0;
	return send_for(ssh, SSH_MSG_CHANNEL_FAILURE, channel->peer_id);
}

static int take_eof(struct ssh *ssh, struct ssh_channel *channel)
{
	if (channel->eof_received)
		return malformed(ssh, "CHANNEL_EOF: a second one");
	channel->eof_received = true;
	if (channel->state == SSH_CHANNEL_OPEN && channel->user)
		ssh->settings.handler->channel_eof(ssh->settings.owner, channel);
	return ssh->failed;
}

static int take_for_channel(struct ssh *ssh, unsigned message, struct ssh_channel *channel,
			    struct ssh_reader *reader)
{
	switch (message) {
	case SSH_MSG_CHANNEL_OPEN_CONFIRMATION:
		return take_confirmation(ssh, channel, reader);
	case SSH_MSG_CHANNEL_OPEN_FAILURE:
		return take_failure(ssh, channel, reader);
	default:
		break;
	}
	if (channel->state == SSH_CHANNEL_OPENING)
		return malformed(ssh, "message for a channel that is not open yet");
	switch (message) {
	case SSH_MSG_CHANNEL_WINDOW_ADJUST:
		return take_adjust(ssh, channel, reader);
	case SSH_MSG_CHANNEL_DATA:
		return take_data(ssh, channel, ssh_get_text(reader), reader);
	case SSH_MSG_CHANNEL_EXTENDED_DATA: /* standard error: nobody to show it to */
		return malformed(ssh, "message: extended data in a forwarding");
	case SSH_MSG_CHANNEL_EOF:
		return take_eof(ssh, channel);
	case SSH_MSG_CHANNEL_CLOSE:
		return take_close(ssh, channel);
	case SSH_MSG_CHANNEL_REQUEST:
		return take_channel_request(ssh, channel, reader);
	case SSH_MSG_CHANNEL_SUCCESS: /* we never ask */
	case SSH_MSG_CHANNEL_FAILURE:
	default:
		return malformed(ssh, "message for a channel");
	}
}

static int unimplemented(struct ssh *ssh)
{
	uint8_t payload[5] = {SSH_MSG_UNIMPLEMENTED};

	ssh_store_u32(payload + 1, ssh->sequence[SSH_IN]);
	return ssh_send(ssh, payload, sizeof(payload));
}

int ssh_connection_message(struct ssh *ssh, struct ssh_text payload)
{
	struct ssh_reader reader = {.at = payload.data + 1, .left = payload.size - 1};
	unsigned message = payload.data[0];
	struct ssh_channel *channel;

	if (message < SSH_MSG_GLOBAL_REQUEST) /* RFC 4252 section 5.1: after success, silently */
		return 0;
	switch (message) {
	case SSH_MSG_GLOBAL_REQUEST:
		return take_request(ssh, &reader);
	case SSH_MSG_REQUEST_SUCCESS: /* to ssh_probe(); that it came is all */
	case SSH_MSG_REQUEST_FAILURE:
		return 0;
	case SSH_MSG_CHANNEL_OPEN:
		return refuse_channel(ssh, &reader);
	default:
		break;
	}
	if (message < SSH_MSG_CHANNEL_OPEN || message > SSH_MSG_CHANNEL_FAILURE)
		return unimplemented(ssh);
	channel = channel_find(ssh, ssh_get_u32(&reader));
	if (reader.bad || !channel)
		return malformed(ssh, "message: no such channel");
	return take_for_channel(ssh, message, channel, &reader);
}

int ssh_probe(struct ssh *ssh, const char *name)
{
	uint8_t payload[64];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};

	if (ssh->state != SSH_STATE_OPEN)
		return 0;
	ssh_put_u8(&writer, SSH_MSG_GLOBAL_REQUEST);
	ssh_put_string(&writer, name);
	ssh_put_u8(&writer, 1);
	return ssh_send(ssh, payload, writer.size);
}
