/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of RFC 4254 into a connection that is open, with plain packets; what it says is read
 * back in the same way.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/relay/ssh_private.h"

struct world {
	struct ssh *ssh;
	struct ssh_host_key *key;
	unsigned opened, refused, data, eof, closed, writable;
	size_t bytes;
	bool consume;
	enum ssh_granted granted;
};

static enum ssh_granted authenticate(void *owner, const struct ssh_auth *auth)
{
	(void)owner;
	(void)auth;
	return SSH_REFUSED;
}

static void authenticated(void *owner)
{
	(void)owner;
}

static enum ssh_granted request(void *owner, struct ssh_text name, struct ssh_reader *body,
				struct ssh_writer *answer)
{
	struct world *w = owner;

	(void)body;
	if (ssh_text_is(name, "ping"))
		ssh_put_bytes(answer, "pong", 4);
	return w->granted;
}

static void channel_opened(void *owner, struct ssh_channel *channel)
{
	(void)channel;
	((struct world *)owner)->opened++;
}

static void channel_refused(void *owner, struct ssh_channel *channel, struct ssh_text why)
{
	(void)channel;
	assert_true(ssh_text_is(why, "no"));
	((struct world *)owner)->refused++;
}

static void channel_data(void *owner, struct ssh_channel *channel, const uint8_t *data, size_t n)
{
	struct world *w = owner;

	(void)data;
	w->data++;
	w->bytes += n;
	if (w->consume)
		ssh_channel_consumed(w->ssh, channel, n);
}

static void channel_eof(void *owner, struct ssh_channel *channel)
{
	(void)channel;
	((struct world *)owner)->eof++;
}

static void channel_closed(void *owner, struct ssh_channel *channel)
{
	(void)channel;
	((struct world *)owner)->closed++;
}

static void channel_writable(void *owner, struct ssh_channel *channel)
{
	(void)channel;
	((struct world *)owner)->writable++;
}

static const struct ssh_handler handler = {authenticate,   authenticated,   request,
					   channel_opened, channel_refused, channel_data,
					   channel_eof,	   channel_closed,  channel_writable};

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct ssh_settings settings = {.banner = "SSH-2.0-test",
					.client_banner = "SSH-2.0-",
					.handler = &handler,
					.owner = w,
					.methods = "password"};
	char pem[1024];
	size_t n = ssh_host_key_make(pem, sizeof(pem));

	w->key = ssh_host_key_read(pem, n);
	settings.key = w->key;
	w->ssh = ssh_create(&settings);
	w->ssh->keyed = true; /* as if keys had been exchanged */
	w->ssh->state = SSH_STATE_OPEN;
	w->ssh->client_version = strdup("SSH-2.0-client");
	ssh_buffer_free(&w->ssh->out);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	ssh_free(w->ssh);
	ssh_host_key_free(w->key);
	free(w);
	return 0;
}

static int feed(struct world *w, const struct ssh_writer *payload)
{
	uint8_t packet[40000] = {0};
	size_t padding = 8 - (5 + payload->size) % 8;

	if (padding < 4)
		padding += 8;
	ssh_store_u32(packet, (uint32_t)(1 + payload->size + padding));
	packet[4] = (uint8_t)padding;
	memcpy(packet + 5, payload->data, payload->size);
	return ssh_input(w->ssh, packet, 5 + payload->size + padding);
}

/* message() - its number, then u32 values up to UINT32_MAX */
static int message(struct world *w, enum ssh_message number, ...)
{
	uint8_t bytes[64];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};
	va_list values;
	uint32_t value;

	ssh_put_u8(&payload, (uint8_t)number);
	va_start(values, number);
	while ((value = va_arg(values, uint32_t)) != UINT32_MAX)
		ssh_put_u32(&payload, value);
	va_end(values);
	return feed(w, &payload);
}

static int data_of(struct world *w, uint32_t id, size_t n)
{
	static uint8_t bytes[36000];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

	ssh_put_u8(&payload, SSH_MSG_CHANNEL_DATA);
	ssh_put_u32(&payload, id);
	ssh_put_u32(&payload, (uint32_t)n);
	payload.size += n;
	return feed(w, &payload);
}

/* said() - the next message that the connection sent; its payload */
static struct ssh_text said(struct world *w)
{
	static uint8_t payload[40000];
	const uint8_t *packet = ssh_buffer_data(&w->ssh->out);
	uint32_t length;
	size_t n;

	if (!ssh_buffer_size(&w->ssh->out))
		return (struct ssh_text){payload, 0};
	length = ssh_load_u32(packet);
	n = length - packet[4] - 1;
	assert_true((4 + length) % 8 == 0 && packet[4] >= 4);
	memcpy(payload, packet + 5, n);
	ssh_buffer_consume(&w->ssh->out, 4 + length);
	return (struct ssh_text){payload, n};
}

static void assert_said(struct world *w, enum ssh_message number)
{
	struct ssh_text payload = said(w);

	assert_true(payload.size > 0);
	assert_int_equal(payload.data[0], number);
}

static struct ssh_channel *open_channel(struct world *w, uint32_t window)
{
	struct ssh_channel *channel =
		ssh_channel_open(w->ssh, "chisel", SSH_TEXT("host:1"), 100000, w);

	assert_said(w, SSH_MSG_CHANNEL_OPEN);
	assert_int_equal(message(w, SSH_MSG_CHANNEL_OPEN_CONFIRMATION, channel->id, 77, window,
				 32768, UINT32_MAX),
			 0);
	return channel;
}

static void window_of_the_peer_bounds_what_is_sent(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);
	uint8_t *place;

	assert_int_equal(w->opened, 1);
	assert_int_equal(ssh_channel_room(w->ssh, channel), 10);
	place = ssh_channel_fill(w->ssh, channel, 10);
	memcpy(place, "0123456789", 10);
	assert_int_equal(ssh_channel_filled(w->ssh, channel, 10), 0);
	assert_memory_equal(said(w).data,
			    "\x5e\0\0\0\x4d\0\0\0\x0a"
			    "0123456789",
			    19);
	assert_int_equal(ssh_channel_room(w->ssh, channel), 0);
	assert_int_equal(w->writable, 0);
	assert_int_equal(message(w, SSH_MSG_CHANNEL_WINDOW_ADJUST, channel->id, 5, UINT32_MAX), 0);
	assert_int_equal(w->writable, 1);
	assert_int_equal(ssh_channel_room(w->ssh, channel), 5);
}

static void window_cannot_overflow(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 0xfffffff0u);

	assert_int_equal(message(w, SSH_MSG_CHANNEL_WINDOW_ADJUST, channel->id, 15, UINT32_MAX), 0);
	assert_int_equal(message(w, SSH_MSG_CHANNEL_WINDOW_ADJUST, channel->id, 1, UINT32_MAX),
			 -EPROTO);
	assert_said(w, SSH_MSG_DISCONNECT);
}

static void data_beyond_the_window_ends_it(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(data_of(w, channel->id, 25000), 0);
	assert_int_equal(w->bytes, 100000);
	assert_int_equal(data_of(w, channel->id, 1), -EPROTO);
	assert_string_equal(ssh_error(w->ssh), "data beyond the window");
	assert_said(w, SSH_MSG_DISCONNECT);
	assert_int_equal(message(w, SSH_MSG_IGNORE, 0, UINT32_MAX), -EPROTO); /* stays over */
}

static void consumed_data_is_granted_again(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);

	w->consume = true;
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(data_of(w, channel->id, 25000), 0);
	assert_int_equal(w->bytes, 1000000);
	assert_said(w, SSH_MSG_CHANNEL_WINDOW_ADJUST);
}

static void data_after_eof_ends_it(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);

	assert_int_equal(message(w, SSH_MSG_CHANNEL_EOF, channel->id, UINT32_MAX), 0);
	assert_int_equal(w->eof, 1);
	assert_int_equal(data_of(w, channel->id, 1), -EPROTO);
	assert_int_equal(w->data, 0);
}

static void data_after_close_ends_it(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);
	uint32_t id = channel->id;

	assert_int_equal(message(w, SSH_MSG_CHANNEL_CLOSE, id, UINT32_MAX), 0);
	assert_int_equal(w->closed, 1);
	assert_said(w, SSH_MSG_CHANNEL_CLOSE);
	assert_int_equal(ssh_channel_count(w->ssh), 0);
	assert_int_equal(data_of(w, id, 1), -EPROTO);
}

/* Data that was under way when we closed is thrown away, and the place stays taken. */
static void data_that_crosses_our_close_is_dropped(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10), *other;
	uint32_t id = channel->id;

	ssh_channel_close(w->ssh, channel);
	assert_said(w, SSH_MSG_CHANNEL_CLOSE);
	assert_int_equal(data_of(w, id, 100), 0);
	assert_int_equal(w->data, 0);
	other = open_channel(w, 10);
	assert_true(other->id != id);
	assert_int_equal(message(w, SSH_MSG_CHANNEL_CLOSE, id, UINT32_MAX), 0);
	assert_int_equal(w->closed, 0);
	assert_int_equal(ssh_channel_count(w->ssh), 1);
}

static void nothing_follows_our_close(void **state)
{
	static const uint8_t name[] = "\0\0\0\1x\1";
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 10);
	uint8_t bytes[32];

	for (unsigned closed = 0; closed < 2; closed++) {
		struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

		ssh_put_u8(&payload, SSH_MSG_CHANNEL_REQUEST);
		ssh_put_u32(&payload, channel->id);
		ssh_put_bytes(&payload, name, sizeof(name) - 1);
		assert_int_equal(feed(w, &payload), 0);
		if (closed)
			break;
		assert_said(w, SSH_MSG_CHANNEL_FAILURE);
		ssh_channel_close(w->ssh, channel);
		assert_said(w, SSH_MSG_CHANNEL_CLOSE);
	}
	assert_int_equal(said(w).size, 0);
}

static int ask_global(struct world *w, bool wants_answer)
{
	uint8_t bytes[32];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

	ssh_put_u8(&payload, SSH_MSG_GLOBAL_REQUEST);
	ssh_put_string(&payload, "later");
	ssh_put_u8(&payload, wants_answer);
	return feed(w, &payload);
}

static void a_late_answer_is_sent_where_one_is_wanted(void **state)
{
	struct world *w = *state;

	w->granted = SSH_LATER;
	assert_int_equal(ask_global(w, true), 0);
	assert_true(ssh_waits_for_answer(w->ssh));
	assert_int_equal(ssh_answer(w->ssh, SSH_GRANTED, SSH_TEXT("")), 0);
	assert_said(w, SSH_MSG_REQUEST_SUCCESS);
	assert_int_equal(ask_global(w, false), 0);
	assert_true(ssh_waits_for_answer(w->ssh));
	assert_int_equal(ssh_answer(w->ssh, SSH_GRANTED, SSH_TEXT("")), 0);
	assert_int_equal(said(w).size, 0);
	assert_false(ssh_waits_for_answer(w->ssh));
}

static int log_in(struct world *w, const char *method)
{
	uint8_t bytes[128];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

	ssh_put_u8(&payload, SSH_MSG_USERAUTH_REQUEST);
	ssh_put_string(&payload, "token");
	ssh_put_string(&payload, "ssh-connection");
	ssh_put_string(&payload, method);
	if (strcmp(method, "none") != 0) {
		ssh_put_u8(&payload, 0);
		ssh_put_string(&payload, "wrong");
	}
	return feed(w, &payload);
}

/* OpenSSH asks with "none" what there is; its keys and passwords are six beside that. */
static void asking_what_there_is_is_no_attempt(void **state)
{
	struct world *w = *state;

	w->ssh->state = SSH_STATE_AUTH;
	assert_int_equal(log_in(w, "none"), 0);
	assert_said(w, SSH_MSG_USERAUTH_FAILURE);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(log_in(w, i == 2 ? "none" : "password"), 0); /* a second one is */
		assert_said(w, SSH_MSG_USERAUTH_FAILURE);
	}
	assert_int_equal(log_in(w, "password"), -EACCES);
	assert_said(w, SSH_MSG_DISCONNECT);
}

static void a_channel_closed_while_opening_is_closed_later(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel =
		ssh_channel_open(w->ssh, "chisel", SSH_TEXT("host:1"), 1000, w);

	assert_said(w, SSH_MSG_CHANNEL_OPEN);
	ssh_channel_close(w->ssh, channel);
	assert_int_equal(said(w).size, 0);
	assert_int_equal(message(w, SSH_MSG_CHANNEL_OPEN_CONFIRMATION, channel->id, 77, 10, 32768,
				 UINT32_MAX),
			 0);
	assert_int_equal(w->opened, 0);
	assert_said(w, SSH_MSG_CHANNEL_CLOSE);
}

static void what_the_client_may_not_say(void **state)
{
	static const enum ssh_message wrong[] = {
		SSH_MSG_CHANNEL_EXTENDED_DATA, SSH_MSG_CHANNEL_SUCCESS,
		SSH_MSG_CHANNEL_OPEN_CONFIRMATION, SSH_MSG_CHANNEL_OPEN_FAILURE};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		void *fresh;
		struct world *w;

		assert_int_equal(begin(&fresh), 0);
		w = fresh;
		open_channel(w, 10);
		assert_int_equal(message(w, wrong[i], 0, 1, 0, 0, 0, UINT32_MAX), -EPROTO);
		end(&fresh);
		assert_int_equal(begin(&fresh), 0);
		w = fresh;
		assert_int_equal(message(w, SSH_MSG_CHANNEL_EOF, 0, UINT32_MAX), -EPROTO);
		end(&fresh);
	}
}

static void clients_open_no_channels(void **state)
{
	struct world *w = *state;
	uint8_t bytes[64];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};
	struct ssh_text answer;

	ssh_put_u8(&payload, SSH_MSG_CHANNEL_OPEN);
	ssh_put_string(&payload, "session");
	ssh_put_u32(&payload, 9);
	ssh_put_u32(&payload, 1000);
	ssh_put_u32(&payload, 1000);
	assert_int_equal(feed(w, &payload), 0);
	answer = said(w);
	assert_int_equal(answer.data[0], SSH_MSG_CHANNEL_OPEN_FAILURE);
	assert_int_equal(ssh_load_u32(answer.data + 1), 9);
	assert_int_equal(ssh_channel_count(w->ssh), 0);
}

static int ask(struct world *w, const char *name)
{
	uint8_t bytes[64];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

	ssh_put_u8(&payload, SSH_MSG_GLOBAL_REQUEST);
	ssh_put_string(&payload, name);
	ssh_put_u8(&payload, 1);
	return feed(w, &payload);
}

static void requests_are_answered_in_order_even_later(void **state)
{
	struct world *w = *state;
	struct ssh_text answer;

	w->granted = SSH_LATER;
	assert_int_equal(ask(w, "config"), 0);
	assert_true(ssh_waits_for_answer(w->ssh));
	w->granted = SSH_GRANTED;
	assert_int_equal(ask(w, "ping"), 0);
	assert_int_equal(said(w).size, 0);
	assert_int_equal(ssh_answer(w->ssh, SSH_REFUSED, SSH_TEXT("why")), 0);
	answer = said(w);
	assert_int_equal(answer.size, 4);
	assert_memory_equal(answer.data, "\x52why", 4);
	answer = said(w);
	assert_memory_equal(answer.data, "\x51pong", 5);
}

static void channels_have_a_limit(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < SSH_CHANNELS_MAX; i++)
		assert_non_null(ssh_channel_open(w->ssh, "x", SSH_TEXT(""), 1, w));
	assert_null(ssh_channel_open(w->ssh, "x", SSH_TEXT(""), 1, w));
}

static void refusal_frees_its_place(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = ssh_channel_open(w->ssh, "x", SSH_TEXT(""), 1, w);
	uint8_t bytes[64];
	struct ssh_writer payload = {.data = bytes, .capacity = sizeof(bytes)};

	ssh_put_u8(&payload, SSH_MSG_CHANNEL_OPEN_FAILURE);
	ssh_put_u32(&payload, channel->id);
	ssh_put_u32(&payload, 2);
	ssh_put_string(&payload, "no");
	ssh_put_string(&payload, "");
	assert_int_equal(feed(w, &payload), 0);
	assert_int_equal(w->refused, 1);
	assert_int_equal(ssh_channel_count(w->ssh), 0);
}

/* While keys are exchanged nothing else is sent; afterwards it is, in order. */
static void a_key_exchange_holds_everything_back(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channel = open_channel(w, 100);

	assert_int_equal(ssh_rekey(w->ssh), 0);
	assert_said(w, SSH_MSG_KEXINIT);
	assert_int_equal(ssh_channel_room(w->ssh, channel), 0);
	w->granted = SSH_GRANTED;
	assert_int_equal(ask(w, "ping"), 0);
	assert_int_equal(said(w).size, 0);
	assert_int_equal(ssh_buffer_size(&w->ssh->held), 4 + 5);
	assert_int_equal(data_of(w, channel->id, 10), 0); /* theirs may still come */
	assert_int_equal(w->bytes, 10);
}

static void a_flood_during_a_key_exchange_is_bounded(void **state)
{
	struct world *w = *state;
	int error = 0;
	unsigned n = 0;

	assert_int_equal(ssh_rekey(w->ssh), 0);
	w->granted = SSH_GRANTED;
	while (!error && n++ < 1000000)
		error = ask(w, "ping");
	assert_int_equal(error, -EPROTO);
	assert_true(ssh_buffer_size(&w->ssh->held) <= 256 * 1024 + 64);
}

static void queued_channels_are_called_in_turn(void **state)
{
	struct world *w = *state;
	struct ssh_channel *channels[8];

	for (unsigned i = 0; i < 8; i++)
		channels[i] = open_channel(w, 100);
	assert_int_equal(ssh_rekey(w->ssh), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(ssh_channel_room(w->ssh, channels[i]), 0);
	ssh_sent(w->ssh);
	assert_int_equal(w->writable, 0);
	w->ssh->exchange = SSH_EXCHANGE_NONE;
	ssh_channel_close(w->ssh, channels[3]); /* is not called any more */
	assert_int_equal(message(w, SSH_MSG_CHANNEL_CLOSE, channels[3]->id, UINT32_MAX), 0);
	ssh_sent(w->ssh);
	assert_int_equal(w->writable, 7);
	ssh_sent(w->ssh);
	assert_int_equal(w->writable, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(window_of_the_peer_bounds_what_is_sent),
		TEST(window_cannot_overflow),
		TEST(data_beyond_the_window_ends_it),
		TEST(consumed_data_is_granted_again),
		TEST(data_after_eof_ends_it),
		TEST(data_after_close_ends_it),
		TEST(data_that_crosses_our_close_is_dropped),
		TEST(nothing_follows_our_close),
		TEST(a_late_answer_is_sent_where_one_is_wanted),
		TEST(asking_what_there_is_is_no_attempt),
		TEST(a_channel_closed_while_opening_is_closed_later),
		cmocka_unit_test(what_the_client_may_not_say),
		TEST(clients_open_no_channels),
		TEST(requests_are_answered_in_order_even_later),
		TEST(channels_have_a_limit),
		TEST(refusal_frees_its_place),
		TEST(a_key_exchange_holds_everything_back),
		TEST(a_flood_during_a_key_exchange_is_bounded),
		TEST(queued_channels_are_called_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
