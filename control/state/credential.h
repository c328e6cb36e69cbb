/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * credential - applications of the API, and the credentials that operators have given them.
 *
 * No secret is stored as it is: an application's secret is sealed (auth/seal.h), because signatures
 * are computed from it; of a consumer key, and of the token in a validation URL, only the hash is
 * kept, because whoever uses one brings it along.
 *
 * Limits: APPLICATIONS_MAX; CREDENTIALS_MAX of one application, CREDENTIALS_PENDING_MAX of them
 * not validated: the oldest pending one makes room for the next.
 */
#ifndef PGW_STATE_CREDENTIAL_H
#define PGW_STATE_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

#include "control/state/state.h"

#define APPLICATIONS_MAX	256
#define CREDENTIALS_MAX		1000
#define CREDENTIALS_PENDING_MAX 50
#define CREDENTIAL_PENDING_S	86400 /* to be validated */

#define APPLICATION_KEY_BYTES	 40
#define APPLICATION_NAME_BYTES	 64
#define APPLICATION_TEXT_BYTES	 128
#define APPLICATION_SECRET_BYTES 192 /* sealed */
#define CREDENTIAL_HASH_BYTES	 32
#define CREDENTIAL_STATE_BYTES	 20
#define CREDENTIAL_URL_BYTES	 512

struct application {
	int64_t id;
	char key[APPLICATION_KEY_BYTES];
	char name[APPLICATION_NAME_BYTES];
	char description[APPLICATION_TEXT_BYTES];
	char role[12]; /* read, operate, admin */
	int64_t created_s;
	uint8_t secret[APPLICATION_SECRET_BYTES];
	size_t secret_bytes;
};

struct credential {
	int64_t id;
	struct application application;
	uint8_t consumer[CREDENTIAL_HASH_BYTES]; /* hash of the consumer key */
	uint8_t token[CREDENTIAL_HASH_BYTES];	 /* hash of the token in the validation URL */
	char state[CREDENTIAL_STATE_BYTES];	 /* as the API names them */
	char *rules;				 /* JSON; malloc'ed */
	char redirection[CREDENTIAL_URL_BYTES];
	char from[48];				  /* who asked for it */
	int64_t created_s, expires_s, last_use_s; /* Unix time; 0: never */
};

/* application_add() - @application->id is set. 0; -EEXIST name or key; -EDQUOT; other -errno. */
int application_add(struct state *state, struct application *application,
		    struct state_error *error);
/* application_find() - by its key, or else by its name. 0; -ENOENT; other -errno. */
int application_find(struct state *state, const char *key_or_name, struct application *application,
		     struct state_error *error);
/* application_list() - all, by name; @list: malloc'ed */
int application_list(struct state *state, struct application **list, size_t *n,
		     struct state_error *error);
/* application_delete() - with all its credentials. 0; -ENOENT; other -errno. */
int application_delete(struct state *state, int64_t id, struct state_error *error);

/* credential_add() - @credential->id is set. 0; -EDQUOT; other -errno. */
int credential_add(struct state *state, struct credential *credential, struct state_error *error);

/* One of them; its rules are the caller's (credential_free). 0; -ENOENT; other -errno. */
int credential_by_id(struct state *state, int64_t id, struct credential *credential,
		     struct state_error *error);
int credential_by_consumer(struct state *state, const uint8_t hash[CREDENTIAL_HASH_BYTES],
			   struct credential *credential, struct state_error *error);
int credential_by_token(struct state *state, const uint8_t hash[CREDENTIAL_HASH_BYTES],
			struct credential *credential, struct state_error *error);
void credential_free(struct credential *credential);

/* credential_list() - all; @list: malloc'ed, to be freed with credential_list_free() */
int credential_list(struct state *state, struct credential **list, size_t *n,
		    struct state_error *error);
void credential_list_free(struct credential *list, size_t n);

int credential_set_state(struct state *state, int64_t id, const char *new_state,
			 struct state_error *error);
int credential_used(struct state *state, int64_t id, int64_t now_s, struct state_error *error);
/* credential_delete() - 0; -ENOENT; other -errno. */
int credential_delete(struct state *state, int64_t id, struct state_error *error);
/* credential_expire() - pending ones that nobody has validated in time, and those whose time is
 * over, become "expired" */
int credential_expire(struct state *state, int64_t now_s, struct state_error *error);

#endif
