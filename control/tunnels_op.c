/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnels_op - what operators ask of secure gateways: activate, deactivate, refresh, show, kick.
 *
 * A token is made here and told once, in the answer to the request that made it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "control/config/kind.h"
#include "control/ctl/log.h"
#include "control/gateway.h"
#include "control/relaying.h"
#include "control/tunnels.h"
#include "datapath/relay/ssh_key.h"

#define TOKEN_BYTES 32
#define TOKEN_TEXT  44 /* base64url without padding, NUL */

static int by_state(struct request_result *result, int code, const struct state_error *why)
{
	return request_failed(result, code, "%s", why->text);
}

static bool make_uuid(char uuid[TUNNEL_STATE_UUID])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return false;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122: version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(uuid, TUNNEL_STATE_UUID,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return true;
}

/* make_token() - @text: the token; its hash goes into @state. Return: false without randomness. */
static bool make_token(struct tunnel_state *state, char text[TOKEN_TEXT])
{
	uint8_t bytes[TOKEN_BYTES], base64[48];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	EVP_EncodeBlock(base64, bytes, sizeof(bytes));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	memcpy(text, base64, TOKEN_TEXT - 1);
	text[TOKEN_TEXT - 1] = '\0';
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	state->token_s = time(NULL);
	return EVP_Digest(text, strlen(text), state->token, NULL, EVP_sha256(), NULL) == 1;
}

static json_t *address_of(const struct config_tunnel_gateway *stage,
			  const struct tunnel_state *state)
{
	return json_sprintf("%s://%s:%u/sg_%s", *stage->certificate ? "https" : "http", stage->host,
			    stage->port, state->uuid);
}

static void set_fingerprint(struct gateway *gateway, json_t *object)
{
	const char *pem = gateway->tunnels.host_key;
	struct ssh_host_key *key = ssh_host_key_read(pem, strlen(pem));
	char text[SSH_FINGERPRINT_BYTES];

	if (!key)
		return;
	ssh_key_fingerprint(ssh_host_key_blob(key), text);
	json_object_set_new(object, "fingerprint", json_string(text));
	ssh_host_key_free(key);
}

enum action { ACTIVATE, DEACTIVATE, REFRESH };

/* act() - Return: 0, -errno with the result's error set. @token: "" unless a new one was made */
static int act(struct tunnel_state *state, int found, enum action action, char token[TOKEN_TEXT],
	       struct request_result *result)
{
	bool made = true;

	*token = '\0';
	if (!found && action != ACTIVATE)
		return request_failed(result, -ENOENT,
				      "it has never been active, expected pgw tunnel-gateway "
				      "activate first");
	if (!found) {
		state->made_s = time(NULL);
		made = make_uuid(state->uuid) && make_token(state, token);
	} else if (action == REFRESH) {
		made = make_token(state, token);
	}
	if (action != REFRESH)
		state->active = action == ACTIVATE;
	return made ? 0 : request_failed(result, -EIO, "no random numbers are to be had");
}

static int parse_action(const char *text, enum action *action, struct request_result *result)
{
	static const char *const names[] = {"activate", "deactivate", "refresh"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i])) {
			*action = i;
			return 0;
		}
	return request_failed(result, -EINVAL,
			      "unknown action \"%.40s\", expected activate, deactivate or refresh",
			      text);
}

static int tunnel_gateway(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const char *name = json_string_value(json_object_get(request, "name"));
	const struct config_tunnel_gateway *stage = kind_tunnel_gateway(&gateway->config, name);
	struct tunnel_state state = {.active = false};
	struct ctl_error error;
	struct state_error why;
	char token[TOKEN_TEXT];
	enum action action = ACTIVATE;
	const char *done;
	int code = parse_action(json_string_value(json_object_get(request, "action")), &action,
				result);

	if (code)
		return code;
	if (!stage)
		return request_failed(result, -ENOENT,
				      "tunnel-gateway \"%.60s\" does not exist, expected one of "
				      "pgw tunnel-gateway show",
				      name);
	if (!gateway->state)
		return request_failed(result, -EIO, "%s", gateway->state_trouble);
	code = tunnel_state_read(gateway->state, name, &state, &why);
	if (code < 0)
		return by_state(result, code, &why);
	code = act(&state, code, action, token, result);
	if (code)
		return code;
	snprintf(state.name, sizeof(state.name), "%s", name);
	code = tunnel_state_write(gateway->state, &state, &why);
	if (code)
		return by_state(result, code, &why);
	/* Whoever has the answer may use a new token, and may rely on an old one being refused. */
	code = relaying_follow(gateway, &error);
	if (code) {
		relaying_backends(gateway); /* once more, soon */
		OPENSSL_cleanse(token, sizeof(token));
		return request_failed(result, code, "kept, but not yet in force: %s", error.text);
	}
	json_object_set_new(result->answer, "name", json_string(name));
	json_object_set_new(result->answer, "state",
			    json_string(state.active ? "active" : "inactive"));
	json_object_set_new(result->answer, "address", address_of(stage, &state));
	set_fingerprint(gateway, result->answer);
	if (*token)
		json_object_set_new(result->answer, "token", json_string(token));
	OPENSSL_cleanse(token, sizeof(token));
	done = action == REFRESH ? "refreshed" : state.active ? "active" : "inactive";
	gateway_tell(gateway, TOLD_TUNNEL_GATEWAY, LOG_NOTICE,
		     json_pack("{s:s, s:s}", "name", name, "state", done),
		     "secure gateway %s is %s", name, done);
	return 0;
}

/* --- displays ------------------------------------------------------------------------------ */

/* A time in Unix seconds as in events. */
static json_t *time_text(json_int_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm parts;
	char text[32];

	gmtime_r(&at, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

static void make_times_readable(json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i);
		json_t *since = json_object_get(item, "since-s");

		if (since)
			json_object_set_new(item, "since", time_text(json_integer_value(since)));
		json_object_del(item, "since-s");
	}
}

/* relay_items() - one array of what pgw-relay shows; empty where it does not run */
static int relay_items(struct gateway *gateway, const char *name, struct request_result *result)
{
	json_t *shown = relaying_show(gateway, "tunnel");
	json_t *items = json_object_get(json_object_get(shown, "tunnel"), name);

	if (json_is_array(items))
		json_incref(items);
	else
		items = json_array();
	make_times_readable(items);
	json_object_set_new(result->answer, "items", items);
	json_decref(shown);
	return 0;
}

static int tunnel_show(void *context, const json_t *request, struct request_result *result)
{
	(void)request;
	return relay_items(context, "tunnels", result);
}

static int endpoint_show(void *context, const json_t *request, struct request_result *result)
{
	(void)request;
	return relay_items(context, "endpoints", result);
}

static int tunnel_kick(void *context, const json_t *request, struct request_result *result)
{
	json_t *id = json_object_get(request, "id");
	struct ctl_error error;
	int code = relaying_part(context,
				 json_pack("{s:s, s:s, s:s, s:O}", "op", "part", "part", "tunnel",
					   "do", "kick", "id", id),
				 NULL, 0, &error);

	return code ? request_failed(result, code, "%s", error.text) : 0;
}

void tunnels_show_gateways(struct gateway *gateway, json_t *items)
{
	json_t *shown = relaying_show(gateway, "tunnel");
	json_t *stages = json_object_get(json_object_get(shown, "tunnel"), "stages");

	for (size_t i = 0; i < gateway->config.n_tunnel_gateways; i++) {
		const struct config_tunnel_gateway *stage = &gateway->config.tunnel_gateways[i];
		struct tunnel_state state = {.active = false};
		json_t *from = json_array(), *item, *live = NULL;
		char inside[ADDR_TEXT_BYTES], network[PREFIX_TEXT_BYTES];
		struct state_error why;
		bool known = gateway->state &&
			     tunnel_state_read(gateway->state, stage->name, &state, &why) == 1;

		for (size_t n = 0; n < stage->n_from; n++)
			json_array_append_new(from,
					      json_string(prefix_text(stage->from[n], network)));
		item = json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", stage->name, "state",
				 state.active ? "active" : "inactive", "inside",
				 addr_text(stage->inside, inside), "balance",
				 balance_name(stage->balance), "from", from);
		if (known) {
			json_object_set_new(item, "address", address_of(stage, &state));
			json_object_set_new(item, "token-since", time_text(state.token_s));
		}
		for (size_t n = 0; n < json_array_size(stages); n++) {
			json_t *one = json_array_get(stages, n);
			const char *name = json_string_value(json_object_get(one, "name"));

			if (name && !strcmp(name, stage->name))
				live = one;
		}
		set_fingerprint(gateway, item);
		json_object_update_missing(item, live);
		json_array_append_new(items, item);
	}
	json_decref(shown);
}

void tunnels_show_keys(const struct config *config, json_t *items)
{
	for (size_t i = 0; i < config->n_tunnel_keys; i++) {
		const struct config_tunnel_key *key = &config->tunnel_keys[i];

		json_array_append_new(items, json_pack("{s:s, s:s, s:s}", "name", key->name,
						       "gateway", key->gateway, "key", key->key));
	}
}

const struct request_operation tunnels_operations[] = {
	{"tunnel-gateway",
	 tunnel_gateway,
	 REQUEST_CHANGES,
	 {{"name", JSON_STRING, false}, {"action", JSON_STRING, false}}},
	{"tunnel-show", tunnel_show, 0, {{0}}},
	{"endpoint-show", endpoint_show, 0, {{0}}},
	{"tunnel-kick", tunnel_kick, REQUEST_CHANGES, {{"id", JSON_INTEGER, false}}},
	{0},
};
