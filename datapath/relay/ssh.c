/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh - packets, key exchange: RFC 4253 sections 6, 7 to 11.
 *
 * States: VERSION -> KEYS -> SERVICE -> AUTH -> OPEN; any of them -> failed. Keys are exchanged
 * first in KEYS, where we wait for the client's KEXINIT (ssh_kex_prefers_gcm()), and again in OPEN
 * whenever either end asks; then
 *   NONE -> ASKED (our KEXINIT is out) -> CHOSEN (theirs is in) -> NEWKEYS (our reply and NEWKEYS
 *   are out) -> NONE (their NEWKEYS is in).
 * While ASKED or CHOSEN nothing but key exchange is sent: what else is to be said waits in held,
 * and ssh_channel_room() is 0.
 *
 * Limits: packets of PACKET_MAX_EARLY bytes before log-in and
 * PACKET_MAX afterwards; HELD_MAX bytes that wait for the end of a key exchange. New keys are asked
 * for after settings.rekey_bytes or REKEY_PACKETS; a client that has not given them by PACKETS_MAX
 * is cut off, as sequence numbers must not repeat under one key.
 *
 * Padding is zeros: every cipher here authenticates, and hides the length's residue or not
 * whatever the padding holds.
 */
#include "datapath/relay/ssh_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define LENGTH_BYTES	 4u
#define PADDING_MIN	 4u
#define PACKET_MAX_EARLY 35000u
#define PACKET_MAX	 (128u * 1024)
#define HELD_MAX	 (256u * 1024)
#define REKEY_PACKETS	 (1ull << 28)
#define PACKETS_MAX	 ((1ull << 32) - 1)

static int send_now(struct ssh *ssh, const uint8_t *payload, size_t n)
{
	uint8_t *room = ssh_begin(ssh, n);

	if (!room)
		return ssh->failed = -ENOMEM;
	memcpy(room, payload, n);
	return ssh_finish(ssh, n);
}

int ssh_fail(struct ssh *ssh, int error, unsigned reason, const char *format, ...)
{
	uint8_t payload[SSH_ERROR_TEXT + 32] = {0};
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};
	va_list arguments;

	if (ssh->failed)
		return ssh->failed;
	va_start(arguments, format);
	vsnprintf(ssh->error, sizeof(ssh->error), format, arguments);
	va_end(arguments);
	if (ssh->state != SSH_STATE_VERSION && error != -ENOMEM) {
		ssh_put_u8(&writer, SSH_MSG_DISCONNECT);
		ssh_put_u32(&writer, reason);
		ssh_put_string(&writer, ssh->error);
		ssh_put_string(&writer, "");
		send_now(ssh, payload, writer.size);
	}
	return ssh->failed = error;
}

/* --- packets out --------------------------------------------------------------------------- */

uint8_t *ssh_begin(struct ssh *ssh, size_t n)
{
	size_t room = LENGTH_BYTES + 1 + n + PADDING_MIN + 16 + SSH_CIPHER_TAG_BYTES;
	uint8_t *packet;

	/* in a stream of data as much as it took the last time, at once: growing would copy it */
	if (!ssh->out.bytes && room < ssh->out_usual)
		room = ssh->out_usual;
	packet = ssh_buffer_reserve(&ssh->out, room);
	return packet ? packet + LENGTH_BYTES + 1 : NULL;
}

int ssh_finish(struct ssh *ssh, size_t n)
{
	struct ssh_cipher *cipher = &ssh->cipher[SSH_OUT];
	uint8_t *packet = ssh->out.bytes + ssh->out.end;
	unsigned block = ssh_cipher_block(cipher->kind);
	/* the length itself counts towards a block only while it is plain (RFC 5647 section 7.2) */
	size_t counted = 1 + n + (cipher->kind == SSH_CIPHER_PLAIN ? LENGTH_BYTES : 0);
	size_t padding = block - counted % block;
	size_t length;

	if (padding < PADDING_MIN)
		padding += block;
	length = 1 + n + padding;
	ssh_store_u32(packet, (uint32_t)length);
	packet[LENGTH_BYTES] = (uint8_t)padding;
	memset(packet + LENGTH_BYTES + 1 + n, 0, padding);
	if (ssh_cipher_seal(cipher, ssh->sequence[SSH_OUT], packet, length))
		return ssh->failed = -EIO;
	ssh->sequence[SSH_OUT]++;
	ssh->packets[SSH_OUT]++;
	ssh->bytes[SSH_OUT] += length;
	ssh_buffer_commit(&ssh->out, LENGTH_BYTES + length + ssh_cipher_tag(cipher->kind));
	if (ssh->out_peak < ssh->out.end)
		ssh->out_peak = ssh->out.end;
	return 0;
}

static bool must_hold(const struct ssh *ssh, const uint8_t *payload)
{
	return (ssh->exchange == SSH_EXCHANGE_ASKED || ssh->exchange == SSH_EXCHANGE_CHOSEN) &&
	       payload[0] > SSH_MSG_KEX_LAST;
}

int ssh_send(struct ssh *ssh, const uint8_t *payload, size_t n)
{
	uint8_t size[4];

	if (ssh->failed)
		return ssh->failed;
	if (!must_hold(ssh, payload))
		return send_now(ssh, payload, n);
	if (ssh_buffer_size(&ssh->held) + n > HELD_MAX)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"too much to say during a key exchange");
	ssh_store_u32(size, (uint32_t)n);
	if (ssh_buffer_append(&ssh->held, size, sizeof(size)) ||
	    ssh_buffer_append(&ssh->held, payload, n))
		return ssh->failed = -ENOMEM;
	return 0;
}

static int send_held(struct ssh *ssh)
{
	int error = 0;

	while (!error && ssh_buffer_size(&ssh->held)) {
		uint8_t *at = ssh_buffer_data(&ssh->held);
		uint32_t n = ssh_load_u32(at);

		error = send_now(ssh, at + 4, n);
		ssh_buffer_consume(&ssh->held, 4 + n);
	}
	return error;
}

/* --- key exchange -------------------------------------------------------------------------- */

int ssh_rekey(struct ssh *ssh)
{
	int error;

	if (ssh->failed || ssh->exchange != SSH_EXCHANGE_NONE)
		return ssh->failed;
	ssh->kex = calloc(1, sizeof(*ssh->kex));
	if (!ssh->kex)
		return ssh->failed = -ENOMEM;
	error = ssh_kex_begin(ssh->kex,
			      (ssh->keyed ? 0 : SSH_KEX_FIRST) | (ssh->gcm ? 0 : SSH_KEX_CHACHA));
	if (!error)
		error = send_now(ssh, ssh->kex->own, ssh->kex->own_bytes);
	ssh->exchange = SSH_EXCHANGE_ASKED;
	return error ? ssh->failed = error : 0;
}

static int take_kexinit(struct ssh *ssh, struct ssh_text payload)
{
	char why[SSH_KEX_ERROR_TEXT];
	int error;

	if (!ssh->keyed)
		ssh->gcm = ssh_kex_prefers_gcm(payload);
	error = ssh_rekey(ssh); /* nothing, if we asked first */
	if (error)
		return error;
	if (ssh->exchange != SSH_EXCHANGE_ASKED)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"KEXINIT within a key exchange");
	error = ssh_kex_peer(ssh->kex, payload, why);
	if (error)
		return ssh_fail(ssh, error, SSH_DISCONNECT_KEY_EXCHANGE_FAILED, "%s", why);
	if (!ssh->keyed) {
		ssh->strict = ssh->kex->strict;
		/* else an attacker could have slipped something in before (CVE-2023-48795) */
		if (ssh->strict && ssh->sequence[SSH_IN] != 0)
			return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
					"strict key exchange: KEXINIT was not the first message");
	}
	ssh->skip_guess = ssh->kex->skip_guess;
	ssh->exchange = SSH_EXCHANGE_CHOSEN;
	return 0;
}

/* use_keys() - from the next packet of @direction on */
static int use_keys(struct ssh *ssh, enum ssh_direction direction)
{
	uint8_t key[SSH_CIPHER_KEY_MAX], iv[SSH_HASH_BYTES];
	enum ssh_cipher_kind kind = ssh->kex->cipher[direction];
	int error;

	error = ssh_kex_derive(ssh->kex, ssh->session, direction == SSH_IN ? 'A' : 'B', iv,
			       ssh_cipher_iv_bytes(kind));
	if (!error)
		error = ssh_kex_derive(ssh->kex, ssh->session, direction == SSH_IN ? 'C' : 'D', key,
				       ssh_cipher_key_bytes(kind));
	if (!error)
		error = ssh_cipher_set(&ssh->cipher[direction], kind, key, iv,
				       direction == SSH_OUT);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(iv, sizeof(iv));
	ssh->packets[direction] = ssh->bytes[direction] = 0;
	if (ssh->strict)
		ssh->sequence[direction] = 0;
	return error ? ssh->failed = error : 0;
}

/* RFC 8308: the algorithms for signatures that RSA keys may use. */
static int send_ext_info(struct ssh *ssh)
{
	uint8_t payload[128] = {0};
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};

	ssh_put_u8(&writer, SSH_MSG_EXT_INFO);
	ssh_put_u32(&writer, 1);
	ssh_put_string(&writer, "server-sig-algs");
	ssh_put_string(&writer, SSH_KEY_ALGORITHMS);
	return send_now(ssh, payload, writer.size);
}

static int take_ecdh_init(struct ssh *ssh, struct ssh_text payload)
{
	const uint8_t newkeys = SSH_MSG_NEWKEYS;
	struct ssh_versions versions = {
		.client = {(const uint8_t *)ssh->client_version, strlen(ssh->client_version)},
		.server = {(const uint8_t *)ssh->settings.banner, strlen(ssh->settings.banner)}};
	struct ssh_writer writer = {.capacity = SSH_KEX_REPLY_MAX};
	uint8_t reply[SSH_KEX_REPLY_MAX];
	int error;

	writer.data = reply;
	error = ssh_kex_reply(ssh->kex, ssh->settings.key, &versions, payload, &writer);
	if (error)
		return ssh_fail(ssh, error, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
				"key exchange: the client's public key is not usable");
	if (!ssh->keyed)
		memcpy(ssh->session, ssh->kex->hash, sizeof(ssh->session));
	error = send_now(ssh, reply, writer.size);
	if (!error)
		error = send_now(ssh, &newkeys, 1);
	if (!error)
		error = use_keys(ssh, SSH_OUT);
	if (!error && !ssh->keyed && ssh->kex->ext_info)
		error = send_ext_info(ssh);
	ssh->keyed = true;
	ssh->exchange = SSH_EXCHANGE_NEWKEYS;
	return error ? error : send_held(ssh);
}

static int take_newkeys(struct ssh *ssh)
{
	int error = use_keys(ssh, SSH_IN);

	ssh_kex_end(ssh->kex);
	free(ssh->kex);
	ssh->kex = NULL;
	ssh->exchange = SSH_EXCHANGE_NONE;
	if (ssh->state == SSH_STATE_KEYS)
		ssh->state = SSH_STATE_SERVICE;
	return error;
}

static int unexpected(struct ssh *ssh, unsigned message)
{
	return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
			"message %u is not expected here", message);
}

/* --- messages in --------------------------------------------------------------------------- */

static int take_disconnect(struct ssh *ssh, struct ssh_text payload)
{
	struct ssh_reader reader = {.at = payload.data + 1, .left = payload.size - 1};
	uint32_t reason = ssh_get_u32(&reader);
	struct ssh_text text = ssh_get_text(&reader);
	size_t n = 0;

	n = (size_t)snprintf(ssh->error, sizeof(ssh->error),
			     "the client left, reason %u: ", reason);
	for (size_t i = 0; i < text.size && n + 1 < sizeof(ssh->error); i++)
		ssh->error[n++] =
			text.data[i] >= ' ' && text.data[i] < 127 ? (char)text.data[i] : '?';
	ssh->error[n] = '\0';
	return ssh->failed = -ECONNRESET;
}

static int take_transport(struct ssh *ssh, struct ssh_text payload)
{
	bool strictly = ssh->state == SSH_STATE_KEYS && ssh->strict;

	switch (payload.data[0]) {
	case SSH_MSG_DISCONNECT:
		return take_disconnect(ssh, payload);
	case SSH_MSG_IGNORE:
	case SSH_MSG_DEBUG:
	case SSH_MSG_UNIMPLEMENTED:
		return strictly ? unexpected(ssh, payload.data[0]) : 0;
	case SSH_MSG_KEXINIT:
		return take_kexinit(ssh, payload);
	case SSH_MSG_KEX_ECDH_INIT:
		return ssh->exchange == SSH_EXCHANGE_CHOSEN ? take_ecdh_init(ssh, payload)
							    : unexpected(ssh, payload.data[0]);
	case SSH_MSG_NEWKEYS:
		return ssh->exchange == SSH_EXCHANGE_NEWKEYS && payload.size == 1
			       ? take_newkeys(ssh)
			       : unexpected(ssh, payload.data[0]);
	case SSH_MSG_SERVICE_REQUEST:
		return ssh->state == SSH_STATE_SERVICE && ssh->exchange == SSH_EXCHANGE_NONE
			       ? ssh_auth_message(ssh, payload)
			       : unexpected(ssh, payload.data[0]);
	case SSH_MSG_EXT_INFO: /* nothing in it concerns us */
		return ssh->state > SSH_STATE_KEYS ? 0 : unexpected(ssh, payload.data[0]);
	default:
		return unexpected(ssh, payload.data[0]);
	}
}

static int take_message(struct ssh *ssh, struct ssh_text payload)
{
	unsigned message = payload.data[0];

	ssh->heard++;
	if (ssh->skip_guess && ssh->exchange == SSH_EXCHANGE_CHOSEN) {
		ssh->skip_guess = false; /* RFC 4253 section 7: whatever it is */
		return 0;
	}
	if (message <= SSH_MSG_KEX_LAST)
		return take_transport(ssh, payload);
	/* after their KEXINIT they may not either */
	if (ssh->exchange > SSH_EXCHANGE_ASKED)
		return unexpected(ssh, message);
	if (ssh->state == SSH_STATE_AUTH)
		return ssh_auth_message(ssh, payload);
	if (ssh->state == SSH_STATE_OPEN)
		return ssh_connection_message(ssh, payload);
	return unexpected(ssh, message);
}

/* --- packets in ---------------------------------------------------------------------------- */

static bool length_plausible(const struct ssh *ssh, uint32_t length)
{
	const struct ssh_cipher *cipher = &ssh->cipher[SSH_IN];
	unsigned block = ssh_cipher_block(cipher->kind);
	uint32_t max = ssh->state == SSH_STATE_OPEN ? PACKET_MAX : PACKET_MAX_EARLY;
	uint32_t counted = length;

	if (length > max || length < 1 + 1 + PADDING_MIN)
		return false;
	if (cipher->kind == SSH_CIPHER_PLAIN)
		counted += LENGTH_BYTES;
	return counted % block == 0;
}

/* packet_bytes() - of the packet that begins at @data; 0: not known yet; negative: over */
static long packet_bytes(struct ssh *ssh, const uint8_t *data, size_t n)
{
	struct ssh_cipher *cipher = &ssh->cipher[SSH_IN];
	uint32_t length;

	if (n < LENGTH_BYTES)
		return 0;
	length = ssh_cipher_length(cipher, ssh->sequence[SSH_IN], data);
	if (!length_plausible(ssh, length))
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"a packet's length is not possible");
	return (long)(LENGTH_BYTES + length + ssh_cipher_tag(cipher->kind));
}

static bool wants_new_keys(const struct ssh *ssh)
{
	for (int i = 0; i < 2; i++)
		if (ssh->bytes[i] >= ssh->settings.rekey_bytes || ssh->packets[i] >= REKEY_PACKETS)
			return true;
	return false;
}

static int take_packet(struct ssh *ssh, uint8_t *packet, size_t bytes)
{
	struct ssh_cipher *cipher = &ssh->cipher[SSH_IN];
	size_t length = bytes - LENGTH_BYTES - ssh_cipher_tag(cipher->kind);
	size_t padding;
	int error;

	if (ssh_cipher_open(cipher, ssh->sequence[SSH_IN], packet, length))
		return ssh_fail(ssh, -EBADMSG, SSH_DISCONNECT_MAC_ERROR,
				"a packet was damaged or forged");
	padding = packet[LENGTH_BYTES];
	if (padding < PADDING_MIN || padding + 2 > length)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_PROTOCOL_ERROR,
				"a packet's padding is not possible");
	ssh->bytes[SSH_IN] += length;
	if (++ssh->packets[SSH_IN] >= PACKETS_MAX)
		return ssh_fail(ssh, -EPROTO, SSH_DISCONNECT_KEY_EXCHANGE_FAILED,
				"the client does not renew its keys");
	error = take_message(ssh,
			     (struct ssh_text){packet + LENGTH_BYTES + 1, length - padding - 1});
	/* NEWKEYS of a strict exchange set it to zero, for the packet after it */
	if (!(ssh->strict && ssh->packets[SSH_IN] == 0))
		ssh->sequence[SSH_IN]++;
	if (!error && ssh->state == SSH_STATE_OPEN && wants_new_keys(ssh))
		error = ssh_rekey(ssh);
	return error;
}

/* take_one() - a line or a packet from @data; Return: its bytes, 0: not complete, negative: over */
static long take_one(struct ssh *ssh, uint8_t *data, size_t n)
{
	bool version = ssh->state == SSH_STATE_VERSION;
	long bytes = version ? ssh_version_bytes(ssh, data, n) : packet_bytes(ssh, data, n);
	int error;

	if (bytes <= 0 || (size_t)bytes > n)
		return bytes < 0 ? bytes : 0;
	error = version ? ssh_version_take(ssh, data, (size_t)bytes - 1)
			: take_packet(ssh, data, (size_t)bytes);
	return error ? error : bytes;
}

/* take_all() - Return: bytes that have been taken, negative: over */
static long take_all(struct ssh *ssh, uint8_t *data, size_t n)
{
	size_t taken = 0;

	while (taken < n && !ssh->later) {
		long bytes = take_one(ssh, data + taken, n - taken);

		if (bytes < 0)
			return bytes;
		if (bytes == 0)
			break;
		taken += (size_t)bytes;
	}
	return (long)taken;
}

/* complete() - what an incomplete packet in ssh->in lacks, at most @n */
static size_t lacking(struct ssh *ssh, size_t n)
{
	size_t have = ssh_buffer_size(&ssh->in), want = LENGTH_BYTES;

	if (ssh->state == SSH_STATE_VERSION)
		return 1; /* rare, and short */
	if (have >= LENGTH_BYTES) {
		long bytes = packet_bytes(ssh, ssh_buffer_data(&ssh->in), have);

		if (bytes > 0)
			want = (size_t)bytes;
	}
	if (want <= have)
		return n;
	return want - have < n ? want - have : n;
}

static int take_rest(struct ssh *ssh)
{
	long taken;

	if (!ssh_buffer_size(&ssh->in))
		return 0;
	taken = take_all(ssh, ssh_buffer_data(&ssh->in), ssh_buffer_size(&ssh->in));
	if (taken < 0)
		return (int)taken;
	ssh_buffer_consume(&ssh->in, (size_t)taken);
	return 0;
}

int ssh_input(struct ssh *ssh, uint8_t *data, size_t n)
{
	while (n && !ssh->failed) {
		size_t part;
		long taken;

		if (!ssh->later && ssh_buffer_size(&ssh->in) == 0) {
			taken = take_all(ssh, data, n);
			if (taken < 0)
				break;
			data += taken;
			n -= (size_t)taken;
			if (!n)
				break;
		}
		part = ssh->later || ssh_buffer_size(&ssh->in) == 0 ? n : lacking(ssh, n);
		if (ssh_buffer_append(&ssh->in, data, part))
			return ssh->failed = -ENOMEM;
		data += part;
		n -= part;
		if (!ssh->later)
			take_rest(ssh);
	}
	return ssh->failed;
}

/* --- the owner's side ---------------------------------------------------------------------- */

struct ssh *ssh_create(const struct ssh_settings *settings)
{
	struct ssh *ssh = calloc(1, sizeof(*ssh));

	if (!ssh)
		return NULL;
	ssh->settings = *settings;
	if (!ssh->settings.rekey_bytes)
		ssh->settings.rekey_bytes = SSH_REKEY_BYTES;
	if (ssh_buffer_append(&ssh->out, settings->banner, strlen(settings->banner)) ||
	    ssh_buffer_append(&ssh->out, "\r\n", 2)) {
		ssh_free(ssh);
		return NULL;
	}
	return ssh;
}

void ssh_free(struct ssh *ssh)
{
	if (!ssh)
		return;
	ssh_channels_free(ssh);
	if (ssh->kex)
		ssh_kex_end(ssh->kex);
	free(ssh->kex);
	for (int i = 0; i < 2; i++)
		ssh_cipher_clear(&ssh->cipher[i]);
	ssh_buffer_free(&ssh->in);
	ssh_buffer_free(&ssh->out);
	ssh_buffer_free(&ssh->held);
	free(ssh->client_version);
	free(ssh);
}

struct ssh_buffer *ssh_output(struct ssh *ssh)
{
	return &ssh->out;
}

const char *ssh_error(const struct ssh *ssh)
{
	return ssh->error[0] ? ssh->error : "out of memory, or libcrypto refused";
}

bool ssh_is_open(const struct ssh *ssh)
{
	return ssh->state == SSH_STATE_OPEN && !ssh->failed;
}

const char *ssh_client_version(const struct ssh *ssh)
{
	return ssh->client_version ? ssh->client_version : "";
}

uint64_t ssh_heard(const struct ssh *ssh)
{
	return ssh->heard;
}

bool ssh_waits_for_answer(const struct ssh *ssh)
{
	return ssh->later;
}

void ssh_disconnect(struct ssh *ssh, unsigned reason, const char *text)
{
	ssh_fail(ssh, -ESHUTDOWN, reason, "%s", text);
}

int ssh_send_answer(struct ssh *ssh, enum ssh_granted granted, struct ssh_text text)
{
	uint8_t payload[1 + SSH_ANSWER_MAX];
	struct ssh_writer writer = {.data = payload, .capacity = sizeof(payload)};

	ssh_put_u8(&writer,
		   granted == SSH_GRANTED ? SSH_MSG_REQUEST_SUCCESS : SSH_MSG_REQUEST_FAILURE);
	ssh_put_bytes(&writer, text.data, text.size);
	return ssh_send(ssh, payload, writer.size);
}

int ssh_answer(struct ssh *ssh, enum ssh_granted granted, struct ssh_text text)
{
	int error = ssh->later_silently ? 0 : ssh_send_answer(ssh, granted, text);

	ssh->later = false;
	return error ? error : take_rest(ssh);
}
