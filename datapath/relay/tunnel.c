/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel - the part of pgw-relay: takes configurations, answers pgwd. See tunnel.h.
 *
 * Its member of the configuration's block:
 *   {"idle-ms", "half-ms" (a stream without any byte; one of which one direction has ended),
 *    "host-key": PEM, "listeners": [{"key", "certificate", "private-key"}…] (the last two PEM, or
 *    neither), "stages": [{"name", "uuid", "token" (hex of its SHA-256), "inside", "balance",
 *    "networks": [[first, last]…], "keys": [{"name", "key" (base64 of its blob)}…]}…]}
 * Only stages that are active are in it.
 *
 * A stage that stays keeps its tunnels, with another token too: they live until they break. What
 * changes its inside address, or takes it out, ends them.
 *
 * Asked of pgwd, by {"op": "part", "part": "tunnel", …}:
 *   {"ask": "listen", "id", "stage", "address", "protocol", "port" (0: any)}
 * Taken from pgwd, the same way:
 *   {"do": "listened", "id", "fd": 0} or {"do": "listened", "id", "error"}
 *   {"do": "kick", "id"}     ends one tunnel
 */
#include "datapath/relay/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

/* A configuration between prepare and commit. */
struct tunnel_next {
	struct ssh_host_key *host_key;
	struct tunnel_settings *settings[TUNNEL_STAGES_MAX];
	unsigned n_settings;
	struct tunnel_listener *listeners[TUNNEL_STAGES_MAX];
	unsigned n_listeners;
	uint64_t idle_ms, half_ms;
};

static void listener_free(struct tunnel_listener *listener)
{
	if (!listener)
		return;
	SSL_CTX_free(listener->tls);
	free(listener);
}

static void next_free(struct tunnel_next *next)
{
	if (!next)
		return;
	ssh_host_key_free(next->host_key);
	for (unsigned i = 0; i < next->n_settings; i++)
		tunnel_settings_free(next->settings[i]);
	for (unsigned i = 0; i < next->n_listeners; i++)
		listener_free(next->listeners[i]);
	free(next);
}

/* --- prepare ------------------------------------------------------------------------------- */

static int read_listener(struct tunnel_listener **result, const json_t *wanted,
			 const struct relay_stage *stage, struct relay_error *error)
{
	const char *key = json_string_value(json_object_get(wanted, "key"));
	const char *certificate = json_string_value(json_object_get(wanted, "certificate"));
	const char *secret = json_string_value(json_object_get(wanted, "private-key"));
	struct tunnel_listener *listener = calloc(1, sizeof(*listener));

	*result = listener;
	if (!listener)
		return relay_fail(error, -ENOMEM, "out of memory");
	if (!key || strlen(key) >= sizeof(listener->key))
		return relay_fail(error, -EINVAL, "tunnel: a listener without a key");
	strcpy(listener->key, key);
	listener->source = (struct loop_source){.ready = tunnel_listener_ready,
						.fd = relay_stage_socket(stage, key)};
	if (listener->source.fd < 0)
		return relay_fail(error, -EINVAL, "tunnel: listener %s has no socket", key);
	if (!certificate != !secret)
		return relay_fail(error, -EINVAL,
				  "tunnel: certificate and private-key go together");
	if (certificate)
		listener->tls = tunnel_tls_context(certificate, secret);
	if (certificate && !listener->tls)
		return relay_fail(
			error, -EINVAL,
			"tunnel: the certificate of %s cannot be used: a chain in PEM and "
			"the private key that belongs to it are expected",
			key);
	return 0;
}

static int read_listeners(struct tunnel_next *next, const json_t *wanted,
			  const struct relay_stage *stage, struct relay_error *error)
{
	size_t n = json_array_size(wanted);
	int code = 0;

	if (!json_is_array(wanted) || n > TUNNEL_STAGES_MAX)
		return relay_fail(error, -EINVAL, "tunnel: listeners: an array was expected");
	for (size_t i = 0; i < n && !code; i++) {
		struct tunnel_listener *listener;

		code = read_listener(&listener, json_array_get(wanted, i), stage, error);
		if (listener)
			next->listeners[next->n_listeners++] = listener;
	}
	return code;
}

static int read_stages(struct tunnel_next *next, const json_t *wanted, struct relay_error *error)
{
	size_t n = json_array_size(wanted);

	if (!json_is_array(wanted) || n > TUNNEL_STAGES_MAX)
		return relay_fail(error, -EINVAL, "tunnel: stages: an array of at most %u",
				  TUNNEL_STAGES_MAX);
	for (size_t i = 0; i < n; i++) {
		int code =
			tunnel_settings_read(&next->settings[i], json_array_get(wanted, i), error);

		if (code)
			return code;
		next->n_settings++;
	}
	return 0;
}

/* read_time() - @ms: set; stays what it is where nothing is said, as by an older pgwd */
static bool read_time(const json_t *wanted, const char *name, uint64_t *ms)
{
	const json_t *time = json_object_get(wanted, name);
	json_int_t value = json_integer_value(time);

	if (!time)
		return true;
	*ms = (uint64_t)value;
	return value > 0 && value <= (json_int_t)TUNNEL_IDLE_MAX;
}

static int read_all(struct tunnel_next *next, const json_t *wanted, const struct relay_stage *stage,
		    struct relay_error *error)
{
	const char *pem;
	int code;

	if (!wanted || json_is_null(wanted))
		return 0;
	pem = json_string_value(json_object_get(wanted, "host-key"));
	next->host_key = pem ? ssh_host_key_read(pem, strlen(pem)) : NULL;
	if (!next->host_key)
		return relay_fail(error, -EINVAL, "tunnel: the host key is no ECDSA key on P-256");
	next->idle_ms = TUNNEL_IDLE_MS;
	next->half_ms = TUNNEL_HALF_MS;
	if (!read_time(wanted, "idle-ms", &next->idle_ms) ||
	    !read_time(wanted, "half-ms", &next->half_ms))
		return relay_fail(error, -EINVAL,
				  "tunnel: idle-ms and half-ms: times are expected");
	code = read_listeners(next, json_object_get(wanted, "listeners"), stage, error);
	return code ? code : read_stages(next, json_object_get(wanted, "stages"), error);
}

static int prepare(void *context, const json_t *wanted, const struct relay_stage *stage,
		   struct relay_error *error)
{
	struct tunnel_part *part = context;
	struct tunnel_next *next = calloc(1, sizeof(*next));
	int code = next ? read_all(next, wanted, stage, error)
			: relay_fail(error, -ENOMEM, "out of memory");

	if (code) {
		next_free(next);
		return code;
	}
	part->next = next;
	return 0;
}

static void abandon(void *context)
{
	struct tunnel_part *part = context;

	next_free(part->next);
	part->next = NULL;
}

/* --- commit -------------------------------------------------------------------------------- */

static struct tunnel_settings *take_settings(struct tunnel_next *next, const char *name)
{
	for (unsigned i = 0; i < next->n_settings; i++) {
		struct tunnel_settings *settings = next->settings[i];

		if (settings && !strcmp(settings->name, name)) {
			next->settings[i] = NULL;
			return settings;
		}
	}
	return NULL;
}

static void stage_end(struct tunnel_part *part, struct tunnel_stage *stage)
{
	tunnel_link_forget(part, NULL, stage);
	tunnel_settings_free(stage->settings);
	free(stage);
}

static void stage_change(struct tunnel_part *part, struct tunnel_stage *stage,
			 struct tunnel_settings *settings)
{
	struct tunnel_link *link;

	if (settings->inside != stage->settings->inside)
		tunnel_link_forget(part, NULL, stage);
	tunnel_settings_free(stage->settings);
	stage->settings = settings;
	LIST_FOREACH(link, &stage->links, of_stage)
	endpoint_streams_recheck(link);
}

static void stage_begin(struct tunnel_part *part, struct tunnel_settings *settings)
{
	struct tunnel_stage *stage = calloc(1, sizeof(*stage));

	if (!stage) { /* it stays inactive, and a later configuration tries again */
		tunnel_settings_free(settings);
		return;
	}
	stage->part = part;
	stage->settings = settings;
	LIST_INIT(&stage->links);
	LIST_INIT(&stage->endpoints);
	part->stages[part->n_stages++] = stage;
}

static void commit_stages(struct tunnel_part *part, struct tunnel_next *next)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < part->n_stages; i++) {
		struct tunnel_stage *stage = part->stages[i];
		struct tunnel_settings *settings = take_settings(next, stage->settings->name);

		if (!settings) {
			stage_end(part, stage);
			continue;
		}
		stage_change(part, stage, settings);
		part->stages[kept++] = stage;
	}
	part->n_stages = kept;
	for (unsigned i = 0; i < next->n_settings; i++) {
		if (next->settings[i])
			stage_begin(part, next->settings[i]);
		next->settings[i] = NULL;
	}
}

static struct tunnel_listener *take_listener(struct tunnel_next *next,
					     const struct tunnel_listener *present)
{
	for (unsigned i = 0; i < next->n_listeners; i++) {
		struct tunnel_listener *listener = next->listeners[i];

		if (listener && !strcmp(listener->key, present->key) &&
		    listener->source.fd == present->source.fd) {
			next->listeners[i] = NULL;
			return listener;
		}
	}
	return NULL;
}

static void listener_end(struct tunnel_part *part, struct tunnel_listener *listener)
{
	tunnel_link_forget(part, listener, NULL);
	loop_remove(part->loop, &listener->source);
	listener_free(listener);
}

static void commit_listeners(struct tunnel_part *part, struct tunnel_next *next)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < part->n_listeners; i++) {
		struct tunnel_listener *present = part->listeners[i];
		struct tunnel_listener *listener = take_listener(next, present);

		if (!listener) {
			listener_end(part, present);
			continue;
		}
		SSL_CTX_free(present->tls); /* handshakes under way have their own hold on it */
		present->tls = listener->tls;
		listener->tls = NULL;
		listener_free(listener);
		part->listeners[kept++] = present;
	}
	part->n_listeners = kept;
	for (unsigned i = 0; i < next->n_listeners; i++) {
		struct tunnel_listener *listener = next->listeners[i];

		next->listeners[i] = NULL;
		if (!listener)
			continue;
		listener->part = part;
		if (loop_add(part->loop, &listener->source, EPOLLIN))
			listener_free(listener);
		else
			part->listeners[part->n_listeners++] = listener;
	}
}

static bool same_key(const struct ssh_host_key *a, const struct ssh_host_key *b)
{
	struct ssh_text x = ssh_host_key_blob(a), y = ssh_host_key_blob(b);

	return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

/* commit_host_key() - tunnels need the key they began with: with another one they begin anew */
static void commit_host_key(struct tunnel_part *part, struct tunnel_next *next)
{
	if (!next->host_key || (part->host_key && same_key(part->host_key, next->host_key)))
		return;
	tunnel_link_free_all(part);
	ssh_host_key_free(part->host_key);
	part->host_key = next->host_key;
	next->host_key = NULL;
}

static void commit(void *context)
{
	struct tunnel_part *part = context;
	struct tunnel_next *next = part->next;

	part->next = NULL;
	part->idle_ms = next->idle_ms;
	part->half_ms = next->half_ms;
	commit_host_key(part, next);
	commit_listeners(part, next);
	commit_stages(part, next);
	endpoints_ask_again(part);
	next_free(next);
}

/* --- messages of pgwd ---------------------------------------------------------------------- */

static int listened(struct tunnel_part *part, struct handover_message *message,
		    struct relay_error *error)
{
	const json_t *id = json_object_get(message->body, "id");
	const char *why = json_string_value(json_object_get(message->body, "error"));
	const json_t *number = json_object_get(message->body, "fd");
	int fd = json_is_integer(number) ? handover_take_fd(message, json_integer_value(number))
					 : -1;

	if (!json_is_integer(id) || (fd < 0 && !why)) {
		return relay_fail(error, -EINVAL, "listened: id and fd or error are expected");
	}
	endpoint_answer(part, (uint64_t)json_integer_value(id), fd, fd < 0 ? why : NULL);
	return 0;
}

static int kick(struct tunnel_part *part, const json_t *body, struct relay_error *error)
{
	const json_t *id = json_object_get(body, "id");
	struct tunnel_link *link;

	for (unsigned i = 0; i < part->n_stages; i++)
		LIST_FOREACH(link, &part->stages[i]->links, of_stage)
	if ((json_int_t)link->id == json_integer_value(id)) {
		tunnel_link_end(link, "it was ended by the operator");
		return 0;
	}
	return relay_fail(error, -ENOENT, "there is no such tunnel");
}

static int message(void *context, struct handover_message *message, struct relay_error *error)
{
	const char *what = json_string_value(json_object_get(message->body, "do"));

	if (what && !strcmp(what, "listened"))
		return listened(context, message, error);
	if (what && !strcmp(what, "kick"))
		return kick(context, message->body, error);
	return relay_fail(error, -EINVAL, "tunnel: listened or kick is expected");
}

/* --- its life ------------------------------------------------------------------------------ */

static int create(void **result, struct relay *relay)
{
	struct tunnel_part *part = calloc(1, sizeof(*part));

	if (!part)
		return -ENOMEM;
	/* What libcrypto reads and registers at its first use; later no file can be opened. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
			     NULL) != 1 ||
	    RAND_bytes((uint8_t *)&part->guard.key, sizeof(part->guard.key)) != 1) {
		free(part);
		return -EIO;
	}
	part->relay = relay;
	part->loop = relay_loop(relay);
	TAILQ_INIT(&part->pending);
	TAILQ_INIT(&part->ending);
	*result = part;
	return 0;
}

static void destroy(void *context)
{
	struct tunnel_part *part = context;

	tunnel_link_free_all(part);
	loop_timer_stop(part->loop, &part->accept_again);
	for (unsigned i = 0; i < part->n_stages; i++)
		stage_end(part, part->stages[i]);
	for (unsigned i = 0; i < part->n_listeners; i++)
		listener_end(part, part->listeners[i]);
	abandon(part);
	ssh_host_key_free(part->host_key);
	ssh_buffer_free(&part->payload);
	free(part);
}

const struct relay_part tunnel_part = {
	.name = "tunnel",
	.create = create,
	.destroy = destroy,
	.prepare = prepare,
	.commit = commit,
	.abandon = abandon,
	.show = tunnel_show,
	.message = message,
};
