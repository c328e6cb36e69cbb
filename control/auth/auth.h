/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auth - who calls the API, and whether they may: operations of the control socket.
 *
 * Secrets do not leave pgwd: pgw-api hands over what a client sent and learns who it is. The only
 * answers that hold a secret are those that make one: application-add, credential-add and
 * credential-request, once each.
 *
 * What pgw-api may ask (REQUEST_API) cannot give anybody anything: a credential that it requests
 * has to be validated by an operator, or with the code that only operators are shown.
 */
#ifndef PGW_AUTH_AUTH_H
#define PGW_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "control/auth/nonce.h"
#include "control/auth/seal.h"
#include "control/ctl/request.h"

struct gateway;
struct state;

#define AUTH_USE_EVERY_S 60 /* how exact "last use" is */

#define AUTH_ANYBODYS_MAX   100
#define AUTH_ANYBODYS_MS    3600000
#define AUTH_GUESSES_SAY_MS 60000

/* What somebody can cause to stand in the audit log who has not proven who he is: requests for
 * credentials, wrong validation codes. */
struct auth_anybodys {
	int64_t since_ms;
	unsigned n;
	uint64_t left_out; /* since the last one that was kept */
};

/* Validation of credentials that do not exist: told in the log, now and then. */
struct auth_guesses {
	int64_t said_ms;
	uint64_t n; /* since then */
};

struct auth {
	struct auth_anybodys anybodys;
	struct auth_guesses guesses;
	bool sealed; /* seal holds the key */
	struct seal seal;
	bool remembers; /* nonce is open */
	struct nonce nonce;
	int64_t expired_s; /* when outdated credentials were last looked for */
	int64_t unkept_s;  /* when a last use could not be kept */
};

void auth_close(struct auth *auth);

/* auth_operations - a list for request_ops.more; their gateway is a struct gateway */
extern const struct request_operation auth_operations[];

/* auth_audit() - keep who changed what. @code: what the operation returned. What anybody could
 * cause without end must not push that out: AUTH_ANYBODYS_MAX are kept in AUTH_ANYBODYS_MS, and the
 * next one that is kept says how many were left out. */
void auth_audit(struct gateway *gateway, const struct request_peer *peer, const char *operation,
		const json_t *request, int code, const struct request_result *result);

#endif
