/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/auth/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "control/auth/private.h"
#include "control/gateway.h"

int64_t auth_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *auth_string(const json_t *request, const char *name)
{
	const char *text = json_string_value(json_object_get(request, name));

	return text ? text : "";
}

int auth_failed(struct request_result *result, int code, const struct state_error *error)
{
	return request_failed(result, code, "%s", error->text);
}

void auth_hash(const char *text, uint8_t hash[CREDENTIAL_HASH_BYTES])
{
	memset(hash, 0, CREDENTIAL_HASH_BYTES);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash);
}

int auth_word(char *text, size_t bytes)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t used = 0;

	while (used < bytes - 1) {
		uint8_t byte;

		if (gnutls_rnd(GNUTLS_RND_KEY, &byte, 1))
			return -EIO;
		/* 248 is four times 62: each letter is as likely as any other. */
		if (byte < 248)
			text[used++] = letters[byte % 62];
	}
	text[used] = '\0';
	return 0;
}

int auth_state(struct gateway *gateway, struct state **state, struct request_result *result)
{
	struct auth *auth = &gateway->auth;
	int code;

	*state = gateway->state;
	if (!gateway->state)
		return request_failed(result, -EIO,
				      "the state database cannot be used: see pgwd's log");
	if (auth->sealed)
		return 0;
	code = seal_open(&auth->seal, gateway->options.state_dir);
	if (code)
		return request_failed(result, code, "%s/%s: %s", gateway->options.state_dir,
				      SEAL_FILE_NAME,
				      code == -EBADMSG ? "not a key of 32 bytes" : strerror(-code));
	auth->sealed = true;
	return 0;
}

void auth_close(struct auth *auth)
{
	if (auth->remembers)
		nonce_close(&auth->nonce);
	gnutls_memset(auth, 0, sizeof(*auth));
}

#define STRING	 JSON_STRING, false
#define MAYBE	 JSON_STRING, true
#define CHANGING (REQUEST_CHANGES | REQUEST_AUTHORED)

const struct request_operation auth_operations[] = {
	{.name = "authenticate",
	 .call = auth_authenticate,
	 .flags = REQUEST_API,
	 .member = {{"application", STRING},
		    {"consumer", STRING},
		    {"timestamp", STRING},
		    {"signature", STRING},
		    {"method", STRING},
		    {"path", STRING},
		    {"urls", JSON_ARRAY, false},
		    {"body", STRING},
		    {"from", STRING}}},
	{.name = "credential-request",
	 .call = auth_request,
	 .flags = REQUEST_API,
	 .member = {{"application", STRING},
		    {"access-rules", JSON_ARRAY, false},
		    {"redirection", MAYBE},
		    {"base", STRING},
		    {"from", STRING}}},
	{.name = "credential-show",
	 .call = auth_show,
	 .flags = REQUEST_API,
	 .member = {{"credential", JSON_INTEGER, true}, {"token", MAYBE}}},
	{.name = "credential-approve",
	 .call = auth_approve,
	 .flags = REQUEST_API | CHANGING,
	 .member = {{"token", STRING}, {"code", STRING}, {"refuse", JSON_TRUE, true}}},
	{.name = "credential-logout",
	 .call = auth_logout,
	 .flags = REQUEST_API | CHANGING,
	 .member = {{"credential", JSON_INTEGER, false}}},
	{.name = "credential-list", .call = auth_list},
	{.name = "credential-add",
	 .call = auth_add,
	 .flags = CHANGING,
	 .member = {{"application", STRING},
		    {"access-rules", JSON_ARRAY, false},
		    {"consumer", MAYBE}}},
	{.name = "credential-validate",
	 .call = auth_validate,
	 .flags = CHANGING,
	 .member = {{"key", STRING}, {"refuse", JSON_TRUE, true}}},
	{.name = "credential-delete",
	 .call = auth_delete,
	 .flags = CHANGING,
	 .member = {{"key", STRING}}},
	{.name = "application-add",
	 .call = auth_application_add,
	 .flags = CHANGING,
	 .member = {{"name", STRING},
		    {"description", MAYBE},
		    {"role", MAYBE},
		    {"key", MAYBE},
		    {"secret", MAYBE}}},
	{.name = "application-show", .call = auth_application_show},
	{.name = "application-delete",
	 .call = auth_application_delete,
	 .flags = CHANGING,
	 .member = {{"name", STRING}}},
	{.name = "audit-show", .call = auth_audit_show, .member = {{"limit", JSON_INTEGER, true}}},
	{.name = "portgroup-list",
	 .call = auth_portgroups,
	 .flags = REQUEST_API,
	 .member = {{"service", STRING}, {"datacenter", JSON_INTEGER, false}}},
	{.name = NULL},
};
