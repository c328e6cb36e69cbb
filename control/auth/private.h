/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private - what the files of auth share. */
#ifndef PGW_AUTH_PRIVATE_H
#define PGW_AUTH_PRIVATE_H

#include "control/auth/auth.h"
#include "control/state/credential.h"

#define AUTH_KEY_BYTES	  17 /* an application key: 16 letters */
#define AUTH_SECRET_BYTES 33 /* a secret, a consumer key, a token: 32 letters */

/* The database, and with it the sealing key. Return: 0, or -errno with the result's error set. */
int auth_state(struct gateway *gateway, struct state **state, struct request_result *result);

/* auth_failed() - what the database says, as the request's error. Return: @code. */
int auth_failed(struct request_result *result, int code, const struct state_error *error);

/* auth_hash() - of a consumer key or a token */
void auth_hash(const char *text, uint8_t hash[CREDENTIAL_HASH_BYTES]);

/* auth_word() - @bytes - 1 random letters and digits. 0 or -EIO. */
int auth_word(char *text, size_t bytes);

const char *auth_string(const json_t *request, const char *name); /* "" where there is none */

/* auth_credential() - make one, with a new consumer key. 0, or -errno with the error set. */
int auth_credential(struct gateway *gateway, struct credential *credential,
		    char consumer[AUTH_SECRET_BYTES], char token[AUTH_SECRET_BYTES],
		    struct request_result *result);

/* auth_credential_item() - as credential-show tells it; @code: with its validation code */
json_t *auth_credential_item(const struct credential *credential);

/* auth_code() - what an operator types to validate it with a browser */
void auth_code(const struct auth *auth, const struct credential *credential,
	       char code[SEAL_CODE_BYTES]);

/* auth_audit_request() - keep that @application was given a credential that is to be validated.
 * Whoever knows an application's key may ask: struct auth_anybodys. */
void auth_audit_request(struct gateway *gateway, const struct application *application,
			const json_t *request, const struct request_result *result);

int64_t auth_now_ms(void); /* Unix time */

/* The operations, by file. */
int auth_authenticate(void *context, const json_t *request, struct request_result *result);
int auth_request(void *context, const json_t *request, struct request_result *result);
int auth_show(void *context, const json_t *request, struct request_result *result);
int auth_list(void *context, const json_t *request, struct request_result *result);
int auth_add(void *context, const json_t *request, struct request_result *result);
int auth_approve(void *context, const json_t *request, struct request_result *result);
int auth_validate(void *context, const json_t *request, struct request_result *result);
int auth_delete(void *context, const json_t *request, struct request_result *result);
int auth_logout(void *context, const json_t *request, struct request_result *result);
int auth_application_add(void *context, const json_t *request, struct request_result *result);
int auth_application_show(void *context, const json_t *request, struct request_result *result);
int auth_application_delete(void *context, const json_t *request, struct request_result *result);
int auth_audit_show(void *context, const json_t *request, struct request_result *result);
int auth_portgroups(void *context, const json_t *request, struct request_result *result);

#endif
