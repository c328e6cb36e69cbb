/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_key - the gateway's host key, and the public keys of those who log in.
 *
 * Host key: ecdsa-sha2-nistp256 (RFC 5656). Keys of clients: that, ssh-ed25519 (RFC 8709) and RSA
 * with rsa-sha2-256 or -512 (RFC 8332), of at least 2048 bits.
 */
#ifndef PGW_RELAY_SSH_KEY_H
#define PGW_RELAY_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_wire.h"

#define SSH_HOST_KEY_NAME "ecdsa-sha2-nistp256"
#define SSH_KEY_BLOB_MAX                                                                           \
	2048u /* of a public key: RSA of 8192 bits is 1047 bytes and little more                   \
	       */
#define SSH_SIGNATURE_MAX     120u /* of ours */
#define SSH_FINGERPRINT_BYTES 52   /* "SHA256:", base64 without padding, NUL */
/* The algorithms of signatures that are taken, as EXT_INFO lists them (RFC 8308 section 3.1). */
#define SSH_KEY_ALGORITHMS "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256"

struct ssh_host_key;

/* ssh_host_key_make() - a new key, as PEM; Return: its bytes without NUL, 0 if libcrypto refuses.
 */
size_t ssh_host_key_make(char *pem, size_t capacity);

/* ssh_host_key_read() - Return: the key, NULL if @pem is not an ECDSA key on P-256 */
struct ssh_host_key *ssh_host_key_read(const char *pem, size_t size);
void ssh_host_key_free(struct ssh_host_key *key);

/* ssh_host_key_blob() - K_S of RFC 4253 section 8; lives as long as the key */
struct ssh_text ssh_host_key_blob(const struct ssh_host_key *key);

/* ssh_host_key_sign() - append the signature of @data, as RFC 5656 section 3.1.2 has it; 0 or -EIO
 */
int ssh_host_key_sign(const struct ssh_host_key *key, struct ssh_text data,
		      struct ssh_writer *writer);

/* ssh_key_valid() - is @blob a public key of a kind that may log in? */
bool ssh_key_valid(struct ssh_text blob);

/*
 * ssh_key_verify() - is @signature that of @data by the owner of @blob?
 * @algorithm: as the client named it; must fit key and signature.
 */
bool ssh_key_verify(struct ssh_text blob, struct ssh_text algorithm, struct ssh_text data,
		    struct ssh_text signature);

/* ssh_key_fingerprint() - "SHA256:…", as ssh-keygen -l prints it */
void ssh_key_fingerprint(struct ssh_text blob, char text[SSH_FINGERPRINT_BYTES]);

#endif
