/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal - secrets that have to be used again are stored encrypted, under a key beside the database.
 *
 * The key is STATEDIR/seal.key (mode 0600), made when it is first needed. AES-256-GCM of GnuTLS;
 * what a secret belongs to is authenticated along with it, so that one cannot be put in the place
 * of another. It guards a copy of the database, not against who can read STATEDIR.
 */
#ifndef PGW_AUTH_SEAL_H
#define PGW_AUTH_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SEAL_FILE_NAME "seal.key"
#define SEAL_KEY_BYTES 32u
#define SEAL_OVERHEAD  28u /* nonce and tag */

struct seal {
	uint8_t key[SEAL_KEY_BYTES];
};

/* seal_open() - read DIRECTORY/seal.key, make it where there is none. 0 or -errno (-EBADMSG: it
 * is not a key). */
int seal_open(struct seal *seal, const char *directory);

/**
 * seal_encrypt() - encrypt
 * @owner: what it belongs to
 * @sealed: @bytes + SEAL_OVERHEAD of room
 * Return: bytes written or -errno.
 */
int seal_encrypt(const struct seal *seal, const char *owner, const void *secret, size_t bytes,
		 uint8_t *sealed);
/* seal_decrypt() - Return: bytes written to @secret, or -EBADMSG. */
int seal_decrypt(const struct seal *seal, const char *owner, const uint8_t *sealed, size_t bytes,
		 void *secret, size_t room);

/* seal_code() - a short word that follows from the key and @text, and is known to nobody else:
 * 16 letters and digits */
#define SEAL_CODE_BYTES 17
void seal_code(const struct seal *seal, const char *text, char code[SEAL_CODE_BYTES]);

#endif
