/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_fuzz - what a client may send to the SSH server of tunnels, with plain packets throughout.
 *
 * Input: a byte of flags (where to begin: raw bytes, key exchange, log-in, open; how the handler
 * answers; how the input is cut), then for raw bytes the stream itself, else messages of
 * {length, two bytes, payload}. An open connection has channels under way in each state.
 * What must hold: no crash; what is over stays over; no channel is granted more than its window;
 * the gateway's own output is whole packets.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/relay/ssh_private.h"

#define MESSAGES_MAX 64u
#define WINDOW	     4096u

enum flags { BEGIN = 3, LATER = 4, GRANT = 8, CONSUME = 16, RENEW = 32, CUT = 64 };
enum begin { RAW, KEYS, LOGIN, OPEN };

static struct ssh_host_key *key;
static unsigned flags;
static struct ssh *ssh;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ssh_granted authenticate(void *owner, const struct ssh_auth *auth)
{
	(void)owner;
	assert(auth->secret.size == 0 || auth->secret.data);
	return flags & GRANT ? SSH_GRANTED : SSH_REFUSED;
}

static void authenticated(void *owner)
{
	(void)owner;
}

static enum ssh_granted request(void *owner, struct ssh_text name, struct ssh_reader *body,
				struct ssh_writer *answer)
{
	(void)owner;
	(void)name;
	if (ssh_get_u32(body) & 1)
		ssh_put_bytes(answer, "text", 4);
	if (flags & LATER)
		return SSH_LATER;
	return flags & GRANT ? SSH_GRANTED : SSH_REFUSED;
}

static void write_some(struct ssh_channel *channel)
{
	size_t room = ssh_channel_room(ssh, channel);
	uint8_t *place;

	if (!room)
		return;
	if (room > 64)
		room = 64;
	place = ssh_channel_fill(ssh, channel, room);
	assert(place);
	memset(place, 'x', room);
	ssh_channel_filled(ssh, channel, room);
}

static void channel_opened(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	write_some(channel);
}

static void channel_refused(void *owner, struct ssh_channel *channel, struct ssh_text why)
{
	(void)owner;
	(void)channel;
	assert(why.size == 0 || why.data);
}

static void channel_data(void *owner, struct ssh_channel *channel, const uint8_t *data, size_t n)
{
	(void)owner;
	assert(n <= WINDOW && (n == 0 || data));
	assert(channel->granted <= WINDOW);
	if (flags & CONSUME)
		ssh_channel_consumed(ssh, channel, n);
}

static void channel_eof(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	ssh_channel_eof(ssh, channel);
}

static void channel_closed(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	(void)channel;
}

static void channel_writable(void *owner, struct ssh_channel *channel)
{
	(void)owner;
	write_some(channel);
}

static const struct ssh_handler handler = {authenticate,   authenticated,   request,
					   channel_opened, channel_refused, channel_data,
					   channel_eof,	   channel_closed,  channel_writable};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char pem[1024];
	size_t n = ssh_host_key_make(pem, sizeof(pem));

	(void)argc;
	(void)argv;
	key = ssh_host_key_read(pem, n);
	assert(key);
	return 0;
}

static void begin(enum begin where)
{
	static int user;
	struct ssh_channel *channel;

	if (where == RAW)
		return;
	ssh->client_version = strdup("SSH-2.0-fuzz");
	ssh->state = where == KEYS    ? SSH_STATE_KEYS
		     : where == LOGIN ? SSH_STATE_SERVICE
				      : SSH_STATE_OPEN;
	ssh->keyed = where != KEYS;
	if (where != OPEN)
		return;
	for (unsigned i = 0; i < 4; i++) { /* opening, open, closing, open */
		channel = ssh_channel_open(ssh, "chisel", SSH_TEXT("h:1"), WINDOW, &user);
		if (i == 0)
			continue;
		channel->state = SSH_CHANNEL_OPEN;
		channel->window = 100;
		channel->packet_max = 50;
		if (i == 2)
			ssh_channel_close(ssh, channel);
	}
}

static int feed(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* its end is watched */
	size_t first = flags & CUT && n > 1 ? n / 2 : n;
	int error;

	memcpy(copy, data, n);
	error = ssh_input(ssh, copy, first);
	if (first < n)
		error = ssh_input(ssh, copy + first, n - first);
	free(copy);
	return error;
}

static int feed_message(const uint8_t *payload, size_t n)
{
	size_t padding = 8 - (5 + n) % 8;
	uint8_t packet[2048 + 32] = {0};

	if (padding < 4)
		padding += 8;
	ssh_store_u32(packet, (uint32_t)(1 + n + padding));
	packet[4] = (uint8_t)padding;
	memcpy(packet + 5, payload, n);
	return feed(packet, 5 + n + padding);
}

/* Once there are keys what comes is not plain any more, and what goes neither. */
static void check_output(void)
{
	struct ssh_buffer *out = ssh_output(ssh);
	const uint8_t *at = ssh_buffer_data(out);
	size_t left = ssh_buffer_size(out);

	if (ssh->cipher[SSH_OUT].kind != SSH_CIPHER_PLAIN)
		return;
	if (left >= 4 && memcmp(at, "SSH-", 4) == 0) {
		at += strlen("SSH-2.0-pgw\r\n");
		left -= strlen("SSH-2.0-pgw\r\n");
	}
	while (left) {
		uint32_t length = ssh_load_u32(at);

		assert(left >= 4 + (size_t)length && (4 + length) % 8 == 0 && at[4] >= 4);
		at += 4 + length;
		left -= 4 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_settings settings = {.banner = "SSH-2.0-pgw",
					.client_banner = "SSH-2.0-",
					.key = key,
					.handler = &handler,
					.methods = "password"};
	int error = 0;

	if (!size)
		return 0;
	flags = data[0];
	data++;
	size--;
	ssh = ssh_create(&settings);
	assert(ssh);
	begin(flags & BEGIN);
	if (flags & RENEW)
		ssh_rekey(ssh);
	if ((flags & BEGIN) == RAW)
		error = feed(data, size);
	for (unsigned i = 0; (flags & BEGIN) != RAW && i < MESSAGES_MAX && size >= 2; i++) {
		size_t n = (size_t)(data[0] | data[1] << 8) & 2047;

		if (n > size - 2)
			n = size - 2;
		if (n)
			error = feed_message(data + 2, n);
		data += 2 + n;
		size -= 2 + n;
		if (ssh_waits_for_answer(ssh) && i & 1)
			ssh_answer(ssh, SSH_GRANTED, SSH_TEXT(""));
		ssh_sent(ssh);
	}
	if (error)
		assert(feed_message((const uint8_t *)"\2\0\0\0\0", 5) < 0);
	check_output();
	ssh_free(ssh);
	return 0;
}
