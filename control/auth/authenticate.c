/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authenticate - the signature of a call: "$1$" and the SHA-1 of the application's secret, the
 * consumer key, the method, the URL, the body and the time, joined by "+".
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "control/auth/private.h"
#include "control/auth/rule.h"
#include "control/ctl/log.h"
#include "control/gateway.h"

#define URLS_MAX	16u
#define PREFIX		"$1$"
#define TIMESTAMP_BYTES 20u

/* One call that is judged. */
struct judged {
	struct gateway *gateway;
	const json_t *request;
	struct credential credential;
	char secret[APPLICATION_SECRET_BYTES];
	uint8_t signature[NONCE_SIGNATURE_BYTES];
	int64_t timestamp_s;
};

static int refused(struct request_result *result, const char *access, const char *message)
{
	json_object_set_new(result->answer, "access", json_string(access));
	json_object_set_new(result->answer, "message", json_string(message));
	return 0;
}

static bool read_signature(const char *text, uint8_t signature[NONCE_SIGNATURE_BYTES])
{
	const gnutls_datum_t hex = {(unsigned char *)text + strlen(PREFIX),
				    2 * NONCE_SIGNATURE_BYTES};
	size_t bytes = NONCE_SIGNATURE_BYTES;

	return strlen(text) == strlen(PREFIX) + hex.size &&
	       strncmp(text, PREFIX, strlen(PREFIX)) == 0 &&
	       gnutls_hex_decode(&hex, signature, &bytes) == 0 && bytes == NONCE_SIGNATURE_BYTES;
}

static bool read_timestamp(const char *text, int64_t *timestamp_s)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || text[digits] || digits >= TIMESTAMP_BYTES - 2)
		return false;
	*timestamp_s = strtoll(text, NULL, 10);
	return true;
}

static void add(gnutls_hash_hd_t hash, const char *text, bool last)
{
	gnutls_hash(hash, text, strlen(text));
	if (!last)
		gnutls_hash(hash, "+", 1);
}

/* Whether it is the signature of the call at @url. The time that it takes does not depend on how
 * much of it is right. */
static bool signs(const struct judged *judged, const char *url)
{
	uint8_t wanted[NONCE_SIGNATURE_BYTES];
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA1))
		return false;
	add(hash, judged->secret, false);
	add(hash, auth_string(judged->request, "consumer"), false);
	add(hash, auth_string(judged->request, "method"), false);
	add(hash, url, false);
	add(hash, auth_string(judged->request, "body"), false);
	add(hash, auth_string(judged->request, "timestamp"), true);
	gnutls_hash_deinit(hash, wanted);
	return gnutls_memcmp(wanted, judged->signature, sizeof(wanted)) == 0;
}

static bool signs_any(const struct judged *judged)
{
	const json_t *urls = json_object_get(judged->request, "urls");
	bool found = false;

	for (size_t i = 0; i < json_array_size(urls) && i < URLS_MAX; i++) {
		const char *url = json_string_value(json_array_get(urls, i));

		found = found || (url && signs(judged, url));
	}
	return found;
}

/* Return: 0 it is new; 1 it was refused, the result says why; -errno. */
static int remember(const struct judged *judged, struct request_result *result)
{
	struct auth *auth = &judged->gateway->auth;
	bool get = strcmp(auth_string(judged->request, "method"), "GET") == 0;
	int64_t now_ms = auth_now_ms();
	int code = 0;

	if (!auth->remembers) {
		code = nonce_open(&auth->nonce, judged->gateway->options.state_dir, now_ms);
		if (code)
			return request_failed(result, code, "out of memory");
		auth->remembers = true;
		if (!auth->nonce.kept)
			ctl_log(TOLD_API, LOG_WARNING,
				"api: %s/%s cannot be used; after a restart, calls are refused "
				"that were signed before it",
				judged->gateway->options.state_dir, NONCE_FILE_NAME);
	}
	code = nonce_take(&auth->nonce, judged->signature, judged->timestamp_s,
			  auth_string(judged->request, "from"), get, now_ms);
	switch (code) {
	case 0:
		return 0;
	case -EALREADY:
		refused(result, "INVALID_SIGNATURE",
			"This signature has been used already: sign each call anew");
		return 1;
	case -ESTALE:
		refused(result, "QUERY_TIME_OUT",
			"X-Ovh-Timestamp is not that of now: synchronise with /auth/time");
		return 1;
	default:
		return request_failed(result, -EAGAIN,
				      "too many calls were made in the last minutes, try again "
				      "later");
	}
}

static bool is_recent(int64_t then_s, int64_t now_s)
{
	return then_s > now_s - AUTH_USE_EVERY_S && then_s <= now_s;
}

static void note_use(struct judged *judged)
{
	struct auth *auth = &judged->gateway->auth;
	int64_t now_s = auth_now_ms() / 1000;
	struct state_error error;

	if (is_recent(judged->credential.last_use_s, now_s) || is_recent(auth->unkept_s, now_s))
		return;
	/* A full disk, or a lock that is waited for, keeps nobody from calling; so not at every
	 * call. */
	if (!credential_used(judged->gateway->state, judged->credential.id, now_s, &error))
		return;
	auth->unkept_s = now_s;
	ctl_log(TOLD_API, LOG_WARNING, "api: last use is not kept: %s", error.text);
}

static int granted(struct judged *judged, struct request_result *result)
{
	const struct credential *credential = &judged->credential;
	json_t *rules;
	bool permitted;
	char by[80];

	snprintf(by, sizeof(by), "%s#%lld", credential->application.name,
		 (long long)credential->id);
	json_object_set_new(result->answer, "by", json_string(by));
	json_object_set_new(result->answer, "role", json_string(credential->application.role));
	json_object_set_new(result->answer, "credential", json_integer(credential->id));
	if (strcmp(credential->state, "validated") != 0)
		return refused(result, "INVALID_CREDENTIAL", "This credential is not valid");
	rules = json_loads(credential->rules, 0, NULL);
	permitted = rule_permits(rules, auth_string(judged->request, "method"),
				 auth_string(judged->request, "path"));
	json_decref(rules);
	if (!permitted)
		return refused(result, "NOT_GRANTED_CALL", "This call has not been granted");
	note_use(judged);
	json_object_set_new(result->answer, "access", json_string("ok"));
	return 0;
}

static int judge(struct judged *judged, struct request_result *result)
{
	const struct application *application = &judged->credential.application;
	int code;

	code = seal_decrypt(&judged->gateway->auth.seal, application->key, application->secret,
			    application->secret_bytes, judged->secret, sizeof(judged->secret) - 1);
	if (code < 0)
		return request_failed(result, -EIO,
				      "the secret of application \"%s\" cannot be unsealed: "
				      "%s is not the key that it was sealed with",
				      application->name, SEAL_FILE_NAME);
	judged->secret[code] = '\0';
	if (!signs_any(judged))
		return refused(result, "INVALID_SIGNATURE", "Invalid signature");
	code = remember(judged, result);
	if (code)
		return code < 0 ? code : 0;
	return granted(judged, result);
}

/* Now and then, so that a state that is told is one that counts. */
static void expire(struct gateway *gateway, struct state *state)
{
	int64_t now_s = auth_now_ms() / 1000;
	struct state_error error;

	if (is_recent(gateway->auth.expired_s, now_s))
		return;
	gateway->auth.expired_s = now_s;
	if (credential_expire(state, now_s, &error))
		ctl_log(TOLD_API, LOG_WARNING, "api: credentials are not expired: %s", error.text);
}

int auth_authenticate(void *context, const json_t *request, struct request_result *result)
{
	struct judged judged = {.gateway = context, .request = request};
	struct state_error error;
	struct state *state;
	uint8_t hash[CREDENTIAL_HASH_BYTES];
	int code = auth_state(judged.gateway, &state, result);

	if (code)
		return code;
	expire(judged.gateway, state);
	if (!read_timestamp(auth_string(request, "timestamp"), &judged.timestamp_s))
		return refused(result, "QUERY_TIME_OUT",
			       "X-Ovh-Timestamp is not a time in seconds: take that of /auth/time");
	if (!read_signature(auth_string(request, "signature"), judged.signature))
		return refused(result, "INVALID_SIGNATURE", "Invalid signature");
	auth_hash(auth_string(request, "consumer"), hash);
	code = credential_by_consumer(state, hash, &judged.credential, &error);
	if (code == -ENOENT) {
		struct application application;

		code = application_find(state, auth_string(request, "application"), &application,
					&error);
		return code == -ENOENT ? refused(result, "INVALID_KEY", "Invalid application key")
				       : refused(result, "NOT_CREDENTIAL",
						 "This credential does not exist");
	}
	if (code)
		return auth_failed(result, code, &error);
	if (strcmp(judged.credential.application.key, auth_string(request, "application")) != 0)
		code = refused(result, "INVALID_KEY",
			       "This application key is not that of the credential");
	else
		code = judge(&judged, result);
	gnutls_memset(judged.secret, 0, sizeof(judged.secret));
	credential_free(&judged.credential);
	return code;
}
