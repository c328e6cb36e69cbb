/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/auth/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "control/keepfile.h"

#define NONCE_BYTES 12u
#define TAG_BYTES   16u
_Static_assert(NONCE_BYTES + TAG_BYTES == SEAL_OVERHEAD, "what is added");

static int make(struct seal *seal, const char *path)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, seal->key, sizeof(seal->key)))
		return -EIO;
	return keepfile_write(path, seal->key, sizeof(seal->key), 0600);
}

int seal_open(struct seal *seal, const char *directory)
{
	char path[PATH_MAX];
	uint8_t more;
	int fd, code = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, SEAL_FILE_NAME);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? make(seal, path) : -errno;
	if (read(fd, seal->key, sizeof(seal->key)) != (ssize_t)sizeof(seal->key) ||
	    read(fd, &more, 1) != 0)
		code = -EBADMSG;
	close(fd);
	return code;
}

static gnutls_aead_cipher_hd_t cipher_of(const struct seal *seal)
{
	const gnutls_datum_t key = {(unsigned char *)seal->key, sizeof(seal->key)};
	gnutls_aead_cipher_hd_t cipher;

	return gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &key) ? NULL : cipher;
}

int seal_encrypt(const struct seal *seal, const char *owner, const void *secret, size_t bytes,
		 uint8_t *sealed)
{
	gnutls_aead_cipher_hd_t cipher = cipher_of(seal);
	size_t written = bytes + TAG_BYTES;
	int code;

	if (!cipher)
		return -ENOMEM;
	code = gnutls_rnd(GNUTLS_RND_NONCE, sealed, NONCE_BYTES);
	if (!code)
		code = gnutls_aead_cipher_encrypt(cipher, sealed, NONCE_BYTES, owner, strlen(owner),
						  TAG_BYTES, secret, bytes, sealed + NONCE_BYTES,
						  &written);
	gnutls_aead_cipher_deinit(cipher);
	return code ? -EIO : (int)(NONCE_BYTES + written);
}

int seal_decrypt(const struct seal *seal, const char *owner, const uint8_t *sealed, size_t bytes,
		 void *secret, size_t room)
{
	gnutls_aead_cipher_hd_t cipher;
	size_t written = room;
	int code;

	if (bytes < SEAL_OVERHEAD || bytes - SEAL_OVERHEAD > room)
		return -EBADMSG;
	cipher = cipher_of(seal);
	if (!cipher)
		return -ENOMEM;
	code = gnutls_aead_cipher_decrypt(cipher, sealed, NONCE_BYTES, owner, strlen(owner),
					  TAG_BYTES, sealed + NONCE_BYTES, bytes - NONCE_BYTES,
					  secret, &written);
	gnutls_aead_cipher_deinit(cipher);
	return code ? -EBADMSG : (int)written;
}

void seal_code(const struct seal *seal, const char *text, char code[SEAL_CODE_BYTES])
{
	/* Without those that are taken for one another. */
	static const char letters[32] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L',
					 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X',
					 'Y', 'Z', '2', '3', '4', '5', '6', '7', '8', '9'};
	uint8_t hash[32] = {0};

	gnutls_hmac_fast(GNUTLS_MAC_SHA256, seal->key, sizeof(seal->key), text, strlen(text), hash);
	for (unsigned i = 0; i < SEAL_CODE_BYTES - 1; i++)
		code[i] = letters[hash[i] % 32];
	code[SEAL_CODE_BYTES - 1] = '\0';
}
