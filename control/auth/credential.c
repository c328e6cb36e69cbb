/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential - asked for by applications, validated by operators. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "control/auth/private.h"
#include "control/auth/rule.h"
#include "control/gateway.h"

static json_t *time_of(int64_t seconds)
{
	char text[40];
	time_t at = (time_t)seconds;
	struct tm parts;

	if (!seconds)
		return json_null();
	gmtime_r(&at, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
	return json_string(text);
}

json_t *auth_credential_item(const struct credential *credential)
{
	const struct application *application = &credential->application;
	json_t *rules = json_loads(credential->rules, 0, NULL);
	char by[80];

	snprintf(by, sizeof(by), "%s#%lld", application->name, (long long)credential->id);
	return json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:o?, s:[s], s:s?, s:s, s:o, s:o, s:o, "
			 "s:b, s:n, s:s}",
			 "credential-id", (json_int_t)credential->id, "application",
			 application->name, "application-id", (json_int_t)application->id,
			 "description", application->description, "by", by, "state",
			 credential->state, "rules", rules, "roles", application->role,
			 "redirection", *credential->redirection ? credential->redirection : NULL,
			 "from", credential->from, "creation", time_of(credential->created_s),
			 "expiration", time_of(credential->expires_s), "last-use",
			 time_of(credential->last_use_s), "ovh-support", 0, "allowed-i-ps",
			 "method", "credential");
}

void auth_code(const struct auth *auth, const struct credential *credential,
	       char code[SEAL_CODE_BYTES])
{
	char text[40];

	snprintf(text, sizeof(text), "validation of credential %lld", (long long)credential->id);
	seal_code(&auth->seal, text, code);
}

int auth_credential(struct gateway *gateway, struct credential *credential,
		    char consumer[AUTH_SECRET_BYTES], char token[AUTH_SECRET_BYTES],
		    struct request_result *result)
{
	struct state_error error;
	int code = 0;

	if (!*consumer)
		code = auth_word(consumer, AUTH_SECRET_BYTES);
	if (!code)
		code = auth_word(token, AUTH_SECRET_BYTES);
	if (code)
		return request_failed(result, code, "no random numbers are to be had");
	auth_hash(consumer, credential->consumer);
	auth_hash(token, credential->token);
	credential->created_s = auth_now_ms() / 1000;
	code = credential_add(gateway->state, credential, &error);
	return code ? auth_failed(result, code, &error) : 0;
}

/* The application that a request names, and the access rules that it asks for. */
static int read_wanted(struct state *state, const json_t *request, struct credential *credential,
		       struct request_result *result)
{
	const json_t *rules = json_object_get(request, "access-rules");
	struct state_error error;
	char why[120];
	int code = application_find(state, auth_string(request, "application"),
				    &credential->application, &error);

	if (code)
		return auth_failed(result, code, &error);
	if (!rule_check(rules, why, sizeof(why)))
		return request_failed(result, -EINVAL, "%s", why);
	credential->rules = json_dumps(rules, JSON_COMPACT);
	return credential->rules ? 0 : request_failed(result, -ENOMEM, "out of memory");
}

/* It becomes a header field: printable ASCII, without what has to be percent-encoded. */
static bool is_url(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	return (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) &&
	       strlen(text) < CREDENTIAL_URL_BYTES && !text[strcspn(text, "\"<>\\^`{|}")];
}

int auth_request(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct credential credential = {.id = 0};
	char consumer[AUTH_SECRET_BYTES] = "", token[AUTH_SECRET_BYTES], url[600];
	const char *redirection = auth_string(request, "redirection");
	struct state *state;
	int code = auth_state(gateway, &state, result);

	if (code)
		return code;
	if (*redirection && !is_url(redirection))
		return request_failed(result, -EINVAL,
				      "Invalid parameter \"redirection\": expected a URL of at "
				      "most 511 bytes, percent-encoded");
	code = read_wanted(state, request, &credential, result);
	if (code == -ENOENT)
		code = request_failed(result, -EACCES, "Invalid application key");
	snprintf(credential.state, sizeof(credential.state), "pendingValidation");
	snprintf(credential.redirection, sizeof(credential.redirection), "%s", redirection);
	snprintf(credential.from, sizeof(credential.from), "%s", auth_string(request, "from"));
	if (!code)
		code = auth_credential(gateway, &credential, consumer, token, result);
	if (!code) {
		snprintf(url, sizeof(url), "%s/auth/validate?credentialToken=%s",
			 auth_string(request, "base"), token);
		json_object_set_new(result->answer, "consumer-key", json_string(consumer));
		json_object_set_new(result->answer, "state", json_string(credential.state));
		json_object_set_new(result->answer, "validation-url", json_string(url));
		json_object_set_new(result->answer, "credential-id", json_integer(credential.id));
		auth_audit_request(gateway, &credential.application, request, result);
	}
	gnutls_memset(consumer, 0, sizeof(consumer));
	credential_free(&credential);
	return code;
}

int auth_add(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct credential credential = {.id = 0};
	char consumer[AUTH_SECRET_BYTES] = "", token[AUTH_SECRET_BYTES];
	const char *given = auth_string(request, "consumer");
	struct state *state;
	int code = auth_state(gateway, &state, result);

	if (code)
		return code;
	if (*given && (strlen(given) < 16 || strlen(given) >= sizeof(consumer)))
		return request_failed(result, -EINVAL,
				      "a consumer key has 16 to 32 letters and digits");
	snprintf(consumer, sizeof(consumer), "%s", given);
	code = read_wanted(state, request, &credential, result);
	snprintf(credential.state, sizeof(credential.state), "validated");
	snprintf(credential.from, sizeof(credential.from), "control socket");
	if (!code)
		code = auth_credential(gateway, &credential, consumer, token, result);
	if (!code) {
		json_object_set_new(result->answer, "credential-id", json_integer(credential.id));
		json_object_set_new(result->answer, "consumer-key", json_string(consumer));
	}
	credential_free(&credential);
	return code;
}

int auth_show(void *context, const json_t *request, struct request_result *result)
{
	const json_t *id = json_object_get(request, "credential");
	struct credential credential;
	struct state_error error;
	struct state *state;
	uint8_t hash[CREDENTIAL_HASH_BYTES];
	int code = auth_state(context, &state, result);

	if (code)
		return code;
	if (json_is_integer(id)) {
		code = credential_by_id(state, json_integer_value(id), &credential, &error);
	} else {
		auth_hash(auth_string(request, "token"), hash);
		code = credential_by_token(state, hash, &credential, &error);
	}
	if (code)
		return auth_failed(result, code, &error);
	json_object_set_new(result->answer, "items",
			    json_pack("[o]", auth_credential_item(&credential)));
	credential_free(&credential);
	return 0;
}

int auth_list(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct credential *list;
	struct state_error error;
	struct state *state;
	json_t *items;
	size_t n;
	int code = auth_state(gateway, &state, result);

	(void)request;
	if (!code && credential_expire(state, auth_now_ms() / 1000, &error))
		return auth_failed(result, -EIO, &error);
	if (code)
		return code;
	code = credential_list(state, &list, &n, &error);
	items = json_array();
	for (size_t i = 0; !code && i < n; i++) {
		json_t *item = auth_credential_item(&list[i]);
		char text[SEAL_CODE_BYTES];

		auth_code(&gateway->auth, &list[i], text);
		if (strcmp(list[i].state, "pendingValidation") == 0)
			json_object_set_new(item, "validation-code", json_string(text));
		json_array_append_new(items, item);
	}
	credential_list_free(list, n);
	json_object_set_new(result->answer, "items", items);
	return code ? auth_failed(result, code, &error) : 0;
}

static int settle(struct state *state, const struct credential *credential, bool refuse,
		  struct request_result *result)
{
	struct state_error error;
	int code;

	if (strcmp(credential->state, "pendingValidation") != 0)
		return request_failed(result, -EEXIST, "credential %lld is %s already",
				      (long long)credential->id, credential->state);
	code = credential_set_state(state, credential->id, refuse ? "refused" : "validated",
				    &error);
	if (code)
		return auth_failed(result, code, &error);
	json_object_set_new(result->answer, "credential-id", json_integer(credential->id));
	json_object_set_new(result->answer, "state", json_string(refuse ? "refused" : "validated"));
	if (*credential->redirection)
		json_object_set_new(result->answer, "redirection",
				    json_string(credential->redirection));
	return 0;
}

/* By its number, or by its consumer key. */
static int find(struct state *state, const char *key, struct credential *credential,
		struct request_result *result)
{
	size_t digits = strspn(key, "0123456789");
	struct state_error error;
	uint8_t hash[CREDENTIAL_HASH_BYTES];
	int code;

	auth_hash(key, hash);
	if (digits && !key[digits] && digits < 10)
		code = credential_by_id(state, atoll(key), credential, &error);
	else
		code = credential_by_consumer(state, hash, credential, &error);
	return code ? auth_failed(result, code, &error) : 0;
}

int auth_validate(void *context, const json_t *request, struct request_result *result)
{
	struct credential credential;
	struct state *state;
	int code = auth_state(context, &state, result);

	if (!code)
		code = find(state, auth_string(request, "key"), &credential, result);
	if (code)
		return code;
	code = settle(state, &credential, json_is_true(json_object_get(request, "refuse")), result);
	credential_free(&credential);
	return code;
}

int auth_approve(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	const char *given = auth_string(request, "code");
	struct credential credential;
	struct state_error error;
	struct state *state;
	uint8_t hash[CREDENTIAL_HASH_BYTES];
	char wanted[SEAL_CODE_BYTES];
	int code = auth_state(gateway, &state, result);

	if (code)
		return code;
	auth_hash(auth_string(request, "token"), hash);
	code = credential_by_token(state, hash, &credential, &error);
	if (code)
		return auth_failed(result, code, &error);
	/* also where the code is wrong: the audit log says of which */
	json_object_set_new(result->answer, "credential-id", json_integer(credential.id));
	auth_code(&gateway->auth, &credential, wanted);
	if (strlen(given) != strlen(wanted) || gnutls_memcmp(given, wanted, strlen(wanted)) != 0)
		code = request_failed(result, -EACCES, "This is not the validation code.");
	else
		code = settle(state, &credential, json_is_true(json_object_get(request, "refuse")),
			      result);
	credential_free(&credential);
	return code;
}

int auth_delete(void *context, const json_t *request, struct request_result *result)
{
	struct credential credential;
	struct state_error error;
	struct state *state;
	int code = auth_state(context, &state, result);

	if (!code)
		code = find(state, auth_string(request, "key"), &credential, result);
	if (code)
		return code;
	code = credential_delete(state, credential.id, &error);
	json_object_set_new(result->answer, "credential-id", json_integer(credential.id));
	credential_free(&credential);
	return code ? auth_failed(result, code, &error) : 0;
}

int auth_logout(void *context, const json_t *request, struct request_result *result)
{
	struct state_error error;
	struct state *state;
	int code = auth_state(context, &state, result);

	if (code)
		return code;
	code = credential_set_state(state,
				    json_integer_value(json_object_get(request, "credential")),
				    "expired", &error);
	return code ? auth_failed(result, code, &error) : 0;
}
