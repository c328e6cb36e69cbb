/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate - the certificate of an API listener: read from files, or made here.
 *
 * One that is made is self-signed (ECDSA, P-256), lies in STATEDIR and is kept for as long as it
 * has more than CERTIFICATE_RENEW_S to go and fits the listener: its host-name and the address that
 * it listens at. Without either, clients call it by the gateway's addresses. Those that there are
 * when it is made stand in it, and it fits while one of them is left: clients trust this very
 * certificate, and an address that is added must not take it from them. It is said which are not
 * in it; who wants those removes the file, and reloads.
 *
 * Listeners share CERTIFICATE_NAME where it fits them. One that it does not fit, while it fits
 * another, has a pair of its own, named after where it listens: none is taken from clients' hands.
 */
#ifndef PGW_CONTROL_CERTIFICATE_H
#define PGW_CONTROL_CERTIFICATE_H

#include <limits.h>
#include <stddef.h>

#include "control/config/model.h"
#include "control/ctl/client.h"

#define CERTIFICATE_NAME      "api-certificate" /* .pem, and before it "-ADDRESS-PORT" of its own */
#define CERTIFICATE_KEY_NAME  "api-key"
#define CERTIFICATE_VALID_S   (10LL * 365 * 86400)
#define CERTIFICATE_RENEW_S   (30LL * 86400)
#define CERTIFICATE_BYTES_MAX 65536u

struct certificate {
	char *certificate, *key; /* PEM; malloc'ed */
	char path[PATH_MAX];	 /* where the certificate lies */
};

/**
 * certificate_read() - that of @api, which is judged as well: the key must be its own; makes one
 * where there is none that fits, so this is for what will be served
 * @config: whose addresses go into one that is made, and whose other listeners keep theirs
 * Return: 0, or -errno with @error set.
 */
int certificate_read(struct certificate *certificate, const struct config_api *api,
		     const struct config *config, const char *state_dir, struct ctl_error *error);
void certificate_free(struct certificate *certificate);

/* certificate_fingerprint() - SHA-256 of a PEM certificate, "AB:CD:…"; "" if it is none */
#define CERTIFICATE_FINGERPRINT_BYTES 96
void certificate_fingerprint(const char *pem, char text[CERTIFICATE_FINGERPRINT_BYTES]);

#endif
